//! Escapes in strings.

use super::scan;

/// Decodes a string that has escapes: `start` is behind the opening quote, `plain` the end of its plain beginning.
/// Returns the value and the offset behind the closing quote.
pub(super) fn unescape(text: &str, start: usize, plain: usize) -> Result<(String, usize), &'static str> {
    let bytes = text.as_bytes();
    let mut value = String::with_capacity((plain - start + 16).min(text.len() - start));
    let (mut from, mut at) = (start, plain);
    loop {
        value.push_str(&text[from..at]);
        match bytes.get(at) {
            Some(b'"') => return Ok((value, at + 1)),
            Some(b'\\') => {
                let character;
                (character, at) = escape(bytes, at + 1)?;
                value.push(character);
            }
            Some(_) => return Err("a control character in a string must be escaped"),
            None => return Err("the string does not end"),
        }
        from = at;
        at = scan::plain_end(bytes, from);
    }
}

/// The character of the escape whose letter is at `at`, and the offset behind it.
fn escape(bytes: &[u8], at: usize) -> Result<(char, usize), &'static str> {
    let character = match bytes.get(at) {
        Some(&byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(bytes, at + 1),
        _ => return Err("the string has an escape that JSON does not know"),
    };
    Ok((character, at + 1))
}

fn unicode(bytes: &[u8], at: usize) -> Result<(char, usize), &'static str> {
    const LONE: &str = "the string has half of a surrogate pair";
    let first = hex(bytes, at)?;
    if !(0xd800..0xe000).contains(&first) {
        // Everything but a surrogate is a character.
        return Ok((char::from_u32(first).ok_or(LONE)?, at + 4));
    }
    if first >= 0xdc00 || bytes.get(at + 4..at + 6) != Some(br"\u") {
        return Err(LONE);
    }
    let second = hex(bytes, at + 6)?;
    if !(0xdc00..0xe000).contains(&second) {
        return Err(LONE);
    }
    let character = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Ok((char::from_u32(character).ok_or(LONE)?, at + 10))
}

fn hex(bytes: &[u8], at: usize) -> Result<u32, &'static str> {
    let digits = bytes.get(at..at + 4).unwrap_or_default();
    let mut value = 0;
    for &digit in digits {
        value =
            value << 4 | char::from(digit).to_digit(16).ok_or("`\\u` must be followed by four hexadecimal digits")?;
    }
    if digits.is_empty() { Err("the string does not end") } else { Ok(value) }
}

/// The escape of a byte that may not stand in a string as it is: its letter, or `u` for `\u00..`.
pub(super) const fn escape_letter(byte: u8) -> u8 {
    match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => b'u',
    }
}
