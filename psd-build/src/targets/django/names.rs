//! Identifiers of Python, as betterproto 1.2.5 makes them: it finds fields of JSON again by the same rules.

/// What must not be a name: the words of the language.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Names of fields that betterproto does not know to be none, since Python took them later or its own class has them.
const UNKNOWN: &[&str] = &[
    "async",
    "await",
    "from_dict",
    "from_json",
    "parse",
    "to_dict",
    "to_json",
    "_betterproto",
    "_cls_for",
    "_type_hint",
];

pub(super) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// The name of a field: every capital letter but the first gets an underscore before it, and all of them are lowered. A
/// word of the language gets one behind it, which betterproto takes off for JSON.
pub(super) fn field(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    for (index, character) in name.chars().enumerate() {
        if index > 0 && character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    if is_keyword(&snake) || needs_patch(&snake) {
        snake.push('_');
    }
    snake
}

/// Whether betterproto would not find a field of this name in JSON, unless it is told.
pub(super) fn needs_patch(snake: &str) -> bool {
    UNKNOWN.contains(&snake)
}

/// The name of a class: an underscore goes where a lower-case letter follows, which is raised, as the first letter is.
pub(super) fn class(name: &str) -> String {
    let mut pascal = String::with_capacity(name.len());
    let mut characters = name.chars().enumerate().peekable();
    while let Some((index, character)) = characters.next() {
        match characters.peek() {
            _ if index == 0 => pascal.push(character.to_ascii_uppercase()),
            Some((_, letter @ 'a'..='z')) if character == '_' => {
                pascal.push(letter.to_ascii_uppercase());
                characters.next();
            }
            _ => pascal.push(character),
        }
    }
    if is_keyword(&pascal) {
        pascal.push('_');
    }
    pascal
}

/// The name of a module or a folder of modules.
pub(super) fn module(name: &str) -> String {
    let mut module: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    if module.is_empty() || module.starts_with(|first: char| first.is_ascii_digit()) {
        module.insert(0, '_');
    }
    if is_keyword(&module) {
        module.push('_');
    }
    module
}

/// A string, in the quotes that black prefers: double ones, unless those had to be escaped.
pub(super) fn literal(text: &str) -> String {
    let quote = if text.contains('"') && !text.contains('\'') { '\'' } else { '"' };
    let mut literal = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => literal.push_str("\\\\"),
            control if control.is_control() => literal.push_str(&format!("\\u{:04x}", u32::from(control))),
            same if same == quote => literal.extend(['\\', same]),
            other => literal.push(other),
        }
    }
    literal.push(quote);
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_betterproto() {
        for (name, expected) in [
            ("text", "text"),
            ("camelName", "camel_name"),
            ("HTTPCode", "h_t_t_p_code"),
            ("with_2_digits", "with_2_digits"),
            ("_leading", "_leading"),
            ("two__under", "two__under"),
            ("Class", "class_"),
            ("None", "none"),
            ("async", "async_"),
            ("toDict", "to_dict_"),
        ] {
            assert_eq!(field(name), expected, "{name}");
        }
        for (name, expected) in [
            ("SendChat", "SendChat"),
            ("send_chat", "SendChat"),
            ("ChoiceInner", "ChoiceInner"),
            ("async", "Async"),
            ("none", "None_"),
            ("HTTP_2_x", "HTTP_2X"),
            ("_Leading", "_Leading"),
        ] {
            assert_eq!(class(name), expected, "{name}");
        }
        for (name, expected) in [("chat", "chat"), ("my-file", "my_file"), ("class", "class_"), ("2fa", "_2fa")] {
            assert_eq!(module(name), expected, "{name}");
        }
    }
}
