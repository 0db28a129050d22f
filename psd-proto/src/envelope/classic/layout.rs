//! Envelopes that look like one before: read by comparing, not by parsing.
//!
//! A client writes the same keys in the same order in every envelope, and so do all clients of its kind. What stands between
//! the values is compared as a whole, and only the values are looked at. An envelope that differs in anything is read by
//! [`read`](super::read); what comes of it is the same.

use std::borrow::Cow;

use crate::{
    envelope::{Body, Envelope, EnvelopeError, headers, headers::NO_BODY},
    json::{ReadOptions, Reader, plain_end, skim_at},
};

/// Layouts that are kept; kinds of clients that write at the same time are few.
const LAYOUTS: usize = 4;
/// Values of a layout; an envelope with more is read by the parser.
const PARTS: usize = 16;
/// Bytes of a layout, likewise.
const BYTES: usize = 512;

/// The layouts of the envelopes that came last. Learned by itself, and bounded, whoever writes what.
#[derive(Debug, Default)]
pub struct Layouts(Vec<Layout>);

#[derive(Debug, PartialEq)]
struct Layout {
    /// What stands before, between and behind the values, without gaps.
    text: Box<[u8]>,
    parts: Box<[Part]>,
}

/// A value, and what stands before it: up to `end` of the layout's text.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Part {
    end: usize,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    MessageType,
    Uuid,
    AuthHeader,
    Ack,
    EventTime,
    LocalTime,
    RetryCount,
    ApiVersion,
    Traceparent,
    Body,
    /// Nothing that matters to a server.
    Other,
}

impl Layouts {
    /// No layouts yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Reads an envelope as [`read`](super::read) does.
    ///
    /// # Errors
    /// As those of [`read`](super::read).
    pub fn read<'a>(&mut self, text: &'a str) -> Result<Envelope<'a>, EnvelopeError> {
        for at in 0..self.0.len() {
            if let Some(envelope) = self.0[at].read(text) {
                // Towards the front, so that the most frequent one is tried first.
                self.0.swap(at, at.saturating_sub(1));
                return envelope.checked();
            }
        }
        let envelope = super::read(text)?;
        if let Some(layout) = Layout::learn(text)
            && !self.0.contains(&layout)
        {
            self.0.truncate(LAYOUTS - 1);
            self.0.push(layout);
        }
        Ok(envelope)
    }
}

impl Layout {
    /// The layout of a well-formed envelope, if it says everything once.
    fn learn(text: &str) -> Option<Self> {
        let mut learning = Learning { text, from: 0, fixed: Vec::new(), parts: Vec::new() };
        let mut reader = Reader::new(text, &ReadOptions::default());
        let mut has_headers = false;
        reader.begin_object().ok()?;
        while let Some(key) = reader.next_key().ok()? {
            match &*key {
                "headers" if has_headers => return None,
                "headers" => {
                    has_headers = true;
                    reader.begin_object().ok()?;
                    while let Some(key) = reader.next_key().ok()? {
                        learning.note(&mut reader, Value::of(&key)?)?;
                    }
                }
                "body" => learning.note(&mut reader, Value::Body)?,
                _ => learning.note(&mut reader, Value::Other)?,
            }
        }
        reader.finish().ok()?;
        learning.finish()
    }

    /// The envelope, if its text is of this layout, and its values are what clients write.
    fn read<'a>(&self, text: &'a str) -> Option<Envelope<'a>> {
        let bytes = text.as_bytes();
        let mut envelope = Envelope::of(Body::Json(NO_BODY));
        let (mut at, mut from) = (0, 0);
        for Part { end, value } in &self.parts {
            let fixed = &self.text[from..*end];
            from = *end;
            if !bytes.get(at..)?.starts_with(fixed) {
                return None;
            }
            at += fixed.len();
            match value {
                Value::MessageType => envelope.message_type = string(text, &mut at)?.unwrap_or_default(),
                Value::Uuid => envelope.uuid = string(text, &mut at)?,
                Value::AuthHeader => envelope.auth_header = string(text, &mut at)?,
                Value::Traceparent => envelope.traceparent = string(text, &mut at)?,
                Value::Ack => envelope.ack = literal(text, &mut at, "true") || skimmed(text, &mut at)? == "true",
                Value::EventTime => envelope.event_time = number(text, &mut at)?,
                Value::LocalTime => envelope.local_time = number(text, &mut at)?,
                Value::RetryCount => envelope.retry_count = headers::counted(number(text, &mut at)?),
                Value::ApiVersion => envelope.api_version = headers::counted(number(text, &mut at)?),
                Value::Body => envelope.body = Body::Json(headers::body_of(skimmed(text, &mut at)?)),
                Value::Other => drop(skimmed(text, &mut at)?),
            }
        }
        (bytes.get(at..)? == &self.text[from..]).then_some(envelope)
    }
}

