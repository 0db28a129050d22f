//! What is printed: the messages and enums of the chosen files, with their names in TypeScript.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::{Options, compat, names};
use crate::common;
use crate::schema::{self, FileKind, Schema};
use crate::targets::descriptors::{Shape, is_map_entry, is_well_known, join, oneof_of, shape, unique};
use crate::targets::json_names;

/// Everything that the printers need.
pub(super) struct Model<'s> {
    pub(super) schema: &'s Schema,
    pub(super) options: &'s Options,
    pub(super) files: Vec<File<'s>>,
    /// Where every type is, by full name.
    pub(super) places: BTreeMap<String, Place>,
}

/// Where a type is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) module: Module,
    /// What it is called there.
    pub(super) name: String,
    pub(super) is_enum: bool,
}

/// A module that types come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Module {
    /// A generated file, by its path.
    File(String),
    Common,
    WellKnown,
}

/// A file to print.
pub(super) struct File<'s> {
    /// `deep/chat.ts`
    pub(super) path: String,
    /// The name by which .proto files import it.
    pub(super) source: &'s str,
    pub(super) package: &'s str,
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

pub(super) struct Enum<'s> {
    pub(super) full_name: String,
    pub(super) name: String,
    pub(super) descriptor: &'s EnumDescriptorProto,
}

pub(super) struct Field<'s> {
    pub(super) descriptor: &'s FieldDescriptorProto,
    /// Its name in TypeScript.
    pub(super) property: String,
    pub(super) shape: Shape<'s>,
    /// The property of its oneof.
    pub(super) oneof: Option<String>,
}

/// A property of a message.
pub(super) enum Member {
    /// A field, by its index in `fields`.
    Field(usize),
    /// A oneof: its property, its name in the .proto file, and its fields.
    Oneof(String, String, Vec<usize>),
}

impl<'s> Model<'s> {
    pub(super) fn new(schema: &'s Schema, options: &'s Options, kind: FileKind) -> Self {
        let mut model = Self { schema, options, files: Vec::new(), places: BTreeMap::new() };
        let files = || schema.files.file.iter().zip(&schema.sources);
        let mut paths = BTreeSet::from(["index.ts".to_owned()]);
        if options.compat.is_some() {
            paths.insert(compat::FILE.to_owned());
        }
        for (file, source) in files() {
            match source.kind {
                FileKind::WellKnown => {}
                FileKind::Common if kind == FileKind::User => model.refer(file, &Module::Common),
                _ => model.add(file, &mut paths),
            }
        }
        // Files that protobuf brings and that are like any other come along when a field needs them.
        if model.needs_more() {
            for (file, _) in files().filter(|(_, source)| source.kind == FileKind::WellKnown) {
                if !file
                    .message_type
                    .iter()
                    .any(|message| is_well_known(&format!("google.protobuf.{}", message.name())))
                {
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
            None => {
                let name = full_name.rsplit('.').next().unwrap_or(full_name);
                Place { module: Module::WellKnown, name: name.to_owned(), is_enum: name == "NullValue" }
            }
        }
    }

    fn needs_more(&self) -> bool {
        let fields = self.files.iter().flat_map(|file| &file.messages).flat_map(|message| &message.descriptor.field);
        fields
            .map(|field| field.type_name().trim_start_matches('.'))
            .any(|name| name.starts_with("google.protobuf.") && !is_well_known(name))
    }

    /// Notes the types of a file that is not printed.
    fn refer(&mut self, file: &'s FileDescriptorProto, module: &Module) {
        let mut scope = Scope::of(file);
        scope.file(file);
        self.note(scope, module);
    }

    fn add(&mut self, file: &'s FileDescriptorProto, paths: &mut BTreeSet<String>) {
        // The folder of the common files is theirs alone.
        let stem = file.name().trim_end_matches(".proto");
        let path = unique(stem.strip_prefix(common::FOLDER).unwrap_or(stem), ".ts", paths);
        let mut scope = Scope::of(file);
        scope.schema = Some(self.schema);
        scope.file(file);
        let (messages, enums) = (std::mem::take(&mut scope.messages), std::mem::take(&mut scope.enums));
        self.note(scope, &Module::File(path.clone()));
        self.files.push(File { path, source: file.name(), package: file.package(), messages, enums });
    }

    fn note(&mut self, scope: Scope<'s>, module: &Module) {
        self.places.extend(
            scope
                .names
                .into_iter()
                .map(|(full_name, (name, is_enum))| (full_name, Place { module: module.clone(), name, is_enum })),
        );
    }
}

/// The types of one file while they are named.
struct Scope<'s> {
    package: &'s str,
    schema: Option<&'s Schema>,
    messages: Vec<Message<'s>>,
    enums: Vec<Enum<'s>>,
    /// The name of every type, by full name, and whether it is an enum.
    names: BTreeMap<String, (String, bool)>,
    taken: BTreeSet<String>,
}

impl<'s> Scope<'s> {
    fn of(file: &'s FileDescriptorProto) -> Self {
        Self {
            package: file.package(),
            schema: None,
            messages: Vec::new(),
            enums: Vec::new(),
            names: BTreeMap::new(),
            taken: BTreeSet::new(),
        }
    }

