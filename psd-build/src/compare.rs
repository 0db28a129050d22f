//! What changed between two versions of a contract, and whom it breaks.

mod elements;

use std::fmt;

use prost_types::FieldDescriptorProto;
use prost_types::field_descriptor_proto::{Label, Type};

use self::elements::{Elements, Enum, Message};
use crate::schema::{self, Location, Schema};

/// A difference between two versions of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What changed, such as ``the field `chat.Sent.text` is gone``.
    pub message: String,
    /// What it breaks for those who still have the old contract; nothing for a change that is compatible.
    pub breaks: Vec<Breaks>,
    /// Where: in the new version, or in the old one if it is gone.
    pub location: Option<Location>,
}

impl Change {
    /// Whether it breaks anything.
    #[must_use]
    pub fn is_breaking(&self) -> bool {
        !self.breaks.is_empty()
    }
}

/// What a change breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breaks {
    /// Messages on their way in the binary form.
    Binary,
    /// Messages on their way as JSON.
    Json,
    /// Who may send what: a message is no longer accepted or no longer sent.
    Routes,
    /// What clients keep, and find by its keys.
    Cache,
    /// Programs, when they are generated anew.
    Code,
}

impl fmt::Display for Breaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Binary => "the binary form",
            Self::Json => "JSON",
            Self::Routes => "routes",
            Self::Cache => "client caches",
            Self::Code => "generated code",
        })
    }
}

/// What changed from one version of a contract to the next, in the order of the old one's names; what is new comes
/// last. The common messages are psd's own and not compared.
#[must_use]
pub fn compare(old: &Schema, new: &Schema) -> Vec<Change> {
    let (before, after) = (Elements::of(old), Elements::of(new));
    let mut comparison = Comparison { old, new, changes: Vec::new() };
    for (name, message) in &before.messages {
        match after.messages.get(name) {
            Some(now) => comparison.message(name, message, now),
            None => comparison.gone("message", name, [&[Breaks::Code], routes_of(old.message(name))].concat()),
        }
    }
    for (name, item) in &before.enums {
        match after.enums.get(name) {
            Some(now) => comparison.enumeration(name, item, now),
            None => comparison.gone("enum", name, vec![Breaks::Code]),
        }
    }
    for name in after.messages.keys().filter(|name| !before.messages.contains_key(*name)) {
        comparison.add(name, format!("the message `{name}` is new"), &[]);
    }
    for name in after.enums.keys().filter(|name| !before.enums.contains_key(*name)) {
        comparison.add(name, format!("the enum `{name}` is new"), &[]);
    }
    comparison.changes
}

fn routes_of(travels: Option<&schema::Message>) -> &'static [Breaks] {
    if travels.is_some() { &[Breaks::Routes] } else { &[] }
}

struct Comparison<'s> {
    old: &'s Schema,
    new: &'s Schema,
    changes: Vec<Change>,
}

