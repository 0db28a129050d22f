//! Sends many requests over one connection, for profiles: `drive ws://127.0.0.1:8821/ws classic|v1-json|v1-proto 10000`.
//!
//! Each request is an `open-echo` of a short text with an ack; the next one is sent when the answer has come.
#![allow(clippy::unwrap_used)]

use futures_util::{SinkExt as _, StreamExt as _};
use psd_tests::connect;
use tokio_tungstenite::tungstenite::Message;

const UUID: &str = "ee55a3f1-0f4f-4f6e-9f57-6b1f0a6f0c11";
const TEXT: &str = "a short text, as people write them";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, dialect, count] = arguments.as_slice() else { panic!("drive URL DIALECT COUNT") };
    let (subprotocols, frame, answers) = match dialect.as_str() {
        "classic" => (None, Message::text(classic()), 2),
        "v1-json" => (Some("psd.v1.json"), Message::text(v1_json()), 1),
        "v1-proto" => (Some("psd.v1.proto"), Message::binary(v1_proto()), 1),
        other => panic!("unknown dialect {other}"),
    };
    let mut socket = connect(url, subprotocols).await;
    if subprotocols.is_some() {
        socket.next().await.unwrap().unwrap(); // the welcome
    }
    for _ in 0..count.parse::<u32>().unwrap() {
        socket.send(frame.clone()).await.unwrap();
        for _ in 0..answers {
            socket.next().await.unwrap().unwrap();
        }
    }
}

fn classic() -> String {
    format!(
        r#"{{"body":{{"text":"{TEXT}","n":7}},"headers":{{"messageType":"open-echo","authHeader":null,"eventTime":1795396057440,"localTime":1795396057440,"ack":true,"retryCount":0,"apiVersion":1,"uuid":"{UUID}"}}}}"#
    )
}

fn v1_json() -> String {
    format!(
        r#"{{"headers":{{"messageType":"open-echo","ack":true,"uuid":"{UUID}"}},"body":{{"text":"{TEXT}","n":7}},"seq":1}}"#
    )
}

fn v1_proto() -> Vec<u8> {
    let field = |key: u8, bytes: &[u8]| [&[key, u8::try_from(bytes.len()).unwrap()][..], bytes].concat();
    let headers = [field(0x0a, b"open-echo"), field(0x12, UUID.as_bytes()), vec![0x30, 1]].concat();
    let body = [field(0x0a, TEXT.as_bytes()), vec![0x10, 7]].concat();
    let envelope = [field(0x0a, &headers), field(0x12, &body), vec![0x18, 1]].concat();
    [vec![u8::try_from(envelope.len()).unwrap()], envelope].concat()
}
