//! A file, and the class of a message.

use std::fmt::{Display, Write as _};

use super::enumeration::heritage;
use super::imports::Imports;
use super::layout::{Piece, arrow, assignment};
use super::model::{Field, File, Member, Message, Model, Oneof};
use super::names;
use super::values::{self, Default};
use crate::schema::CacheKeyKind;
use crate::targets::descriptors::Shape;
use crate::targets::{MARK, json_names};

impl File<'_> {
    /// The contents of the file.
    pub(super) fn print(&self, model: &Model<'_>) -> String {
        let imports = Imports::of(self, model, &self.declared());
        let mut printer = Printer { model, imports, out: String::new() };
        for item in &self.enums {
            printer.enumeration(item);
        }
        for message in &self.messages {
            printer.message(message);
        }
        head(&format!("{MARK} from {}; do not edit.", self.source)) + &printer.imports.print() + &printer.out
    }

    /// Every name that the file declares.
    pub(super) fn declared(&self) -> Vec<String> {
        let enums = self
            .enums
            .iter()
            .flat_map(|item| [&item.names.known, &item.names.open, &item.names.unknown].map(Clone::clone));
        let messages = self.messages.iter().flat_map(|message| {
            let oneofs = message.members.iter().filter_map(|member| match member {
                Member::Oneof(oneof) => Some(oneof.class.clone()),
                Member::Field(_) => None,
            });
            let cases = message.fields.iter().filter_map(|field| Some(field.oneof.as_ref()?.1.clone()));
            std::iter::once(message.name.clone()).chain(oneofs).chain(cases).collect::<Vec<_>>()
        });
        enums.chain(messages).collect()
    }
}

/// The first lines of every file.
pub(super) fn head(mark: &str) -> String {
    format!("// {mark}\n// ignore_for_file: type=lint, deprecated_member_use_from_same_package\n\n")
}

pub(super) struct Printer<'a> {
    pub(super) model: &'a Model<'a>,
    imports: Imports<'a>,
    pub(super) out: String,
}

/// A property of a class.
struct Property {
    name: String,
    /// Without the mark of absence.
    kind: String,
    default: Default,
    /// The element of the .proto file that it comes from.
    full_name: String,
    is_deprecated: bool,
}

impl Property {
    fn is_nullable(&self) -> bool {
        matches!(self.default, Default::None)
    }

    /// Its type.
    fn type_name(&self) -> String {
        format!("{}{}", self.kind, if self.is_nullable() { "?" } else { "" })
    }
}

