//! What is wrong with a JSON text, and where.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// The longest excerpt of the text that an error shows.
const EXCERPT: usize = 40;

/// Why a JSON text could not be read, or a message not be written.
///
/// Displays as `items[3].price: expected a number, found "abc"`. One word in size: results stay in registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    path: String,
    problem: Cow<'static, str>,
    offset: usize,
}

impl Error {
    /// An error about the value at `offset` of `text`, which is located by reading the text a second time: nothing
    /// keeps track of paths while all goes well.
    #[cold]
    pub(super) fn at(text: &str, offset: usize, problem: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { path: path(text, offset), problem: problem.into(), offset }))
    }

    /// `expected …, found …`.
    #[cold]
    pub(super) fn expected(text: &str, offset: usize, what: &str) -> Self {
        Self::at(text, offset, format!("expected {what}, found {}", Found { text, offset }))
    }

    /// An error without a place in a text: of writing.
    #[cold]
    pub(super) fn unwritable(problem: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { path: String::new(), problem: problem.into(), offset: 0 }))
    }

    /// Where the value is, such as `items[3].price`; empty for the whole text.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What is wrong, without the path.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.0.problem
    }

    /// The byte of the text at which reading ended.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// The same error seen from outside: `body` makes `items[3]` into `body.items[3]`.
    #[must_use]
    pub fn with_root(mut self, root: &str) -> Self {
        let path = &mut self.0.path;
        let separator = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        path.insert_str(0, separator);
        path.insert_str(0, root);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.path.is_empty() {
            write!(f, "{}: ", self.0.path)?;
        }
        f.write_str(&self.0.problem)
    }
}

impl std::error::Error for Error {}

/// Shows what stands at an offset.
struct Found<'a> {
    text: &'a str,
    offset: usize,
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.text.get(self.offset..).unwrap_or_default();
        let Some(first) = rest.bytes().next() else { return f.write_str("the end of the text") };
        match first {
            b'{' => f.write_str("an object"),
            b'[' => f.write_str("an array"),
            b'"' => excerpt(f, &rest[..string_length(rest)]),
            byte if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'+' || byte == b'.' => {
                let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_');
                let token = &rest[..rest.find(|c| !inside(c)).unwrap_or(rest.len())];
                excerpt(f, token)
            }
            _ => {
                let character = rest.chars().next().unwrap_or_default();
                match character {
                    '\'' => f.write_str("`'`"),
                    _ => write!(f, "`{}`", character.escape_debug()),
                }
            }
        }
    }
}

/// Writes the beginning of a piece of text, on one line.
fn excerpt(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    for (count, character) in text.chars().enumerate() {
        if count == EXCERPT {
            return out.write_char('…');
        }
        if character.is_control() {
            write!(out, "{}", character.escape_debug())?;
        } else {
            out.write_char(character)?;
        }
    }
    Ok(())
}

/// A piece of text as errors show it: on one line, and not longer than is useful.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    // Writing to a string does not fail.
    let _ = excerpt(&mut shown, text);
    shown
}

/// The length of the string at the start of `text`, quotes included; all of the text if it does not end.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

enum Segment<'a> {
    /// In an object, with the key of the current member once it is known.
    Member(Option<&'a str>),
    /// In an array.
    Element(usize),
}

/// The path of the value at `offset`: which members and elements are open there.
fn path(text: &str, offset: usize) -> String {
    let mut open = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < offset.min(bytes.len()) {
        match bytes[at] {
            b'{' => open.push(Segment::Member(None)),
            b'[' => open.push(Segment::Element(0)),
            b'}' | b']' => drop(open.pop()),
            b',' => match open.last_mut() {
                Some(Segment::Element(index)) => *index += 1,
                Some(Segment::Member(key)) => *key = None,
                None => {}
            },
            b'"' => {
                let length = string_length(&text[at..]);
                if let Some(Segment::Member(key @ None)) = open.last_mut() {
                    *key = Some(text.get(at + 1..at + length - 1).unwrap_or_default());
                }
                at += length - 1;
            }
            _ => {}
        }
        at += 1;
    }
    let mut path = String::new();
    for segment in &open {
        // Writing to a string does not fail.
        let _ = match segment {
            Segment::Member(None) => Ok(()),
            Segment::Element(index) => write!(path, "[{index}]"),
            Segment::Member(Some(key)) if is_name(key) => {
                let separator = if path.is_empty() { "" } else { "." };
                path.push_str(separator);
                excerpt(&mut path, key)
            }
            Segment::Member(Some(key)) => write!(path, "[\"{}\"]", shown(key)),
        };
    }
    path
}

fn is_name(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, marker: &str, expected: &str) {
        let offset = text.find(marker).expect("the marker is in the text");
        assert_eq!(Error::expected(text, offset, "a number").to_string(), expected);
    }

    #[test]
    fn paths() {
        check(r#""abc""#, "\"abc", r#"expected a number, found "abc""#);
        check(r#"{"a": "abc"}"#, "\"abc", r#"a: expected a number, found "abc""#);
        check(
            r#"{"items": [{}, {"x": [1, 2]}, {}, {"a": 1, "price": "abc"}]}"#,
            "\"abc",
            r#"items[3].price: expected a number, found "abc""#,
        );
        check(r#"{"a": {"b": {}, "c d": {"e": x}}}"#, "x", r#"a["c d"].e: expected a number, found x"#);
        check(r#"[[1], [2, 3, "abc"]]"#, "\"abc", r#"[1][2]: expected a number, found "abc""#);
        check(r#"{"a\"}{": 1, "b": "abc"}"#, "\"abc", r#"b: expected a number, found "abc""#);
    }

    #[test]
    fn found() {
        check("{", "{", "expected a number, found an object");
        check("[1]", "[", "expected a number, found an array");
        check("#", "#", "expected a number, found `#`");
        check("\n", "\n", "expected a number, found `\\n`");
        check("nul,", "n", "expected a number, found nul");
        check(&"1".repeat(60), "1", &format!("expected a number, found {}…", "1".repeat(40)));
        check("\"a\nb", "\"", "expected a number, found \"a\\nb");
        assert_eq!(Error::expected("", 0, "x").to_string(), "expected x, found the end of the text");
    }

    #[test]
    fn roots() {
        let error = |text: &str, offset| Error::expected(text, offset, "a number").with_root("body").to_string();
        assert_eq!(error("{\"a\":x}", 5), "body.a: expected a number, found x");
        assert_eq!(error("[x]", 1), "body[0]: expected a number, found x");
        assert_eq!(error("x", 0), "body: expected a number, found x");
    }
}
