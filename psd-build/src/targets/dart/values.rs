//! What fields hold: the types of Dart, and the words of the runtime for them.

use prost_types::FieldDescriptorProto;
use prost_types::field_descriptor_proto::Type;

use super::Int64;
use super::imports::Imports;
use super::model::{Model, Names};
use crate::targets::descriptors::Shape;

/// What is said of a value in Dart.
pub(super) struct Value {
    /// Its type.
    pub(super) name: String,
    /// How the runtime reads and writes it.
    pub(super) kind: String,
    pub(super) default: Default,
}

/// What a value is of which nothing is said.
pub(super) enum Default {
    /// This constant.
    Constant(String),
    /// This, which is no constant.
    Expression(String),
    /// It is not there.
    None,
}

/// One value of a field.
pub(super) fn value(field: &FieldDescriptorProto, model: &Model<'_>, imports: &mut Imports<'_>) -> Value {
    let long = |int: &str, big: &str| match model.options.int64 {
        Int64::Int => scalar("int", int, "0"),
        Int64::BigInt => Value {
            name: "BigInt".to_owned(),
            kind: format!("psd.{big}"),
            default: Default::Expression("BigInt.zero".to_owned()),
        },
    };
    match field.r#type() {
        Type::Double => scalar("double", "float64", "0"),
        Type::Float => scalar("double", "float", "0"),
        Type::Int32 => scalar("int", "int32", "0"),
        Type::Sint32 => scalar("int", "sint32", "0"),
        Type::Sfixed32 => scalar("int", "sfixed32", "0"),
        Type::Uint32 => scalar("int", "uint32", "0"),
        Type::Fixed32 => scalar("int", "fixed32", "0"),
        Type::Int64 => long("int64", "bigInt64"),
        Type::Sint64 => long("sint64", "bigSint64"),
        Type::Sfixed64 => long("sfixed64", "bigSfixed64"),
        Type::Uint64 => long("uint64", "bigUint64"),
        Type::Fixed64 => long("fixed64", "bigFixed64"),
        Type::Bool => scalar("bool", "boolean", "false"),
        Type::String => scalar("String", "string", "''"),
        Type::Bytes => Value {
            name: imports.bytes(),
            kind: "psd.bytes".to_owned(),
            default: Default::Expression("psd.noBytes".to_owned()),
        },
        Type::Enum | Type::Message | Type::Group => named(field.type_name(), model, imports),
    }
}

fn scalar(name: &str, kind: &str, default: &str) -> Value {
    Value { name: name.to_owned(), kind: format!("psd.{kind}"), default: Default::Constant(default.to_owned()) }
}

/// A message or enum. Some well-known types are plain values.
fn named(full_name: &str, model: &Model<'_>, imports: &mut Imports<'_>) -> Value {
    let is_big = model.options.int64 == Int64::BigInt;
    let message = |name: &str, descriptor: &str| Value {
        name: name.to_owned(),
        kind: format!("psd.message(() => {descriptor})"),
        default: Default::None,
    };
    let long = |int: &str, big: &str| if is_big { message("BigInt", big) } else { message("int", int) };
    match full_name.trim_start_matches('.').strip_prefix("google.protobuf.") {
        Some("BoolValue") => return message("bool", "psd.boolValue"),
        Some("BytesValue") => return message(&imports.bytes(), "psd.bytesValue"),
        Some("StringValue") => return message("String", "psd.stringValue"),
        Some("DoubleValue") => return message("double", "psd.doubleValue"),
        Some("FloatValue") => return message("double", "psd.floatValue"),
        Some("Int32Value") => return message("int", "psd.int32Value"),
        Some("UInt32Value") => return message("int", "psd.uint32Value"),
        Some("Int64Value") => return long("psd.int64Value", "psd.bigInt64Value"),
        Some("UInt64Value") => return long("psd.uint64Value", "psd.bigUint64Value"),
        Some("Struct") => return message("Map<String, Object?>", "psd.struct"),
        Some("ListValue") => return message("List<Object?>", "psd.listValue"),
        _ => {}
    }
    let place = model.place(full_name);
    match place.names {
        Names::Message(name) => {
            let name = imports.name(&place.library, &name);
            message(&name, &format!("{name}.descriptor"))
        }
        Names::Enum(names) => {
            let known = imports.name(&place.library, &names.known);
            Value {
                name: imports.name(&place.library, &names.open),
                kind: format!("psd.enumeration({known}.descriptor)"),
                default: Default::Constant(format!("{known}.{}", names.default)),
            }
        }
    }
}

/// What a property holds: its type without the mark of absence, whether it can be absent, and its default.
pub(super) fn property(
    shape: &Shape<'_>,
    field: &FieldDescriptorProto,
    model: &Model<'_>,
    imports: &mut Imports<'_>,
) -> (String, Default) {
    match shape {
        Shape::Single => {
            let value = value(field, model, imports);
            (value.name, value.default)
        }
        Shape::Optional => (value(field, model, imports).name, Default::None),
        Shape::List { .. } => {
            (format!("List<{}>", value(field, model, imports).name), Default::Constant("const []".to_owned()))
        }
        Shape::Map(key, item) => {
            let (key, item) = (value(key, model, imports).name, value(item, model, imports).name);
            (format!("Map<{key}, {item}>"), Default::Constant("const {}".to_owned()))
        }
    }
}
