//! What is printed: the modules, and the messages and enums in them with their names in Python.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::{messages, names};
use crate::diagnostics::Diagnostic;
use crate::schema::{self, FileKind, Schema};
use crate::targets::descriptors::{Shape, is_map_entry, join, shape};
use crate::{Error, common};

/// Everything that the printers need.
pub(super) struct Model<'s> {
    pub(super) schema: &'s Schema,
    pub(super) modules: Vec<Module<'s>>,
    /// Where every type is, by full name.
    places: BTreeMap<String, Place>,
}

/// Where a type is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The module, by its index in the model.
    pub(super) module: usize,
    /// What it is called there.
    pub(super) name: String,
}

/// A module: as with betterproto, one a package, or one a file that names no package.
pub(super) struct Module<'s> {
    /// Its path from the folder of the output: `["shop", "cart"]`.
    pub(super) path: Vec<String>,
    /// Whether other modules are in it, so that it is a folder.
    pub(super) is_folder: bool,
    /// The .proto files by their import names.
    pub(super) sources: Vec<&'s str>,
    pub(super) messages: Vec<Message<'s>>,
    pub(super) enums: Vec<Enum<'s>>,
}

pub(super) struct Message<'s> {
    pub(super) full_name: String,
    pub(super) name: String,
    /// What its comment says of it, if it travels.
    pub(super) travels: Option<&'s schema::Message>,
    pub(super) fields: Vec<Field<'s>>,
}

pub(super) struct Enum<'s> {
    pub(super) full_name: String,
    pub(super) name: String,
    pub(super) descriptor: &'s EnumDescriptorProto,
}

pub(super) struct Field<'s> {
    pub(super) descriptor: &'s FieldDescriptorProto,
    /// Its name in Python.
    pub(super) name: String,
    pub(super) shape: Shape<'s>,
    /// The oneof it is in, also the artificial one of an `optional` field.
    pub(super) group: Option<&'s str>,
    /// Whether its message would contain itself if betterproto made it at once.
    pub(super) is_recursive: bool,
}

/// What betterproto makes of a well-known type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Datetime,
    Timedelta,
    /// A scalar or `None`: its name in Python, and in betterproto's constants.
    Wrapper(&'static str, &'static str),
}

impl Plain {
    pub(super) fn of(type_name: &str) -> Option<Self> {
        Some(match type_name.trim_start_matches('.').strip_prefix("google.protobuf.")? {
            "Timestamp" => Self::Datetime,
            "Duration" => Self::Timedelta,
            "BoolValue" => Self::Wrapper("bool", "BOOL"),
            "BytesValue" => Self::Wrapper("bytes", "BYTES"),
            "DoubleValue" => Self::Wrapper("float", "DOUBLE"),
            "FloatValue" => Self::Wrapper("float", "FLOAT"),
            "Int32Value" => Self::Wrapper("int", "INT32"),
            "Int64Value" => Self::Wrapper("int", "INT64"),
            "StringValue" => Self::Wrapper("str", "STRING"),
            "UInt32Value" => Self::Wrapper("int", "UINT32"),
            "UInt64Value" => Self::Wrapper("int", "UINT64"),
            _ => return None,
        })
    }
}

impl Module<'_> {
    /// The file, relative to the folder of the output.
    pub(super) fn file(&self) -> String {
        format!("{}{}.py", self.path.join("/"), if self.is_folder { "/__init__" } else { "" })
    }

    /// The folders it is in, each with a slash behind it; the output's own is empty.
    pub(super) fn folders(&self) -> Vec<String> {
        let depth = self.path.len() - usize::from(!self.is_folder);
        (0..=depth).map(|depth| self.path.iter().take(depth).map(|part| format!("{part}/")).collect()).collect()
    }

    /// The dots of a relative import that begins in the folder of the output.
    pub(super) fn root(&self) -> String {
        ".".repeat(self.path.len() + usize::from(self.is_folder))
    }
}

