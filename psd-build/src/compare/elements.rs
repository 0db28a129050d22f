//! The messages and enums of one version, by their full names.

use std::collections::BTreeMap;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto};

use crate::schema::{FileKind, Schema};

/// What the user declares.
#[derive(Default)]
pub(super) struct Elements<'s> {
    pub(super) messages: BTreeMap<String, Message<'s>>,
    pub(super) enums: BTreeMap<String, Enum<'s>>,
}

pub(super) struct Message<'s> {
    descriptor: &'s DescriptorProto,
    /// By number.
    pub(super) fields: BTreeMap<i32, &'s FieldDescriptorProto>,
}

pub(super) struct Enum<'s> {
    pub(super) values: BTreeMap<&'s str, i32>,
}

impl<'s> Elements<'s> {
    pub(super) fn of(schema: &'s Schema) -> Self {
        let mut elements = Self::default();
        let files = schema.files.file.iter().zip(&schema.sources);
        for (file, _) in files.filter(|(_, source)| source.kind == FileKind::User) {
            for message in &file.message_type {
                elements.message(message, file.package());
            }
            for item in &file.enum_type {
                elements.enumeration(item, file.package());
            }
        }
        elements
    }

    fn message(&mut self, descriptor: &'s DescriptorProto, scope: &str) {
        if is_entry(descriptor) {
            return;
        }
        let name = join(scope, descriptor.name());
        for nested in &descriptor.nested_type {
            self.message(nested, &name);
        }
        for item in &descriptor.enum_type {
            self.enumeration(item, &name);
        }
        let fields = descriptor.field.iter().map(|field| (field.number(), field)).collect();
        self.messages.insert(name, Message { descriptor, fields });
    }

    fn enumeration(&mut self, descriptor: &'s EnumDescriptorProto, scope: &str) {
        let values = descriptor.value.iter().map(|value| (value.name(), value.number())).collect();
        self.enums.insert(join(scope, descriptor.name()), Enum { values });
    }
}

impl Message<'_> {
    /// The type of a field as a .proto file says it, with full names.
    pub(super) fn type_of(&self, field: &FieldDescriptorProto) -> String {
        let name = field.type_name();
        let entry = self
            .descriptor
            .nested_type
            .iter()
            .filter(|nested| is_entry(nested))
            .find(|nested| field.r#type() == Type::Message && name.rsplit('.').next() == Some(nested.name()));
        if let Some([key, value]) = entry.map(|entry| entry.field.as_slice()) {
            return format!("map<{}, {}>", self.type_of(key), self.type_of(value));
        }
        let kind = match name {
            "" => field.r#type().as_str_name().trim_start_matches("TYPE_").to_lowercase(),
            name => name.trim_start_matches('.').to_owned(),
        };
        if field.label() == Label::Repeated { format!("repeated {kind}") } else { kind }
    }

    /// The oneof of a field, unless it is the artificial one of an `optional` field.
    pub(super) fn oneof_of(&self, field: &FieldDescriptorProto) -> Option<&str> {
        let index = field.oneof_index.filter(|_| !field.proto3_optional())?;
        self.descriptor.oneof_decl.get(usize::try_from(index).ok()?).map(|oneof| oneof.name())
    }
}

fn is_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry)
}

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}
