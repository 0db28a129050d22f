//! Structures that keep the fields they do not know, for `"unknown_fields": true`.
//!
//! prost's derive passes over unknown fields and has no place for them. So `prost::Message` is implemented here, field by
//! field, from the attributes that prost-build writes for that derive; everything else of a structure stays.

use std::collections::BTreeMap;

use syn::punctuated::Punctuated;
use syn::{Attribute, Item, ItemStruct, Meta, Path, Token, parse_quote};

use crate::{Diagnostic, Error};

/// The scalars, as attributes and modules of prost call them; those before `string` can be packed.
const SCALARS: [&str; 15] = [
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32",
    "sfixed64", "bool", "string", "bytes",
];

/// Gives every message of a module, and of the modules in it, a place for unknown fields.
pub(super) fn keep(items: &mut Vec<Item>, runtime: &str) -> Result<(), Error> {
    for mut item in std::mem::take(items) {
        match &mut item {
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    keep(items, runtime)?;
                }
            }
            // What holds a message can be copied no more than that.
            Item::Enum(oneof) if derives(&oneof.attrs, "Oneof") => underive(&mut oneof.attrs, &["Copy"]),
            Item::Struct(message) if derives(&message.attrs, "Message") => {
                let implementation = implement(message, runtime)?;
                items.push(item);
                items.push(implementation);
                continue;
            }
            _ => {}
        }
        items.push(item);
    }
    Ok(())
}

/// Adds the field to a structure, and takes from it what is for prost's derive; returns the implementation.
fn implement(message: &mut ItemStruct, runtime: &str) -> Result<Item, Error> {
    let name = message.ident.to_string();
    let refused = |what: &str| Error::from(Diagnostic::error(format!("`{name}` cannot keep unknown fields: {what}")));
    let mut fields = Vec::new();
    for field in &mut message.fields {
        let identifier = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        let words = words(&field.attrs).ok_or_else(|| refused("prost-build wrote an unknown attribute"))?;
        if words.contains_key("default") || words.contains_key("required") {
            return Err(refused("only messages of proto3 can"));
        }
        field.attrs.retain(|attribute| !attribute.path().is_ident("prost"));
        let printed = Printer { encoding: format!("{runtime}::prost::encoding"), identifier, words: &words }.print();
        fields.push(printed.ok_or_else(|| refused("prost-build wrote an unknown kind of field"))?);
    }
    message.attrs.retain(|attribute| !attribute.path().is_ident("prost"));
    underive(&mut message.attrs, &["Copy", "Message"]);
    message.attrs.push(parse_quote!(#[derive(::core::fmt::Debug, ::core::default::Default)]));

    let taken = fields.iter().any(|field| field.identifier == "unknown_fields");
    let unknown = if taken { "unknown_fields_" } else { "unknown_fields" };
    let text = format!(
        "pub struct Of {{ /// Fields that this message does not know, as they came.\n pub {unknown}: {runtime}::UnknownFields }}"
    );
    let place: ItemStruct = parse(&text)?;
    if let (syn::Fields::Named(fields), syn::Fields::Named(place)) = (&mut message.fields, place.fields) {
        fields.named.extend(place.named);
    }

    let all = |part: fn(&Printed) -> &str| fields.iter().map(part).collect::<Vec<_>>().join("\n");
    let (encode, length) = (all(|field| &field.encode), all(|field| &field.length));
    let merge: String = fields
        .iter()
        .map(|Printed { tags, merge, identifier, .. }| {
            let place = identifier.trim_start_matches("r#");
            format!("{tags} => {merge}.map_err(|mut error| {{ error.push({name:?}, {place:?}); error }}),\n")
        })
        .collect();
    parse(&format!(
        "impl {runtime}::prost::Message for {name} {{
            fn encode_raw(&self, buf: &mut impl {runtime}::prost::bytes::BufMut) {{ {encode} self.{unknown}.encode_raw(buf); }}
            fn merge_field(
                &mut self,
                tag: u32,
                wire_type: {runtime}::prost::encoding::WireType,
                buf: &mut impl {runtime}::prost::bytes::Buf,
                ctx: {runtime}::prost::encoding::DecodeContext,
            ) -> ::core::result::Result<(), {runtime}::prost::DecodeError> {{
                match tag {{ {merge} _ => self.{unknown}.merge_field(tag, wire_type, buf, ctx) }}
            }}
            fn encoded_len(&self) -> usize {{ self.{unknown}.encoded_len() {length} }}
            fn clear(&mut self) {{ *self = ::core::default::Default::default(); }}
        }}"
    ))
}

fn parse<T: syn::parse::Parse>(text: &str) -> Result<T, Error> {
    syn::parse_str(text).map_err(|error| Diagnostic::error(format!("what is generated is no Rust: {error}")).into())
}

/// A field in each function of `prost::Message`.
struct Printed {
    identifier: String,
    /// The pattern of its tags.
    tags: String,
    encode: String,
    merge: String,
    /// A term of the sum.
    length: String,
}

struct Printer<'a> {
    /// The path of `prost::encoding`.
    encoding: String,
    identifier: String,
    /// What the attribute says: each word, and what it is given.
    words: &'a BTreeMap<String, String>,
}