impl Printer<'_> {
    pub(super) fn line(&mut self, indent: usize, text: impl Display) {
        let _ = writeln!(self.out, "{:1$}{text}", "", indent * 2);
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// The comment of the .proto file above an element.
    pub(super) fn docs(&mut self, indent: usize, full_name: &str) {
        let docs = self.model.schema.docs(full_name).unwrap_or_default().to_owned();
        for line in docs.lines() {
            self.line(indent, format!("/// {line}").trim_end());
        }
    }

    pub(super) fn deprecated(&mut self, indent: usize, is_deprecated: bool) {
        if is_deprecated {
            self.line(indent, "@Deprecated('The .proto file says so.')");
        }
    }

    pub(super) fn message(&mut self, message: &Message<'_>) {
        let name = &message.name;
        let properties = self.properties(message);
        self.blank();
        self.docs(0, &message.full_name);
        self.deprecated(0, message.descriptor.options.as_ref().is_some_and(|options| options.deprecated()));
        let mut sides = Vec::new();
        if let Some(travels) = message.travels {
            sides.extend(travels.origin.is_client().then(|| "psd.ClientMessage".to_owned()));
            sides.extend(travels.origin.is_server().then(|| "psd.ServerMessage".to_owned()));
        }
        self.line(0, heritage(&format!("final class {name}"), "psd.ProtoMessage", &sides));
        self.constructors(name, &properties);
        for property in &properties {
            self.blank();
            self.docs(1, &property.full_name);
            self.deprecated(1, property.is_deprecated);
            self.line(1, format_args!("final {} {};", property.type_name(), property.name));
        }
        if !properties.is_empty() {
            self.copy_with(name, &properties);
        }
        self.descriptor(message, &properties);
        self.line(0, "}");
        for member in &message.members {
            if let Member::Oneof(oneof) = member {
                self.oneof(message, oneof);
            }
        }
    }

    fn properties(&mut self, message: &Message<'_>) -> Vec<Property> {
        let mut properties = Vec::new();
        for member in &message.members {
            properties.push(match member {
                Member::Field(index) => {
                    let field = &message.fields[*index];
                    let (kind, default) =
                        values::property(&field.shape, field.descriptor, self.model, &mut self.imports);
                    Property {
                        name: field.property.clone(),
                        kind,
                        default,
                        full_name: format!("{}.{}", message.full_name, field.descriptor.name()),
                        is_deprecated: is_deprecated(field),
                    }
                }
                Member::Oneof(oneof) => Property {
                    name: oneof.property.clone(),
                    kind: oneof.class.clone(),
                    default: Default::None,
                    full_name: format!("{}.{}", message.full_name, oneof.name),
                    is_deprecated: false,
                },
            });
        }
        properties
    }

    fn constructors(&mut self, name: &str, properties: &[Property]) {
        let parameter = |property: &Property| match &property.default {
            Default::Constant(default) => format!("this.{} = {default}", property.name),
            Default::Expression(_) => format!("{}? {}", property.kind, property.name),
            Default::None => format!("this.{}", property.name),
        };
        let initializers: Vec<String> = properties
            .iter()
            .filter_map(|property| match &property.default {
                Default::Expression(default) => Some(format!("{0} = {0} ?? {default}", property.name)),
                _ => None,
            })
            .collect();
        let word = if initializers.is_empty() { "const " } else { "" };
        let signature = if properties.is_empty() {
            Piece::Text(format!("{word}{name}()"))
        } else {
            Piece::texts(&format!("{word}{name}({{"), properties.iter().map(parameter), "})")
        };
        self.line(1, "/// A message with these fields, and the others at their default.");
        let flat = format!("{} : {};", signature.flat(), initializers.join(", "));
        if initializers.is_empty() {
            let signature = signature.print(2, 1);
            self.line(1, format_args!("{signature};"));
        } else if flat.chars().count() + 2 <= super::layout::WIDTH {
            self.line(1, flat);
        } else if signature.flat().chars().count() + 2 <= super::layout::WIDTH {
            self.line(1, signature.flat());
            self.line(2, format_args!(": {};", initializers.join(",\n      ")));
        } else {
            self.line(1, format_args!("{} : {};", signature.broken(2), initializers.join(",\n       ")));
        }
        let bytes = self.imports.bytes();
        for (parameter, from, docs) in [
            (format!("{bytes} bytes"), "Binary(bytes)", "The message in these protobuf bytes."),
            ("Object? json".to_owned(), "Json(json)", "The message that JSON says; takes what `jsonDecode` returns."),
        ] {
            let (constructor, _) = from.split_once('(').unwrap_or((from, ""));
            self.blank();
            self.line(1, format_args!("/// {docs}"));
            let signature = Piece::texts(&format!("factory {name}.from{constructor}("), [parameter], ")");
            self.arrow(&signature, &Piece::Text(format!("descriptor.from{from}")), false);
        }
    }

    /// A method whose body is an expression.
    fn arrow(&mut self, signature: &Piece, body: &Piece, is_list: bool) {
        self.out.push_str(&arrow(2, signature, body, is_list));
    }

    /// A method where nothing can be absent; else a function that can tell `null` from what is not said.
    fn copy_with(&mut self, name: &str, properties: &[Property]) {
        self.blank();
        let parameters = properties.iter().map(|property| format!("{}? {}", property.kind, property.name));
        let kept = |property: &Property| match property.is_nullable() {
            true => format!("{0}: psd.changed({0}, this.{0})", property.name),
            false => format!("{0}: {0} ?? this.{0}", property.name),
        };
        let body = Piece::texts(&format!("{name}("), properties.iter().map(kept), ")");
        if !properties.iter().any(Property::is_nullable) {
            self.line(1, "/// The message with these fields instead of its own.");
            let signature = Piece::texts(&format!("{name} copyWith({{"), parameters, "})");
            self.arrow(&signature, &body, false);
            return;
        }
        self.line(1, "/// The message with these fields instead of its own; `null` takes away what");
        self.line(1, "/// need not be there.");
        let kind = Piece::texts(&format!("{name} Function({{"), parameters, "})");
        let getter = format!("{} get copyWith => _copyWith;", kind.flat());
        if getter.chars().count() + 2 <= super::layout::WIDTH {
            self.line(1, getter);
        } else {
            let kind = kind.print(2, 0);
            self.line(1, kind);
            self.line(1, "get copyWith => _copyWith;");
        }
        self.blank();
        let parameters = properties.iter().map(|property| match property.is_nullable() {
            true => format!("Object? {} = psd.unchanged", property.name),
            false => format!("{}? {}", property.kind, property.name),
        });
        self.arrow(&Piece::texts(&format!("{name} _copyWith({{"), parameters, "})"), &body, false);
    }

    fn descriptor(&mut self, message: &Message<'_>, properties: &[Property]) {
        let name = &message.name;
        let mut arguments: Vec<Piece> = info(message).into_iter().map(Piece::Text).collect();
        let keys = cache_keys(message);
        if !keys.is_empty() {
            arguments.push(Piece::list("cacheKeys: const psd.CacheKeys(", keys, ")"));
        }
        let fields: Vec<Piece> = message.fields.iter().map(|field| self.entry(field)).collect();
        let open = if fields.is_empty() { "fields: const [" } else { "fields: [" };
        arguments.push(Piece::list(open, fields, "]"));
        arguments.extend(["values: _values", "make: _make"].map(|text| Piece::Text(text.to_owned())));
        self.blank();
        self.line(1, "/// The type of these messages, as data.");
        let start = format!("static final psd.MessageType<{name}> descriptor =");
        self.out.push_str("  ");
        let value = assignment(2, &start, &Piece::list("psd.MessageType(", arguments, ")"));
        self.out.push_str(value.trim_start());

        self.blank();
        let slots = slots(message, properties);
        let held = slots.iter().map(|property| format!("message.{}", property.name));
        let list = if slots.is_empty() { Piece::Text("const []".to_owned()) } else { Piece::texts("[", held, "]") };
        let signature = Piece::texts("static List<Object?> _values(", [format!("{name} message")], ")");
        self.arrow(&signature, &list, true);

        self.blank();
        let arguments = slots
            .iter()
            .enumerate()
            .map(|(index, property)| format!("{}: values[{index}] as {}", property.name, property.type_name()));
        let make = match (
            slots.is_empty(),
            properties.iter().any(|property| matches!(property.default, Default::Expression(_))),
        ) {
            (true, false) => Piece::Text(format!("const {name}()")),
            _ => Piece::texts(&format!("{name}("), arguments, ")"),
        };
        self.arrow(&Piece::Text(format!("static {name} _make(List<Object?> values)")), &make, false);

        self.blank();
        self.line(1, "@override");
        self.arrow(
            &Piece::Text(format!("psd.MessageType<{name}> get $descriptor")),
            &Piece::Text("descriptor".to_owned()),
            false,
        );
    }

    /// A field as the runtime reads it.
    fn entry(&mut self, field: &Field<'_>) -> Piece {
        let descriptor = field.descriptor;
        let name = names::literal(descriptor.name());
        let number = descriptor.number().to_string();
        let value = |field, printer: &mut Self| values::value(field, printer.model, &mut printer.imports).kind;
        let (class, mut arguments) = match &field.shape {
            Shape::Map(key, item) => {
                let kinds = [value(key, self), value(item, self)];
                ("MapField", vec![name, number].into_iter().chain(kinds).collect::<Vec<_>>())
            }
            Shape::List { is_packed } => {
                let mut arguments = vec![name, number, value(descriptor, self)];
                arguments.extend((!is_packed).then(|| "packed: false".to_owned()));
                ("ListField", arguments)
            }
            Shape::Optional => ("OptionalField", vec![name, number, value(descriptor, self)]),
            Shape::Single => match &field.oneof {
                Some((oneof, case)) => {
                    let oneof = names::literal(oneof);
                    ("OneofField", vec![oneof, name, number, value(descriptor, self), format!("{case}.new")])
                }
                None => ("PlainField", vec![name, number, value(descriptor, self)]),
            },
        };
        let chosen = descriptor.json_name.as_deref().filter(|json| *json != json_names::proto3(descriptor.name()));
        arguments.extend(chosen.map(|json| format!("json: {}", names::literal(json))));
        Piece::texts(&format!("psd.{class}("), arguments, ")")
    }

    fn oneof(&mut self, message: &Message<'_>, oneof: &Oneof) {
        self.blank();
        match self.model.schema.docs(&format!("{}.{}", message.full_name, oneof.name)) {
            Some(_) => self.docs(0, &format!("{}.{}", message.full_name, oneof.name)),
            None => self.line(0, format_args!("/// What [{}.{}] holds.", message.name, oneof.property)),
        }
        self.line(0, heritage(&format!("sealed class {}", oneof.class), "psd.OneofCase", &[]));
        self.line(1, format_args!("const {}();", oneof.class));
        self.line(0, "}");
        for field in oneof.parts.iter().map(|index| &message.fields[*index]) {
            let Some((_, case)) = &field.oneof else { continue };
            let kind = values::value(field.descriptor, self.model, &mut self.imports).name;
            self.blank();
            let full_name = format!("{}.{}", message.full_name, field.descriptor.name());
            match self.model.schema.docs(&full_name) {
                Some(_) => self.docs(0, &full_name),
                None => self.line(
                    0,
                    format_args!("/// [{}.{}] with `{}`.", message.name, oneof.property, field.descriptor.name()),
                ),
            }
            self.deprecated(0, is_deprecated(field));
            self.line(0, heritage(&format!("final class {case}"), &oneof.class, &[]));
            self.line(1, "/// With this value.");
            self.line(1, format_args!("const {case}(this.value);"));
            self.out.push_str("\n  @override\n");
            self.line(1, format_args!("final {kind} value;"));
            self.out.push_str("\n  @override\n");
            self.line(1, format_args!("int get $number => {};", field.descriptor.number()));
            self.line(0, "}");
        }
    }
}

