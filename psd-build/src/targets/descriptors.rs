//! What targets ask of descriptors.

use std::collections::BTreeSet;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto};

/// How often a value is there.
pub(crate) enum Shape<'s> {
    /// Once, at its default if nobody says.
    Single,
    /// At most once.
    Optional,
    List {
        is_packed: bool,
    },
    /// With keys of this field, and values of that.
    Map(&'s FieldDescriptorProto, &'s FieldDescriptorProto),
}

/// A path that no other file has, also where letter case does not count.
pub(crate) fn unique(stem: &str, ending: &str, taken: &mut BTreeSet<String>) -> String {
    let mut path = format!("{stem}{ending}");
    while !taken.insert(path.to_lowercase()) {
        path.insert(path.len() - ending.len(), '_');
    }
    path
}

/// Whether the runtime has this type.
pub(crate) fn is_well_known(full_name: &str) -> bool {
    full_name.strip_prefix("google.protobuf.").is_some_and(|name| {
        let is_plain = matches!(name, "Any" | "Duration" | "Empty" | "FieldMask" | "Struct" | "Timestamp");
        is_plain || name.ends_with("Value") && name != "EnumValue"
    })
}

/// The oneof of a field, unless it is the artificial one of an `optional` field.
pub(crate) fn oneof_of(field: &FieldDescriptorProto) -> Option<i32> {
    field.oneof_index.filter(|_| !field.proto3_optional())
}

pub(crate) fn shape<'s>(field: &'s FieldDescriptorProto, message: &'s DescriptorProto) -> Shape<'s> {
    if field.label() != Label::Repeated {
        let is_optional = field.proto3_optional() || field.r#type() == Type::Message && oneof_of(field).is_none();
        return if is_optional { Shape::Optional } else { Shape::Single };
    }
    let entry =
        message.nested_type.iter().filter(|nested| is_map_entry(nested)).find(|nested| {
            field.r#type() == Type::Message && field.type_name().rsplit('.').next() == Some(nested.name())
        });
    let part = |number: i32| entry.and_then(|entry| entry.field.iter().find(|field| field.number() == number));
    if let (Some(key), Some(value)) = (part(1), part(2)) {
        return Shape::Map(key, value);
    }
    let cannot = matches!(field.r#type(), Type::String | Type::Bytes | Type::Message);
    let is_packed = cannot || field.options.as_ref().and_then(|options| options.packed).unwrap_or(true);
    Shape::List { is_packed }
}

pub(crate) fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry)
}

pub(crate) fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// Protobuf's own word for the type of a field; `message` and `enum` for those.
pub(crate) fn word(field: &FieldDescriptorProto) -> &'static str {
    match field.r#type() {
        Type::Double => "double",
        Type::Float => "float",
        Type::Int64 => "int64",
        Type::Uint64 => "uint64",
        Type::Int32 => "int32",
        Type::Fixed64 => "fixed64",
        Type::Fixed32 => "fixed32",
        Type::Bool => "bool",
        Type::String => "string",
        Type::Group | Type::Message => "message",
        Type::Bytes => "bytes",
        Type::Uint32 => "uint32",
        Type::Enum => "enum",
        Type::Sfixed32 => "sfixed32",
        Type::Sfixed64 => "sfixed64",
        Type::Sint32 => "sint32",
        Type::Sint64 => "sint64",
    }
}
