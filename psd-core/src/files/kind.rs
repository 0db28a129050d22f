//! What a file is, by its own bytes. Names the crate that knows them.

use crate::Error;

/// Bytes of a file that its type is told by.
pub(crate) const HEAD: usize = 8 * 1024;

/// What nobody knows better.
pub(crate) const UNKNOWN: &str = "application/octet-stream";

/// Finds the media type of a file and decides whether it may be stored.
///
/// What its bytes say counts. A client is believed only about text, which has no mark, and never to call something an
/// image, audio or video that is none.
///
/// # Errors
/// Code 415: the file is not what it is said to be, or not of the `allowed` types (none allow all).
pub(crate) fn decide(head: &[u8], declared: &str, allowed: &[String]) -> Result<String, Error> {
    let declared = essence(declared);
    let found = infer::get(head).map(|found| found.mime_type());
    let kind = match found {
        // A player or a viewer tells these apart by itself.
        Some(found) if is_media(found) && same_family(found, &declared) => declared.clone(),
        // As every SVG may begin.
        Some("text/xml") if declared.ends_with("xml") => declared.clone(),
        Some(found) => found.to_owned(),
        None if is_text(head) && is_textual(&declared) => declared.clone(),
        None if is_text(head) && !head.is_empty() => "text/plain".to_owned(),
        None => UNKNOWN.to_owned(),
    };
    let is_lie = is_media(&declared) && !is_textual(&declared) && !is_media(&kind) && !head.is_empty();
    if is_lie {
        return Err(Error::new(415, format!("the file is `{kind}`, not `{declared}`")));
    }
    if allowed.is_empty() || allowed.iter().any(|pattern| matches(pattern, &kind)) {
        return Ok(kind);
    }
    Err(Error::new(415, format!("files of the type `{kind}` are not taken here: {} are", allowed.join(", "))))
}

/// Whether a declared type could be allowed at all, before any byte has come.
pub(crate) fn may_be(declared: &str, allowed: &[String]) -> bool {
    let declared = essence(declared);
    declared.is_empty()
        || declared == UNKNOWN
        || allowed.is_empty()
        || allowed.iter().any(|pattern| matches(pattern, &declared))
}

/// Whether a browser may show it in the place of a page: nothing that can carry a script.
pub(crate) fn is_inline(kind: &str) -> bool {
    let is_active = kind.contains("svg") || kind.contains("xml") || kind.contains("html");
    (is_media(kind) && !is_active) || kind == "text/plain"
}

/// `type/subtype` in lower case, without parameters; empty if it is none.
fn essence(kind: &str) -> String {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    let is_kind = kind.len() <= 127 && kind.split_once('/').is_some_and(|(one, two)| is_token(one) && is_token(two));
    match &*kind {
        "image/jpg" => "image/jpeg".into(),
        _ if is_kind => kind,
        _ => String::new(),
    }
}

/// `image/*`, `*/*` or a type.
fn matches(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix("/*") {
        Some("*") => true,
        Some(family) => kind.split('/').next() == Some(family),
        None => pattern == kind,
    }
}

fn is_media(kind: &str) -> bool {
    ["image/", "audio/", "video/"].iter().any(|family| kind.starts_with(family))
}

/// The same container may be one or the other: `audio/mp4` and `video/mp4`.
fn same_family(found: &str, declared: &str) -> bool {
    let of = |kind: &str| -> Option<(bool, String)> {
        let (family, subtype) = kind.split_once('/')?;
        Some((family == "image", subtype.trim_start_matches("x-").to_owned()))
    };
    is_media(declared) && of(found) == of(declared)
}

/// Types that are written in text, whose bytes say no more than that.
fn is_textual(kind: &str) -> bool {
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(kind, "application/json" | "application/xml" | "application/javascript" | "application/yaml")
}

fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A letter may be cut at the end.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t' | '\x0c'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[track_caller]
    fn check(head: &[u8], declared: &str, allowed: &[&str], expected: Result<&str, i32>) {
        let allowed: Vec<String> = allowed.iter().map(|&one| one.to_owned()).collect();
        let decided = decide(head, declared, &allowed);
        let decided = decided.as_deref().map_err(|error| error.code().unwrap_or_default());
        assert_eq!(decided, expected, "{declared} {allowed:?}");
    }

    #[test]
    fn bytes_count() {
        check(PNG, "image/png", &[], Ok("image/png"));
        check(PNG, "", &["image/*"], Ok("image/png"));
        check(PNG, "image/gif", &[], Ok("image/png"));
        check(PNG, "text/plain", &["text/*"], Err(415));
        check(b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2", "audio/mp4", &[], Ok("audio/mp4"));
        check(b"MZ\x90\0", "image/png", &[], Err(415));
        check(b"%PDF-1.7", "application/pdf", &["image/*"], Err(415));
    }

    #[test]
    fn text_is_believed_and_nothing_else() {
        check(b"a,b\n1,2\n", "text/csv", &[], Ok("text/csv"));
        check("{\"a\": \"ü".as_bytes(), "application/json", &[], Ok("application/json"));
        check(b"plain", "application/x-msdownload", &[], Ok("text/plain"));
        check(b"plain", "image/png", &[], Err(415));
        check(b"\0\x01\x02", "application/zip", &[], Ok(UNKNOWN));
        check(b"\0\x01\x02", "video/mp4", &[], Err(415));
        check(b"", "image/png", &[], Ok(UNKNOWN));
        check(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", &["image/svg+xml"], Ok("image/svg+xml"));
        check(b"<html><script>", "image/svg+xml", &["image/*"], Err(415));
    }

    #[test]
    fn what_is_shown_carries_no_script() {
        for kind in ["image/png", "video/mp4", "text/plain"] {
            assert!(is_inline(kind), "{kind}");
        }
        for kind in ["image/svg+xml", "text/html", "text/xml", "application/javascript", UNKNOWN] {
            assert!(!is_inline(kind), "{kind}");
        }
    }

    #[test]
    fn declared_types_are_looked_at_before_bytes_come() {
        let images = ["image/*".to_owned()];
        assert!(may_be("image/png", &images) && may_be("", &images) && may_be("nonsense", &images));
        assert!(!may_be("application/zip", &images));
    }
}
