//! Prints what the .proto files say about messages: names, routes, the schema.

use super::codec::line;
use super::model::{Message, Model};
use crate::schema;

/// `impl proto::Message`, and `ClientMessage` and `ServerMessage` for messages that travel.
pub(super) fn print_message(out: &mut String, message: &Message<'_>, model: &Model<'_>) {
    let (path, full_name) = (&message.place.path, &message.place.full_name);
    line(out, 0, format_args!("impl proto::Message for self::{path} {{"));
    line(out, 1, format_args!("const FULL_NAME: &'static str = {full_name:?};"));
    line(out, 0, format_args!("}}"));
    let Some(message) = model.schema.message(full_name) else { return };
    let directions = [("ClientMessage", message.origin.is_client()), ("ServerMessage", message.origin.is_server())];
    let mut directions = directions.into_iter().filter(|(_, travels)| *travels).map(|(direction, _)| direction);
    let Some(first) = directions.next() else { return };
    line(out, 0, format_args!(""));
    line(out, 0, format_args!("impl proto::{first} for self::{path} {{"));
    print_info(out, message);
    line(out, 0, format_args!("}}"));
    for direction in directions {
        line(out, 0, format_args!(""));
        line(out, 0, format_args!("impl proto::{direction} for self::{path} {{"));
        line(out, 1, format_args!("const INFO: &'static proto::MessageInfo = <Self as proto::{first}>::INFO;"));
        line(out, 0, format_args!("}}"));
    }
}

fn print_info(out: &mut String, message: &schema::Message) {
    let option = |value: Option<String>| match value {
        Some(value) => format!("Some({value})"),
        None => "None".to_owned(),
    };
    let cache = message.client_cache.map(|age| format!("Duration::from_secs({})", age.as_secs()));
    let keys: Vec<String> = message
        .cache_keys
        .iter()
        .map(|key| format!("proto::CacheKey {{ kind: proto::CacheKeyKind::{:?}, field: {:?} }}", key.kind, key.field))
        .collect();
    let schema::Location { file, line: number, column } = &message.location;
    line(out, 1, format_args!("const INFO: &'static proto::MessageInfo = &proto::MessageInfo {{"));
    line(out, 2, format_args!("name: {:?},", message.name));
    line(out, 2, format_args!("full_name: {:?},", message.full_name));
    line(out, 2, format_args!("message_type: {:?},", message.message_type));
    line(out, 2, format_args!("origin: proto::Origin::{:?},", message.origin));
    line(out, 2, format_args!("auth: {},", option(message.auth.map(|auth| auth.to_string()))));
    line(out, 2, format_args!("client_cache: {},", option(cache)));
    line(out, 2, format_args!("cache_keys: &[{}],", keys.join(", ")));
    let location = format!("proto::SourceLocation {{ file: {file:?}, line: {number}, column: {column} }}");
    line(out, 2, format_args!("location: {location},"));
    line(out, 1, format_args!("}};"));
}

/// `SCHEMA`, to stand at the root.
pub(super) fn print_schema(out: &mut String, model: &Model<'_>) {
    let runtime = model.runtime;
    line(out, 0, format_args!("/// Everything that the .proto files declare."));
    line(out, 0, format_args!("#[allow(dead_code, unreachable_pub)]"));
    line(out, 0, format_args!("pub static SCHEMA: {runtime}::Schema = {runtime}::Schema {{"));
    line(out, 1, format_args!("messages: &["));
    for message in &model.schema.messages {
        let direction = if message.origin.is_client() { "ClientMessage" } else { "ServerMessage" };
        let path = model.path(&message.full_name, "");
        line(out, 2, format_args!("<{path} as {runtime}::{direction}>::INFO,"));
    }
    line(out, 1, format_args!("],"));
    line(out, 1, format_args!("types: &["));
    let printed = model.messages.iter().map(|message| &message.place.full_name);
    for full_name in model.common.iter().chain(printed) {
        line(out, 2, format_args!("{runtime}::json::AnyType::of::<{}>(),", model.path(full_name, "")));
    }
    line(out, 1, format_args!("],"));
    line(out, 0, format_args!("}};"));
}