impl<'s> Model<'s> {
    pub(super) fn new(schema: &'s Schema) -> Result<Self, Error> {
        let mut scopes: BTreeMap<Vec<String>, Scope<'s>> = BTreeMap::new();
        for file in wanted(schema) {
            let path = path(file);
            scopes.entry(path).or_insert_with(|| Scope::of(schema)).file(file);
        }
        scopes.retain(|_, scope| !scope.messages.is_empty() || !scope.enums.is_empty());
        let paths: Vec<Vec<String>> = scopes.keys().cloned().collect();
        let mut model = Self { schema, modules: Vec::new(), places: BTreeMap::new() };
        let mut mistakes = Vec::new();
        for (index, (path, scope)) in scopes.into_iter().enumerate() {
            let is_folder = paths.iter().any(|other| other.len() > path.len() && other.starts_with(&path));
            let place = |(full_name, name)| (full_name, Place { module: index, name });
            model.places.extend(scope.names.into_iter().map(place));
            mistakes.extend(scope.mistakes);
            let Scope { sources, messages, enums, .. } = scope;
            model.modules.push(Module { path, is_folder, sources, messages, enums });
        }
        model.find_recursion();
        if mistakes.is_empty() { Ok(model) } else { Err(Error::new(mistakes)) }
    }

    /// Where a type is, by its full name with or without a leading dot.
    pub(super) fn place(&self, full_name: &str) -> Option<&Place> {
        self.places.get(full_name.trim_start_matches('.'))
    }

    /// Marks the fields by which a message contains itself: lists and maps begin empty, so only single fields count.
    fn find_recursion(&mut self) {
        let single = |field: &Field<'s>| {
            let is_message =
                matches!(field.shape, Shape::Single | Shape::Optional) && field.descriptor.r#type() == Type::Message;
            let name = field.descriptor.type_name();
            (is_message && Plain::of(name).is_none()).then(|| name.trim_start_matches('.').to_owned())
        };
        let all = || self.modules.iter().flat_map(|module| &module.messages);
        let contains: BTreeMap<String, BTreeSet<String>> = all()
            .map(|message| (message.full_name.clone(), message.fields.iter().filter_map(single).collect()))
            .collect();
        let leads_back = |from: &str, to: &str| {
            let (mut open, mut seen) = (vec![from.to_owned()], BTreeSet::new());
            while let Some(name) = open.pop() {
                if name == to {
                    return true;
                }
                if seen.insert(name.clone()) {
                    open.extend(contains.get(&name).into_iter().flatten().cloned());
                }
            }
            false
        };
        for message in self.modules.iter_mut().flat_map(|module| &mut module.messages) {
            for field in &mut message.fields {
                field.is_recursive = single(field).is_some_and(|target| leads_back(&target, &message.full_name));
            }
        }
    }
}

/// The files to print: the user's and the common ones, without v1's envelopes if nobody imports them, and of protobuf's own
/// those with types that betterproto has no value for.
fn wanted(schema: &Schema) -> Vec<&FileDescriptorProto> {
    let files = || schema.files.file.iter().zip(&schema.sources);
    let v1 = ["v1", "v1_uploads"].map(|name| format!("{}{name}.proto", common::FOLDER));
    let is_imported = |name: &str| {
        files().any(|(file, source)| source.kind == FileKind::User && file.dependency.iter().any(|other| other == name))
    };
    let is_wanted = |name: &str| v1.iter().all(|own| own != name) || is_imported(name);
    let is_printed = |name: &str, kind: FileKind| kind != FileKind::WellKnown && is_wanted(name);
    let mut wanted: BTreeSet<&str> = files()
        .map(|(file, source)| (file.name(), source.kind))
        .filter(|(n, k)| is_printed(n, *k))
        .map(|(n, _)| n)
        .collect();
    let defines = |file: &FileDescriptorProto, full_name: &str| {
        let name = full_name.trim_start_matches(".google.protobuf.");
        file.message_type.iter().any(|message| message.name() == name)
            || file.enum_type.iter().any(|item| item.name() == name)
    };
    loop {
        let used: BTreeSet<String> = files()
            .filter(|(file, _)| wanted.contains(file.name()))
            .flat_map(|(file, _)| file.message_type.iter().flat_map(types))
            .filter(|name| name.starts_with(".google.protobuf.") && Plain::of(name).is_none())
            .collect();
        let more = files()
            .filter(|(_, source)| source.kind == FileKind::WellKnown)
            .filter(|(file, _)| used.iter().any(|name| defines(file, name)))
            .map(|(file, _)| file.name());
        let before = wanted.len();
        wanted.extend(more.collect::<Vec<_>>());
        if wanted.len() == before {
            break;
        }
    }
    files().map(|(file, _)| file).filter(|file| wanted.contains(file.name())).collect()
}

