//! The names that protoc's plugin for Dart gives, as of version 23: applications say them.

use std::collections::BTreeSet;

/// The words that no declaration may be called.
const WORDS: &[&str] = &[
    "assert", "bool", "break", "case", "catch", "class", "const", "continue", "default", "do", "double", "else",
    "enum", "extends", "false", "final", "finally", "for", "if", "in", "int", "is", "new", "null", "rethrow", "return",
    "super", "switch", "this", "throw", "true", "try", "var", "void", "while", "with",
];

/// What no class may be called. The plugin knows three of them; with the others, its classes do not compile.
const TYPES: &[&str] = &[
    "Function",
    "List",
    "Map",
    "abstract",
    "as",
    "covariant",
    "deferred",
    "dynamic",
    "export",
    "extension",
    "external",
    "factory",
    "get",
    "implements",
    "import",
    "interface",
    "late",
    "library",
    "mixin",
    "operator",
    "part",
    "required",
    "set",
    "static",
    "typedef",
];

/// What every message has, from its base class or from the plugin.
const MEMBERS: &[&str] = &[
    "GeneratedMessage",
    "List",
    "Object",
    "addExtension",
    "check",
    "clear",
    "clearExtension",
    "clearField",
    "clone",
    "copyWith",
    "create",
    "createEmptyInstance",
    "createRepeated",
    "extensionsAreInitialized",
    "freeze",
    "getDefault",
    "getDefaultForField",
    "getExtension",
    "getField",
    "getFieldOrNull",
    "getTagNumber",
    "hasExtension",
    "hasField",
    "hasRequiredFields",
    "hashCode",
    "info_",
    "isFrozen",
    "isInitialized",
    "mergeFromBuffer",
    "mergeFromCodedBufferReader",
    "mergeFromJson",
    "mergeFromJsonMap",
    "mergeFromMessage",
    "mergeFromProto3Json",
    "mergeUnknownFields",
    "noSuchMethod",
    "notSet",
    "runtimeType",
    "setExtension",
    "setField",
    "toBuilder",
    "toDebugString",
    "toProto3Json",
    "toString",
    "unknownFields",
    "writeToBuffer",
    "writeToCodedBufferWriter",
    "writeToJson",
    "writeToJsonMap",
];

/// What every enum has. The plugin forgets `name` and `value`, and its enums with such values do not compile.
const VALUES: &[&str] = &[
    "List",
    "Object",
    "ProtobufEnum",
    "hashCode",
    "name",
    "noSuchMethod",
    "runtimeType",
    "toString",
    "value",
    "valueOf",
    "values",
];

/// What every enum of Dart has.
const CASES: &[&str] = &["default", "index", "values"];

/// Names that something has already.
pub(super) struct Taken(BTreeSet<String>);

impl Taken {
    pub(super) fn types() -> Self {
        Self::new(&[WORDS, TYPES])
    }

    /// No member may be called like a class of its file, which it would hide; the plugin forgets that.
    pub(super) fn members(classes: &[&str]) -> Self {
        Self::new(&[WORDS, MEMBERS, classes])
    }

    pub(super) fn values() -> Self {
        Self::new(&[WORDS, VALUES])
    }

    pub(super) fn cases() -> Self {
        Self::new(&[CASES])
    }

    pub(super) fn new(lists: &[&[&str]]) -> Self {
        Self(lists.iter().copied().flatten().map(|name| (*name).to_owned()).collect())
    }

    /// The first of these suffixes that makes a name all of whose variants are free; they are taken then.
    fn suffix(&mut self, suffixes: impl Iterator<Item = String>, variants: impl Fn(&str) -> Vec<String>) -> String {
        for suffix in std::iter::once(String::new()).chain(suffixes) {
            let names = variants(&suffix);
            if names.iter().all(|name| !self.0.contains(name)) {
                self.0.extend(names);
                return suffix;
            }
        }
        String::new()
    }

    /// The name, with `_`, `_0`, `_1` and so on behind it if it is taken.
    pub(super) fn numbered(&mut self, name: &str) -> String {
        self.numbered_all(name, |name| vec![name.to_owned()])
    }

    /// The same, where several names are made of it.
    pub(super) fn numbered_all(&mut self, name: &str, variants: impl Fn(&str) -> Vec<String>) -> String {
        let suffixes = std::iter::once("_".to_owned()).chain((0..).map(|number| format!("_{number}")));
        let suffix = self.suffix(suffixes, |suffix| variants(&format!("{name}{suffix}")));
        format!("{name}{suffix}")
    }

    /// The name, with as many `_` behind it as make it free.
    pub(super) fn underscored(&mut self, name: &str) -> String {
        let suffix = self.suffix((1..).map(|count| "_".repeat(count)), |suffix| vec![format!("{name}{suffix}")]);
        format!("{name}{suffix}")
    }

    /// What the members of a field are called, after the prefixes `has`, `clear` and `ensure`: with the field's number
    /// behind it as often as makes all of them free.
    pub(super) fn field(&mut self, name: &str, number: i32, prefixes: &[&str]) -> String {
        let stem = Some(capitals(name)).filter(|stem| !stem.is_empty()).unwrap_or_else(|| "X".to_owned());
        let suffix = self.suffix((1..).map(|count| format!("_{number}").repeat(count)), |suffix| {
            let name = format!("{stem}{suffix}");
            let methods = prefixes.iter().map(|prefix| format!("{prefix}{name}"));
            std::iter::once(visible(&small(&name))).chain(methods).collect()
        });
        format!("{stem}{suffix}")
    }
}

/// `snake_case` as `SnakeCase`; what is a capital stays one.
pub(super) fn capitals(name: &str) -> String {
    name.split('_').map(capital).collect()
}

pub(super) fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
}

/// With a small first letter.
pub(super) fn small(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + characters.as_str())
}

/// A name that is not private and does not begin with a digit: `_1` as `x1_`.
pub(super) fn visible(name: &str) -> String {
    let stem = name.trim_start_matches('_');
    let name = stem.to_owned() + &"_".repeat(name.len() - stem.len());
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("x{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_names_get_what_the_plugin_gives_them() {
        for (name, number, expected) in [
            ("local_key", 1, "LocalKey"),
            ("extension", 2, "Extension_2"),
            ("class", 44, "Class_44"),
            ("HTTPCode", 42, "HTTPCode"),
            ("with_2_digit", 43, "With2Digit"),
            ("field", 7, "Field_7"),
            ("get_field", 7, "GetField_7"),
        ] {
            assert_eq!(Taken::members(&["A"]).field(name, number, &["has", "clear"]), expected, "{name}");
        }
        let mut taken = Taken::types();
        assert_eq!(taken.numbered("List"), "List_");
        assert_eq!(taken.numbered("List"), "List_0");
        assert_eq!(Taken::values().underscored("values"), "values_");
        assert_eq!(visible("_1"), "x1_");
    }
}
