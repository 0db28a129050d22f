//! Prints how messages and enums are read from and written as JSON.

use std::fmt::Write as _;

use super::model::{Codec, Enum, FieldNames, Message, Model};

/// `impl json::JsonMessage`, to stand in the module of the message's package.
pub(super) fn print_message(out: &mut String, message: &Message<'_>, model: &Model<'_>) {
    line(out, 0, format_args!("impl json::JsonMessage for self::{} {{", message.place.path));
    let printer = Printer { model, package: &message.place.package };
    printer.read_field(out, message);
    line(out, 0, format_args!(""));
    printer.write_fields(out, message);
    line(out, 0, format_args!("}}"));
}

/// `impl json::JsonEnum`.
pub(super) fn print_enum(out: &mut String, descriptor: &Enum<'_>) {
    line(out, 0, format_args!("impl json::JsonEnum for self::{} {{", descriptor.place.path));
    line(out, 1, format_args!("const VALUES: &'static [(&'static str, i32)] = &["));
    for value in &descriptor.descriptor.value {
        line(out, 2, format_args!("({:?}, {}),", value.name(), value.number()));
    }
    line(out, 1, format_args!("];"));
    line(out, 0, format_args!("}}"));
}

struct Printer<'m, 's> {
    model: &'m Model<'s>,
    package: &'m str,
}

impl Printer<'_, '_> {
    fn read_field(&self, out: &mut String, message: &Message<'_>) {
        let signature = "fn read_field(&mut self, name: &str, field: json::FieldReader<'_, '_>) -> json::Result<()>";
        line(out, 1, format_args!("{signature} {{"));
        if message.descriptor.field.is_empty() {
            line(out, 2, format_args!("field.unknown(name)"));
        } else {
            line(out, 2, format_args!("match name {{"));
            for (index, field) in message.fields.iter().enumerate() {
                let (names, identifier) = (patterns(&field.names), &field.identifier);
                let method = self.method("read", "read_as", &field.codec, "_");
                line(out, 3, format_args!("{names} => field.{method}({index}, &mut self.{identifier}),"));
            }
            for oneof in &message.oneofs {
                for variant in &oneof.variants {
                    let (names, identifier) = (patterns(&variant.names), &oneof.identifier);
                    let method = self.method("read_oneof", "read_oneof_as", &variant.codec, "_, _");
                    let value = format!("self::{}::{}", oneof.path, variant.identifier);
                    line(out, 3, format_args!("{names} => field.{method}(&mut self.{identifier}, {value}),"));
                }
            }
            line(out, 3, format_args!("_ => field.unknown(name),"));
            line(out, 2, format_args!("}}"));
        }
        line(out, 1, format_args!("}}"));
    }

    fn write_fields(&self, out: &mut String, message: &Message<'_>) {
        if message.descriptor.field.is_empty() {
            return line(out, 1, format_args!("fn write_fields(&self, _: &mut json::Writer<'_>) {{}}"));
        }
        line(out, 1, format_args!("fn write_fields(&self, writer: &mut json::Writer<'_>) {{"));
        for field in &message.fields {
            let method = self.method("field", "field_as", &field.codec, "_");
            line(out, 2, format_args!("writer.{method}({}, &self.{});", name(&field.names), field.identifier));
        }
        for oneof in &message.oneofs {
            line(out, 2, format_args!("match &self.{} {{", oneof.identifier));
            for variant in &oneof.variants {
                let method = self.method("present", "present_as", &variant.codec, "_");
                let value = format!("self::{}::{}", oneof.path, variant.identifier);
                let name = name(&variant.names);
                line(out, 3, format_args!("Some({value}(value)) => writer.{method}({name}, value),"));
            }
            line(out, 3, format_args!("None => {{}}"));
            line(out, 2, format_args!("}}"));
        }
        line(out, 1, format_args!("}}"));
    }

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

/// Appends a line, indented so many times; writing to a string does not fail.
pub(super) fn line(out: &mut String, indentation: usize, text: std::fmt::Arguments<'_>) {
    let start = out.len();
    out.extend(std::iter::repeat_n("    ", indentation));
    let _ = out.write_fmt(text);
    out.truncate(out.trim_end_matches(' ').len().max(start));
    out.push('\n');
}
