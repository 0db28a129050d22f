//! Identifiers of Dart.

use crate::targets::json_names;

/// What no class may be called: classes that generated code refers to, and the word that is a type.
const TYPES: &[&str] = &["BigInt", "Deprecated", "Function", "List", "Map", "Object", "String", "Uint8List"];

/// What no field and no value of an enum may be called: the words of the language, the types with small letters, and the
/// prefix of the runtime.
const WORDS: &[&str] = &[
    "assert", "bool", "break", "case", "catch", "class", "const", "continue", "default", "do", "double", "dynamic",
    "else", "enum", "extends", "false", "final", "finally", "for", "if", "in", "int", "is", "new", "null", "num",
    "psd", "rethrow", "return", "super", "switch", "this", "throw", "true", "try", "var", "void", "while", "with",
];

/// What every message has.
const MEMBERS: &[&str] = &[
    "copyWith",
    "descriptor",
    "fromBinary",
    "fromJson",
    "hashCode",
    "noSuchMethod",
    "runtimeType",
    "toBinary",
    "toJson",
    "toString",
];

/// What every enum and its values have.
const VALUES: &[&str] =
    &["descriptor", "hashCode", "index", "noSuchMethod", "number", "protoName", "runtimeType", "toString", "values"];

/// The name of a class: every word of it with a capital.
pub(super) fn class(name: &str) -> String {
    let name = part(name);
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        format!("${name}")
    } else if TYPES.contains(&&*name) {
        format!("{name}$")
    } else {
        name
    }
}

/// What a name adds to that of the class it is in.
pub(super) fn part(name: &str) -> String {
    words(name).map(capital).collect()
}

/// The property of a field: the classic name, which the client of TypeScript has as well, with a small letter first.
pub(super) fn property(name: &str) -> String {
    free(&small(&json_names::classic(name)), MEMBERS)
}

/// The name of an enum's value: `NOT_FOUND` and `not_found` as `notFound`.
pub(super) fn value(name: &str) -> String {
    let mut words = words(name).map(|word| {
        let is_loud = word.chars().all(|character| !character.is_ascii_lowercase());
        if is_loud { word.to_ascii_lowercase() } else { word.to_owned() }
    });
    let first = words.next().map(|word| small(&word)).unwrap_or_default();
    free(&(first + &words.map(|word| capital(&word)).collect::<String>()), VALUES)
}

/// The name, with a mark behind it if it means something else, or before it if it could not begin so.
fn free(name: &str, members: &[&str]) -> String {
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        format!("${name}")
    } else if WORDS.contains(&name) || members.contains(&name) {
        format!("{name}$")
    } else {
        name.to_owned()
    }
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split('_').filter(|word| !word.is_empty())
}

fn capital(word: impl AsRef<str>) -> String {
    let mut characters = word.as_ref().chars();
    characters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
}

/// The name with a small first word: `HTTPCode` as `httpCode`, `ID` as `id`.
fn small(name: &str) -> String {
    let capitals = name.bytes().take_while(u8::is_ascii_uppercase).count();
    let next_is_small = name.as_bytes().get(capitals).is_some_and(u8::is_ascii_lowercase);
    let lowered = if capitals > 1 && next_is_small { capitals - 1 } else { capitals };
    name[..lowered].to_ascii_lowercase() + &name[lowered..]
}

/// A string literal.
pub(super) fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    literal.push(quote);
    for character in text.chars() {
        match character {
            '\\' | '$' => {
                literal.push('\\');
                literal.push(character);
            }
            '\n' => literal.push_str("\\n"),
            _ if character == quote => {
                literal.push('\\');
                literal.push(character);
            }
            // Also what an editor would not show.
            '\u{2028}' | '\u{2029}' | '\u{feff}' => literal.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ if character.is_control() => literal.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => literal.push(character),
        }
    }
    literal.push(quote);
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_dart() {
        for (name, expected) in [
            ("text", "text"),
            ("sent_at", "sentAt"),
            ("field_1", "field_1"),
            ("HTTPCode", "httpCode"),
            ("ID", "id"),
            ("class", "class$"),
            ("to_json", "toJson$"),
            ("_leading", "leading"),
            ("_2_digits", "$_2Digits"),
            ("_", "$_"),
        ] {
            assert_eq!(property(name), expected, "{name}");
        }
        for (name, expected) in [
            ("NOT_FOUND", "notFound"),
            ("not_found", "notFound"),
            ("soSo", "soSo"),
            ("HAPPY", "happy"),
            ("values", "values$"),
            ("default_", "default$"),
            ("_1", "$1"),
        ] {
            assert_eq!(value(name), expected, "{name}");
        }
        for (name, expected) in [
            ("ChatSent", "ChatSent"),
            ("async", "Async"),
            ("snake_case", "SnakeCase"),
            ("String", "String$"),
            ("_1", "$1"),
        ] {
            assert_eq!(class(name), expected, "{name}");
        }
    }

    #[test]
    fn literals_are_read_as_they_were_meant() {
        for (text, expected) in
            [("plain", "'plain'"), ("it's", "\"it's\""), ("'\"", "'\\'\"'"), ("$a \\ \n", "'\\$a \\\\ \\n'")]
        {
            assert_eq!(literal(text), expected);
        }
    }
}
