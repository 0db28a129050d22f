//! What was probably meant by the name of a type that is not known.

use std::collections::BTreeMap;

use super::Parsed;
use super::rules::names;
use crate::Diagnostic;
use crate::nearest::nearest;

const SCALARS: [&str; 15] = [
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32",
    "sfixed64", "bool", "string", "bytes",
];

/// Adds the way out to diagnostics about unknown names.
pub(super) fn explain(files: &[Parsed], diagnostics: &mut [Diagnostic]) {
    let known: BTreeMap<String, &Parsed> =
        files.iter().flat_map(|file| names(file).into_iter().map(move |(name, _)| (name, file))).collect();
    for diagnostic in diagnostics.iter_mut().filter(|diagnostic| diagnostic.help.is_empty()) {
        let unknown = diagnostic.message.strip_prefix("name `").and_then(|rest| rest.strip_suffix("` is not defined"));
        let (Some(unknown), Some(place)) = (unknown, diagnostic.labels.first()) else { continue };
        let user = files.iter().find(|file| file.source.path == place.file);
        let help = user.and_then(|user| way_out(unknown.trim_start_matches('.'), user, &known));
        diagnostic.help.push(help.unwrap_or_else(|| "declare it, or import the file that does".to_owned()));
    }
}

fn way_out(unknown: &str, user: &Parsed, known: &BTreeMap<String, &Parsed>) -> Option<String> {
    let is_meant = |name: &str| name == unknown || name.ends_with(&format!(".{unknown}"));
    if let Some((name, file)) = known.iter().find(|(name, _)| is_meant(name)) {
        let import = &file.source.name;
        let is_imported = *import == user.source.name || user.descriptor.dependency.contains(import);
        return Some(match is_imported {
            true => format!("write its full name, `{name}`"),
            false if name == unknown => format!("it is declared in `{import}`: add `import \"{import}\";`"),
            false => format!("`{name}` is declared in `{import}`: add `import \"{import}\";` and write its full name"),
        });
    }
    let own = format!("{}.", user.descriptor.package());
    // Types of the same package are named without it.
    let candidates = known.keys().map(|name| name.strip_prefix(own.as_str()).unwrap_or(name));
    nearest(unknown, SCALARS.into_iter().chain(candidates)).map(|meant| format!("did you mean `{meant}`?"))
}
