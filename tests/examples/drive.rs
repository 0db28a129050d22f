//! Sends many requests over one connection, for profiles: `drive ws://127.0.0.1:8821/ws classic|v1-json|v1-proto 10000`.
//!
//! Each request is an `open-echo` of a short text with an ack; the next one is sent when the answer has come. With a fourth
//! argument it is a `room-say` in a room of so many connections, and the next one is sent when all have got it.
#![allow(clippy::unwrap_used)]

use futures_util::{SinkExt as _, StreamExt as _};
use psd_tests::connect;
use tokio_tungstenite::tungstenite::Message;

const UUID: &str = "ee55a3f1-0f4f-4f6e-9f57-6b1f0a6f0c11";
const TEXT: &str = "a short text, as people write them";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, dialect, count, rest @ ..] = arguments.as_slice() else { panic!("drive URL DIALECT COUNT [MEMBERS]") };
    let count = count.parse::<u32>().unwrap();
    if let [members] = rest {
        return publish(url, dialect, count, members.parse().unwrap()).await;
    }
    let echo = format!(r#""text":"{TEXT}","n":7"#);
    let (subprotocols, frame, answers) = match dialect.as_str() {
        "classic" => (None, Message::text(classic("open-echo", &echo)), 2),
        "v1-json" => (Some("psd.v1.json"), Message::text(v1_json("open-echo", &echo)), 1),
        "v1-proto" => (Some("psd.v1.proto"), Message::binary(v1_proto("open-echo", &[2, 7])), 1),
        other => panic!("unknown dialect {other}"),
    };
    let mut socket = connect(url, subprotocols).await;
    if subprotocols.is_some() {
        socket.next().await.unwrap().unwrap(); // the welcome
    }
    for _ in 0..count {
        socket.send(frame.clone()).await.unwrap();
        for _ in 0..answers {
            socket.next().await.unwrap().unwrap();
        }
    }
}

/// Says something to a room again and again.
async fn publish(url: &str, dialect: &str, count: u32, members: usize) {
    let (subprotocols, join, say) = match dialect {
        "classic" => {
            let say = format!(r#""room":"r","text":"{TEXT}""#);
            (None, Message::text(classic("join-room", r#""room":"r""#)), Message::text(classic("room-say", &say)))
        }
        "v1-proto" => {
            let room = [&[0x0a, 1, b'r'][..]].concat();
            let say = [&room[..], &field(0x12, TEXT.as_bytes())].concat();
            let envelope = |name, body: &[u8]| Message::binary(v1_envelope(name, body));
            (Some("psd.v1.proto"), envelope("join-room", &room), envelope("room-say", &say))
        }
        other => panic!("nobody publishes in {other}"),
    };
    let mut sockets = Vec::new();
    for _ in 0..members {
        let mut socket = connect(url, subprotocols).await;
        if subprotocols.is_some() {
            socket.next().await.unwrap().unwrap(); // the welcome
        }
        socket.send(join.clone()).await.unwrap();
        socket.next().await.unwrap().unwrap(); // the ack
        sockets.push(socket);
    }
    for _ in 0..count {
        sockets[0].send(say.clone()).await.unwrap();
        sockets[0].next().await.unwrap().unwrap(); // the ack
        for socket in &mut sockets {
            socket.next().await.unwrap().unwrap();
        }
    }
}

fn classic(message_type: &str, body: &str) -> String {
    format!(
        r#"{{"body":{{{body}}},"headers":{{"messageType":"{message_type}","authHeader":null,"eventTime":1795396057440,"localTime":1795396057440,"ack":true,"retryCount":0,"apiVersion":1,"uuid":"{UUID}"}}}}"#
    )
}

fn v1_json(message_type: &str, body: &str) -> String {
    format!(r#"{{"headers":{{"messageType":"{message_type}","ack":true,"uuid":"{UUID}"}},"body":{{{body}}},"seq":1}}"#)
}

/// A body whose first field is the text and whose second is a number.
fn v1_proto(message_type: &str, number: &[u8; 2]) -> Vec<u8> {
    let [field_number, value] = *number;
    v1_envelope(message_type, &[field(0x0a, TEXT.as_bytes()), vec![field_number << 3, value]].concat())
}

fn v1_envelope(message_type: &str, body: &[u8]) -> Vec<u8> {
    let headers = [field(0x0a, message_type.as_bytes()), field(0x12, UUID.as_bytes()), vec![0x30, 1]].concat();
    let envelope = [field(0x0a, &headers), field(0x12, body), vec![0x18, 1]].concat();
    [vec![u8::try_from(envelope.len()).unwrap()], envelope].concat()
}

fn field(key: u8, bytes: &[u8]) -> Vec<u8> {
    [&[key, u8::try_from(bytes.len()).unwrap()][..], bytes].concat()
}
