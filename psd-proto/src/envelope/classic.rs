//! The classic dialect: one JSON object per text frame.
//!
//! ```text
//! {"body": {"text": "hi"}, "headers": {"messageType": "send-chat", "ack": true, "uuid": "ee55…", …}}
//! ```

use super::{Body, Envelope, EnvelopeError, RequestResult, headers};
use crate::json::{ReadOptions, Reader, WriteOptions, Writer};

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
    begin(out, "ack", uuid);
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
}
