//! Sends messages over WebSockets, for profiles; no client of ours, so that it needs no build of its own.
//!
//! Frames are masked with a key of zeros, which leaves them as they are.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, bail};

const UUID: &str = "ee55a3f1-0f4f-4f6e-9f57-6b1f0a6f0c11";
const TEXT: &str = "a short text, as people write them";
/// A server under valgrind takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// How envelopes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Classic,
    V1Json,
    V1Proto,
}

impl Dialect {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::V1Json => "v1-json",
            Self::V1Proto => "v1-proto",
        }
    }

    fn subprotocol(self) -> Option<&'static str> {
        match self {
            Self::Classic => None,
            Self::V1Json => Some("psd.v1.json"),
            Self::V1Proto => Some("psd.v1.proto"),
        }
    }

    /// The frame of a message with an ack whose body has these fields: texts, but for a number at the end.
    fn frame(self, message_type: &str, fields: &[(&str, &str)], number: Option<(&str, u8)>) -> Vec<u8> {
        let json = || {
            let texts = fields.iter().map(|(name, text)| format!(r#""{name}":"{text}""#));
            let number = number.iter().map(|(name, number)| format!(r#""{name}":{number}"#));
            texts.chain(number).collect::<Vec<_>>().join(",")
        };
        match self {
            // Eight headers, as today's React client writes them.
            Self::Classic => frame(
                TEXT_FRAME,
                format!(
                    r#"{{"body":{{{}}},"headers":{{"messageType":"{message_type}","authHeader":null,"eventTime":1795396057440,"localTime":1795396057440,"ack":true,"retryCount":0,"apiVersion":1,"uuid":"{UUID}"}}}}"#,
                    json()
                )
                .as_bytes(),
            ),
            Self::V1Json => frame(
                TEXT_FRAME,
                format!(
                    r#"{{"headers":{{"messageType":"{message_type}","ack":true,"uuid":"{UUID}"}},"body":{{{}}},"seq":1}}"#,
                    json()
                )
                .as_bytes(),
            ),
            Self::V1Proto => {
                let mut body = Vec::new();
                for (number, (_, text)) in (1..).zip(fields) {
                    body.extend(field(number, text.as_bytes()));
                }
                if let (Some((_, value)), Ok(at)) = (number, u8::try_from(fields.len() + 1)) {
                    body.extend([at << 3, value]);
                }
                let headers = [field(1, message_type.as_bytes()), field(2, UUID.as_bytes()), vec![6 << 3, 1]].concat();
                let envelope = [field(1, &headers), field(2, &body), vec![3 << 3, 1]].concat();
                frame(BINARY_FRAME, &[length(&envelope).to_vec(), envelope].concat())
            }
        }
    }
}

/// Sends an `open-echo` of a short text with an ack so many times; the next one when the answer has come.
pub(super) fn echo(address: &str, dialect: Dialect, count: u64) -> anyhow::Result<()> {
    let mut socket = Socket::connect(address, dialect)?;
    let request = dialect.frame("open-echo", &[("text", TEXT)], Some(("n", 7)));
    for _ in 0..count {
        socket.send(&request)?;
        socket.read()?;
        // In v1 the reply is the ack.
        if dialect == Dialect::Classic {
            socket.read()?;
        }
    }
    Ok(())
}

/// Says something in a room of so many connections so many times; the next time when all have got it.
pub(super) fn publish(address: &str, dialect: Dialect, count: u64, members: u64) -> anyhow::Result<()> {
    let join = dialect.frame("join-room", &[("room", "r")], None);
    let say = dialect.frame("room-say", &[("room", "r"), ("text", TEXT)], None);
    let mut sockets = Vec::new();
    for _ in 0..members {
        let mut socket = Socket::connect(address, dialect)?;
        socket.send(&join)?;
        socket.read()?;
        sockets.push(socket);
    }
    for _ in 0..count {
        let first = sockets.first_mut().context("there are no members")?;
        first.send(&say)?;
        first.read()?;
        for socket in &mut sockets {
            socket.read()?;
        }
    }
    Ok(())
}

const TEXT_FRAME: u8 = 1;
const BINARY_FRAME: u8 = 2;

/// A client's frame of fewer than 64 KiB.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..126), _) => frame.push(0x80 | length),
        (_, Ok(length)) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        _ => unreachable!("no message here is as long"),
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// A field of protobuf that has a length.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, length(bytes)[0]][..], bytes].concat()
}

fn length(bytes: &[u8]) -> [u8; 1] {
    [u8::try_from(bytes.len()).ok().filter(|length| *length < 128).unwrap_or_else(|| unreachable!("all are short"))]
}

struct Socket(BufReader<TcpStream>);

impl Socket {
    /// Connects, and reads the welcome of v1.
    fn connect(address: &str, dialect: Dialect) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).context("the server does not listen")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut socket = Self(BufReader::new(stream));
        let subprotocol = dialect.subprotocol().map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
        socket.send(
            format!(
                "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
                subprotocol.unwrap_or_default()
            )
            .as_bytes(),
        )?;
        let mut line = String::new();
        socket.0.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 101 ") {
            bail!("the handshake was answered with `{}`", line.trim_end());
        }
        while line != "\r\n" {
            line.clear();
            socket.0.read_line(&mut line)?;
        }
        if dialect != Dialect::Classic {
            socket.read()?;
        }
        Ok(socket)
    }

    fn send(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.0.get_mut().write_all(bytes).context("the server takes nothing")
    }

    /// Reads a frame and forgets it.
    fn read(&mut self) -> anyhow::Result<()> {
        let mut header = [0; 2];
        self.0.read_exact(&mut header).context("the server does not answer")?;
        let length = match header[1] {
            126 => {
                let mut length = [0; 2];
                self.0.read_exact(&mut length)?;
                u16::from_be_bytes(length).into()
            }
            length => usize::from(length),
        };
        if header[0] & 0x0f == 8 || header[1] > 126 {
            bail!("the server ends the conversation");
        }
        self.0.read_exact(&mut vec![0; length]).context("the server does not finish its frame")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_those_of_a_client() {
        let short = Dialect::V1Json.frame("a", &[], Some(("n", 7)));
        assert_eq!(short[..6], [0x81, 0x80 | u8::try_from(short.len() - 6).expect("it is short"), 0, 0, 0, 0]);
        let long = Dialect::Classic.frame("open-echo", &[("text", TEXT)], Some(("n", 7)));
        assert_eq!(
            (long[0], long[1], usize::from(u16::from_be_bytes([long[2], long[3]]))),
            (0x81, 0xfe, long.len() - 8)
        );
        let body: serde_json::Value = serde_json::from_slice(&long[8..]).expect("it is JSON");
        assert_eq!(body["body"], serde_json::json!({"text": TEXT, "n": 7}));
        let binary = Dialect::V1Proto.frame("join-room", &[("room", "r")], None);
        assert_eq!((binary[0], usize::from(binary[6])), (0x82, binary.len() - 7));
    }
}
