//! When two user names are the same.

use unicode_normalization::UnicodeNormalization as _;

/// What names share that look the same but for upper and lower case: NFKC, in lower case.
pub(crate) fn key(name: &str) -> String {
    // Lower case may undo the normal form, as that of the dotted capital I does.
    name.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_the_same_are_the_same() {
        let same =
            [("Ann", "ann"), ("e\u{301}va", "\u{c9}va"), ("\u{ff21}nn", "ann"), ("\u{130}", "i\u{307}"), ("", "")];
        for (left, right) in same {
            assert_eq!(key(left), key(right), "{left} {right}");
            assert_eq!(key(&key(left)), key(left), "{left}");
        }
        assert_ne!(key("ann"), key("anna"));
    }
}
