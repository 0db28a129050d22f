//! User names: which may be given, and which are the same.

use unicode_normalization::UnicodeNormalization as _;

pub(super) use super::super::names::key;
use crate::Error;

/// Characters in a name that is given; Django has the same limit.
const MAX_NAME_CHARS: usize = 150;
/// Bytes of a name that is looked up. No name that could be given is longer, even if it came in another form.
const MAX_LOOKUP_BYTES: usize = 4096;

/// A name as it is shown: NFKC, so that what looks the same is written the same.
pub(super) fn normalized(name: &str) -> String {
    name.nfkc().collect()
}

/// Whether a name can be in a database at all: PostgreSQL refuses text with a zero character.
pub(super) fn can_exist(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_LOOKUP_BYTES && !name.contains('\0')
}

/// A name to give to a user.
pub(super) fn checked(name: &str) -> Result<String, Error> {
    let refused = |reason: &str| Err(Error::new(422, format!("the name {reason}")));
    if name.len() > MAX_LOOKUP_BYTES {
        return refused("is too long");
    }
    let name = normalized(name);
    if name.trim().is_empty() {
        refused("is empty")
    } else if name.trim() != name {
        refused("begins or ends with a space")
    } else if name.chars().any(|character| character.is_control() || is_invisible(character)) {
        refused("has a character that cannot be seen")
    } else if name.chars().count() > MAX_NAME_CHARS {
        refused("has more than 150 characters")
    } else {
        Ok(name)
    }
}

/// Characters that would make two names look the same: of no width, or turning the direction of what follows.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_every_name_can_be_given() {
        for (name, given) in [
            ("ann", Some("ann")),
            ("Zoë Ångström", Some("Zoë Ångström")),
            ("\u{ff21}nn", Some("Ann")),
            ("' OR 1=1 --", Some("' OR 1=1 --")),
            ("", None),
            ("  ", None),
            (" ann", None),
            ("ann ", None),
            ("a\0b", None),
            ("a\nb", None),
            ("a\u{200b}nn", None),
            ("a\u{202e}nn", None),
        ] {
            assert_eq!(checked(name).ok().as_deref(), given, "{name:?}");
        }
        assert!(checked(&"x".repeat(150)).is_ok());
        assert!(checked(&"x".repeat(151)).is_err());
        assert!(checked(&"x".repeat(1_000_000)).is_err());
    }
}
