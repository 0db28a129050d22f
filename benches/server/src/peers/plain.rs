//! psd's classic envelopes by serde_json, as somebody writes them who knows what is slow: borrowed, the body decoded once
//! its type is known.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::by_hand::{Answer, Answers, Caller};

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow)]
    headers: Headers<'a>,
    #[serde(borrow)]
    body: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Headers<'a> {
    #[serde(borrow)]
    message_type: Cow<'a, str>,
    #[serde(borrow)]
    auth_header: Option<Cow<'a, str>>,
    #[serde(borrow)]
    uuid: Option<Cow<'a, str>>,
    #[serde(default)]
    ack: bool,
}

#[derive(Serialize)]
struct Outgoing<'a, B> {
    headers: OutgoingHeaders<'a>,
    body: B,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutgoingHeaders<'a> {
    message_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<&'a str>,
}

/// A body that holds 64-bit integers as text, as protobuf's JSON does.
#[derive(Deserialize)]
pub struct Say {
    #[serde(default)]
    pub room: String,
    #[serde(default)]
    pub text: String,
    #[serde(default, deserialize_with = "number")]
    pub number: i64,
}

#[derive(Serialize)]
pub struct Said<'a> {
    pub room: &'a str,
    pub author: &'a str,
    pub text: &'a str,
    #[serde(serialize_with = "text")]
    pub number: i64,
}

#[derive(Deserialize)]
pub struct Shout {
    #[serde(default)]
    pub text: String,
}

#[derive(Serialize)]
pub struct Shouted<'a> {
    pub author: &'a str,
    pub text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ack<'a> {
    uuid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<i32>,
}

fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn text<S: serde::Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// Handles one frame: `None` for one that cannot be read.
pub fn handle(caller: &mut Caller, frame: &str, answers: &mut Answers) -> Option<()> {
    let incoming: Incoming<'_> = serde_json::from_str(frame).ok()?;
    let Headers { message_type, auth_header, uuid, ack } = incoming.headers;
    let uuid = uuid.as_deref();
    if let Some(token) = auth_header {
        caller.authenticate(&token);
    }
    let result = call(caller, &message_type, incoming.body, uuid, answers);
    if ack {
        let (error_message, error_code) = result.err().map_or((None, None), |(text, code)| (Some(text), Some(code)));
        answers.reply(&envelope("ack", uuid, Ack { uuid, error_message, error_code }));
    }
    Some(())
}

fn call(
    caller: &Caller,
    message_type: &str,
    body: &RawValue,
    uuid: Option<&str>,
    answers: &mut Answers,
) -> Result<(), (&'static str, i32)> {
    let author = caller.user().ok_or(("not authenticated", 401))?;
    let undecodable = |_| ("the body cannot be read", 400);
    match message_type {
        "say" => {
            let say: Say = serde_json::from_str(body.get()).map_err(undecodable)?;
            let said = Said { room: &say.room, author, text: &say.text, number: say.number };
            answers.reply(&envelope("said", uuid, said));
        }
        "shout" => {
            let shout: Shout = serde_json::from_str(body.get()).map_err(undecodable)?;
            answers.broadcast(&envelope("shouted", None, Shouted { author, text: &shout.text }));
        }
        _ => return Err(("no such message", 404)),
    }
    Ok(())
}

fn envelope<'a, B: Serialize>(message_type: &'a str, uuid: Option<&'a str>, body: B) -> Answer {
    let outgoing = Outgoing { headers: OutgoingHeaders { message_type, uuid }, body };
    serde_json::to_string(&outgoing).expect("texts and numbers are JSON").into()
}
