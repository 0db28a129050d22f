//! What is printed: the messages and enums of the chosen files, with their Rust paths and JSON names.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::externs::{self, WellKnown};
use super::names;
use crate::Schema;
use crate::schema::FileKind;
use crate::targets::json_names;

/// Everything that the printers need.
pub(super) struct Model<'s> {
    pub(super) schema: &'s Schema,
    /// The path of psd-proto in generated code.
    pub(super) runtime: &'s str,
    pub(super) messages: Vec<Message<'s>>,
    pub(super) enums: Vec<Enum<'s>>,
    /// Rust paths of types that are referred to but not printed, by full name.
    pub(super) externs: BTreeMap<String, String>,
    /// Full names of the common messages, if the schema has them and they are not what is printed.
    pub(super) common: Vec<String>,
    /// The packages of the common messages, likewise.
    pub(super) common_packages: BTreeSet<String>,
}

/// Where a printed type is: its package and its path in the package's module.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) package: String,
    /// `types::Inner` for the message `Inner` inside `Types`.
    pub(super) path: String,
    pub(super) full_name: String,
}

pub(super) struct Message<'s> {
    pub(super) place: Place,
    /// In the order of the .proto file.
    pub(super) fields: Vec<Field>,
    pub(super) oneofs: Vec<Oneof>,
    pub(super) descriptor: &'s DescriptorProto,
}

pub(super) struct Enum<'s> {
    pub(super) place: Place,
    pub(super) descriptor: &'s EnumDescriptorProto,
}

/// A field outside of oneofs.
pub(super) struct Field {
    pub(super) names: FieldNames,
    /// The identifier in Rust.
    pub(super) identifier: String,
    pub(super) codec: Codec,
}

/// A oneof that is not the artificial one of an `optional` field.
pub(super) struct Oneof {
    pub(super) identifier: String,
    /// The enum's path in the package's module.
    pub(super) path: String,
    pub(super) variants: Vec<Variant>,
}

/// A field of a oneof.
pub(super) struct Variant {
    pub(super) names: FieldNames,
    pub(super) identifier: String,
    pub(super) codec: Codec,
}

/// The names of a field in JSON.
pub(super) struct FieldNames {
    pub(super) proto: String,
    pub(super) proto3: String,
    pub(super) classic: String,
    /// Those by which it is read: no two fields of a message share one.
    pub(super) read: Vec<String>,
}

/// The marker of `psd_proto::json` that spells a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Codec {
    /// The Rust type alone decides.
    Plain,
    /// An enum, by full name.
    Enum(String),
    Wrapper,
    Null,
    Repeated(Box<Codec>),
    Map(Box<Codec>),
    Optional(Box<Codec>),
}

impl<'s> Model<'s> {
    pub(super) fn new(schema: &'s Schema, runtime: &'s str, kind: FileKind) -> Self {
        let mut model = Self::empty(schema, runtime);
        let files = || schema.files.file.iter().zip(&schema.sources);
        for (file, source) in files() {
            match source.kind {
                FileKind::WellKnown => {}
                FileKind::Common if kind == FileKind::User => model.add_extern_file(file),
                _ => model.add_file(file),
            }
        }
        // Files that protobuf brings and JSON treats like any other come along when a field needs them.
        loop {
            let printed: BTreeSet<&str> = model.messages.iter().map(|message| &*message.place.package).collect();
            let needed = model.messages.iter().flat_map(|message| &message.descriptor.field).any(|field| {
                let name = field.type_name().trim_start_matches('.');
                name.starts_with("google.protobuf.") && externs::well_known(name, runtime).is_none()
            });
            if !needed || printed.contains("google.protobuf") {
                break;
            }
            for (file, _) in files().filter(|(file, _)| file.package() == "google.protobuf") {
                model.add_file(file);
            }
        }
        model
    }

    fn empty(schema: &'s Schema, runtime: &'s str) -> Self {
        Self {
            schema,
            runtime,
            messages: Vec::new(),
            enums: Vec::new(),
            externs: BTreeMap::new(),
            common: Vec::new(),
            common_packages: BTreeSet::new(),
        }
    }

