//! Parts of a file (RFC 9110, section 14) and whether somebody has it already (section 13).

use std::ops::Range;

/// What is wanted of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    Part(Range<u64>),
    /// A part that the file does not have.
    Nothing,
}

/// Reads `Range`. Several ranges at once, other units and what is malformed are as if nothing had been said: all is sent,
/// as section 14.2 allows.
pub(super) fn wanted(range: Option<&str>, size: u64) -> Wanted {
    let Some(range) = range.and_then(|range| range.trim().strip_prefix("bytes=")) else { return Wanted::All };
    let Some((first, last)) = range.trim().split_once('-') else { return Wanted::All };
    let number = |text: &str| -> Result<Option<u64>, ()> {
        match text.trim() {
            "" => Ok(None),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(digits.parse().unwrap_or(u64::MAX))),
            _ => Err(()),
        }
    };
    let part = match (number(first), number(last)) {
        (Ok(Some(first)), Ok(Some(last))) if first > last => return Wanted::All,
        (Ok(Some(first)), Ok(last)) => first..last.unwrap_or(u64::MAX).saturating_add(1).min(size),
        (Ok(None), Ok(Some(0))) => return Wanted::Nothing,
        (Ok(None), Ok(Some(last))) => size.saturating_sub(last)..size,
        _ => return Wanted::All,
    };
    if part.is_empty() { Wanted::Nothing } else { Wanted::Part(part) }
}

/// Whether a list of entity tags, or `*`, has this one. `If-None-Match` compares weakly, all others do not.
pub(super) fn has_tag(list: &str, tag: &str, weakly: bool) -> bool {
    list.split(',').map(str::trim).any(|one| {
        let one = if weakly { one.strip_prefix("W/").unwrap_or(one) } else { one };
        one == "*" || one == tag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (range, size, expected) in [
            ("bytes=0-0", 10, Wanted::Part(0..1)),
            ("bytes=2-5", 10, Wanted::Part(2..6)),
            ("bytes=2-", 10, Wanted::Part(2..10)),
            ("bytes=2-99", 10, Wanted::Part(2..10)),
            ("bytes=-3", 10, Wanted::Part(7..10)),
            ("bytes=-30", 10, Wanted::Part(0..10)),
            ("bytes=0-99999999999999999999999", 10, Wanted::Part(0..10)),
            ("bytes=10-", 10, Wanted::Nothing),
            ("bytes=-0", 10, Wanted::Nothing),
            ("bytes=0-", 0, Wanted::Nothing),
            ("bytes=5-2", 10, Wanted::All),
            ("bytes=0-1,4-5", 10, Wanted::All),
            ("bytes=-", 10, Wanted::All),
            ("bytes=a-b", 10, Wanted::All),
            ("bytes=--1", 10, Wanted::All),
            ("items=0-1", 10, Wanted::All),
        ] {
            assert_eq!(wanted(Some(range), size), expected, "{range} of {size}");
        }
        assert_eq!(wanted(None, 10), Wanted::All);
    }

    #[test]
    fn tags() {
        assert!(has_tag("\"a\", \"b\"", "\"b\"", false) && has_tag("*", "\"b\"", false));
        assert!(has_tag("W/\"b\"", "\"b\"", true) && !has_tag("W/\"b\"", "\"b\"", false));
        assert!(!has_tag("\"ab\"", "\"b\"", true));
    }
}