/// A layout that is being learned.
struct Learning<'a> {
    text: &'a str,
    /// Behind the value before.
    from: usize,
    fixed: Vec<u8>,
    parts: Vec<Part>,
}

impl Learning<'_> {
    /// Notes the value that is next. `None` if there is no layout.
    fn note(&mut self, reader: &mut Reader<'_>, value: Value) -> Option<()> {
        let is_twice = value != Value::Other && self.parts.iter().any(|part| part.value == value);
        if is_twice || self.parts.len() == PARTS {
            return None;
        }
        reader.peek();
        self.fixed.extend_from_slice(self.text.as_bytes().get(self.from..reader.offset())?);
        self.parts.push(Part { end: self.fixed.len(), value });
        reader.skim().ok()?;
        self.from = reader.offset();
        (self.fixed.len() <= BYTES).then_some(())
    }

    fn finish(mut self) -> Option<Layout> {
        self.fixed.extend_from_slice(self.text.as_bytes().get(self.from..)?);
        let Self { fixed, parts, .. } = self;
        (fixed.len() <= BYTES).then(|| Layout { text: fixed.into(), parts: parts.into() })
    }
}

impl Value {
    /// `None` for what only answers hold.
    fn of(header: &str) -> Option<Self> {
        Some(match header {
            "messageType" => Self::MessageType,
            "uuid" => Self::Uuid,
            "authHeader" => Self::AuthHeader,
            "ack" => Self::Ack,
            "eventTime" => Self::EventTime,
            "localTime" => Self::LocalTime,
            "retryCount" => Self::RetryCount,
            "apiVersion" => Self::ApiVersion,
            "traceparent" => Self::Traceparent,
            "result" => return None,
            _ => Self::Other,
        })
    }
}

/// A string without escapes, or null.
#[inline]
fn string<'a>(text: &'a str, at: &mut usize) -> Option<Option<Cow<'a, str>>> {
    let bytes = text.as_bytes();
    if bytes.get(*at) != Some(&b'"') {
        return literal(text, at, "null").then_some(None);
    }
    let start = *at + 1;
    let end = plain_end(bytes, start);
    if bytes.get(end) != Some(&b'"') {
        return None;
    }
    *at = end + 1;
    Some(Some(Cow::Borrowed(text.get(start..end)?)))
}

/// Passes over a literal if it is there, and is all of a value.
#[inline]
fn literal(text: &str, at: &mut usize, literal: &str) -> bool {
    let rest = text.as_bytes().get(*at..).unwrap_or_default();
    let is_there = rest.starts_with(literal.as_bytes()) && matches!(rest.get(literal.len()), Some(b',' | b'}'));
    if is_there {
        *at += literal.len();
    }
    is_there
}

#[inline]
fn number(text: &str, at: &mut usize) -> Option<Option<f64>> {
    // Nearly all are whole numbers; 15 digits are exact.
    let rest = text.as_bytes().get(*at..)?;
    let (mut number, mut digits) = (0_u64, 0);
    while let Some(byte @ b'0'..=b'9') = rest.get(digits)
        && digits < 15
    {
        number = number * 10 + u64::from(byte - b'0');
        digits += 1;
    }
    if digits > 0 && matches!(rest.get(digits), Some(b',' | b'}')) {
        *at += digits;
        return Some(Some(number as f64));
    }
    skimmed(text, at).map(headers::number_of)
}