    fn add_file(&mut self, file: &'s FileDescriptorProto) {
        let proto3 = file.syntax() == "proto3";
        let scope = Scope { package: file.package(), full_name: file.package().to_owned(), modules: String::new() };
        for message in &file.message_type {
            self.add_message(message, &scope, proto3);
        }
        for descriptor in &file.enum_type {
            self.add_enum(descriptor, &scope);
        }
    }

    fn add_message(&mut self, descriptor: &'s DescriptorProto, scope: &Scope<'_>, proto3: bool) {
        let place = scope.place(descriptor.name());
        if is_map_entry(descriptor) || externs::well_known(&place.full_name, self.runtime).is_some() {
            return;
        }
        let inner = scope.inside(descriptor.name());
        self.messages.push(message(descriptor, place, &inner, proto3));
        for nested in &descriptor.nested_type {
            self.add_message(nested, &inner, proto3);
        }
        for nested in &descriptor.enum_type {
            self.add_enum(nested, &inner);
        }
    }

    fn add_enum(&mut self, descriptor: &'s EnumDescriptorProto, scope: &Scope<'_>) {
        let place = scope.place(descriptor.name());
        if externs::well_known(&place.full_name, self.runtime).is_none() {
            self.enums.push(Enum { place, descriptor });
        }
    }

    /// A file of common messages: psd-proto has them already.
    fn add_extern_file(&mut self, file: &'s FileDescriptorProto) {
        let mut other = Model::empty(self.schema, self.runtime);
        other.add_file(file);
        let module = modules(file.package()).join("::");
        let places = other.messages.iter().map(|message| &message.place);
        for place in places.clone().chain(other.enums.iter().map(|descriptor| &descriptor.place)) {
            let path = format!("{}::common::{module}::{}", self.runtime, place.path);
            self.externs.insert(place.full_name.clone(), path);
        }
        self.common.extend(places.map(|place| place.full_name.clone()));
        self.common_packages.insert(file.package().to_owned());
    }

    /// The path of a type, seen from the module of a package.
    pub(super) fn path(&self, full_name: &str, package: &str) -> String {
        if let Some((path, _)) = externs::well_known(full_name, self.runtime) {
            return path;
        }
        if let Some(path) = self.externs.get(full_name) {
            return path.clone();
        }
        let enums = self.enums.iter().map(|descriptor| &descriptor.place);
        let mut places = self.messages.iter().map(|message| &message.place).chain(enums);
        match places.find(|place| place.full_name == full_name) {
            Some(place) => relative(package, place),
            // The compiler resolved every name, so this is never reached; the name says most if it is.
            None => full_name.replace('.', "::"),
        }
    }
}

/// The modules of a package.
pub(super) fn modules(package: &str) -> Vec<String> {
    package.split('.').filter(|segment| !segment.is_empty()).map(names::snake).collect()
}

/// The path of a printed type, seen from the module of a package.
fn relative(package: &str, place: &Place) -> String {
    let (from, to) = (modules(package), modules(&place.package));
    let shared = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
    let mut path = vec!["self".to_owned()];
    if from.len() > shared {
        path = vec!["super".to_owned(); from.len() - shared];
    }
    path.extend_from_slice(&to[shared..]);
    path.push(place.path.clone());
    path.join("::")
}

/// Where types are declared: in a file or a message.
struct Scope<'p> {
    package: &'p str,
    full_name: String,
    /// The modules inside of the package's, each with `::` behind it.
    modules: String,
}

impl Scope<'_> {
    fn place(&self, name: &str) -> Place {
        Place {
            package: self.package.to_owned(),
            path: format!("{}{}", self.modules, names::upper_camel(name)),
            full_name: self.full_name(name),
        }
    }

    fn full_name(&self, name: &str) -> String {
        if self.full_name.is_empty() { name.to_owned() } else { format!("{}.{name}", self.full_name) }
    }

    fn inside(&self, message: &str) -> Self {
        Self {
            package: self.package,
            full_name: self.full_name(message),
            modules: format!("{}{}::", self.modules, names::snake(message)),
        }
    }
}

