//! Identifiers of TypeScript.

/// What an exported name must not be: words of the language, types without a name of their own, and what generated
/// files refer to by name.
const RESERVED: &[&str] = &[
    "MessageType",
    "NaN",
    "Infinity",
    "Uint8Array",
    "abstract",
    "any",
    "arguments",
    "as",
    "asserts",
    "async",
    "await",
    "bigint",
    "boolean",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "declare",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "from",
    "function",
    "get",
    "globalThis",
    "if",
    "implements",
    "import",
    "in",
    "infer",
    "instanceof",
    "interface",
    "is",
    "keyof",
    "let",
    "message",
    "module",
    "namespace",
    "never",
    "new",
    "null",
    "number",
    "object",
    "of",
    "package",
    "private",
    "protected",
    "public",
    "readonly",
    "require",
    "return",
    "satisfies",
    "set",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "this",
    "throw",
    "true",
    "try",
    "type",
    "typeof",
    "undefined",
    "unique",
    "unknown",
    "using",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// What every object has: a field of this name could not be told from nothing.
const MEMBERS: &[&str] = &[
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toJSON",
    "toLocaleString",
    "toString",
    "valueOf",
];

/// An exported name.
pub(super) fn export(name: &str) -> String {
    if RESERVED.contains(&name) { format!("{name}$") } else { name.to_owned() }
}

/// The name of a property.
pub(super) fn property(name: &str) -> String {
    if MEMBERS.contains(&name) { format!("{name}$") } else { name.to_owned() }
}

/// A string literal.
pub(super) fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                literal.push('\\');
                literal.push(character);
            }
            '\n' => literal.push_str("\\n"),
            // Line ends of TypeScript, and what an editor would not show.
            '\u{2028}' | '\u{2029}' | '\u{feff}' => literal.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ if character.is_control() => literal.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => literal.push(character),
        }
    }
    literal.push('"');
    literal
}

/// `a.b` as `AB`: what tells two packages apart.
pub(super) fn prefix(package: &str) -> String {
    let words = package.split(['.', '_']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut characters = word.chars();
            characters
                .next()
                .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
        })
        .collect()
}
