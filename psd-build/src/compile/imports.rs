//! Imports: each must be there, once, and lead nowhere back.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::FileDescriptorSet;

use super::elements::Places;
use super::{Parsed, protox};
use crate::nearest::nearest;
use crate::{Diagnostic, common};

/// Lets `import "sfiles.proto"` mean the common file where the user has none of that name: adds a file that passes it
/// on. Returns the names of what was added.
pub(super) fn add_aliases(files: &mut Vec<Parsed>) -> BTreeSet<String> {
    let known: BTreeSet<&str> = files.iter().map(|file| file.source.name.as_str()).collect();
    let is_alias = |import: &&String| {
        !known.contains(import.as_str()) && known.contains(format!("{}{import}", common::FOLDER).as_str())
    };
    let imports = files.iter().flat_map(|file| &file.descriptor.dependency);
    let aliases: BTreeSet<String> = imports.filter(is_alias).cloned().collect();
    for alias in &aliases {
        let source = common::alias(alias);
        if let Ok(descriptor) = protox::parse(&source) {
            files.push(Parsed { source, descriptor });
        }
    }
    aliases
}

/// Takes the added files out again: whoever imported one, now imports the common file itself.
pub(super) fn remove_aliases(files: &mut FileDescriptorSet, aliases: &BTreeSet<String>) {
    files.file.retain(|file| !aliases.contains(file.name()));
    for import in files.file.iter_mut().flat_map(|file| &mut file.dependency) {
        if aliases.contains(import) {
            *import = format!("{}{import}", common::FOLDER);
        }
    }
}

/// Reports bad imports; returns the files that can be resolved, because all they import can.
pub(super) fn check(
    files: &[Parsed],
    broken: &BTreeSet<String>,
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeSet<String> {
    let known: BTreeMap<&str, &Parsed> = files.iter().map(|file| (file.source.name.as_str(), file)).collect();
    let mut healthy: BTreeSet<String> = known.keys().map(|name| (*name).to_owned()).collect();
    healthy.retain(|name| !broken.contains(name));
    for file in files {
        let imports = &file.descriptor.dependency;
        for (index, import) in imports.iter().enumerate() {
            let is_repeated = imports[..index].contains(import);
            let mistake = if broken.contains(import) {
                // Its own mistakes are told already.
                None
            } else if !known.contains_key(import.as_str()) && !protox::is_well_known(import) {
                Some(Diagnostic::error(format!("the import `{import}` is no known file")).help(
                    match nearest(import, known.keys().copied()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => "imports are relative to the folders of `protos`".to_owned(),
                    },
                ))
            } else if is_repeated {
                let diagnostic = Diagnostic::error(format!("`{import}` is imported twice"));
                Some(diagnostic.help("remove one of the two lines"))
            } else if reaches(&known, import, &file.source.name) {
                let diagnostic = Diagnostic::error(format!("the import `{import}` leads back to this file"));
                Some(diagnostic.help("move what both files need into a third one"))
            } else {
                continue;
            };
            healthy.remove(&file.source.name);
            let path = [3, i32::try_from(index).unwrap_or(i32::MAX)];
            diagnostics.extend(mistake.map(|mistake| mistake.at(Places::of(file).label(&path))));
        }
    }
    without_dependents(&known, healthy)
}

/// Takes out what imports a file that is out, until nothing changes.
fn without_dependents(known: &BTreeMap<&str, &Parsed>, mut healthy: BTreeSet<String>) -> BTreeSet<String> {
    loop {
        let is_out = |import: &String| known.contains_key(import.as_str()) && !healthy.contains(import);
        let (out, rest): (BTreeSet<String>, BTreeSet<String>) = healthy.iter().cloned().partition(|name| {
            known.get(name.as_str()).is_some_and(|file| file.descriptor.dependency.iter().any(is_out))
        });
        healthy = rest;
        if out.is_empty() {
            return healthy;
        }
    }
}

/// Whether the imports of `from` lead to `to`.
fn reaches(known: &BTreeMap<&str, &Parsed>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        if name == to {
            return true;
        }
        if let Some(file) = known.get(name).filter(|_| seen.insert(name)) {
            open.extend(file.descriptor.dependency.iter().map(String::as_str));
        }
    }
    false
}
