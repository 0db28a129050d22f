//! `messages.dart`: everything by its name, and the messages as a registry.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::imports::combinator;
use super::layout::{Piece, assignment};
use super::message::head;
use super::model::Model;
use super::names;
use crate::targets::MARK;

/// The file that is printed.
pub(super) const FILE: &str = "messages.dart";

pub(super) fn print(model: &Model<'_>) -> String {
    let options = model.options;
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for name in model.files.iter().flat_map(super::model::File::declared) {
        *uses.entry(name).or_default() += 1;
    }
    let mut out = head(&format!("{MARK}; do not edit."));
    let mut imports = vec![(options.codec.clone(), "psd".to_owned())];
    let mut exports = Vec::new();
    let mut types = Vec::new();
    for (index, file) in model.files.iter().enumerate() {
        let prefix = format!("${}", index + 1);
        types.extend(file.messages.iter().map(|message| format!("{prefix}.{}.descriptor", message.name)));
        if !file.messages.is_empty() {
            imports.push((file.path.clone(), prefix));
        }
        // What two files declare is no name of this library: it is imported from its own file.
        let mut hidden = file.declared();
        hidden.retain(|name| uses.get(name).is_some_and(|uses| *uses > 1));
        hidden.sort();
        exports.push((file.path.clone(), hidden));
    }
    imports.sort_by_key(|(uri, _)| (!uri.starts_with("package:"), uri.clone()));
    for (index, (uri, prefix)) in imports.iter().enumerate() {
        if index > 0 && imports[index - 1].0.starts_with("package:") && !uri.starts_with("package:") {
            out.push('\n');
        }
        let _ = writeln!(out, "import {} as {prefix};", names::literal(uri));
    }
    out.push('\n');
    exports.sort();
    for (uri, hidden) in &exports {
        let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
        let end = if hidden.is_empty() { ";".to_owned() } else { combinator("export", uri, "hide", &hidden) };
        let _ = writeln!(out, "export {}{end}", names::literal(uri));
    }
    out.push_str("\n/// Every message, with those that are only part of others.\n");
    let start = format!("final psd.MessageRegistry {} =", options.registry);
    let list = Piece::list("psd.MessageRegistry(", vec![Piece::texts("[", types, "]")], ")");
    out.push_str(&registry(&start, &list));
    out
}

/// The list is the only argument, and is broken like one that stands alone.
fn registry(start: &str, list: &Piece) -> String {
    let Piece::List { open, items, close } = list else { return String::new() };
    let Some(Piece::List { open: inner, items, close: end }) = items.first() else { return String::new() };
    let hugged = Piece::list(format!("{open}{inner}"), items.clone(), format!("{end}{close}"));
    assignment(0, start, &hugged)
}
