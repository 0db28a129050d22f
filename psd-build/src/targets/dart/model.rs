//! What is printed: the messages and enums of the chosen files, with their names in Dart.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::{Options, index, names};
use crate::common;
use crate::schema::{self, FileKind, Schema};
use crate::targets::descriptors::{Shape, is_map_entry, is_well_known, join, oneof_of, shape, unique};

/// Everything that the printers need.
pub(super) struct Model<'s> {
    pub(super) schema: &'s Schema,
    pub(super) options: &'s Options,
    pub(super) files: Vec<File<'s>>,
    /// Where every type is, by full name.
    places: BTreeMap<String, Place>,
}

/// Where a type is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) library: Library,
    pub(super) names: Names,
}

/// What a type is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Names {
    Message(String),
    Enum(EnumNames),
}

/// What an enum is called, what it is with numbers that have no name, and what such a number is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EnumNames {
    pub(super) known: String,
    pub(super) open: String,
    pub(super) unknown: String,
    /// The value that nobody needs to say.
    pub(super) default: String,
}

/// A library that types come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Library {
    /// The runtime's, which is imported with a prefix.
    Runtime,
    /// The common messages.
    Common,
    /// A generated file, by its path.
    File(String),
}

/// A file to print.
pub(super) struct File<'s> {
    /// `deep/chat.dart`
    pub(super) path: String,
    /// The name by which .proto files import it.
    pub(super) source: &'s str,
    pub(super) messages: Vec<Message<'s>>,
    pub(super) enums: Vec<Enum<'s>>,
}

pub(super) struct Message<'s> {
    pub(super) full_name: String,
    pub(super) name: String,
    pub(super) descriptor: &'s DescriptorProto,
    /// What its comment says of it, if it travels.
    pub(super) travels: Option<&'s schema::Message>,
    /// In the order of their numbers.
    pub(super) fields: Vec<Field<'s>>,
    /// What an object has, in the order of the .proto file.
    pub(super) members: Vec<Member>,
}

pub(super) struct Field<'s> {
    pub(super) descriptor: &'s FieldDescriptorProto,
    /// Its name in Dart.
    pub(super) property: String,
    pub(super) shape: Shape<'s>,
    /// Its oneof: the name in the .proto file, and the class of its case.
    pub(super) oneof: Option<(String, String)>,
}

/// A property of a message.
pub(super) enum Member {
    /// A field, by its index in `fields`.
    Field(usize),
    Oneof(Oneof),
}

pub(super) struct Oneof {
    pub(super) property: String,
    /// Its name in the .proto file.
    pub(super) name: String,
    /// The class of its cases.
    pub(super) class: String,
    /// Its fields, by their index in `fields`, in the order of the .proto file.
    pub(super) parts: Vec<usize>,
}

pub(super) struct Enum<'s> {
    pub(super) full_name: String,
    pub(super) names: EnumNames,
    pub(super) descriptor: &'s EnumDescriptorProto,
    /// The names of the values in Dart, in the order of the .proto file.
    pub(super) values: Vec<String>,
}

impl<'s> Model<'s> {
    pub(super) fn new(schema: &'s Schema, options: &'s Options, kind: FileKind) -> Self {
        let mut model = Self { schema, options, files: Vec::new(), places: BTreeMap::new() };
        let files = || schema.files.file.iter().zip(&schema.sources);
        let mut paths = BTreeSet::from([index::FILE.to_owned()]);
        for (file, source) in files() {
            match source.kind {
                FileKind::WellKnown => {}
                FileKind::Common if kind == FileKind::User => {
                    let scope = Scope::of(file, schema);
                    model.note(&scope, &Library::Common);
                }
                _ => model.add(file, &mut paths),
            }
        }
        // Files that protobuf brings and that are like any other come along when a field needs them.
        if model.needs_more() {
            for (file, _) in files().filter(|(_, source)| source.kind == FileKind::WellKnown) {
                let is_ours = |message: &DescriptorProto| is_well_known(&format!("google.protobuf.{}", message.name()));
                if !file.message_type.iter().any(is_ours) {
                    model.add(file, &mut paths);
                }
            }
        }
        model
    }

