//! What a client and a server say to each other.

use crate::peers::Peer;

/// How a peer is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// psd's classic envelopes.
    Classic,
    /// v1 in JSON.
    V1Json,
    /// v1 in protobuf.
    V1Proto,
    /// Socket.IO's packets, by events with acks.
    SocketIo,
    /// psd's classic envelopes in Socket.IO's events.
    SocketIoEnvelope,
}

/// Everything a client of one peer says: whole frames, and how many frames answer.
#[derive(Debug, Clone)]
pub struct Dialog {
    /// The request that opens the connection, with the token in it where the peer reads it there.
    pub handshake: Vec<u8>,
    /// What follows it, each with the frames to be awaited before it.
    pub opening: Vec<(usize, Vec<u8>)>,
    /// The frames awaited at the end of the opening.
    pub opened: usize,
    /// `say`, and how many frames answer it.
    pub say: (Vec<u8>, usize),
    /// `shout`, and how many frames come to its sender besides the one that comes to everybody.
    pub shout: (Vec<u8>, usize),
}

const UUID: &str = "ee55a3f1-0f4f-4f6e-9f57-6b1f0a6f0c11";
const TEXT: &str = "a short text, as people write them";
const TEXT_FRAME: u8 = 1;
const BINARY_FRAME: u8 = 2;

impl Dialog {
    pub fn new(peer: Peer, dialect: Dialect, token: &str) -> Self {
        let say = format!(r#"{{"room":"lobby","text":"{TEXT}","number":"7"}}"#);
        let shout = format!(r#"{{"text":"{TEXT}"}}"#);
        let text = |text: String| frame(TEXT_FRAME, text.as_bytes());
        match dialect {
            Dialect::Classic => {
                let envelope = |message_type: &str, body: &str| text(classic(message_type, body, token));
                let answers = if peer == Peer::Echo { 1 } else { 2 };
                Self {
                    handshake: handshake("/ws", token, None),
                    opening: Vec::new(),
                    opened: 0,
                    say: (envelope("say", &say), answers),
                    shout: (envelope("shout", &shout), 1),
                }
            }
            Dialect::V1Json => {
                let envelope = |message_type: &str, body: &str| {
                    let headers = format!(r#"{{"messageType":"{message_type}","ack":true,"uuid":"{UUID}"}}"#);
                    text(format!(r#"{{"headers":{headers},"body":{body}}}"#))
                };
                Self {
                    handshake: handshake("/ws", token, Some("psd.v1.json")),
                    opening: Vec::new(),
                    opened: 1,
                    say: (envelope("say", &say), 1),
                    shout: (envelope("shout", &shout), 1),
                }
            }
            Dialect::V1Proto => {
                let say = [field(0x0a, b"lobby"), field(0x12, TEXT.as_bytes()), vec![0x18, 7]].concat();
                let shout = field(0x0a, TEXT.as_bytes());
                let envelope = |message_type: &str, body: &[u8]| frame(BINARY_FRAME, &v1_proto(message_type, body));
                Self {
                    handshake: handshake("/ws", token, Some("psd.v1.proto")),
                    opening: Vec::new(),
                    opened: 1,
                    say: (envelope("say", &say), 1),
                    shout: (envelope("shout", &shout), 1),
                }
            }
            Dialect::SocketIo | Dialect::SocketIoEnvelope => {
                let event = |name: &str, body: &str| {
                    if dialect == Dialect::SocketIo {
                        // In JavaScript a number is a number.
                        text(format!(r#"421["{name}",{}]"#, body.replace(r#""7""#, "7")))
                    } else {
                        text(format!(r#"42["envelope",{}]"#, classic(name, body, token)))
                    }
                };
                let answers = if dialect == Dialect::SocketIo { 1 } else { 2 };
                let connect = text(format!(r#"40{{"token":"{token}"}}"#));
                // socketioxide pings at once, and expects an answer.
                let opening = if peer == Peer::SocketIo {
                    vec![(1, connect)]
                } else {
                    vec![(2, [text("3".into()), connect].concat())]
                };
                Self {
                    handshake: handshake("/socket.io/?EIO=4&transport=websocket", token, None),
                    opening,
                    opened: 1,
                    say: (event("say", &say), answers),
                    shout: (event("shout", &shout), 1),
                }
            }
        }
    }
}

fn handshake(path: &str, token: &str, subprotocol: Option<&str>) -> Vec<u8> {
    let subprotocol = subprotocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {token}\r\n{subprotocol}\r\n"
    )
    .into_bytes()
}

/// A whole frame of a client. Its mask is zero, which costs a server what any other does.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | u8::try_from(length).expect("it is less than 126")),
        length => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).expect("requests are short").to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// An envelope as today's React client writes it.
fn classic(message_type: &str, body: &str, token: &str) -> String {
    format!(
        r#"{{"body":{body},"headers":{{"messageType":"{message_type}","authHeader":"{token}","eventTime":1795396057440,"localTime":1795396057440,"ack":true,"retryCount":0,"apiVersion":1,"uuid":"{UUID}"}}}}"#
    )
}

fn v1_proto(message_type: &str, body: &[u8]) -> Vec<u8> {
    let headers = [field(0x0a, message_type.as_bytes()), field(0x12, UUID.as_bytes()), vec![0x30, 1]].concat();
    let envelope = [field(0x0a, &headers), field(0x12, body)].concat();
    [vec![u8::try_from(envelope.len()).expect("requests are short")], envelope].concat()
}

fn field(key: u8, bytes: &[u8]) -> Vec<u8> {
    [&[key, u8::try_from(bytes.len()).expect("fields are short")][..], bytes].concat()
}
