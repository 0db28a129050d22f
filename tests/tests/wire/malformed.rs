//! What no well-behaved client sends: for each input the exact answer, and the same connection goes on unless it must
//! close.

/// Bodies that are not what their message says.
mod bodies;
/// Text frames that hold no envelope, and headers of every wrong kind.
mod envelopes;
/// Frames as bytes: what RFC 6455 forbids, and what it allows but hardly anybody sends.
mod frames;
/// Refusals come before bodies are looked at; tokens good and bad.
mod guards;
/// HTTP requests that open no connection.
mod handshake;
/// What WIRE.md says the recorded system does badly, row by row.
mod table;
/// v1 in both forms: envelopes that are none, frames of too many, bodies that unpack without end.
mod v1;

use psd_core::Settings;
use psd_tests::Running;
use serde_json::{Value, json};

/// The start of every envelope here: its answers carry the uuid `u`.
const HEADERS: &str = r#""messageType": "open-echo", "ack": true, "uuid": "u""#;

async fn start() -> Running {
    Running::start(demo_server::server(Settings::default())).await
}

/// Sends each input on a connection of its own and compares all that the server answers. A request that is answered
/// afterwards shows that the connection lives. Every mistake is reported, not only the first.
async fn check(cases: impl IntoIterator<Item = (String, Vec<Value>)>) {
    let running = start().await;
    let mut mistakes = Vec::new();
    for (input, expected) in cases {
        let mut client = running.connect().await;
        client.send_text(&input).await;
        let mut answers = client.settle().await;
        for answer in &mut answers {
            if let Some(repr) = answer["body"].get_mut("pythonRepr") {
                *repr = "*".into(); // The debugging form of Rust, which is nobody's contract.
            }
        }
        if answers != expected {
            let list = |frames: &[Value]| frames.iter().map(|frame| format!("\n    {frame}")).collect::<String>();
            let input: String = input.chars().take(300).collect();
            mistakes.push(format!("{input}\n  expected{}\n  answered{}", list(&expected), list(&answers)));
        }
        client.close().await;
    }
    assert!(mistakes.is_empty(), "{} mistakes:\n{}", mistakes.len(), mistakes.join("\n"));
}

/// The push that names what is wrong with a frame.
fn unreadable(reason: &str) -> Value {
    json!({"headers": {"messageType": "protocol-error"}, "body": {"errorMessage": reason, "errorCode": 400}})
}

/// The success of the request `u`.
fn ack() -> Value {
    json!({"headers": {"messageType": "ack", "uuid": "u"}, "body": {"uuid": "u"}})
}

/// The failure of the request `u`.
fn refused(code: i32, text: &str) -> Value {
    let body = json!({"uuid": "u", "errorMessage": text, "errorCode": code});
    json!({"headers": {"messageType": "ack", "uuid": "u"}, "body": body})
}

/// A reply to the request `u`.
fn reply(message_type: &str, body: Value) -> Value {
    json!({"headers": {"messageType": message_type, "uuid": "u"}, "body": body})
}

fn push(message_type: &str, body: Value) -> Value {
    json!({"headers": {"messageType": message_type}, "body": body})
}

/// What `open-echo` answers to `{"text": text}`.
fn echoed(text: &str) -> Vec<Value> {
    let body = if text.is_empty() { json!({}) } else { json!({"text": text}) };
    vec![reply("echo-reply", body), ack()]
}