/// The types that a message refers to, in the messages within it too.
fn types(message: &DescriptorProto) -> Vec<String> {
    let own = message.field.iter().map(|field| field.type_name().to_owned());
    own.chain(message.nested_type.iter().flat_map(types)).collect()
}

/// The module of a file.
fn path(file: &FileDescriptorProto) -> Vec<String> {
    let stem = file.name().strip_suffix(".proto").unwrap_or(file.name());
    let parts: Vec<&str> =
        if file.package().is_empty() { stem.split('/').collect() } else { file.package().split('.').collect() };
    let mut path: Vec<String> = parts.into_iter().map(names::module).collect();
    if let [only] = path.as_mut_slice()
        && format!("{only}.py") == messages::FILE
    {
        only.push('_');
    }
    path
}

/// The types of one module while they are named.
struct Scope<'s> {
    schema: &'s Schema,
    sources: Vec<&'s str>,
    messages: Vec<Message<'s>>,
    enums: Vec<Enum<'s>>,
    names: BTreeMap<String, String>,
    taken: BTreeSet<String>,
    mistakes: Vec<Diagnostic>,
}

impl<'s> Scope<'s> {
    fn of(schema: &'s Schema) -> Self {
        Self {
            schema,
            sources: Vec::new(),
            messages: Vec::new(),
            enums: Vec::new(),
            names: BTreeMap::new(),
            taken: BTreeSet::new(),
            mistakes: Vec::new(),
        }
    }

    /// Outer types are named first: `ChoiceInner` at the top of the file goes before `Inner` in `Choice`.
    fn file(&mut self, file: &'s FileDescriptorProto) {
        self.sources.push(file.name());
        let top = file.message_type.iter().map(DescriptorProto::name);
        for name in top.chain(file.enum_type.iter().map(EnumDescriptorProto::name)) {
            self.name(join(file.package(), name), name);
        }
        for item in &file.enum_type {
            self.enumeration(item, file.package());
        }
        for message in &file.message_type {
            self.message(message, file.package(), "");
        }
    }

    fn name(&mut self, full_name: String, flat: &str) {
        let mut name = names::class(flat);
        while !self.taken.insert(name.clone()) {
            name.push('_');
        }
        self.names.insert(full_name, name);
    }

    fn named(&self, full_name: &str) -> String {
        self.names.get(full_name).cloned().unwrap_or_default()
    }

    fn enumeration(&mut self, descriptor: &'s EnumDescriptorProto, scope: &str) {
        let full_name = join(scope, descriptor.name());
        for value in &descriptor.value {
            let name = value.name();
            if name == "mro" || name.starts_with('_') && name.ends_with('_') {
                self.refuse(
                    &format!("{full_name}.{name}"),
                    format!("Python's enums cannot have a value called `{name}`"),
                    "give the value another name",
                );
            }
        }
        let name = self.named(&full_name);
        self.enums.push(Enum { full_name, name, descriptor });
    }

    fn message(&mut self, descriptor: &'s DescriptorProto, scope: &str, prefix: &str) {
        let full_name = join(scope, descriptor.name());
        let flat = format!("{prefix}{}", descriptor.name());
        let inner = descriptor.nested_type.iter().filter(|nested| !is_map_entry(nested));
        let nested = inner.clone().map(DescriptorProto::name);
        for part in nested.chain(descriptor.enum_type.iter().map(EnumDescriptorProto::name)) {
            self.name(join(&full_name, part), &format!("{flat}{part}"));
        }
        let fields = descriptor.field.iter().map(|field| {
            let oneof = field.oneof_index.and_then(|index| usize::try_from(index).ok());
            let group = oneof.and_then(|index| descriptor.oneof_decl.get(index)).map(|oneof| oneof.name());
            let (name, shape) = (names::field(field.name()), shape(field, descriptor));
            Field { descriptor: field, name, shape, group, is_recursive: false }
        });
        let fields = fields.collect();
        let (name, travels) = (self.named(&full_name), self.schema.message(&full_name));
        self.messages.push(Message { full_name: full_name.clone(), name, travels, fields });
        for item in &descriptor.enum_type {
            self.enumeration(item, &full_name);
        }
        for nested in inner {
            self.message(nested, &full_name, &flat);
        }
    }

    fn refuse(&mut self, element: &str, what: String, help: &str) {
        let place = self.schema.location(element).map(|location| format!("{location}: ")).unwrap_or_default();
        self.mistakes.push(Diagnostic::error(format!("{place}{what}")).help(help));
    }
}
