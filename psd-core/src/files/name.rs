//! Names and keys that cannot do harm.

use crate::Error;

/// Bytes of a name, which most file systems allow a file.
const LONGEST_NAME: usize = 200;
const LONGEST_KEY: usize = 512;

/// What a client calls its file, fit to be shown and saved: no folders, no control characters, nothing that a system takes
/// for something else. Empty if nothing is left.
pub(crate) fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_harmful = |letter: char| {
        letter.is_control()
            || "<>:\"|?*".contains(letter)
            // What turns the direction of text hides an extension.
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let shown: String = last.chars().filter(|letter| !is_harmful(*letter)).collect();
    let shown = shown.trim_matches(|letter: char| letter == '.' || letter.is_whitespace());
    let name = shorten(shown);
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let is_device = matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL")
        || (stem.len() == 4
            && (stem.starts_with("COM") || stem.starts_with("LPT"))
            && stem.ends_with(|letter: char| letter.is_ascii_digit()));
    if is_device { format!("_{name}") } else { name }
}

/// Cuts the stem, so that the extension stays.
fn shorten(name: &str) -> String {
    if name.len() <= LONGEST_NAME {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 16 => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let end = stem.floor_char_boundary(LONGEST_NAME - extension.len());
    format!("{}{extension}", &stem[..end])
}

/// Checks a key that the application has chosen: parts of letters, digits, `.`, `_` and `-`, with `/` between them. It is
/// then the same in a path, a URL and an object store.
pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    if key.len() <= LONGEST_KEY && key.split('/').all(is_part) {
        return Ok(());
    }
    Err(Error::internal(format!(
        "`{key}` is no key for a file: use letters, digits, `.`, `_`, `-`, and `/` between parts that do not begin with `.`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_is_harmful() {
        for (name, expected) in [
            ("photo.png", "photo.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ann\\cv.pdf", "cv.pdf"),
            ("a\r\nSet-Cookie: x", "aSet-Cookie x"),
            ("..", ""),
            (".bashrc", "bashrc"),
            ("  Übersicht 2026 .txt ", "Übersicht 2026 .txt"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("nul.txt", "_nul.txt"),
            ("COM1", "_COM1"),
            ("", ""),
        ] {
            assert_eq!(clean(name), expected, "{name}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let name = clean(&format!("{}.png", "ü".repeat(300)));
        assert!(name.len() <= LONGEST_NAME && name.ends_with("ü.png"), "{name}");
    }

    #[test]
    fn keys() {
        for good in ["a", "rooms/5/x-1_2.png", "0123"] {
            assert!(check_key(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "a//b", "..", "a/../b", ".x", "a b", "ä", "a%2e", "a\\b", &"a".repeat(513)] {
            assert!(check_key(bad).is_err(), "{bad}");
        }
    }
}