/// The properties in the order of the fields' numbers, a oneof in the place of its first field.
fn slots<'p>(message: &Message<'_>, properties: &'p [Property]) -> Vec<&'p Property> {
    let mut order: Vec<(i32, &Property)> = message
        .members
        .iter()
        .zip(properties)
        .map(|(member, property)| {
            let number = match member {
                Member::Field(index) => message.fields[*index].descriptor.number(),
                Member::Oneof(oneof) => {
                    let numbers = oneof.parts.iter().map(|index| message.fields[*index].descriptor.number());
                    numbers.min().unwrap_or_default()
                }
            };
            (number, property)
        })
        .collect();
    order.sort_by_key(|(number, _)| *number);
    order.into_iter().map(|(_, property)| property).collect()
}

/// What the descriptor of a message says beside its fields.
fn info(message: &Message<'_>) -> Vec<String> {
    let mut info = vec![names::literal(&message.full_name)];
    let Some(travels) = message.travels else { return info };
    info.push(format!("type: {}", names::literal(&travels.message_type)));
    let origin = match (travels.origin.is_client(), travels.origin.is_server()) {
        (true, true) => "both",
        (true, false) => "client",
        _ => "server",
    };
    info.push(format!("origin: psd.Origin.{origin}"));
    info.extend(travels.auth.map(|auth| format!("auth: {auth}")));
    info.extend(travels.client_cache.map(|span| format!("cacheSeconds: {}", span.as_secs())));
    info
}

fn cache_keys(message: &Message<'_>) -> Vec<Piece> {
    let Some(travels) = message.travels else { return Vec::new() };
    let kinds = CacheKeyKind::ALL.into_iter().filter_map(|kind| {
        let keys = travels.cache_keys.iter().filter(|key| key.kind == kind);
        let keys: Vec<String> = keys.map(|key| names::literal(&key.field)).collect();
        let name = if kind == CacheKeyKind::Int { "integer" } else { kind.name() };
        (!keys.is_empty()).then(|| Piece::texts(&format!("{name}: ["), keys, "]"))
    });
    kinds.collect()
}

fn is_deprecated(field: &Field<'_>) -> bool {
    field.descriptor.options.as_ref().is_some_and(|options| options.deprecated())
}
