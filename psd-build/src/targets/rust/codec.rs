//! Prints how messages and enums are read from and written as JSON.

use std::fmt::Write as _;

use super::model::{Codec, Enum, FieldNames, Message, Model};

/// `impl json::JsonMessage`, to stand in the module of the message's package.
pub(super) fn print_message(out: &mut String, message: &Message<'_>, model: &Model<'_>) {
    let package = &message.place.package;
    let printer = Printer { model, package };
    let mut read = String::new();
    for (index, field) in message.fields.iter().enumerate() {
        let (names, identifier) = (patterns(&field.names), &field.identifier);
        let method = printer.method("read", "read_as", &field.codec, "_");
        line(&mut read, format_args!("{names} => field.{method}({index}, &mut self.{identifier}),"));
    }
    for oneof in &message.oneofs {
        for variant in &oneof.variants {
            let (names, identifier) = (patterns(&variant.names), &oneof.identifier);
            let method = printer.method("read_oneof", "read_oneof_as", &variant.codec, "_, _");
            let value = format!("self::{}::{}", oneof.path, variant.identifier);
            line(&mut read, format_args!("{names} => field.{method}(&mut self.{identifier}, {value}),"));
        }
    }
    let mut write = String::new();
    for field in &message.fields {
        let method = printer.method("field", "field_as", &field.codec, "_");
        line(&mut write, format_args!("writer.{method}({}, &self.{});", name(&field.names), field.identifier));
    }
    for oneof in &message.oneofs {
        let identifier = &oneof.identifier;
        line(
            &mut write,
            format_args!("if let ::core::option::Option::Some(value) = &self.{identifier} {{ match value {{"),
        );
        for variant in &oneof.variants {
            let method = printer.method("present", "present_as", &variant.codec, "_");
            let value = format!("self::{}::{}", oneof.path, variant.identifier);
            line(&mut write, format_args!("{value}(value) => writer.{method}({}, value),", name(&variant.names)));
        }
        line(&mut write, format_args!("}} }}"));
    }
    let writer = if write.is_empty() { "_" } else { "writer" };
    let read = if read.is_empty() {
        "field.unknown(name)".to_owned()
    } else {
        format!("match name {{ {read} _ => field.unknown(name), }}")
    };
    let path = &message.place.path;
    line(
        out,
        format_args!(
            "impl json::JsonMessage for self::{path} {{
                fn read_field(&mut self, name: &str, field: json::FieldReader<'_, '_>) -> json::Result<()> {{ {read} }}
                fn write_fields(&self, {writer}: &mut json::Writer<'_>) {{ {write} }}
            }}"
        ),
    );
}

/// `impl json::JsonEnum`.
pub(super) fn print_enum(out: &mut String, descriptor: &Enum<'_>) {
    let values = descriptor.descriptor.value.iter();
    let values: Vec<String> = values.map(|value| format!("({:?}, {})", value.name(), value.number())).collect();
    line(
        out,
        format_args!(
            "impl json::JsonEnum for self::{} {{
                const VALUES: &'static [(&'static str, i32)] = &[{}];
            }}",
            descriptor.place.path,
            values.join(", ")
        ),
    );
}

struct Printer<'m, 's> {
    model: &'m Model<'s>,
    package: &'m str,
}

impl Printer<'_, '_> {
    /// The method that reads or writes a field: the short one if the Rust type alone decides.
    fn method(&self, plain: &str, other: &str, codec: &Codec, inferred: &str) -> String {
        match self.marker(codec).as_str() {
            "Plain" => plain.to_owned(),
            marker => format!("{other}::<{marker}, {inferred}>"),
        }
    }

    /// The path of a codec's marker. Containers of plain values are plain themselves.
    fn marker(&self, codec: &Codec) -> String {
        let (container, inner) = match codec {
            Codec::Plain => return "Plain".to_owned(),
            Codec::Wrapper => return "Wrapper".to_owned(),
            Codec::Null => return "Null".to_owned(),
            Codec::Enum(name) => return format!("Enum<{}>", self.model.path(name, self.package)),
            Codec::Repeated(inner) => ("Repeated", inner),
            Codec::Map(inner) => ("Map", inner),
            Codec::Optional(inner) => ("Optional", inner),
        };
        match self.marker(inner) {
            plain if plain == "Plain" => plain,
            inner => format!("{container}<{inner}>"),
        }
    }
}

/// The names by which a field is read, as a pattern.
fn patterns(names: &FieldNames) -> String {
    let literals: Vec<String> = names.read.iter().map(|name| format!("{name:?}")).collect();
    literals.join(" | ")
}

/// The names by which a field is written. They stand inside of JSON strings; a `json_name` may hold anything.
fn name(names: &FieldNames) -> String {
    let literal = |name: &str| format!("{:?}", name.replace('\\', "\\\\").replace('"', "\\\""));
    if names.proto3 == names.classic {
        format!("name!({})", literal(&names.proto3))
    } else {
        format!("name!({}, {})", literal(&names.proto3), literal(&names.classic))
    }
}

/// Appends a line; writing to a string does not fail.
pub(super) fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
    out.push('\n');
}
