//! The headers that both JSON dialects share.

use std::borrow::Cow;

use super::{Body, Ended, Envelope, EnvelopeError, RequestResult};
use crate::json::{self, Kind, Reader, WriteOptions, Writer};

/// A body that is missing or null is a message of defaults.
pub(super) const NO_BODY: &str = "{}";

/// Passes over the body that is next. Even `nul` is one: it is for the message's reader to say what is wrong with it.
pub(super) fn body<'a>(reader: &mut Reader<'a>) -> json::Result<&'a str> {
    reader.skim().map(body_of)
}

/// The body whose text that is.
pub(super) fn body_of(text: &str) -> &str {
    match text {
        "null" => NO_BODY,
        body => body,
    }
}

/// Reads the object `headers` that is next.
pub(super) fn read<'a>(reader: &mut Reader<'a>) -> Result<Envelope<'a>, EnvelopeError> {
    let mut headers = Envelope::of(Body::Json(NO_BODY));
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match &*key {
            "messageType" => headers.message_type = string(reader)?.unwrap_or_default(),
            "uuid" => headers.uuid = string(reader)?,
            "authHeader" => headers.auth_header = string(reader)?,
            "ack" => headers.ack = reader.skim()? == "true",
            "eventTime" => headers.event_time = number(reader)?,
            "localTime" => headers.local_time = number(reader)?,
            "retryCount" => headers.retry_count = count(reader)?,
            "apiVersion" => headers.api_version = count(reader)?,
            "deadlineMs" => headers.deadline_ms = count(reader)?,
            "result" if reader.peek() == Kind::Object => {
                headers.result = Some(result(reader, |_, reader| reader.skim().map(drop))?);
            }
            "traceparent" => headers.traceparent = string(reader)?,
            _ => drop(reader.skim()?),
        }
    }
    Ok(headers)
}

/// Reads the object that is next and says how a request ended; `other` reads what else is in it. Either of text and code
/// makes an error.
pub(super) fn result<'a>(
    reader: &mut Reader<'a>,
    mut other: impl FnMut(&str, &mut Reader<'a>) -> json::Result<()>,
) -> json::Result<Ended<'a>> {
    let (mut text, mut code) = (None, None);
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match &*key {
            "errorMessage" => text = string(reader)?,
            "errorCode" => code = number(reader)?.map(|number| number as i32).filter(|code| *code != 0),
            key => other(key, reader)?,
        }
    }
    let text = text.unwrap_or_default();
    Ok(if text.is_empty() && code.is_none() { Ok(()) } else { Err((text, code)) })
}

pub(super) fn string<'a>(reader: &mut Reader<'a>) -> json::Result<Option<Cow<'a, str>>> {
    if reader.null()? { Ok(None) } else { reader.string().map(Some) }
}

/// Numbers inform only: one that is none is as good as absent. 64-bit ones may come as strings.
pub(super) fn number(reader: &mut Reader<'_>) -> json::Result<Option<f64>> {
    reader.skim().map(number_of)
}

/// The number whose text that is.
pub(super) fn number_of(text: &str) -> Option<f64> {
    match text.as_bytes() {
        // Nearly all are whole numbers, which are read faster as such; 15 digits are exact.
        digits @ [_, ..] if digits.len() <= 15 && digits.iter().all(u8::is_ascii_digit) => {
            Some(digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0')) as f64)
        }
        [b'-' | b'0'..=b'9', ..] => text.parse().ok(),
        [b'"', ..] => text.trim_matches('"').parse().ok(),
        _ => None,
    }
}

/// A count of anything; what does not fit is the nearest that does.
fn count(reader: &mut Reader<'_>) -> json::Result<u32> {
    number(reader).map(counted)
}

/// The count that a number says.
pub(super) fn counted(number: Option<f64>) -> u32 {
    number.map_or(0, |number| number as u32)
}

/// Appends an envelope up to the end of its headers' common part; the brace that closes them is still to come.
pub(super) fn begin(out: &mut Vec<u8>, message_type: &str, uuid: Option<&str>) {
    out.extend_from_slice(b"{\"headers\":{\"messageType\":");
    let mut writer = Writer::new(out, &WriteOptions::default());
    writer.string(message_type);
    if let Some(uuid) = uuid {
        writer.raw(",\"uuid\":");
        writer.string(uuid);
    }
}

/// Appends the members that say how a request failed; none if it did not.
pub(super) fn write_result(writer: &mut Writer<'_>, result: RequestResult<'_>) {
    if let Err((text, code)) = result {
        writer.key("errorMessage");
        writer.string(text);
        if let Some(code) = code {
            writer.key("errorCode");
            writer.i32(code);
        }
    }
}