impl Comparison<'_> {
    fn add(&mut self, element: &str, message: String, breaks: &[Breaks]) {
        let mut breaks = breaks.to_vec();
        breaks.sort();
        let location = self.new.location(element).or_else(|| self.old.location(element)).cloned();
        self.changes.push(Change { message, breaks, location });
    }

    fn gone(&mut self, what: &str, element: &str, breaks: Vec<Breaks>) {
        self.add(element, format!("the {what} `{element}` is gone"), &breaks);
    }

    fn message(&mut self, name: &str, old: &Message<'_>, new: &Message<'_>) {
        self.travels(name, self.old.message(name), self.new.message(name));
        for (number, field) in &old.fields {
            let element = format!("{name}.{}", field.name());
            match new.fields.get(number) {
                Some(now) => self.field(name, (old, field), (new, now)),
                None => match new.fields.values().find(|now| now.name() == field.name()) {
                    Some(now) => {
                        let said = format!("the field `{element}` has the number {}, was {number}", now.number());
                        self.add(&element, said, &[Breaks::Binary]);
                    }
                    None => self.gone("field", &element, vec![Breaks::Binary, Breaks::Json, Breaks::Code]),
                },
            }
        }
        let is_known = |now: &FieldDescriptorProto| {
            old.fields.contains_key(&now.number()) || old.fields.values().any(|field| field.name() == now.name())
        };
        for now in new.fields.values().filter(|now| !is_known(now)) {
            let element = format!("{name}.{}", now.name());
            self.add(&element, format!("the field `{element}` is new"), &[]);
        }
    }

    /// A field of the same number.
    fn field(
        &mut self,
        message: &str,
        (old_message, old): (&Message<'_>, &FieldDescriptorProto),
        (new_message, new): (&Message<'_>, &FieldDescriptorProto),
    ) {
        let element = format!("{message}.{}", new.name());
        if old.name() != new.name() {
            let said = format!("the field `{element}` was called `{}`", old.name());
            self.add(&element, said, &[Breaks::Json, Breaks::Code]);
        } else if old.json_name() != new.json_name() {
            let said = format!("the field `{element}` is `{}` in JSON, was `{}`", new.json_name(), old.json_name());
            self.add(&element, said, &[Breaks::Json]);
        }
        let (was, is) = (old_message.type_of(old), new_message.type_of(new));
        if was != is {
            let breaks: &[Breaks] = if is_alike(old, new) {
                &[Breaks::Json, Breaks::Code]
            } else {
                &[Breaks::Binary, Breaks::Json, Breaks::Code]
            };
            self.add(&element, format!("the field `{element}` is `{is}`, was `{was}`"), breaks);
        } else if old.proto3_optional() != new.proto3_optional() {
            let said = match new.proto3_optional() {
                true => format!("the field `{element}` is `optional`"),
                false => format!("the field `{element}` is no longer `optional`"),
            };
            self.add(&element, said, &[Breaks::Code]);
        }
        let (was, is) = (old_message.oneof_of(old), new_message.oneof_of(new));
        if was != is {
            let said = match (was, is) {
                (_, Some(oneof)) => format!("the field `{element}` is part of the oneof `{oneof}`"),
                (was, None) => {
                    format!("the field `{element}` is no longer part of the oneof `{}`", was.unwrap_or_default())
                }
            };
            self.add(&element, said, &[Breaks::Json, Breaks::Code]);
        }
    }

    /// What the metadata says.
    fn travels(&mut self, name: &str, old: Option<&schema::Message>, new: Option<&schema::Message>) {
        let (old, new) = match (old, new) {
            (Some(old), Some(new)) => (old, new),
            (Some(_), None) => {
                let said = format!("the message `{name}` has no `type` any more");
                return self.add(name, said, &[Breaks::Routes, Breaks::Code]);
            }
            (None, Some(_)) => return self.add(name, format!("the message `{name}` travels now"), &[]),
            (None, None) => return,
        };
        if old.message_type != new.message_type {
            let said = format!("the type of `{name}` is `{}`, was `{}`", new.message_type, old.message_type);
            self.add(name, said, &[Breaks::Routes]);
        }
        if old.origin != new.origin {
            let said = format!("the origin of `{name}` is `{}`, was `{}`", new.origin, old.origin);
            let loses =
                old.origin.is_client() && !new.origin.is_client() || old.origin.is_server() && !new.origin.is_server();
            self.add(name, said, if loses { &[Breaks::Routes, Breaks::Code] } else { &[] });
        }
        if old.auth != new.auth {
            let word = |auth: Option<bool>| auth.map_or("not given".to_owned(), |auth| format!("`{auth}`"));
            let said = format!("`auth` of `{name}` is {}, was {}", word(new.auth), word(old.auth));
            // Whoever does not say leaves it to the handler, who may demand it.
            let is_tighter = new.auth != Some(false) && old.auth != Some(true);
            self.add(name, said, if is_tighter { &[Breaks::Routes] } else { &[] });
        }
        if old.client_cache != new.client_cache {
            let said = match new.client_cache {
                Some(span) => format!("clients keep `{name}` for {} s", span.as_secs()),
                None => format!("clients no longer keep `{name}`"),
            };
            self.add(name, said, if new.client_cache.is_none() { &[Breaks::Cache] } else { &[] });
        }
        for key in old.cache_keys.iter().filter(|key| !new.cache_keys.contains(key)) {
            let said = format!("`{}` is no longer a cache key `{}` of `{name}`", key.field, key.kind);
            self.add(name, said, &[Breaks::Cache]);
        }
        for key in new.cache_keys.iter().filter(|key| !old.cache_keys.contains(key)) {
            self.add(name, format!("`{}` is a new cache key `{}` of `{name}`", key.field, key.kind), &[]);
        }
    }

    fn enumeration(&mut self, name: &str, old: &Enum<'_>, new: &Enum<'_>) {
        for (value, number) in &old.values {
            let element = format!("{name}.{value}");
            match new.values.get(value) {
                Some(now) if now == number => {}
                Some(now) => {
                    self.add(&element, format!("the value `{element}` is {now}, was {number}"), &[Breaks::Binary]);
                }
                None => match new.values.iter().find(|(_, now)| *now == number) {
                    Some((now, _)) => {
                        let said = format!("the value `{element}` is called `{now}`");
                        self.add(&format!("{name}.{now}"), said, &[Breaks::Json, Breaks::Code]);
                    }
                    None => self.gone("value", &element, vec![Breaks::Json, Breaks::Code]),
                },
            }
        }
        let is_known = |value: &str, number: &i32| {
            old.values.contains_key(value) || old.values.values().any(|known| known == number)
        };
        for (value, _) in new.values.iter().filter(|(value, number)| !is_known(value, number)) {
            let element = format!("{name}.{value}");
            self.add(&element, format!("the value `{element}` is new"), &[]);
        }
    }
}

/// Whether two types are the same bytes for values that both can hold.
fn is_alike(old: &FieldDescriptorProto, new: &FieldDescriptorProto) -> bool {
    let family = |field: &FieldDescriptorProto| match field.r#type() {
        Type::Int32 | Type::Uint32 | Type::Int64 | Type::Uint64 | Type::Bool | Type::Enum => 1,
        Type::Sint32 | Type::Sint64 => 2,
        Type::Fixed32 | Type::Sfixed32 => 3,
        Type::Fixed64 | Type::Sfixed64 => 4,
        Type::String | Type::Bytes => 5,
        _ => 0,
    };
    let is_list = |field: &FieldDescriptorProto| field.label() == Label::Repeated;
    family(old) == family(new) && family(old) != 0 && is_list(old) == is_list(new)
}
