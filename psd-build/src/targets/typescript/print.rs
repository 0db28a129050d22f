//! A file of messages.

use std::fmt::{Display, Write as _};

use prost_types::field_descriptor_proto::Type;
use prost_types::{EnumDescriptorProto, FieldDescriptorProto};

use super::imports::Imports;
use super::model::{Enum, Field, File, Member, Message, Model};
use super::{Int64, names};
use crate::schema::{CacheKeyKind, Schema};
use crate::targets::descriptors::{Shape, word};
use crate::targets::{MARK, json_names};

/// How long a line may be, where it can be broken.
pub(super) const WIDTH: usize = 120;

/// The contents of a file.
pub(super) fn file(file: &File<'_>, model: &Model<'_>) -> String {
    let mut printer = Printer { model, imports: Imports::of(file, model), form: None, out: String::new() };
    for item in &file.enums {
        printer.enumeration(item);
    }
    for message in &file.messages {
        printer.interface(message);
        printer.constant(message);
    }
    let mut out = head(&format!("{MARK} from {}; do not edit.", file.source));
    if !file.messages.is_empty() {
        let codec = names::literal(&model.options.codec);
        let form = printer.form.map(|form| format!("{form}, ")).unwrap_or_default();
        let _ = writeln!(out, "import {{ {form}message, type MessageType }} from {codec};");
    }
    out + &printer.imports.print() + &printer.out
}

/// The first lines of every file.
pub(super) fn head(mark: &str) -> String {
    format!("// {mark}\n/* eslint-disable */\n")
}

struct Printer<'a> {
    model: &'a Model<'a>,
    imports: Imports<'a>,
    /// What is imported for integers of 64 bits.
    form: Option<&'static str>,
    out: String,
}

