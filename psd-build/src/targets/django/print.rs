//! A module: its enums, then its messages, each a dataclass of betterproto.

use prost_types::FieldDescriptorProto;
use prost_types::field_descriptor_proto::Type;

use super::imports::Imports;
use super::model::{Enum, Field, Message, Model, Module, Plain};
use super::{head, layout, names};
use crate::targets::descriptors::{Shape, word};

/// The JSON of well-known types that betterproto 1.2.5 knows nothing of.
const JSON_OF_WELL_KNOWN: &[(&str, &str)] = &[
    ("google.protobuf.FieldMask", include_str!("json/field_mask.py")),
    ("google.protobuf.ListValue", include_str!("json/list_value.py")),
    ("google.protobuf.Struct", include_str!("json/struct.py")),
    ("google.protobuf.Value", include_str!("json/value.py")),
];

/// What messages that may contain themselves are made of.
const RECURSIVE: &str = include_str!("recursive.py");

pub(super) fn module(module: &Module<'_>, model: &Model<'_>) -> String {
    let imports = Imports::new(model, module);
    let printer = Printer { model, imports: &imports };
    let is_recursive = |message: &Message<'_>| message.fields.iter().any(|field| field.is_recursive);
    let mut classes = String::new();
    if module.messages.iter().any(is_recursive) {
        classes.push_str(&format!(
            "\n\n{}",
            RECURSIVE.replace("betterproto.Message", &format!("{}.Message", imports.betterproto()))
        ));
    }
    for item in &module.enums {
        classes.push_str(&printer.enumeration(item));
    }
    for message in &module.messages {
        classes.push_str(&printer.message(message, is_recursive(message)));
    }
    head(Some(&module.sources.join(", "))) + &imports.print() + &classes
}

struct Printer<'m> {
    model: &'m Model<'m>,
    imports: &'m Imports<'m>,
}

impl Printer<'_> {
    fn enumeration(&self, item: &Enum<'_>) -> String {
        let betterproto = self.imports.betterproto();
        let docs = |name: &str| self.model.schema.docs(name).unwrap_or_default();
        let values = || item.descriptor.value.iter().map(|value| (value.name(), value.number()));
        if values().any(|(name, _)| names::is_keyword(name)) {
            let entries = values().map(|(name, number)| {
                let comment = layout::comment(8, docs(&format!("{}.{name}", item.full_name)));
                format!("{comment}        {}: {number},\n", names::literal(name))
            });
            let (comment, entries) = (layout::comment(0, docs(&item.full_name)), entries.collect::<String>());
            return format!(
                "\n\n{comment}{0} = {betterproto}.Enum(\n    {1},\n    {{\n{entries}    }},\n    module=__name__,\n)\n",
                item.name,
                names::literal(&item.name)
            );
        }
        let mut out = format!("\n\nclass {}({betterproto}.Enum):\n", item.name);
        out.push_str(&layout::docstring(docs(&item.full_name)));
        for (name, number) in values() {
            out.push_str(&layout::comment(4, docs(&format!("{}.{name}", item.full_name))));
            out.push_str(&format!("    {name} = {number}\n"));
        }
        out
    }

    fn message(&self, message: &Message<'_>, is_recursive: bool) -> String {
        let decorator = self.imports.from("dataclasses", "dataclass");
        let base =
            if is_recursive { "_Recursive".to_owned() } else { format!("{}.Message", self.imports.betterproto()) };
        let mut out = format!("\n\n@{decorator}\nclass {}({base}):\n", message.name);
        let docs = layout::docstring(self.model.schema.docs(&message.full_name).unwrap_or_default());
        if message.fields.is_empty() {
            let body = if docs.is_empty() { "    pass\n" } else { docs.trim_end_matches('\n') };
            return format!("{out}{}\n", body.trim_end_matches('\n'));
        }
        out.push_str(&docs);
        if is_recursive {
            let fields = message.fields.iter().filter(|field| field.is_recursive);
            let fields: Vec<String> = fields.map(|field| names::literal(&field.name)).collect();
            let comma = if fields.len() == 1 { "," } else { "" };
            out.push_str(&layout::assignment(4, "_recursive", &format!("({}{comma})", fields.join(", "))));
            out.push('\n');
        }
        for field in &message.fields {
            let name = format!("{}.{}", message.full_name, field.descriptor.name());
            out.push_str(&layout::comment(4, self.model.schema.docs(&name).unwrap_or_default()));
            out.push_str(&self.field(field));
        }
        if let Some((_, json)) = JSON_OF_WELL_KNOWN.iter().find(|(name, _)| *name == message.full_name) {
            out.push('\n');
            out.push_str(json);
        }
        out
    }

    fn field(&self, field: &Field<'_>) -> String {
        let betterproto = self.imports.betterproto();
        let single = |field: &FieldDescriptorProto| self.kind(field);
        let descriptor = field.descriptor;
        let (annotation, function) = match &field.shape {
            Shape::Single | Shape::Optional => (single(descriptor), word(descriptor)),
            Shape::List { .. } => {
                (format!("{}[{}]", self.imports.from("typing", "List"), single(descriptor)), word(descriptor))
            }
            Shape::Map(key, value) => {
                (format!("{}[{}, {}]", self.imports.from("typing", "Dict"), single(key), single(value)), "map")
            }
        };
        let mut arguments = vec![descriptor.number().to_string()];
        if let Shape::Map(key, value) = &field.shape {
            let constant = |part: &FieldDescriptorProto| format!("{betterproto}.TYPE_{}", word(part).to_uppercase());
            arguments.extend([constant(key), constant(value)]);
        }
        arguments.extend(field.group.map(|group| format!("group={}", names::literal(group))));
        if let Some(Plain::Wrapper(_, constant)) = Plain::of(descriptor.type_name()) {
            arguments.push(format!("wraps={betterproto}.TYPE_{constant}"));
        }
        layout::field(&field.name, &annotation, &format!("{betterproto}.{function}_field"), &arguments)
    }

    /// The type of a field's values.
    fn kind(&self, field: &FieldDescriptorProto) -> String {
        let scalar = match field.r#type() {
            Type::Message | Type::Enum | Type::Group => {
                return match Plain::of(field.type_name()) {
                    Some(Plain::Datetime) => self.imports.from("datetime", "datetime"),
                    Some(Plain::Timedelta) => self.imports.from("datetime", "timedelta"),
                    Some(Plain::Wrapper(scalar, _)) => {
                        format!("{}[{}]", self.imports.from("typing", "Optional"), self.imports.builtin(scalar))
                    }
                    None => self.imports.annotation(field.type_name()),
                };
            }
            Type::Bool => "bool",
            Type::String => "str",
            Type::Bytes => "bytes",
            Type::Double | Type::Float => "float",
            _ => "int",
        };
        self.imports.builtin(scalar)
    }
}