fn message<'s>(descriptor: &'s DescriptorProto, place: Place, inner: &Scope<'_>, proto3: bool) -> Message<'s> {
    let mut names = field_names(descriptor);
    let mut fields = Vec::new();
    let mut oneofs: BTreeMap<i32, Vec<Variant>> = BTreeMap::new();
    for (field, names) in descriptor.field.iter().zip(names.drain(..)) {
        match field.oneof_index.filter(|_| !field.proto3_optional()) {
            Some(oneof) => oneofs.entry(oneof).or_default().push(Variant {
                names,
                identifier: names::upper_camel(field.name()),
                codec: value_codec(field),
            }),
            None => fields.push(Field {
                names,
                identifier: names::snake(field.name()),
                codec: field_codec(field, descriptor, proto3),
            }),
        }
    }
    let nested_names = descriptor.nested_type.iter().map(DescriptorProto::name);
    let nested_names = nested_names.chain(descriptor.enum_type.iter().map(EnumDescriptorProto::name));
    let nested: BTreeSet<String> = nested_names.map(names::upper_camel).collect();
    let declared = descriptor.oneof_decl.iter().enumerate();
    let oneofs = declared.filter_map(|(index, oneof)| {
        let variants = oneofs.remove(&i32::try_from(index).ok()?)?;
        let mut path = names::upper_camel(oneof.name());
        if nested.contains(&path) {
            path.push_str("OneOf");
        }
        Some(Oneof { identifier: names::snake(oneof.name()), path: format!("{}{path}", inner.modules), variants })
    });
    Message { place, oneofs: oneofs.collect(), fields, descriptor }
}

/// The names of all fields. A proto name or proto3 JSON name goes before another field's classic name, and the
/// earlier field before the later.
fn field_names(message: &DescriptorProto) -> Vec<FieldNames> {
    let mut taken = BTreeSet::new();
    let mut all: Vec<FieldNames> = Vec::new();
    for field in &message.field {
        let proto = field.name().to_owned();
        let proto3 = field.json_name.clone().unwrap_or_else(|| json_names::proto3(&proto));
        let classic = json_names::classic(&proto);
        all.push(FieldNames { proto, proto3, classic, read: Vec::new() });
    }
    for choice in 0..3 {
        for names in &mut all {
            let name = [&names.proto, &names.proto3, &names.classic][choice].clone();
            if taken.insert(name.clone()) {
                names.read.push(name);
            }
        }
    }
    all
}

fn field_codec(field: &FieldDescriptorProto, message: &DescriptorProto, proto3: bool) -> Codec {
    if field.label() == Label::Repeated {
        let entry = message.nested_type.iter().filter(|nested| is_map_entry(nested)).find(|nested| {
            let name = field.type_name();
            field.r#type() == Type::Message && name.rsplit('.').next() == Some(nested.name())
        });
        return match entry.and_then(|entry| entry.field.iter().find(|field| field.number() == 2)) {
            Some(value) => Codec::Map(Box::new(value_codec(value))),
            None => Codec::Repeated(Box::new(value_codec(field))),
        };
    }
    let has_presence = field.proto3_optional() || field.label() == Label::Optional && (is_message(field) || !proto3);
    let codec = value_codec(field);
    if has_presence { Codec::Optional(Box::new(codec)) } else { codec }
}

fn value_codec(field: &FieldDescriptorProto) -> Codec {
    let full_name = field.type_name().trim_start_matches('.');
    match externs::well_known(full_name, "") {
        Some((_, WellKnown::Wrapper)) => Codec::Wrapper,
        Some((_, WellKnown::Null)) => Codec::Null,
        _ if field.r#type() == Type::Enum => Codec::Enum(full_name.to_owned()),
        _ => Codec::Plain,
    }
}

fn is_message(field: &FieldDescriptorProto) -> bool {
    matches!(field.r#type(), Type::Message | Type::Group)
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry)
}
