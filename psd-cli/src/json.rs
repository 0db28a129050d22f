//! JSON in arguments, and JSON on one line.

use serde::de::IgnoredAny;

/// Checks that a text is one JSON object, the form of every body; else says what is wrong and where.
pub(crate) fn check_object(text: &str) -> Result<(), String> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return Err(explain(text, &error));
    }
    match text.trim_start().as_bytes().first() {
        Some(b'{') => Ok(()),
        _ => Err("the body is not a JSON object; write `{\"field\":value}`".to_owned()),
    }
}

/// The message of the parser, the line, and a caret under the place.
fn explain(text: &str, error: &serde_json::Error) -> String {
    let full = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = full.strip_suffix(&place).unwrap_or(&full);
    let (line, column) = (error.line(), error.column());
    let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    // The parser counts bytes, and an error at the end of the text points at the last one.
    let before = if error.is_eof() { column } else { column.saturating_sub(1) };
    let indent: String = shown
        .get(..before.min(shown.len()))
        .unwrap_or(shown)
        .chars()
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    format!("the body is not JSON: {message}, line {line}, column {column}\n  {shown}\n  {indent}^")
}

/// Removes the white space between the tokens of valid JSON, so that it fits on one line.
pub(crate) fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for character in json.chars() {
        if in_string || !matches!(character, ' ' | '\t' | '\n' | '\r') {
            out.push(character);
        }
        if escaped {
            escaped = false;
        } else if in_string && character == '\\' {
            escaped = true;
        } else if character == '"' {
            in_string = !in_string;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(check_object(text).expect_err("it is refused"), expected);
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        assert_eq!(check_object(" {\"a\":[1,null]} "), Ok(()));
        refused(
            r#"{"text":"hi" "n":1}"#,
            "the body is not JSON: expected `,` or `}`, line 1, column 14\n  {\"text\":\"hi\" \"n\":1}\n               ^",
        );
        refused(
            "{\n\t\"n\": nope}",
            "the body is not JSON: expected ident, line 2, column 8\n  \t\"n\": nope}\n  \t      ^",
        );
        refused(
            r#"{"n":1"#,
            "the body is not JSON: EOF while parsing an object, line 1, column 6\n  {\"n\":1\n        ^",
        );
        refused("", "the body is not JSON: EOF while parsing a value, line 1, column 0\n  \n  ^");
        refused("{} x", "the body is not JSON: trailing characters, line 1, column 4\n  {} x\n     ^");
        refused("[1]", "the body is not a JSON object; write `{\"field\":value}`");
    }

    #[test]
    fn white_space_stays_in_strings_only() {
        assert_eq!(
            compact("{ \"a b\" : [ 1,\n 2 ],\t\"c\\\" d\": \"\\\\\" , \"e\" : \" \" }"),
            r#"{"a b":[1,2],"c\" d":"\\","e":" "}"#
        );
    }
}
