//! Identifiers as prost-build makes them, and the names that fields have in JSON.

use heck::{ToSnakeCase, ToUpperCamelCase};

/// A module, field or function. prost-build's own rule, which it does not export; a test holds the two together.
pub(super) fn snake(name: &str) -> String {
    sanitize(name.to_snake_case())
}

/// A type or variant. prost-build's own rule, as above.
pub(super) fn upper_camel(name: &str) -> String {
    sanitize(name.to_upper_camel_case())
}

fn sanitize(identifier: String) -> String {
    match identifier.as_str() {
        "as" | "break" | "const" | "continue" | "else" | "enum" | "false" | "fn" | "for" | "if" | "impl" | "in"
        | "let" | "loop" | "match" | "mod" | "move" | "mut" | "pub" | "ref" | "return" | "static" | "struct"
        | "trait" | "true" | "type" | "unsafe" | "use" | "where" | "while" | "dyn" | "abstract" | "become" | "box"
        | "do" | "final" | "macro" | "override" | "priv" | "typeof" | "unsized" | "virtual" | "yield" | "async"
        | "await" | "try" | "gen" => format!("r#{identifier}"),
        "_" | "super" | "self" | "Self" | "extern" | "crate" => format!("{identifier}_"),
        _ if identifier.starts_with(char::is_numeric) => format!("_{identifier}"),
        _ => identifier,
    }
}

/// The proto3 JSON name of a field that does not choose its own: every underscore goes, and raises what follows.
pub(super) fn proto3(name: &str) -> String {
    let mut json = String::with_capacity(name.len());
    let mut raise = false;
    for character in name.chars() {
        match character {
            '_' => raise = true,
            _ if std::mem::take(&mut raise) => json.push(character.to_ascii_uppercase()),
            _ => json.push(character),
        }
    }
    json
}

/// The classic name of a field: an underscore goes only when a lower-case letter follows, which is raised.
pub(super) fn classic(name: &str) -> String {
    let mut classic = String::with_capacity(name.len());
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(letter @ 'a'..='z') if character == '_' => {
                classic.push(letter.to_ascii_uppercase());
                characters.next();
            }
            _ => classic.push(character),
        }
    }
    classic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names() {
        for (name, expected_proto3, expected_classic) in [
            ("text", "text", "text"),
            ("camel_name", "camelName", "camelName"),
            ("camelName", "camelName", "camelName"),
            ("a_b_c", "aBC", "aBC"),
            ("field_1", "field1", "field_1"),
            ("with_2_digit", "with2Digit", "with_2Digit"),
            ("HTTPCode", "HTTPCode", "HTTPCode"),
            ("HTTP_Code", "HTTPCode", "HTTP_Code"),
            ("_leading", "Leading", "Leading"),
            ("trailing_", "trailing", "trailing_"),
            ("two__under", "twoUnder", "two_Under"),
        ] {
            assert_eq!(proto3(name), expected_proto3, "{name}");
            assert_eq!(classic(name), expected_classic, "{name}");
        }
    }

    #[test]
    fn identifiers() {
        for (name, expected) in [("type", "r#type"), ("Self", "self_"), ("HTTPCode", "http_code"), ("a1B2", "a1_b2")] {
            assert_eq!(snake(name), expected);
        }
        for (name, expected) in [("foo_bar", "FooBar"), ("self", "Self_"), ("WhoAmI", "WhoAmI"), ("UFile", "UFile")] {
            assert_eq!(upper_camel(name), expected);
        }
    }
}
