//! What a file refers to in others, and under which names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::layout::WIDTH;
use super::model::{File, Library, Model};
use super::names;

/// The prefix of the runtime. No field may be called so.
pub(super) const PREFIX: &str = "psd";

/// The types that one file takes from others.
pub(super) struct Imports<'m> {
    model: &'m Model<'m>,
    /// The path of the file itself.
    path: &'m str,
    /// The names that stand for something in the file, and for what.
    taken: BTreeMap<String, Option<Library>>,
    /// By where it comes from: what is taken without a prefix, and whether anything is taken with one.
    libraries: BTreeMap<Library, (BTreeSet<String>, Option<String>)>,
    /// Whether bytes are mentioned.
    uses_bytes: bool,
}

impl<'m> Imports<'m> {
    pub(super) fn of(file: &'m File<'m>, model: &'m Model<'m>, declared: &[String]) -> Self {
        let taken = declared.iter().map(|name| (name.clone(), None)).collect();
        Self { model, path: &file.path, taken, libraries: BTreeMap::new(), uses_bytes: false }
    }

    /// What bytes are called.
    pub(super) fn bytes(&mut self) -> String {
        self.uses_bytes = true;
        "Uint8List".to_owned()
    }

    /// What a type is called in this file.
    pub(super) fn name(&mut self, library: &Library, name: &str) -> String {
        if *library == Library::Runtime {
            return format!("{PREFIX}.{name}");
        }
        if *library == Library::File(self.path.to_owned()) {
            return name.to_owned();
        }
        let known = self.taken.entry(name.to_owned()).or_insert_with(|| Some(library.clone()));
        let is_free = known.as_ref() == Some(library);
        let number = self.libraries.len() + 1;
        let (shown, prefix) = self.libraries.entry(library.clone()).or_default();
        if is_free {
            shown.insert(name.to_owned());
            return name.to_owned();
        }
        // Something else is called so here.
        let prefix = prefix.get_or_insert_with(|| format!("${number}"));
        format!("{prefix}.{name}")
    }

    /// The directives.
    pub(super) fn print(&self) -> String {
        let mut out = String::new();
        if self.uses_bytes {
            out.push_str("import 'dart:typed_data';\n\n");
        }
        let mut packages = Vec::new();
        let mut relatives = Vec::new();
        let mut add = |uri: String, rest: String| {
            let list = if uri.starts_with("package:") { &mut packages } else { &mut relatives };
            list.push((uri, rest));
        };
        add(self.model.options.codec.clone(), format!(" as {PREFIX};"));
        for (library, (shown, prefix)) in &self.libraries {
            let uri = match library {
                Library::File(path) => relative(self.path, path),
                _ => self.model.options.common.clone(),
            };
            if !shown.is_empty() {
                let names: Vec<&str> = shown.iter().map(String::as_str).collect();
                add(uri.clone(), show(&uri, &names));
            }
            if let Some(prefix) = prefix {
                add(uri, format!(" as {prefix};"));
            }
        }
        for (index, list) in [packages, relatives].iter_mut().enumerate() {
            list.sort();
            if index == 1 && !list.is_empty() && !out.is_empty() && !out.ends_with("\n\n") {
                out.push('\n');
            }
            for (uri, rest) in list {
                let _ = writeln!(out, "import {}{rest}", names::literal(uri));
            }
        }
        out
    }
}

/// ` show A, B;`, broken as `dart format` does.
fn show(uri: &str, names: &[&str]) -> String {
    combinator("import", uri, "show", names)
}

/// What stands behind the URI of a directive.
pub(super) fn combinator(directive: &str, uri: &str, word: &str, names: &[&str]) -> String {
    let list = names.join(", ");
    if directive.len() + 1 + names::literal(uri).len() + word.len() + 3 + list.len() <= WIDTH {
        format!(" {word} {list};")
    } else if 4 + word.len() + 2 + list.len() <= WIDTH {
        format!("\n    {word} {list};")
    } else {
        format!("\n    {word}\n        {};", names.join(",\n        "))
    }
}

/// The path of a generated file, seen from another.
pub(super) fn relative(from: &str, to: &str) -> String {
    let (from, to): (Vec<&str>, Vec<&str>) = (from.split('/').collect(), to.split('/').collect());
    let shared = from.iter().zip(&to).take_while(|(from, to)| from == to).count().min(from.len() - 1);
    "../".repeat(from.len() - 1 - shared) + &to[shared..].join("/")
}
