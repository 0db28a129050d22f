//! What is printed: the messages and enums of the chosen files, with the names that protoc's plugin gives them.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::PACKAGE;
use super::names::{self, Taken};
use crate::common;
use crate::schema::{FileKind, Schema};
use crate::targets::descriptors::{Shape, is_map_entry, join, oneof_of, shape, unique};

/// The common files that the original package has.
const COMMON: &[&str] = &["authentication", "sfiles", "socket_api", "uploader"];

/// Everything that the printers need.
pub(super) struct Model<'s> {
    pub(super) schema: &'s Schema,
    pub(super) files: Vec<File<'s>>,
    /// Where every type is, by full name: the library, and the class.
    places: BTreeMap<String, Place>,
}

#[derive(Clone)]
pub(super) struct Place {
    /// The file without its ending: a path in the folder of the output, or in a package.
    pub(super) library: String,
    pub(super) class: String,
    /// The first value of an enum; nothing for a message.
    pub(super) first: Option<String>,
}

pub(super) struct File<'s> {
    /// `proto/deep/chat`
    pub(super) path: String,
    /// The name by which .proto files import it.
    pub(super) source: &'s str,
    pub(super) package: &'s str,
    pub(super) messages: Vec<Message<'s>>,
    pub(super) enums: Vec<Enum<'s>>,
}

pub(super) struct Message<'s> {
    pub(super) full_name: String,
    pub(super) class: String,
    pub(super) descriptor: &'s DescriptorProto,
    /// In the order of their numbers, which is that of their places in an object.
    pub(super) fields: Vec<Field<'s>>,
    pub(super) oneofs: Vec<Oneof>,
}

pub(super) struct Field<'s> {
    pub(super) descriptor: &'s FieldDescriptorProto,
    pub(super) shape: Shape<'s>,
    pub(super) property: String,
    /// What stands behind `has`, `clear` and `ensure`.
    pub(super) stem: String,
}

pub(super) struct Oneof {
    /// What stands behind `which` and `clear`.
    pub(super) stem: String,
    /// The enum of its cases.
    pub(super) class: String,
    /// The numbers of its fields, each with its case.
    pub(super) cases: Vec<(i32, String)>,
}

pub(super) struct Enum<'s> {
    pub(super) full_name: String,
    pub(super) class: String,
    pub(super) descriptor: &'s EnumDescriptorProto,
    /// The names of the values, in the order of the .proto file.
    pub(super) values: Vec<String>,
}

impl<'s> Model<'s> {
    pub(super) fn new(schema: &'s Schema, kind: FileKind) -> Self {
        let mut model = Self { schema, files: Vec::new(), places: BTreeMap::new() };
        let mut paths = BTreeSet::new();
        let mut others = Vec::new();
        for (file, source) in schema.files.file.iter().zip(&schema.sources) {
            let stem = file.name().trim_end_matches(".proto");
            let stem = stem.strip_prefix(common::FOLDER).unwrap_or(stem);
            let in_package = source.kind == FileKind::Common && COMMON.contains(&stem);
            if source.kind == kind && (kind == FileKind::User || in_package) {
                let path = unique(&format!("proto/{stem}"), ".pb.dart", &mut paths);
                let file = Scope::file(file, path.trim_end_matches(".pb.dart").to_owned());
                model.note(&file);
                model.files.push(file);
            } else if in_package {
                model.note(&Scope::file(file, format!("{PACKAGE}/proto/{stem}")));
            } else {
                others.push((file, stem));
            }
        }
        // What protobuf and v1 declare comes along where something refers to it; a file comes after what it imports.
        for (file, stem) in others.into_iter().rev() {
            let path = unique(&format!("proto/{stem}"), ".pb.dart", &mut paths);
            let file = Scope::file(file, path.trim_end_matches(".pb.dart").to_owned());
            if model.refers_to(&file) {
                model.files.insert(0, file);
            }
        }
        for index in 0..model.files.len() {
            let places = places(&model.files[index]);
            model.places.extend(places);
        }
        model
    }

    /// Where a type is. Every type that a field names has a place, since the schema is resolved.
    pub(super) fn place(&self, full_name: &str) -> Place {
        let full_name = full_name.trim_start_matches('.');
        self.places.get(full_name).cloned().unwrap_or_else(|| Place {
            library: String::new(),
            class: full_name.replace('.', "_"),
            first: None,
        })
    }

    fn note(&mut self, file: &File<'s>) {
        self.places.extend(places(file));
    }

    /// Whether something that is printed names a type of this file.
    fn refers_to(&self, file: &File<'_>) -> bool {
        let names: BTreeSet<String> = places(file).into_iter().map(|(name, _)| name).collect();
        let fields = |message: &'s DescriptorProto| {
            message.field.iter().chain(message.nested_type.iter().flat_map(|nested| &nested.field))
        };
        let messages = self.files.iter().flat_map(|file| &file.messages);
        messages
            .flat_map(|message| fields(message.descriptor))
            .any(|field| names.contains(field.type_name().trim_start_matches('.')))
    }
}

