//! The classic dialect: one JSON object per text frame.
//!
//! ```text
//! {"body": {"text": "hi"}, "headers": {"messageType": "send-chat", "ack": true, "uuid": "ee55…", …}}
//! ```

mod layout;

use std::borrow::Cow;

pub use layout::Layouts;

use super::{Body, Ended, Envelope, EnvelopeError, RequestResult, headers};
use crate::json::{self, ReadOptions, Reader, WriteOptions, Writer};

/// The type of the message that says how a request ended.
const ACK: &str = "ack";

/// Reads headers and the extent of the body. Keys may come in any order, and unknown ones are passed over.
///
/// # Errors
/// The text is no JSON object, `headers.messageType` is missing, or a header has the wrong type.
pub fn read(text: &str) -> Result<Envelope<'_>, EnvelopeError> {
    let mut reader = Reader::new(text, &ReadOptions::default());
    let mut envelope = None;
    let mut body = headers::NO_BODY;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match &*key {
            "headers" if !reader.null()? => envelope = Some(headers::read(&mut reader)?),
            "headers" => {}
            "body" => body = headers::body(&mut reader)?,
            _ => drop(reader.skim()?),
        }
    }
    reader.finish()?;
    let envelope = envelope.ok_or_else(|| EnvelopeError::new("`headers` is missing"))?;
    // A deadline is a promise of v1.
    Envelope { body: Body::Json(body), deadline_ms: 0, ..envelope }.checked()
}

/// Reads what a server sends. How a request ended, which an ack says in its body, becomes the envelope's `result`.
///
/// # Errors
/// As [`read`], and an ack's body is no JSON object.
pub fn read_answer(text: &str) -> Result<Envelope<'_>, EnvelopeError> {
    let envelope = read(text)?;
    let Body::Json(body) = envelope.body else { return Ok(envelope) };
    if envelope.message_type != ACK {
        return Ok(envelope);
    }
    let (uuid, result) = read_ack(body).map_err(|error| error.with_root("body"))?;
    Ok(Envelope { uuid: envelope.uuid.or(uuid), result: Some(result), ..envelope })
}

/// An ack's own copy of the uuid, which it has beside the one in its headers, and the result.
fn read_ack(body: &str) -> json::Result<(Option<Cow<'_, str>>, Ended<'_>)> {
    let mut reader = Reader::new(body, &ReadOptions::default());
    let mut uuid = None;
    let result = headers::result(&mut reader, |key, reader| {
        match key {
            "uuid" => uuid = headers::string(reader)?,
            _ => drop(reader.skim()?),
        }
        Ok(())
    })?;
    reader.finish()?;
    Ok((uuid, result))
}

/// Appends a message of a client in its envelope. `write_body` appends the body.
///
/// # Errors
/// Those of `write_body`.
pub fn write_request<E>(
    out: &mut Vec<u8>,
    envelope: &Envelope<'_>,
    write_body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    out.extend_from_slice(b"{\"headers\":");
    let mut writer = Writer::new(out, &WriteOptions::default());
    let start = writer.begin();
    writer.key("messageType");
    writer.string(&envelope.message_type);
    if let Some(token) = &envelope.auth_header {
        writer.key("authHeader");
        writer.string(token);
    }
    for (name, time) in [("eventTime", envelope.event_time), ("localTime", envelope.local_time)] {
        if let Some(time) = time {
            writer.key(name);
            writer.raw(itoa::Buffer::new().format(time as i64));
        }
    }
    writer.key("ack");
    writer.raw(if envelope.ack { "true" } else { "false" });
    for (name, count) in [("retryCount", envelope.retry_count), ("apiVersion", envelope.api_version)] {
        writer.key(name);
        writer.raw(itoa::Buffer::new().format(count));
    }
    if let Some(uuid) = &envelope.uuid {
        writer.key("uuid");
        writer.string(uuid);
    }
    writer.end_object(start);
    out.extend_from_slice(b",\"body\":");
    write_body(out)?;
    out.push(b'}');
    Ok(())
}

