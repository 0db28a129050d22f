//! Rules over whole files and over all files together.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::DescriptorProto;

use super::Parsed;
use super::elements::{Places, child, join, name_of};
use super::messages::Found;
use crate::Diagnostic;
use crate::schema::{FileKind, Origin};

/// Each file must be proto3; services mean nothing here.
pub(super) fn check_file(file: &Parsed, diagnostics: &mut Vec<Diagnostic>) {
    let places = Places::of(file);
    if file.descriptor.syntax() != "proto3" {
        let diagnostic = match places.info(&[12]) {
            Some(_) => Diagnostic::error("`proto2` is not supported"),
            None => Diagnostic::error("the file does not name its syntax, and is `proto2` by default"),
        };
        let help = "write `syntax = \"proto3\";` as the first statement";
        diagnostics.push(diagnostic.at(places.label(&[12])).help(help));
    }
    for (index, service) in file.descriptor.service.iter().enumerate() {
        let label = places.label(&name_of(&child(&[], 6, index)));
        let diagnostic = Diagnostic::warning(format!("the service `{}` is ignored", service.name()));
        let help = "psd routes by the `type` of messages; the service may stay for other tools";
        diagnostics.push(diagnostic.at(label).help(help));
    }
}

/// A user's file may not declare what a common file declares; such files are added to `broken`.
pub(super) fn check_common(files: &[Parsed], broken: &mut BTreeSet<String>, diagnostics: &mut Vec<Diagnostic>) {
    let (common, user): (Vec<&Parsed>, Vec<&Parsed>) =
        files.iter().partition(|file| file.source.kind == FileKind::Common);
    let common: BTreeSet<String> = common.into_iter().flat_map(names).map(|(name, _)| name).collect();
    for file in user {
        let clashes: Vec<_> = names(file).into_iter().filter(|(name, _)| common.contains(name)).collect();
        let Some((first, path)) = clashes.first() else { continue };
        let message = match clashes.len() {
            1 => format!("`{first}` is one of the common messages already"),
            count => format!("`{first}` and {} more of this file are common messages already", count - 1),
        };
        let help = "take out of this file what is common, and import it; or replace all common messages by your own: \
                    `\"include_common\": false` in fps_config.json, `Config::include_common(false)` in code, \
                    `--no-common` on the command line";
        diagnostics.push(Diagnostic::error(message).at(Places::of(file).label(&name_of(path))).help(help));
        broken.insert(file.source.name.clone());
    }
}

/// A type is unique among what clients send, and among what the server sends.
pub(super) fn check_types(messages: &[Found], diagnostics: &mut Vec<Diagnostic>) {
    let mut reported = BTreeSet::new();
    for (side, sender) in [(Origin::Client, "clients send"), (Origin::Server, "the server sends")] {
        let mut first: BTreeMap<&str, &Found> = BTreeMap::new();
        for found in messages.iter().filter(|found| [side, Origin::Both].contains(&found.message.origin)) {
            let message = &found.message;
            let other = *first.entry(&message.message_type).or_insert(found);
            let pair = (&other.message.full_name, &message.full_name);
            // One name twice is a mistake that the compiler tells.
            if pair.0 == pair.1 || !reported.insert(pair) {
                continue;
            }
            let (one, two, message_type) = (pair.0, pair.1, &message.message_type);
            let help = match other.message.kind {
                FileKind::Common => {
                    "choose another type; or replace all common messages by your own: `\"include_common\": false`"
                }
                _ => "give each its own: a type is the route of one message per direction",
            };
            let text = format!("`{two}` has the type `{message_type}` of `{one}`, and {sender} both");
            let diagnostic = Diagnostic::error(text).at(found.type_label.clone());
            diagnostics.push(diagnostic.at(other.type_label.clone().note("first given here")).help(help));
        }
    }
}

/// The full names and paths of a file's messages and enums.
pub(super) fn names(file: &Parsed) -> Vec<(String, Vec<i32>)> {
    fn add(message: &DescriptorProto, scope: &str, path: Vec<i32>, names: &mut Vec<(String, Vec<i32>)>) {
        let full_name = join(scope, message.name());
        names.push((full_name.clone(), path.clone()));
        for (index, nested) in message.nested_type.iter().enumerate() {
            add(nested, &full_name, child(&path, 3, index), names);
        }
    }
    let package = file.descriptor.package();
    let mut names = Vec::new();
    for (index, message) in file.descriptor.message_type.iter().enumerate() {
        add(message, package, child(&[], 4, index), &mut names);
    }
    for (index, item) in file.descriptor.enum_type.iter().enumerate() {
        names.push((join(package, item.name()), child(&[], 5, index)));
    }
    names
}