impl Printer<'_> {
    fn line(&mut self, indent: usize, text: impl Display) {
        let _ = writeln!(self.out, "{:1$}{text}", "", indent * 2);
    }

    /// The comment of the .proto file above an element.
    fn docs(&mut self, indent: usize, full_name: &str, is_deprecated: bool) {
        let docs = docs(self.model.schema, full_name);
        let mut lines: Vec<&str> = docs.lines().collect();
        if is_deprecated {
            lines.push("@deprecated");
        }
        match lines.as_slice() {
            [] => {}
            [line] => self.line(indent, format_args!("/** {line} */")),
            lines => {
                self.line(indent, "/**");
                for line in lines {
                    self.line(indent, format_args!(" * {line}").to_string().trim_end());
                }
                self.line(indent, " */");
            }
        }
    }

    fn enumeration(&mut self, item: &Enum<'_>) {
        self.line(0, "");
        self.docs(0, &item.full_name, is_deprecated_enum(item.descriptor));
        self.line(0, format_args!("export const {} = {{", item.name));
        for value in &item.descriptor.value {
            let is_deprecated = value.options.as_ref().is_some_and(|options| options.deprecated());
            self.docs(1, &format!("{}.{}", item.full_name, value.name()), is_deprecated);
            // `__proto__` in an object is no property, unless it is computed.
            let name = if value.name() == "__proto__" { "[\"__proto__\"]" } else { value.name() };
            self.line(1, format_args!("{name}: {},", value.number()));
        }
        self.line(0, "} as const;");
        self.line(0, format_args!("export type {0} = (typeof {0})[keyof typeof {0}];", item.name));
    }

    fn interface(&mut self, message: &Message<'_>) {
        self.line(0, "");
        self.docs(0, &message.full_name, is_deprecated_message(message));
        if message.members.is_empty() {
            self.line(0, format_args!("export interface {} {{}}", message.name));
            return;
        }
        self.line(0, format_args!("export interface {} {{", message.name));
        for member in &message.members {
            match member {
                Member::Field(index) => {
                    let field = &message.fields[*index];
                    self.docs(1, &format!("{}.{}", message.full_name, field.descriptor.name()), is_deprecated(field));
                    let kind = self.type_of(field);
                    match field.shape {
                        Shape::Optional => self.line(1, format_args!("{}?: {kind} | undefined;", field.property)),
                        _ => self.line(1, format_args!("{}: {kind};", field.property)),
                    }
                }
                Member::Oneof(property, name, parts) => {
                    self.docs(1, &format!("{}.{name}", message.full_name), false);
                    self.line(1, format_args!("{property}:"));
                    for field in parts.iter().map(|index| &message.fields[*index]) {
                        self.docs(
                            2,
                            &format!("{}.{}", message.full_name, field.descriptor.name()),
                            is_deprecated(field),
                        );
                        let (case, kind) = (names::literal(&field.property), self.type_of(field));
                        self.line(2, format_args!("| {{ case: {case}; value: {kind} }}"));
                    }
                    self.line(2, "| { case: undefined; value?: undefined };");
                }
            }
        }
        self.line(0, "}");
    }

    /// The type of a field's property.
    fn type_of(&mut self, field: &Field<'_>) -> String {
        match &field.shape {
            Shape::Single | Shape::Optional => self.value_type(field.descriptor),
            Shape::List { .. } => {
                let value = self.value_type(field.descriptor);
                format!("{value}[]")
            }
            Shape::Map(_, value) => {
                let value = self.value_type(value);
                format!("{{ [key: string]: {value} }}")
            }
        }
    }

    fn value_type(&mut self, field: &FieldDescriptorProto) -> String {
        let name = match field.r#type() {
            Type::Bool => "boolean",
            Type::String => "string",
            Type::Bytes => "Uint8Array",
            Type::Int64 | Type::Uint64 | Type::Sint64 | Type::Fixed64 | Type::Sfixed64 => {
                self.model.options.int64.name()
            }
            Type::Message | Type::Enum | Type::Group => return self.named_type(field.type_name()),
            _ => "number",
        };
        name.to_owned()
    }

    /// What turns an integer of 64 bits into what holds it.
    fn long(&mut self) -> Option<&'static str> {
        let form = match self.model.options.int64 {
            Int64::BigInt => return None,
            Int64::String => "asString",
            Int64::Number => "asNumber",
        };
        self.form = Some(form);
        Some(form)
    }

    /// The type of values of a message or enum. Those of some well-known types are plain values.
    fn named_type(&mut self, full_name: &str) -> String {
        let plain = match full_name.trim_start_matches('.').strip_prefix("google.protobuf.") {
            Some("BoolValue") => "boolean",
            Some("BytesValue") => "Uint8Array",
            Some("StringValue") => "string",
            Some("Int64Value" | "UInt64Value") => self.model.options.int64.name(),
            Some("DoubleValue" | "FloatValue" | "Int32Value" | "UInt32Value") => "number",
            Some("Value") => return self.imports.well_known("JsonValue"),
            Some("Struct") => return self.imports.well_known("JsonObject"),
            Some("ListValue") => return format!("{}[]", self.imports.well_known("JsonValue")),
            _ => return self.imports.name(full_name, false),
        };
        plain.to_owned()
    }

    fn constant(&mut self, message: &Message<'_>) {
        let name = &message.name;
        let (route, origin) = match message.travels {
            Some(travels) => (names::literal(&travels.message_type), format!("\"{}\"", travels.origin)),
            None => ("undefined".to_owned(), "undefined".to_owned()),
        };
        self.line(
            0,
            format_args!("export const {name}: MessageType<{name}, {route}, {origin}> = /* @__PURE__ */ message("),
        );
        self.object("", &info(message), "");
        let defaults = self.defaults(message);
        self.object("() => (", &defaults, ")");
        if message.fields.is_empty() {
            self.line(1, "[],");
        } else {
            self.line(1, "[");
            for field in &message.fields {
                let entry = self.entry(field);
                self.line(2, format_args!("[{entry}],"));
            }
            self.line(1, "],");
        }
        self.line(0, ");");
    }

    /// An object as an argument: in one line, or one a member.
    fn object(&mut self, before: &str, members: &[String], behind: &str) {
        let line = format!("{before}{{ {} }}{behind},", members.join(", "));
        if members.is_empty() {
            self.line(1, format_args!("{before}{{}}{behind},"));
        } else if line.len() + 2 <= WIDTH {
            self.line(1, line);
        } else {
            self.line(1, format_args!("{before}{{"));
            for member in members {
                self.line(2, format_args!("{member},"));
            }
            self.line(1, format_args!("}}{behind},"));
        }
    }

    /// What a value holds before anything is said of it.
    fn defaults(&mut self, message: &Message<'_>) -> Vec<String> {
        let mut defaults = Vec::new();
        for member in &message.members {
            match member {
                Member::Oneof(property, ..) => defaults.push(format!("{property}: {{ case: undefined }}")),
                Member::Field(index) => {
                    let field = &message.fields[*index];
                    let default = match &field.shape {
                        Shape::Optional => continue,
                        Shape::List { .. } => "[]".to_owned(),
                        Shape::Map(..) => "{}".to_owned(),
                        Shape::Single => self.default(field.descriptor),
                    };
                    defaults.push(format!("{}: {default}", field.property));
                }
            }
        }
        defaults
    }

    fn default(&self, field: &FieldDescriptorProto) -> String {
        let default = match field.r#type() {
            Type::Bool => "false",
            Type::String => "\"\"",
            Type::Bytes => "new Uint8Array(0)",
            Type::Int64 | Type::Uint64 | Type::Sint64 | Type::Fixed64 | Type::Sfixed64 => {
                match self.model.options.int64 {
                    Int64::BigInt => "0n",
                    Int64::String => "\"0\"",
                    Int64::Number => "0",
                }
            }
            _ => "0",
        };
        default.to_owned()
    }

    /// A field as the runtime reads it; clients/typescript/src/codec/types.ts says what each place means.
    fn entry(&mut self, field: &Field<'_>) -> String {
        let descriptor = field.descriptor;
        let (key, value, mark) = match &field.shape {
            Shape::Single => (None, descriptor, ""),
            Shape::Optional if descriptor.r#type() == Type::Message => (None, descriptor, ""),
            Shape::Optional => (None, descriptor, "?"),
            Shape::List { is_packed: true } => (None, descriptor, "[]"),
            Shape::List { is_packed: false } => (None, descriptor, "*"),
            Shape::Map(key, value) => (Some(*key), *value, ""),
        };
        let key = key.map(|key| format!("{}:", kind(key))).unwrap_or_default();
        let mut places = vec![
            names::literal(descriptor.name()),
            descriptor.number().to_string(),
            format!("\"{key}{}{mark}\"", kind(value)),
        ];
        let reference = match value.type_name() {
            "" if is_long(value) => self.long().map(str::to_owned),
            "" => None,
            full_name => Some(format!("() => {}", self.imports.name(full_name, true))),
        };
        let chosen = descriptor.json_name.as_deref().filter(|json| *json != json_names::proto3(descriptor.name()));
        let property = Some(&field.property).filter(|name| **name != json_names::classic(descriptor.name()));
        let more = [
            reference,
            field.oneof.as_deref().map(names::literal),
            chosen.map(names::literal),
            property.map(|name| names::literal(name)),
        ];
        let count = more.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        places.extend(more.into_iter().take(count).map(|place| place.unwrap_or_else(|| "0".to_owned())));
        places.join(", ")
    }
}