/// Appends a message in its envelope; without `uuid` it belongs to no request. `write_body` appends the body.
///
/// # Errors
/// Those of `write_body`.
pub fn write<E>(
    out: &mut Vec<u8>,
    message_type: &str,
    uuid: Option<&str>,
    write_body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    begin(out, message_type, uuid);
    write_body(out)?;
    out.push(b'}');
    Ok(())
}

/// Appends an ack. Success has neither text nor code; an error has a text, which must not be empty since clients take
/// an empty one for success, and perhaps a code.
pub fn write_ack(out: &mut Vec<u8>, uuid: Option<&str>, result: RequestResult<'_>) {
    begin(out, ACK, uuid);
    let mut writer = Writer::new(out, &WriteOptions::default());
    let start = writer.begin();
    if let Some(uuid) = uuid {
        writer.key("uuid");
        writer.string(uuid);
    }
    headers::write_result(&mut writer, result);
    writer.end_object(start);
    out.push(b'}');
}

/// Appends everything before the body.
fn begin(out: &mut Vec<u8>, message_type: &str, uuid: Option<&str>) {
    headers::begin(out, message_type, uuid);
    out.extend_from_slice(b"},\"body\":");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(read(text).expect_err("it is no envelope").to_string(), expected);
    }

    #[test]
    fn reads_what_the_clients_in_the_field_send() {
        let text = r#"{"body": {"text": "hi"}, "headers": {"messageType": "send-chat", "authHeader": null,
            "eventTime": 1795396112099, "localTime": 1795396112, "ack": true, "retryCount": 2, "apiVersion": 1,
            "uuid": "ee55", "newer": [{"x": null}]}, "later": "}"}"#;
        let expected = Envelope {
            message_type: "send-chat".into(),
            uuid: Some("ee55".into()),
            ack: true,
            event_time: Some(1_795_396_112_099.0),
            local_time: Some(1_795_396_112.0),
            retry_count: 2,
            api_version: 1,
            ..Envelope::of(Body::Json(r#"{"text": "hi"}"#))
        };
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn is_lenient_where_nothing_depends_on_it() {
        for headers in
            [r#""ack": 1"#, r#""ack": "true""#, r#""ack": null"#, r#""eventTime": "x""#, r#""retryCount": -1"#]
        {
            let text = format!(r#"{{"headers": {{"messageType": "a", {headers}}}, "body": null}}"#);
            let envelope = read(&text).expect("it is an envelope");
            assert_eq!((envelope.ack, envelope.event_time, envelope.retry_count), (false, None, 0), "{headers}");
            assert_eq!(envelope.body, Body::Json("{}"));
        }
        let escaped = read(r#"{"headers": {"messageType": "a\u0062", "uuid": "\""}}"#).expect("it is an envelope");
        assert_eq!((&*escaped.message_type, escaped.uuid.as_deref()), ("ab", Some("\"")));
    }

    #[test]
    fn the_body_is_not_looked_into() {
        for body in [
            r#"{"a": tru}"#,
            "[[[",
            "5",
            "nul",
            "nulls",
            r#""}""#,
            &format!("{}{}", "[".repeat(5000), "]".repeat(5000)),
        ] {
            let text = format!(r#"{{"body": {body}, "headers": {{"messageType": "a"}}}}"#);
            match read(&text) {
                Ok(envelope) => assert_eq!(envelope.body, Body::Json(body)),
                Err(error) => assert_eq!(body, "[[[", "{error}"),
            }
        }
    }

    #[test]
    fn names_what_is_missing_or_wrong() {
        refused("[]", "expected an object, found an array");
        refused("{}", "`headers` is missing");
        refused(r#"{"headers": null}"#, "`headers` is missing");
        refused(r#"{"headers": {}}"#, "`headers.messageType` is missing");
        refused(r#"{"headers": {"messageType": ""}}"#, "`headers.messageType` is missing");
        refused(
            &format!(r#"{{"headers": {{"messageType": "a", "uuid": "{}"}}}}"#, "u".repeat(257)),
            "`headers.uuid` has 257 bytes; 256 are allowed",
        );
    }

    #[test]
    fn writes_what_the_clients_in_the_field_read() {
        let mut out = Vec::new();
        let body = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"{}");
            Ok::<(), ()>(())
        };
        write(&mut out, "ilol|ack", Some("a\"b"), body).expect("nothing fails");
        write_ack(&mut out, Some("u"), Ok(()));
        write_ack(&mut out, None, Err(("bad", Some(0))));
        write_ack(&mut out, None, Err(("bad", None)));
        assert_eq!(
            String::from_utf8_lossy(&out),
            concat!(
                r#"{"headers":{"messageType":"ilol|ack","uuid":"a\"b"},"body":{}}"#,
                r#"{"headers":{"messageType":"ack","uuid":"u"},"body":{"uuid":"u"}}"#,
                r#"{"headers":{"messageType":"ack"},"body":{"errorMessage":"bad","errorCode":0}}"#,
                r#"{"headers":{"messageType":"ack"},"body":{"errorMessage":"bad"}}"#,
            )
        );
    }

    #[test]
    fn a_request_is_what_the_clients_in_the_field_send() {
        let written = |envelope: &Envelope<'_>| {
            let mut out = Vec::new();
            let Ok(()) = write_request(&mut out, envelope, |out| {
                out.extend_from_slice(br#"{"text":"hi"}"#);
                Ok::<(), std::convert::Infallible>(())
            });
            String::from_utf8(out).expect("an envelope is text")
        };
        let envelope = Envelope {
            message_type: "send-chat".into(),
            uuid: Some("u-1".into()),
            ack: true,
            event_time: Some(1_795_396_112_099.0),
            local_time: Some(1_795_396_112_099.0),
            api_version: 1,
            ..Envelope::of(Body::Json(r#"{"text":"hi"}"#))
        };
        assert_eq!(
            written(&envelope),
            r#"{"headers":{"messageType":"send-chat","eventTime":1795396112099,"localTime":1795396112099,"ack":true,"retryCount":0,"apiVersion":1,"uuid":"u-1"},"body":{"text":"hi"}}"#
        );
        let escaped =
            Envelope { message_type: "a\"b".into(), auth_header: Some("x\ny".into()), ack: false, ..envelope };
        assert_eq!(read(&written(&escaped)), Ok(escaped));
    }

    #[test]
    fn an_ack_says_how_its_request_ended() {
        let refused = |text: &'static str, code| Some(Err((text.into(), code)));
        for (body, expected) in [
            (r#"{"uuid":"u"}"#, Some(Ok(()))),
            (r#"{"uuid":"u","errorMessage":""}"#, Some(Ok(()))),
            (r#"{"uuid":"u","errorMessage":"bad","errorCode":7}"#, refused("bad", Some(7))),
            (r#"{"uuid":"u","errorMessage":"b\"ad"}"#, refused("b\"ad", None)),
            (r#"{"uuid":"u","errorMessage":null,"errorCode":5}"#, refused("", Some(5))),
        ] {
            for uuid in ["", r#","uuid":"u""#, r#","uuid":null"#] {
                let text = format!(r#"{{"headers":{{"messageType":"ack"{uuid}}},"body":{body}}}"#);
                let envelope = read_answer(&text).expect("it is an ack");
                assert_eq!((envelope.uuid.as_deref(), envelope.result), (Some("u"), expected.clone()), "{text}");
            }
        }
        let bare = read_answer(r#"{"headers":{"messageType":"ack"}}"#).expect("it is an ack");
        assert_eq!((bare.uuid, bare.result), (None, Some(Ok(()))));
        let reply = read_answer(r#"{"headers":{"messageType":"a"},"body":{"errorCode":5}}"#).expect("it is a reply");
        assert_eq!(reply.result, None);
        let wrong = read_answer(r#"{"headers":{"messageType":"ack"},"body":{"errorMessage":5}}"#);
        assert_eq!(wrong.expect_err("no text").to_string(), "body.errorMessage: expected a string, found 5");
    }
}