impl Printer<'_> {
    fn print(self) -> Option<Printed> {
        let Self { encoding, identifier, words } = &self;
        let field = format!("self.{identifier}");
        if let Some(oneof) = words.get("oneof") {
            let encode =
                format!("if let ::core::option::Option::Some(value) = &{field} {{ {oneof}::encode(value, buf); }}");
            let merge = format!("{oneof}::merge(&mut {field}, tag, wire_type, buf, ctx)");
            let length = format!("+ {field}.as_ref().map_or(0, {oneof}::encoded_len)");
            return Some(Printed {
                tags: words.get("tags")?.replace(',', " |"),
                encode,
                merge,
                length,
                identifier: self.identifier,
            });
        }
        let tag = words.get("tag")?;
        let (encode, merge, length) = if let Some(map) = words.get("btree_map") {
            let (key, value) = map.split_once(", ")?;
            let codec = format!("{encoding}::btree_map");
            let enumeration = value.strip_prefix("enumeration(").and_then(|value| value.strip_suffix(')'));
            let (with_default, default, value) = match enumeration {
                Some(path) => ("_with_default", format!("{path}::default() as i32, "), "int32"),
                None => ("", String::new(), value),
            };
            let borrowed =
                if default.is_empty() { String::new() } else { format!("&({}), ", default.trim_end_matches(", ")) };
            let (key, value) = (format!("{encoding}::{key}"), format!("{encoding}::{value}"));
            let lengths = format!("{key}::encoded_len, {value}::encoded_len");
            (
                format!(
                    "{codec}::encode{with_default}({key}::encode, {key}::encoded_len, {value}::encode, {value}::encoded_len, {borrowed}{tag}, &{field}, buf);"
                ),
                format!("{codec}::merge{with_default}({key}::merge, {value}::merge, {default}&mut {field}, buf, ctx)"),
                format!("+ {codec}::encoded_len{with_default}({lengths}, {borrowed}{tag}, &{field})"),
            )
        } else {
            let kind = self.kind()?;
            let codec = format!("{encoding}::{kind}");
            let repeated = words.contains_key("repeated");
            let can_be_packed = !matches!(kind, "string" | "bytes" | "message" | "group");
            if repeated {
                let how = if can_be_packed && words.get("packed").is_none_or(|packed| packed != "false") {
                    "packed"
                } else {
                    "repeated"
                };
                (
                    format!("{codec}::encode_{how}({tag}, &{field}, buf);"),
                    format!("{codec}::merge_repeated(wire_type, &mut {field}, buf, ctx)"),
                    format!("+ {codec}::encoded_len_{how}({tag}, &{field})"),
                )
            } else if words.contains_key("optional") {
                let value = format!("{field}.get_or_insert_with(::core::default::Default::default)");
                (
                    format!(
                        "if let ::core::option::Option::Some(value) = &{field} {{ {codec}::encode({tag}, value, buf); }}"
                    ),
                    format!("{codec}::merge(wire_type, {value}, buf, ctx)"),
                    format!("+ {field}.as_ref().map_or(0, |value| {codec}::encoded_len({tag}, value))"),
                )
            } else {
                let present = match kind {
                    "string" | "bytes" => format!("!{field}.is_empty()"),
                    "bool" => field.clone(),
                    "double" | "float" => format!("{field} != 0.0"),
                    _ => format!("{field} != 0"),
                };
                (
                    format!("if {present} {{ {codec}::encode({tag}, &{field}, buf); }}"),
                    format!("{codec}::merge(wire_type, &mut {field}, buf, ctx)"),
                    format!("+ if {present} {{ {codec}::encoded_len({tag}, &{field}) }} else {{ 0 }}"),
                )
            }
        };
        Some(Printed { tags: tag.clone(), encode, merge, length, identifier: self.identifier })
    }

    /// The module of `prost::encoding` that knows the field's type.
    fn kind(&self) -> Option<&'static str> {
        let known = ["message", "group"].into_iter().chain(SCALARS);
        let enumeration = self.words.contains_key("enumeration").then_some("int32");
        enumeration.or_else(|| known.into_iter().find(|kind| self.words.contains_key(*kind)))
    }
}

/// What the `#[prost(…)]` of a field says.
fn words(attributes: &[Attribute]) -> Option<BTreeMap<String, String>> {
    let mut words = BTreeMap::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("prost")) {
        for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()? {
            let value = match &meta {
                Meta::Path(_) => String::new(),
                Meta::NameValue(pair) => match &pair.value {
                    syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => text.value(),
                    _ => return None,
                },
                Meta::List(_) => return None,
            };
            words.insert(meta.path().get_ident()?.to_string(), value);
        }
    }
    Some(words)
}

fn derives(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().filter_map(derived).flatten().any(|path| is(&path, name))
}

/// Takes names from the derives.
fn underive(attributes: &mut [Attribute], names: &[&str]) {
    for attribute in attributes {
        if let Some(paths) = derived(attribute) {
            let rest = paths.into_iter().filter(|path| !names.iter().any(|name| is(path, name)));
            let rest: Punctuated<Path, Token![,]> = rest.collect();
            *attribute = parse_quote!(#[derive(#rest)]);
        }
    }
}

fn derived(attribute: &Attribute) -> Option<Punctuated<Path, Token![,]>> {
    let is_derive = attribute.path().is_ident("derive");
    is_derive.then(|| attribute.parse_args_with(Punctuated::parse_terminated).ok()).flatten()
}

fn is(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|segment| segment.ident == name)
}
