//! The classic dialect: text frames, one JSON object each.

use psd_proto::json::{self, ReadOptions, Reader, WriteOptions, Writer};

use super::Headers;
use crate::{
    envelope::{Content, Envelope, Outcome},
    socket::Text,
};

const ACK: &str = "ack";

/// An envelope around a body: one JSON object.
pub(crate) fn encode(headers: Headers<'_>, body: &[u8]) -> Vec<u8> {
    let Headers { message_type, uuid, token, ack, time, deadline_ms: _ } = headers;
    let mut frame = Vec::with_capacity(256 + token.map_or(0, str::len) + body.len());
    frame.extend_from_slice(b"{\"headers\":{\"messageType\":");
    push_string(&mut frame, message_type);
    if let Some(token) = token {
        frame.extend_from_slice(b",\"authHeader\":");
        push_string(&mut frame, token);
    }
    let time = time.to_string();
    for part in [",\"eventTime\":", &time, ",\"localTime\":", &time, ",\"ack\":", if ack { "true" } else { "false" }] {
        frame.extend_from_slice(part.as_bytes());
    }
    frame.extend_from_slice(b",\"retryCount\":0,\"apiVersion\":1");
    if let Some(uuid) = uuid {
        frame.extend_from_slice(b",\"uuid\":");
        push_string(&mut frame, uuid);
    }
    frame.extend_from_slice(b"},\"body\":");
    frame.extend_from_slice(body);
    frame.push(b'}');
    frame
}

fn push_string(frame: &mut Vec<u8>, text: &str) {
    Writer::new(frame, &WriteOptions::default()).string(text);
}

/// Reads a frame of the server, or says why it is no envelope. Unknown keys are passed over.
pub(crate) fn decode(frame: Text) -> json::Result<Envelope> {
    let (message_type, mut uuid, body) = {
        let mut reader = Reader::new(&frame, &ReadOptions::default());
        let mut headers = None;
        let mut body = 0..0;
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match &*key {
                "headers" => headers = Some(read_headers(&mut reader)?),
                "body" if reader.null()? => {}
                "body" => {
                    let length = reader.skip()?.len();
                    body = reader.offset() - length..reader.offset();
                }
                _ => drop(reader.skip()?),
            }
        }
        reader.finish()?;
        let Some(ReplyHeaders { message_type: Some(message_type), uuid }) = headers else {
            return Err(reader.problem("`headers.messageType` is missing"));
        };
        (message_type, uuid, body)
    };
    let mut outcome = None;
    if *message_type == *ACK {
        let ack = read_ack(&frame[body.clone()]).map_err(|error| error.with_root("body"))?;
        uuid = uuid.or(ack.uuid);
        outcome = Some(ack.outcome);
    }
    let weight = frame.len();
    Ok(Envelope { message_type, uuid, outcome, seq: 0, content: Content::Text(frame, body), weight })
}

#[derive(Default)]
struct ReplyHeaders {
    message_type: Option<Box<str>>,
    uuid: Option<Box<str>>,
}

fn read_headers(reader: &mut Reader<'_>) -> json::Result<ReplyHeaders> {
    let mut headers = ReplyHeaders::default();
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match &*key {
            "messageType" => headers.message_type = Some(reader.string()?.into()),
            "uuid" => headers.uuid = read_string(reader)?,
            _ => drop(reader.skip()?),
        }
    }
    Ok(headers)
}

struct Ack {
    uuid: Option<Box<str>>,
    outcome: Outcome,
}

/// Either of text and code makes an error: servers in the field leave the text out when it is empty.
fn read_ack(body: &str) -> json::Result<Ack> {
    let (mut uuid, mut message, mut code) = (None, None, 0);
    if !body.is_empty() {
        let mut reader = Reader::new(body, &ReadOptions::default());
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match &*key {
                "uuid" => uuid = read_string(&mut reader)?,
                "errorMessage" => message = read_string(&mut reader)?,
                "errorCode" if reader.null()? => {}
                "errorCode" => code = reader.i32()?,
                _ => drop(reader.skip()?),
            }
        }
    }
    let message = message.map(String::from).unwrap_or_default();
    let code = (code != 0).then_some(code);
    let outcome =
        if message.is_empty() && code.is_none() { Outcome::Success } else { Outcome::Refused { code, message } };
    Ok(Ack { uuid, outcome })
}

