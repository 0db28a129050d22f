//! Where comments stand.
//!
//! What a comment says and which element it documents comes from `SourceCodeInfo`; that does not tell where its lines
//! are, nor which comments documented nothing, and diagnostics need both.

use std::ops::Range;

/// A comment of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    /// Its bytes, delimiters included.
    pub(crate) range: Range<usize>,
    /// Whether it is a block comment; else it is one line.
    pub(crate) is_block: bool,
}

/// Every comment of a .proto file, in order.
pub(crate) fn scan(text: &str) -> Vec<Comment> {
    let mut comments = Vec::new();
    let mut position = 0;
    while let Some(found) = text[position..].find(['/', '\'', '"']) {
        let start = position + found;
        let rest = &text[start..];
        let length = if rest.starts_with("/*") {
            let length = rest.get(2..).and_then(|inner| inner.find("*/")).map_or(rest.len(), |end| end + 4);
            comments.push(Comment { range: start..start + length, is_block: true });
            length
        } else if rest.starts_with("//") {
            let length = rest.find('\n').unwrap_or(rest.len());
            comments.push(Comment { range: start..start + length, is_block: false });
            length
        } else if rest.starts_with('/') {
            1
        } else {
            string_length(rest)
        };
        position = start + length;
    }
    comments
}

/// The comments that end right above (or before) what starts at `offset`: one block comment or a run of line comments.
pub(crate) fn above<'a>(comments: &'a [Comment], text: &str, offset: usize) -> &'a [Comment] {
    let end = comments.partition_point(|comment| comment.range.end <= offset);
    let mut start = end;
    let mut next = offset;
    while start > 0 {
        let comment = &comments[start - 1];
        let attached = is_attached(&text[comment.range.end..next]);
        if !attached || (comment.is_block && start != end) {
            break;
        }
        start -= 1;
        next = comment.range.start;
        if comment.is_block {
            break;
        }
    }
    &comments[start..end]
}

/// A line of a comment and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Its text, trimmed; never empty.
    pub(crate) text: &'a str,
    /// The byte at which the text starts in the file.
    pub(crate) offset: usize,
}

/// The lines of what `SourceCodeInfo` made of a comment, found again in the file.
///
/// The parser drops stars, indentation and empty lines, never the order: each line is looked for after the one before.
pub(crate) fn lines<'a>(said: &'a str, source: &str, within: Range<usize>) -> Vec<Line<'a>> {
    let mut position = within.start;
    let mut lines = Vec::new();
    for text in said.lines().map(str::trim).filter(|text| !text.is_empty()) {
        let Some(found) = source[position..within.end].find(text) else { continue };
        lines.push(Line { text, offset: position + found });
        position += found + text.len();
    }
    lines
}

/// Only white space between, and no empty line.
fn is_attached(between: &str) -> bool {
    between.trim().is_empty() && between.matches('\n').count() <= 1
}

/// The length of a string literal with its quotes; one that never ends, ends with its line.
fn string_length(rest: &str) -> usize {
    let quote = rest.as_bytes()[0];
    let mut escaped = false;
    for (index, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            b'\n' => return index,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            _ if byte == quote => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::{above, lines, scan};

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<_> = scan(text).into_iter().map(|comment| &text[comment.range]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn comments_are_told_from_strings() {
        check("a /* b */ c // d\ne", &["/* b */", "// d"]);
        check("'/* no */' /*yes*/ \"// no \\\" //\" //", &["/*yes*/", "//"]);
        check("/* never ends", &["/* never ends"]);
        check("/*/ is open */", &["/*/ is open */"]);
        check("'never ends\n/* yes */", &["/* yes */"]);
        check("1 / 2 // é", &["// é"]);
    }

    #[test]
    fn an_empty_line_detaches() {
        for (text, expected) in [
            ("/* a */ message", 1),
            ("/* a */\nmessage", 1),
            ("/* a */\r\nmessage", 1),
            ("/* a */\n\nmessage", 0),
            ("/* a */ x message", 0),
            ("// a\n// b\nmessage", 2),
            ("/* a */\n// b\nmessage", 1),
            ("/* a */\n/* b */\nmessage", 1),
        ] {
            let offset = text.find("message").unwrap_or_default();
            assert_eq!(above(&scan(text), text, offset).len(), expected, "{text}");
        }
    }

    #[test]
    fn lines_are_found_where_they_stand() {
        let source = "/*\n * type = 'a'\n *\n * type\n */";
        let found: Vec<_> = lines(" type = 'a'\n\n type\n", source, 0..source.len())
            .into_iter()
            .map(|line| (line.text, line.offset))
            .collect();
        assert_eq!(found, [("type = 'a'", 6), ("type", 23)]);
    }
}
