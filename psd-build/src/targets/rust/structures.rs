//! The structures themselves, by prost-build: one piece of text per package.

use std::collections::{BTreeMap, BTreeSet};

use prost_build::Module;

use super::codec::line;
use super::model::{Codec, Message, Model, modules};
use super::{externs, names, unknown};
use crate::{Diagnostic, Error};

/// Structures by the modules of their package.
pub(super) type Structures = BTreeMap<Vec<String>, String>;

pub(super) fn print(model: &Model<'_>) -> Result<Structures, Error> {
    let mut config = prost_build::Config::new();
    config
        .prost_path(format!("{}::prost", model.runtime))
        .prost_types_path(format!("{}::prost_types", model.runtime))
        // Output must not depend on a hash seed, neither ours nor that of the program that encodes a map.
        .btree_map(["."])
        // Well-known types are named one by one below: files that JSON treats like any other are printed.
        .compile_well_known_types();
    let printed: BTreeSet<&str> = model.messages.iter().map(|message| &*message.place.package).collect();
    for file in &model.schema.files.file {
        if file.package() == "google.protobuf" {
            let messages = file.message_type.iter().map(|message| message.name());
            for name in messages.chain(file.enum_type.iter().map(|descriptor| descriptor.name())) {
                let full_name = format!("google.protobuf.{name}");
                if let Some((path, _)) = externs::well_known(&full_name, model.runtime) {
                    config.extern_path(format!(".{full_name}"), path);
                } else if !printed.contains("google.protobuf") {
                    config.extern_path(format!(".{full_name}"), format!("{}::prost_types::{name}", model.runtime));
                }
            }
        }
    }
    for (full_name, path) in &model.externs {
        config.extern_path(format!(".{full_name}"), path);
    }
    let files = model.schema.files.file.iter();
    let requests = files.map(|file| (Module::from_protobuf_package_name(file.package()), file.clone())).collect();
    let structures = config
        .generate(requests)
        .map_err(|error| Error::from(Diagnostic::error(format!("prost-build refused the files: {error}"))))?;
    Ok(structures
        .into_iter()
        .map(|(module, text)| (module.parts().map(str::to_owned).collect(), text))
        .filter(|(module, _): &(Vec<String>, String)| {
            let enums = model.enums.iter().map(|descriptor| &descriptor.place);
            let mut places = model.messages.iter().map(|message| &message.place).chain(enums);
            places.any(|place| modules(&place.package) == *module)
        })
        .collect())
}

/// prost-build prints tokens: makes text of them that is fit to be read. What stands at the root has no module around
/// it whose attributes would do.
/// With `keep_unknown`, the path of the runtime, messages get a place for fields that they do not know.
pub(super) fn format(text: &str, at_root: bool, keep_unknown: Option<&str>) -> Result<String, Error> {
    match syn::parse_file(text) {
        Ok(mut file) => {
            match keep_unknown {
                Some(runtime) => unknown::keep(&mut file.items, runtime)?,
                None => file.items.iter_mut().for_each(omit_debug),
            }
            if at_root {
                file.items.iter_mut().for_each(allow);
            }
            Ok(prettyplease::unparse(&file))
        }
        Err(error) => Err(Diagnostic::error(format!("the generated structures are no Rust: {error}")).into()),
    }
}

/// prost's own `Debug` of a structure with maps names the crate `prost` as such, which users need not depend on; these
/// get one from [`print_debug`]. (prost-build can leave out `Debug` too, but not without that of nested types.)
fn omit_debug(item: &mut syn::Item) {
    match item {
        syn::Item::Struct(structure) => {
            let mut attributes = structure.fields.iter().flat_map(|field| &field.attrs);
            let is_map = |attribute: &syn::Attribute| match &attribute.meta {
                syn::Meta::List(list) => list.tokens.to_string().starts_with("btree_map"),
                _ => false,
            };
            if attributes.any(is_map) {
                structure.attrs.push(syn::parse_quote!(#[prost(skip_debug)]));
            }
        }
        syn::Item::Mod(module) => {
            module.content.iter_mut().flat_map(|(_, items)| items).for_each(omit_debug);
        }
        _ => {}
    }
}

fn allow(item: &mut syn::Item) {
    let (syn::Item::Struct(syn::ItemStruct { attrs, .. })
    | syn::Item::Enum(syn::ItemEnum { attrs, .. })
    | syn::Item::Mod(syn::ItemMod { attrs, .. })) = item
    else {
        return;
    };
    attrs.push(syn::parse_quote!(#[allow(clippy::all, dead_code, missing_docs, unreachable_pub)]));
}

/// `impl Debug` for a structure with maps.
pub(super) fn print_debug(out: &mut String, message: &Message<'_>) {
    if !message.fields.iter().any(|field| matches!(field.codec, Codec::Map(_))) {
        return;
    }
    line(out, 0, format_args!(""));
    line(out, 0, format_args!("impl ::core::fmt::Debug for self::{} {{", message.place.path));
    line(out, 1, format_args!("fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{"));
    line(out, 2, format_args!("f.debug_struct({:?})", names::upper_camel(message.descriptor.name())));
    let fields = message.fields.iter().map(|field| &field.identifier);
    for identifier in fields.chain(message.oneofs.iter().map(|oneof| &oneof.identifier)) {
        line(out, 3, format_args!(".field({:?}, &self.{identifier})", identifier.trim_start_matches("r#")));
    }
    line(out, 3, format_args!(".finish()"));
    line(out, 1, format_args!("}}"));
    line(out, 0, format_args!("}}"));
}
