//! `index.ts`: everything by its name, and the messages as lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::imports::relative;
use super::model::{File, Model};
use super::names;
use super::print::{WIDTH, head};
use crate::schema::Origin;
use crate::targets::MARK;

/// The names of the index itself.
const RESERVED: [&str; 5] = ["messages", "types", "contract", "cache", "outbox"];

/// A name of a file, and the one under which the index exports it.
pub(super) struct Export<'m> {
    name: &'m str,
    pub(super) exported: String,
    /// Whether it travels; nothing for an enum.
    travels: Option<bool>,
}

pub(super) fn print(model: &Model<'_>) -> String {
    let files = exports(model);
    let mut out = head(&format!("{MARK}; do not edit."));
    let _ = writeln!(out, "import type {{ MessageType }} from {};", names::literal(&model.options.codec));
    for (file, exports) in &files {
        let from = names::literal(&relative("index.ts", &file.path, &model.options.extension));
        let renamed = |export: &Export<'_>| match export.name == export.exported {
            true => export.exported.clone(),
            false => format!("{} as {}", export.name, export.exported),
        };
        let messages: Vec<String> = exports.iter().filter(|export| export.travels.is_some()).map(renamed).collect();
        let all: Vec<String> = exports.iter().map(renamed).collect();
        if !messages.is_empty() {
            list(&mut out, "import", &messages, &format!(" from {from};"));
        }
        if exports.iter().all(|export| export.name == export.exported) {
            let _ = writeln!(out, "export * from {from};");
        } else {
            list(&mut out, "export", &all, &format!(" from {from};"));
        }
    }
    let parts = parts(model);
    if let Some(offline) = model.options.offline.as_deref().filter(|_| !parts.is_empty()) {
        let _ = writeln!(out, "import {{ {} }} from {};", parts.join(", "), names::literal(offline));
    }
    let names = |travels: bool| {
        let exports = files.iter().flat_map(|(_, exports)| exports);
        let chosen = exports.filter(|export| export.travels.is_some_and(|is| is || !travels));
        chosen.map(|export| export.exported.as_str()).collect::<Vec<_>>()
    };
    array(&mut out, "Every message that travels.", "export const messages = [", &names(true), "] as const;");
    if model.options.offline.is_some() {
        let members = ["messages"].into_iter().chain(parts).collect::<Vec<_>>().join(", ");
        let docs = "What `createClient` has to know: the messages, and what keeps those with `client cache`.";
        let _ = writeln!(out, "\n/** {docs} */\nexport const contract = {{ {members} }};");
    }
    let start = "export const types: readonly MessageType[] = [";
    array(
        &mut out,
        "Every message, with those that are only part of others; what an `Any` may hold.",
        start,
        &names(false),
        "];",
    );
    out
}

/// The parts of the client that only some contracts need: whatever keeps messages of a side with `client cache`.
fn parts(model: &Model<'_>) -> Vec<&'static str> {
    let travelling = || model.files.iter().flat_map(|file| &file.messages).filter_map(|message| message.travels);
    let keeps =
        |sends: fn(Origin) -> bool| travelling().any(|travels| travels.client_cache.is_some() && sends(travels.origin));
    let all = [("cache", keeps(Origin::is_server)), ("outbox", keeps(Origin::is_client))];
    all.into_iter().filter_map(|(name, is_needed)| is_needed.then_some(name)).collect()
}

/// What each file exports. A name that two files have is told by its package.
pub(super) fn exports<'m>(model: &'m Model<'m>) -> Vec<(&'m File<'m>, Vec<Export<'m>>)> {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::from(RESERVED.map(|name| (name, 1)));
    let all = |file: &'m File<'m>| {
        let enums = file.enums.iter().map(|item| (item.name.as_str(), None));
        enums.chain(file.messages.iter().map(|message| (message.name.as_str(), Some(message.travels.is_some()))))
    };
    for (name, _) in model.files.iter().flat_map(all) {
        *uses.entry(name).or_default() += 1;
    }
    let mut taken: BTreeSet<String> = uses.keys().map(|name| (*name).to_owned()).collect();
    let mut files = Vec::new();
    for file in &model.files {
        let exports = all(file).map(|(name, travels)| {
            let mut exported = name.to_owned();
            if uses.get(name).is_some_and(|uses| *uses > 1) {
                exported = format!("{}{name}", names::prefix(file.package));
                while !taken.insert(exported.clone()) {
                    exported.push('$');
                }
            }
            Export { name, exported, travels }
        });
        files.push((file, exports.collect()));
    }
    files
}

/// `import { … } from …;`, one name a line where one line would be long.
fn list(out: &mut String, word: &str, names: &[String], end: &str) {
    let line = format!("{word} {{ {} }}{end}", names.join(", "));
    if line.len() <= WIDTH {
        let _ = writeln!(out, "{line}");
        return;
    }
    let _ = writeln!(out, "{word} {{");
    for name in names {
        let _ = writeln!(out, "  {name},");
    }
    let _ = writeln!(out, "}}{end}");
}

fn array(out: &mut String, docs: &str, head: &str, names: &[&str], end: &str) {
    let _ = writeln!(out, "\n/** {docs} */\n{head}");
    for name in names {
        let _ = writeln!(out, "  {name},");
    }
    let _ = writeln!(out, "{end}");
}