/// A string, or `None` for `null`.
fn read_string(reader: &mut Reader<'_>) -> json::Result<Option<Box<str>>> {
    Ok(if reader.null()? { None } else { Some(reader.string()?.into()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: Headers<'static> = Headers {
        message_type: "send-chat",
        uuid: Some("u-1"),
        token: None,
        ack: true,
        time: 1_795_396_112_099,
        deadline_ms: 5000,
    };

    fn encoded(headers: Headers<'_>, body: &str) -> String {
        String::from_utf8(encode(headers, body.as_bytes())).expect("an envelope is text")
    }

    #[test]
    fn an_envelope_is_what_the_clients_in_the_field_send() {
        assert_eq!(
            encoded(HEADERS, r#"{"text":"hi"}"#),
            r#"{"headers":{"messageType":"send-chat","eventTime":1795396112099,"localTime":1795396112099,"ack":true,"retryCount":0,"apiVersion":1,"uuid":"u-1"},"body":{"text":"hi"}}"#
        );
    }

    #[test]
    fn a_token_and_a_type_are_escaped() {
        let frame = encoded(Headers { message_type: "a\"b", token: Some("x\ny"), ack: false, ..HEADERS }, "{}");
        let value: serde_json::Value = serde_json::from_str(&frame).expect("an envelope is JSON");
        assert_eq!(value["headers"]["messageType"], "a\"b");
        assert_eq!(value["headers"]["authHeader"], "x\ny");
        assert_eq!(value["headers"]["ack"], false);
    }

    #[track_caller]
    fn check(frame: &str, message_type: &str, uuid: Option<&str>, body: &str, outcome: Option<Outcome>) {
        let envelope = decode(frame.into()).expect("the frame is an envelope");
        assert_eq!(envelope.message_type(), message_type);
        assert_eq!(envelope.uuid(), uuid);
        assert_eq!(envelope.body().as_json(), Some(body));
        assert_eq!(envelope.outcome(), outcome.as_ref());
    }

    #[test]
    fn replies_and_pushes() {
        check(
            r#"{"headers": {"messageType": "echo-reply", "uuid": "u"}, "body": {"text": "hi"}}"#,
            "echo-reply",
            Some("u"),
            r#"{"text": "hi"}"#,
            None,
        );
        check(
            r#" {"body":{"a":[1,{}]},"headers":{"x":1,"messageType":"a\u0062"}} "#,
            "ab",
            None,
            r#"{"a":[1,{}]}"#,
            None,
        );
        check(r#"{"headers":{"messageType":"p","uuid":null}}"#, "p", None, "{}", None);
        check(r#"{"headers":{"messageType":"p"},"body":null,"more":[]}"#, "p", None, "{}", None);
    }

    #[test]
    fn acks() {
        let refused = |code, message: &str| Some(Outcome::Refused { code, message: message.to_owned() });
        for (body, outcome) in [
            (r#"{"uuid":"u"}"#, Some(Outcome::Success)),
            (r#"{"uuid":"u","errorMessage":""}"#, Some(Outcome::Success)),
            (r#"{"uuid":"u","errorMessage":"bad","errorCode":7}"#, refused(Some(7), "bad")),
            (r#"{"uuid":"u","errorMessage":"b\"ad"}"#, refused(None, "b\"ad")),
            (r#"{"uuid":"u","errorMessage":null,"errorCode":5}"#, refused(Some(5), "")),
        ] {
            check(
                &format!(r#"{{"headers":{{"messageType":"ack","uuid":"u"}},"body":{body}}}"#),
                "ack",
                Some("u"),
                body,
                outcome.clone(),
            );
            check(&format!(r#"{{"headers":{{"messageType":"ack"}},"body":{body}}}"#), "ack", Some("u"), body, outcome);
        }
        check(r#"{"headers":{"messageType":"ack"}}"#, "ack", None, "{}", Some(Outcome::Success));
    }

    #[test]
    fn what_is_no_envelope() {
        for (frame, expected) in [
            ("", "expected an object, found the end of the text"),
            ("[1]", "expected an object, found an array"),
            (r#"{"body":{}}"#, "`headers.messageType` is missing"),
            (r#"{"headers":{}}"#, "`headers.messageType` is missing"),
            (r#"{"headers":{"messageType":7}}"#, "headers.messageType: expected a string, found 7"),
            (
                r#"{"headers":{"messageType":"ack"},"body":{"errorCode":"x"}}"#,
                "body.errorCode: expected a number, found \"x\"",
            ),
        ] {
            assert_eq!(decode(frame.into()).expect_err("the frame is no envelope").to_string(), expected, "{frame}");
        }
    }
}