    /// Where a type is. Well-known types are where the runtime has them.
    pub(super) fn place(&self, full_name: &str) -> Place {
        let full_name = full_name.trim_start_matches('.');
        match self.places.get(full_name) {
            Some(place) => place.clone(),
            None => Place { library: Library::Runtime, names: well_known(full_name) },
        }
    }

    fn needs_more(&self) -> bool {
        let fields = self.files.iter().flat_map(|file| &file.messages).flat_map(|message| &message.descriptor.field);
        fields
            .map(|field| field.type_name().trim_start_matches('.'))
            .any(|name| name.starts_with("google.protobuf.") && !is_well_known(name))
    }

    fn add(&mut self, file: &'s FileDescriptorProto, paths: &mut BTreeSet<String>) {
        // The folder of the common files is theirs alone.
        let stem = file.name().trim_end_matches(".proto");
        let path = unique(stem.strip_prefix(common::FOLDER).unwrap_or(stem), ".dart", paths);
        let mut scope = Scope::of(file, self.schema);
        self.note(&scope, &Library::File(path.clone()));
        let messages = scope.messages();
        let enums = scope.enums();
        self.files.push(File { path, source: file.name(), messages, enums });
    }

    fn note(&mut self, scope: &Scope<'s>, library: &Library) {
        let places = scope
            .names
            .iter()
            .map(|(full_name, names)| (full_name.clone(), Place { library: library.clone(), names: names.clone() }));
        self.places.extend(places);
    }
}

fn well_known(full_name: &str) -> Names {
    let name = full_name.rsplit('.').next().unwrap_or(full_name);
    Names::Message(match name {
        "NullValue" => {
            return Names::Enum(EnumNames {
                known: "NullValue".to_owned(),
                open: "OpenNullValue".to_owned(),
                unknown: "UnknownNullValue".to_owned(),
                default: "nullValue".to_owned(),
            });
        }
        "Duration" => "ProtoDuration".to_owned(),
        name => name.to_owned(),
    })
}