/// What the constant of a message says beside its fields.
fn info(message: &Message<'_>) -> Vec<String> {
    let mut info = vec![format!("name: {}", names::literal(&message.full_name))];
    let Some(travels) = message.travels else { return info };
    info.push(format!("type: {}", names::literal(&travels.message_type)));
    info.push(format!("origin: \"{}\"", travels.origin));
    info.extend(travels.auth.map(|auth| format!("auth: {auth}")));
    info.extend(travels.client_cache.map(|span| format!("cache: {}", span.as_secs())));
    let property = |name: &str| {
        let field = message.fields.iter().find(|field| field.descriptor.name() == name);
        names::literal(field.map_or(name, |field| &field.property))
    };
    let keys: Vec<String> = CacheKeyKind::ALL
        .into_iter()
        .filter_map(|kind| {
            let keys = travels.cache_keys.iter().filter(|key| key.kind == kind);
            let keys: Vec<String> = keys.map(|key| property(&key.field)).collect();
            (!keys.is_empty()).then(|| format!("{kind}: [{}]", keys.join(", ")))
        })
        .collect();
    if !keys.is_empty() {
        info.push(format!("keys: {{ {} }}", keys.join(", ")));
    }
    info
}

/// The kind of a field as the runtime names it: protobuf's own word, but for the enum whose JSON is `null`.
fn kind(field: &FieldDescriptorProto) -> &'static str {
    if field.type_name() == ".google.protobuf.NullValue" { "null" } else { word(field) }
}

fn is_long(field: &FieldDescriptorProto) -> bool {
    matches!(field.r#type(), Type::Int64 | Type::Uint64 | Type::Sint64 | Type::Fixed64 | Type::Sfixed64)
}

/// The prose over an element, such that it does not end the comment it is in.
fn docs(schema: &Schema, full_name: &str) -> String {
    schema.docs(full_name).unwrap_or_default().replace("*/", "*\\/")
}

fn is_deprecated(field: &Field<'_>) -> bool {
    field.descriptor.options.as_ref().is_some_and(|options| options.deprecated())
}

fn is_deprecated_message(message: &Message<'_>) -> bool {
    message.descriptor.options.as_ref().is_some_and(|options| options.deprecated())
}

fn is_deprecated_enum(item: &EnumDescriptorProto) -> bool {
    item.options.as_ref().is_some_and(|options| options.deprecated())
}
