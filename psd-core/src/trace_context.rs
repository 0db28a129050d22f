//! W3C Trace Context: which trace a request belongs to (<https://www.w3.org/TR/trace-context/>, section 3.2).

/// The parts of a `traceparent`, or nothing where it is malformed: then it must be ignored.
pub(crate) fn parse(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    // A later version may say more, behind another dash.
    let is_whole = bytes.len() == 55 || (bytes.len() > 55 && bytes[55] == b'-' && !text.starts_with("00"));
    if !is_whole || !text.is_ascii() || [2, 35, 52].iter().any(|dash| bytes[*dash] != b'-') {
        return None;
    }
    let (version, trace, parent, flags) = (&text[..2], &text[3..35], &text[36..52], &text[53..55]);
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let is_valid = [version, trace, parent, flags].into_iter().all(is_hex) && version != "ff";
    (is_valid && !is_zero(trace) && !is_zero(parent)).then_some((trace, parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn valid_ones() {
        let expected = Some((TRACE, PARENT));
        assert_eq!(parse(&format!("00-{TRACE}-{PARENT}-01")), expected);
        assert_eq!(parse(&format!("00-{TRACE}-{PARENT}-00")), expected);
        assert_eq!(parse(&format!("cc-{TRACE}-{PARENT}-01")), expected);
        assert_eq!(parse(&format!("cc-{TRACE}-{PARENT}-01-what-comes-later")), expected);
    }

    #[test]
    fn malformed_ones() {
        let zero = "0".repeat(32);
        for text in [
            String::new(),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("cc-{TRACE}-{PARENT}-01.more"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{zero}-{PARENT}-01"),
            format!("00-{TRACE}-{}-01", &zero[..16]),
            format!("00-{TRACE}-{PARENT}-0g"),
            format!("00_{TRACE}-{PARENT}-01"),
            format!("00-{}é-{PARENT}-01", &TRACE[..30]),
        ] {
            assert_eq!(parse(&text), None, "{text}");
        }
    }
}