#[inline]
fn skimmed<'a>(text: &'a str, at: &mut usize) -> Option<&'a str> {
    let start = *at;
    *at = skim_at(text.as_bytes(), start)?;
    // As the parser sees it, nothing is no value, and neither is what a colon begins.
    text.get(start..*at).filter(|value| !value.is_empty() && !value.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: &str = r#""messageType":"say","authHeader":"a.b.c","eventTime":1795396112099,"localTime":1795396112,"ack":true,"retryCount":0,"apiVersion":1,"uuid":"ee55""#;

    /// Reads after having seen other envelopes, among them `seen`, and compares with the parser.
    #[track_caller]
    fn same(seen: &str, text: &str) {
        let mut layouts = Layouts::new();
        for earlier in [r#"{"headers":{"messageType":"a"}}"#, seen] {
            let _ = layouts.read(earlier);
        }
        for _ in 0..2 {
            assert_eq!(layouts.read(text), super::super::read(text), "{text} after {seen}");
        }
        assert!(layouts.0.len() <= LAYOUTS);
    }

    /// Whether it is read by the layout that `seen` has.
    fn is_compared(seen: &str, text: &str) -> bool {
        Layout::learn(seen).and_then(|layout| layout.read(text)).is_some()
    }

    #[test]
    fn the_next_envelope_of_a_client_is_compared() {
        let envelopes = [
            format!(r#"{{"body":{{"text":"hi"}},"headers":{{{HEADERS}}}}}"#),
            format!(r#"{{"body":{{"text":"}} \" ]","list":[1,{{"a":[]}}]}},"headers":{{{HEADERS}}}}}"#),
            format!(r#"{{"body":null,"headers":{{{HEADERS}}}}}"#),
            format!(r#"{{"body":{{}},"headers":{{{}}}}}"#, HEADERS.replace("\"a.b.c\"", "null")),
            format!(r#"{{"body":{{}},"headers":{{{}}}}}"#, HEADERS.replace("true", "false").replace("say", "é")),
            format!(r#"{{"body":5,"headers":{{{}}}}}"#, HEADERS.replace("1795396112,", "1795396112.25,")),
        ];
        for seen in &envelopes {
            for text in &envelopes {
                same(seen, text);
                assert!(is_compared(seen, text), "{text} after {seen}");
            }
        }
    }

    #[test]
    fn whatever_differs_is_parsed() {
        let seen = format!(r#"{{"body":{{"text":"hi"}},"headers":{{{HEADERS}}}}}"#);
        let spaced = seen.replace(':', ": ").replace(",\"", ", \"");
        for text in [
            spaced.clone(),
            seen.replace("ee55", "e\\u0065"),
            seen.replace("\"ee55\"", "5"),
            seen.replace("\"say\"", "null"),
            seen.replace("\"say\"", "\"\""),
            seen.replace("\"uuid\"", "\"uu\""),
            seen.replace("true", "truest"),
            seen.replace("true", "\"true\""),
            seen.replace("1795396112099", "\"1795396112099\""),
            seen.replace("1795396112099", "-1e400"),
            seen.replace("1795396112099", "x"),
            seen.replace("1795396112099", ""),
            seen.replace("\"retryCount\":0", "\"retryCount\":-1"),
            seen.replace("\"retryCount\":0", "\"retryCount\":99999999999999999999"),
            seen.replace("\"uuid\":\"ee55\"", "\"uuid\":\"ee55\",\"uuid\":\"ee56\""),
            seen.replace("\"uuid\":\"ee55\"", &format!("\"uuid\":\"{}\"", "u".repeat(300))),
            format!("{seen} "),
            format!(" {seen}"),
            format!("{seen}x"),
            seen.replace("}}", "}"),
            seen.replace(":true", "::true"),
            seen.replace("\"ack\"", "\"result\":{\"errorCode\":5},\"ack\""),
            seen.replace("\"ack\"", "\"deadlineMs\":5,\"ack\""),
            seen.replace("{\"text\":\"hi\"}", "{\"text\":\"hi\""),
            seen.replace("\"headers\"", "\"headers\":{},\"headers\""),
            format!(r#"{{"headers":null,{}"#, &seen[1..]),
            format!(r#"{{"body":[],{}"#, &seen[1..]),
            format!(r#"{{"later":[{{}}],{}"#, &seen[1..]),
        ] {
            same(&seen, &text);
            same(&text, &seen);
            same(&text, &text);
            same(&spaced, &text);
        }
        for length in (0..seen.len()).filter(|length| seen.is_char_boundary(*length)) {
            same(&seen, &seen[..length]);
        }
    }

    #[test]
    fn layouts_are_bounded() {
        let mut layouts = Layouts::new();
        for number in 0..20 {
            let text = format!(r#"{{"headers":{{"messageType":"a","x{number}":1}}}}"#);
            assert!(layouts.read(&text).is_ok());
        }
        assert_eq!(layouts.0.len(), LAYOUTS);
        let long = format!(r#"{{"headers":{{"messageType":"a","{}":1}}}}"#, "x".repeat(BYTES));
        let many: String = (0..PARTS).map(|number| format!(r#","x{number}":1"#)).collect();
        for text in [long, format!(r#"{{"headers":{{"messageType":"a"{many}}}}}"#)] {
            assert!(Layout::learn(&text).is_none());
            same(&text, &text);
        }
    }
}
