//! Prints what the .proto files say about messages: names, routes, the schema.

use super::codec::line;
use super::model::{Message, Model};
use crate::schema;

/// `impl proto::Message`, and `ClientMessage` and `ServerMessage` for messages that travel.
pub(super) fn print_message(out: &mut String, message: &Message<'_>, model: &Model<'_>) {
    let (path, full_name) = (&message.place.path, &message.place.full_name);
    line(
        out,
        format_args!("impl proto::Message for self::{path} {{ const FULL_NAME: &'static str = {full_name:?}; }}"),
    );
    let Some(message) = model.schema.message(full_name) else { return };
    let info = info(message);
    let directions = [("ClientMessage", message.origin.is_client()), ("ServerMessage", message.origin.is_server())];
    let mut directions = directions.into_iter().filter(|(_, travels)| *travels).map(|(direction, _)| direction);
    let Some(first) = directions.next() else { return };
    line(
        out,
        format_args!("impl proto::{first} for self::{path} {{ const INFO: &'static proto::MessageInfo = &{info}; }}"),
    );
    for direction in directions {
        line(
            out,
            format_args!(
                "impl proto::{direction} for self::{path} {{
                    const INFO: &'static proto::MessageInfo = <Self as proto::{first}>::INFO;
                }}"
            ),
        );
    }
}

fn info(message: &schema::Message) -> String {
    let option = |value: Option<String>| match value {
        Some(value) => format!("::core::option::Option::Some({value})"),
        None => "::core::option::Option::None".to_owned(),
    };
    let cache = message.client_cache.map(|age| format!("::core::time::Duration::from_secs({})", age.as_secs()));
    let keys: Vec<String> = message
        .cache_keys
        .iter()
        .map(|key| format!("proto::CacheKey {{ kind: proto::CacheKeyKind::{:?}, field: {:?} }}", key.kind, key.field))
        .collect();
    let schema::Location { file, line, column, .. } = &message.location;
    format!(
        "proto::MessageInfo {{
            name: {:?},
            full_name: {:?},
            message_type: {:?},
            origin: proto::Origin::{:?},
            auth: {},
            client_cache: {},
            cache_keys: &[{}],
            location: proto::SourceLocation {{ file: {file:?}, line: {line}, column: {column} }},
        }}",
        message.name,
        message.full_name,
        message.message_type,
        message.origin,
        option(message.auth.map(|auth| auth.to_string())),
        option(cache),
        keys.join(", "),
    )
}

/// `SCHEMA`, to stand at the root.
pub(super) fn print_schema(out: &mut String, model: &Model<'_>) {
    let runtime = model.runtime;
    let path = |full_name: &str| model.path(full_name, "");
    let messages = model.schema.messages.iter().map(|message| {
        let direction = if message.origin.is_client() { "ClientMessage" } else { "ServerMessage" };
        format!("<{} as {runtime}::{direction}>::INFO", path(&message.full_name))
    });
    let printed = model.messages.iter().map(|message| &message.place.full_name);
    let types = model.common.iter().chain(printed);
    let types = types.map(|full_name| format!("{runtime}::json::AnyType::of::<{}>()", path(full_name)));
    line(
        out,
        format_args!(
            "/// Everything that the .proto files declare.
            #[allow(dead_code)]
            pub static SCHEMA: {runtime}::Schema = {runtime}::Schema {{
                messages: &[{}],
                types: &[{}],
            }};",
            messages.collect::<Vec<_>>().join(", "),
            types.collect::<Vec<_>>().join(", "),
        ),
    );
}