fn places(file: &File<'_>) -> Vec<(String, Place)> {
    let place = |class: &str, first| Place { library: file.path.clone(), class: class.to_owned(), first };
    let messages = file.messages.iter().map(|message| (message.full_name.clone(), place(&message.class, None)));
    let enums = file.enums.iter().map(|item| {
        let first = item.values.first().cloned().unwrap_or_default();
        (item.full_name.clone(), place(&item.class, Some(first)))
    });
    messages.chain(enums).collect()
}

/// The names of one file.
struct Scope<'s> {
    taken: Taken,
    messages: Vec<Message<'s>>,
    enums: Vec<Enum<'s>>,
}

impl<'s> Scope<'s> {
    fn file(file: &'s FileDescriptorProto, path: String) -> File<'s> {
        let mut scope = Self { taken: Taken::types(), messages: Vec::new(), enums: Vec::new() };
        for item in &file.enum_type {
            scope.enumeration(item, file.package(), "");
        }
        for message in &file.message_type {
            scope.message(message, file.package(), "");
        }
        // Enums of oneofs are named when all classes are.
        let classes: Vec<String> = scope.messages.iter().map(|message| message.class.clone()).collect();
        let classes: Vec<&str> =
            classes.iter().chain(scope.enums.iter().map(|item| &item.class)).map(String::as_str).collect();
        for message in &mut scope.messages {
            (message.fields, message.oneofs) = members(message.descriptor, &message.class, &classes, &mut scope.taken);
        }
        let Self { messages, enums, .. } = scope;
        File { path, source: file.name(), package: file.package(), messages, enums }
    }

    fn class(&mut self, name: &str, outer: &str) -> String {
        let name = if outer.is_empty() { name.to_owned() } else { format!("{outer}_{name}") };
        self.taken.numbered(&names::visible(&name))
    }

    fn message(&mut self, descriptor: &'s DescriptorProto, scope: &str, outer: &str) {
        let class = self.class(descriptor.name(), outer);
        let full_name = join(scope, descriptor.name());
        for item in &descriptor.enum_type {
            self.enumeration(item, &full_name, &class);
        }
        for nested in descriptor.nested_type.iter().filter(|nested| !is_map_entry(nested)) {
            self.message(nested, &full_name, &class);
        }
        self.messages.push(Message { full_name, class, descriptor, fields: Vec::new(), oneofs: Vec::new() });
    }

    fn enumeration(&mut self, descriptor: &'s EnumDescriptorProto, scope: &str, outer: &str) {
        let class = self.class(descriptor.name(), outer);
        let mut taken = Taken::values();
        let values = descriptor.value.iter().map(|value| taken.underscored(&names::visible(value.name()))).collect();
        self.enums.push(Enum { full_name: join(scope, descriptor.name()), class, descriptor, values });
    }
}

fn members<'s>(
    message: &'s DescriptorProto,
    class: &str,
    classes: &[&str],
    types: &mut Taken,
) -> (Vec<Field<'s>>, Vec<Oneof>) {
    let mut taken = Taken::members(classes);
    let mut order: Vec<&FieldDescriptorProto> = message.field.iter().collect();
    order.sort_by_key(|field| field.number());
    let fields: Vec<Field<'s>> = order
        .into_iter()
        .map(|field| {
            let shape = shape(field, message);
            let prefixes: &[&str] = match &shape {
                Shape::List { .. } | Shape::Map(..) => &[],
                _ if is_message(field) => &["has", "clear", "ensure"],
                _ => &["has", "clear"],
            };
            let stem = taken.field(field.name(), field.number(), prefixes);
            Field { descriptor: field, shape, property: names::visible(&names::small(&stem)), stem }
        })
        .collect();
    let mut oneofs = Vec::new();
    for (index, oneof) in message.oneof_decl.iter().enumerate() {
        let parts = || fields.iter().filter(|field| oneof_of(field.descriptor).is_some_and(|of| of as usize == index));
        if parts().next().is_none() {
            continue;
        }
        let stem = taken
            .numbered_all(&names::capitals(oneof.name()), |name| vec![format!("which{name}"), format!("clear{name}")]);
        let name = format!("{class}_{}", names::capitals(oneof.name()));
        let class = types.numbered(&names::visible(&name));
        let case = |field: &Field<'_>| (field.descriptor.number(), Taken::cases().numbered(&field.property));
        oneofs.push(Oneof { stem, class, cases: parts().map(case).collect() });
    }
    (fields, oneofs)
}

pub(super) fn is_message(field: &FieldDescriptorProto) -> bool {
    use prost_types::field_descriptor_proto::Type;
    matches!(field.r#type(), Type::Message | Type::Group)
}