/// The types of one file, with their names.
struct Scope<'s> {
    schema: &'s Schema,
    /// The messages and enums, with their full names, in the order in which they are printed.
    found_messages: Vec<(String, &'s DescriptorProto)>,
    found_enums: Vec<(String, &'s EnumDescriptorProto)>,
    /// What every type is called, by full name.
    names: BTreeMap<String, Names>,
    taken: BTreeSet<String>,
}

impl<'s> Scope<'s> {
    /// Outer types first: `ChoiceInner` at the top of the file goes before `Inner` in `Choice`. What is made for a type
    /// comes after all types.
    fn of(file: &'s FileDescriptorProto, schema: &'s Schema) -> Self {
        let mut scope = Self {
            schema,
            found_messages: Vec::new(),
            found_enums: Vec::new(),
            names: BTreeMap::new(),
            taken: BTreeSet::new(),
        };
        for message in &file.message_type {
            scope.name(join(file.package(), message.name()), names::class(message.name()), false);
        }
        for item in &file.enum_type {
            let full_name = join(file.package(), item.name());
            scope.name(full_name.clone(), names::class(item.name()), true);
            scope.found_enums.push((full_name, item));
        }
        for message in &file.message_type {
            scope.message(message, join(file.package(), message.name()));
        }
        for (full_name, descriptor) in scope.found_enums.clone() {
            if let Some(Names::Enum(mut names)) = scope.names.get(&full_name).cloned() {
                names.open = scope.free(format!("Open{}", names.known));
                names.unknown = scope.free(format!("Unknown{}", names.known));
                names.default = values(descriptor).into_iter().next().unwrap_or_default();
                scope.names.insert(full_name, Names::Enum(names));
            }
        }
        scope
    }

    fn message(&mut self, descriptor: &'s DescriptorProto, full_name: String) {
        let outer = self.named(&full_name);
        self.found_messages.push((full_name.clone(), descriptor));
        let nested = || descriptor.nested_type.iter().filter(|nested| !is_map_entry(nested));
        for inner in nested() {
            self.name(join(&full_name, inner.name()), format!("{outer}{}", names::part(inner.name())), false);
        }
        for item in &descriptor.enum_type {
            let name = join(&full_name, item.name());
            self.name(name.clone(), format!("{outer}{}", names::part(item.name())), true);
            self.found_enums.push((name, item));
        }
        for inner in nested() {
            self.message(inner, join(&full_name, inner.name()));
        }
    }

    fn name(&mut self, full_name: String, name: String, is_enum: bool) {
        let known = self.free(name);
        let names = if is_enum {
            Names::Enum(EnumNames { known, open: String::new(), unknown: String::new(), default: String::new() })
        } else {
            Names::Message(known)
        };
        self.names.insert(full_name, names);
    }

    /// A name that nothing else in the file has.
    fn free(&mut self, mut name: String) -> String {
        while !self.taken.insert(name.clone()) {
            name.push('$');
        }
        name
    }

    fn named(&self, full_name: &str) -> String {
        match self.names.get(full_name) {
            Some(Names::Message(name)) => name.clone(),
            Some(Names::Enum(names)) => names.known.clone(),
            None => String::new(),
        }
    }

    fn enums(&self) -> Vec<Enum<'s>> {
        let found = self.found_enums.iter().filter_map(|(full_name, descriptor)| {
            let Some(Names::Enum(names)) = self.names.get(full_name) else { return None };
            let values = values(descriptor);
            Some(Enum { full_name: full_name.clone(), names: names.clone(), descriptor, values })
        });
        found.collect()
    }

    fn messages(&mut self) -> Vec<Message<'s>> {
        let found = std::mem::take(&mut self.found_messages);
        let messages = found.into_iter().map(|(full_name, descriptor)| {
            let name = self.named(&full_name);
            let travels = self.schema.message(&full_name);
            let (fields, members) = self.members(descriptor, &name);
            Message { full_name, name, descriptor, travels, fields, members }
        });
        messages.collect()
    }

    /// The fields of a message, and the properties that hold them.
    fn members(&mut self, message: &'s DescriptorProto, class: &str) -> (Vec<Field<'s>>, Vec<Member>) {
        let mut taken = BTreeSet::new();
        let mut property = |name: &str| {
            let mut property = names::property(name);
            while !taken.insert(property.clone()) {
                property.push('$');
            }
            property
        };
        let mut order: Vec<&FieldDescriptorProto> = message.field.iter().collect();
        order.sort_by_key(|field| field.number());
        let index_of = |field: &FieldDescriptorProto| {
            order.iter().position(|other| other.number() == field.number()).unwrap_or_default()
        };
        // Names are given in the order of the .proto file, so that a new field at its end changes no other's. A field of
        // a oneof is no property, only a case.
        let mut members = Vec::new();
        let mut properties = BTreeMap::new();
        let mut cases: BTreeMap<i32, (String, String)> = BTreeMap::new();
        for field in message.field.iter().filter(|field| oneof_of(field).is_none()) {
            properties.insert(field.number(), property(field.name()));
        }
        let mut seen = BTreeSet::new();
        for field in &message.field {
            let Some(index) = oneof_of(field) else {
                members.push(Member::Field(index_of(field)));
                continue;
            };
            if !seen.insert(index) {
                continue;
            }
            let declared = usize::try_from(index).ok().and_then(|index| message.oneof_decl.get(index));
            let name = declared.map(|oneof| oneof.name().to_owned()).unwrap_or_default();
            let sealed = self.free(format!("{class}{}", names::part(&name)));
            let parts = message.field.iter().filter(|part| oneof_of(part) == Some(index));
            for part in parts.clone() {
                let case = self.free(format!("{sealed}{}", names::part(part.name())));
                cases.insert(part.number(), (name.clone(), case));
            }
            let parts = parts.map(&index_of).collect();
            members.push(Member::Oneof(Oneof { property: property(&name), name, class: sealed, parts }));
        }
        let fields = order.iter().map(|field| Field {
            descriptor: field,
            property: properties.get(&field.number()).cloned().unwrap_or_default(),
            shape: shape(field, message),
            oneof: cases.get(&field.number()).cloned(),
        });
        (fields.collect(), members)
    }
}

/// The names of an enum's values. One that another has already, as `A_B` and `aB` do, gets a mark.
fn values(item: &EnumDescriptorProto) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let names = item.value.iter().map(|value| {
        let mut name = names::value(value.name());
        while !taken.insert(name.clone()) {
            name.push('$');
        }
        name
    });
    names.collect()
}