    /// Outer types first: `Choice_Inner` at the top of the file goes before `Inner` in `Choice`.
    fn file(&mut self, file: &'s FileDescriptorProto) {
        let top = file.message_type.iter().map(|message| (message.name(), false));
        for (name, is_enum) in top.chain(file.enum_type.iter().map(|item| (item.name(), true))) {
            self.name(join(self.package, name), name.to_owned(), is_enum);
        }
        for item in &file.enum_type {
            self.enumeration(item, self.package);
        }
        for message in &file.message_type {
            self.message(message, self.package);
        }
    }

    fn name(&mut self, full_name: String, name: String, is_enum: bool) {
        let mut name = names::export(&name);
        while !self.taken.insert(name.clone()) {
            name.push('$');
        }
        self.names.insert(full_name, (name, is_enum));
    }

    fn named(&self, full_name: &str) -> String {
        self.names.get(full_name).map_or_else(String::new, |(name, _)| name.clone())
    }

    fn enumeration(&mut self, descriptor: &'s EnumDescriptorProto, scope: &str) {
        let full_name = join(scope, descriptor.name());
        let name = self.named(&full_name);
        self.enums.push(Enum { full_name, name, descriptor });
    }

    fn message(&mut self, descriptor: &'s DescriptorProto, scope: &str) {
        let full_name = join(scope, descriptor.name());
        let name = self.named(&full_name);
        let inner = descriptor.nested_type.iter().filter(|nested| !is_map_entry(nested));
        let nested = inner.clone().map(|nested| (nested.name(), false));
        for (part, is_enum) in nested.chain(descriptor.enum_type.iter().map(|item| (item.name(), true))) {
            self.name(join(&full_name, part), format!("{name}_{part}"), is_enum);
        }
        let travels = self.schema.and_then(|schema| schema.message(&full_name));
        let (fields, members) = members(descriptor);
        self.messages.push(Message { full_name: full_name.clone(), name, descriptor, travels, fields, members });
        for item in &descriptor.enum_type {
            self.enumeration(item, &full_name);
        }
        for nested in inner {
            self.message(nested, &full_name);
        }
    }
}

/// The fields of a message, and the properties that hold them.
fn members(message: &DescriptorProto) -> (Vec<Field<'_>>, Vec<Member>) {
    let mut order: Vec<&FieldDescriptorProto> = message.field.iter().collect();
    order.sort_by_key(|field| field.number());
    let mut taken = BTreeSet::new();
    let mut property = |mut property: String| {
        while !taken.insert(property.clone()) {
            property.push('$');
        }
        property
    };
    // Names are given in the order of the .proto file, so that a new field at its end changes no other's. A field of a
    // oneof is no property, only the name of a case.
    let mut properties = BTreeMap::new();
    let mut oneofs: BTreeMap<i32, String> = BTreeMap::new();
    for field in &message.field {
        let classic = json_names::classic(field.name());
        let name = if oneof_of(field).is_some() { classic } else { property(names::property(&classic)) };
        properties.insert(field.number(), name);
    }
    for (index, field) in message.field.iter().filter_map(|field| Some((oneof_of(field)?, field))) {
        let oneof = usize::try_from(index).ok().and_then(|index| message.oneof_decl.get(index));
        let name = json_names::classic(oneof.map_or(field.name(), |oneof| oneof.name()));
        oneofs.entry(index).or_insert_with(|| property(names::property(&name)));
    }
    let fields: Vec<Field<'_>> = order
        .iter()
        .map(|field| Field {
            descriptor: field,
            property: properties.get(&field.number()).cloned().unwrap_or_default(),
            shape: shape(field, message),
            oneof: oneof_of(field).and_then(|index| oneofs.get(&index).cloned()),
        })
        .collect();
    let index_of = |number: i32| order.iter().position(|field| field.number() == number).unwrap_or_default();
    let mut members = Vec::new();
    let mut seen = BTreeSet::new();
    for field in &message.field {
        match oneof_of(field) {
            None => members.push(Member::Field(index_of(field.number()))),
            Some(index) if seen.insert(index) => {
                let parts = message.field.iter().filter(|part| oneof_of(part) == Some(index));
                let parts = parts.map(|part| index_of(part.number())).collect();
                let declared = usize::try_from(index).ok().and_then(|index| message.oneof_decl.get(index));
                let name = declared.map(|oneof| oneof.name().to_owned()).unwrap_or_default();
                members.push(Member::Oneof(oneofs.get(&index).cloned().unwrap_or_default(), name, parts));
            }
            Some(_) => {}
        }
    }
    (fields, members)
}
