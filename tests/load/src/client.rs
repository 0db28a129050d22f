//! A client that costs little: v1 in binary over a plain socket, frames by hand.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::{Buf as _, BytesMut};
use psd_core::proto::{
    ClientMessage, ServerMessage,
    envelope::{Body, Envelope, v1_proto},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// How long a client waits for anything that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    stream: TcpStream,
    read: BytesMut,
    requests: u64,
    /// Envelopes of the last frame that nobody has asked for yet, last first.
    waiting: Vec<Said>,
}

/// What the server said in one envelope.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) message_type: String,
    pub(crate) uuid: Option<String>,
    /// How the request ended: 0 is well, 1 is an error without a code.
    pub(crate) result: Option<i32>,
    pub(crate) body: Vec<u8>,
}

impl Said {
    pub(crate) fn read<M: ServerMessage>(&self) -> Option<M> {
        (self.message_type == M::INFO.message_type).then(|| M::decode(&*self.body).ok())?
    }
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Event {
    Said(Said),
    /// The close frame.
    Closed(u16),
    /// The end of the stream without one.
    Lost,
}

/// Why a request has no reply.
#[derive(Debug)]
pub(crate) enum Failure {
    Refused(i32),
    Closed(u16),
    Lost,
    Late,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(code) => write!(f, "a request was refused with {code}"),
            Self::Closed(code) => write!(f, "the server closed with {code}"),
            Self::Lost => f.write_str("the connection was lost"),
            Self::Late => f.write_str("no answer in time"),
        }
    }
}

impl std::error::Error for Failure {}

impl Client {
    /// Connects from an address, as the user whose token this is, and reads the welcome.
    pub(crate) async fn connect(server: SocketAddr, from: IpAddr, token: &str) -> io::Result<Self> {
        Self::connect_with(server, from, token, None).await
    }

    /// As [`connect`](Self::connect), with a receive buffer of so many bytes.
    pub(crate) async fn connect_with(
        server: SocketAddr,
        from: IpAddr,
        token: &str,
        buffer: Option<u32>,
    ) -> io::Result<Self> {
        let protocol = format!("Sec-WebSocket-Protocol: psd.v1.proto, psd.token.{token}");
        let opening = async {
            let mut client = Self::open(server, from, "/ws", &protocol, buffer).await?;
            match client.event().await {
                Event::Said(said) if said.message_type == "psd.welcome" => Ok(client),
                _ => Err(io::Error::other("no welcome")),
            }
        };
        timeout(PATIENCE, opening).await?
    }

    /// Opens any WebSocket, as the user whose token this is; what comes on it is read by [`whole_frame`](Self::whole_frame).
    pub(crate) async fn bare(server: SocketAddr, from: IpAddr, path: &str, token: &str) -> io::Result<Self> {
        let authorization = format!("Authorization: Bearer {token}");
        timeout(PATIENCE, Self::open(server, from, path, &authorization, None)).await?
    }

    async fn open(server: SocketAddr, from: IpAddr, path: &str, header: &str, buffer: Option<u32>) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        if let Some(buffer) = buffer {
            socket.set_recv_buffer_size(buffer)?;
        }
        socket.bind(SocketAddr::new(from, 0))?;
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        let mut client = Self { stream, read: BytesMut::new(), requests: 0, waiting: Vec::new() };
        let handshake = format!(
            "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {header}\r\n\r\n"
        );
        client.stream.write_all(handshake.as_bytes()).await?;
        let end = loop {
            if let Some(end) = client.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            if client.stream.read_buf(&mut client.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        if !client.read.starts_with(b"HTTP/1.1 101 ") {
            let line = String::from_utf8_lossy(&client.read[..end.min(40)]).into_owned();
            return Err(io::Error::other(format!("the handshake is refused: {line}")));
        }
        client.read.advance(end);
        Ok(client)
    }

    /// Sends a message without waiting for anything.
    pub(crate) async fn say<M: ClientMessage>(&mut self, message: &M) -> io::Result<()> {
        let frame = request_frame(M::INFO.message_type, "", false, &message.encode_to_vec());
        self.send(&frame).await
    }

    /// The next frame, whatever it is; `None` at the end of the stream. Cancellation safe.
    pub(crate) async fn whole_frame(&mut self) -> Option<(u8, BytesMut)> {
        loop {
            if let Some(frame) = self.frame() {
                return Some(frame);
            }
            match self.stream.read_buf(&mut self.read).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// A message of v1 itself that says that the client is there.
    pub(crate) async fn heartbeat(&mut self) -> io::Result<()> {
        let frame = request_frame("psd.heartbeat", "", false, &[]);
        self.send(&frame).await
    }

    /// Sends a message and waits until its request has ended; what comes unasked is passed over.
    pub(crate) async fn ask<M: ClientMessage>(&mut self, message: &M) -> Result<Option<Said>, Failure> {
        self.requests += 1;
        let uuid = self.requests.to_string();
        let frame = frame_of(message, &uuid);
        self.send(&frame).await.map_err(|_| Failure::Lost)?;
        let answered = async {
            let mut reply = None;
            loop {
                let said = match self.event().await {
                    Event::Said(said) => said,
                    Event::Closed(code) => return Err(Failure::Closed(code)),
                    Event::Lost => return Err(Failure::Lost),
                };
                if said.uuid.as_ref() != Some(&uuid) {
                    continue;
                }
                match said.result {
                    Some(0) if said.message_type == "ack" => return Ok(reply),
                    Some(0) => return Ok(Some(said)),
                    Some(code) => return Err(Failure::Refused(code)),
                    None => reply = Some(said),
                }
            }
        };
        timeout(PATIENCE, answered).await.unwrap_or(Err(Failure::Late))
    }

    /// Sends a message and returns its reply.
    pub(crate) async fn fetch<R: ServerMessage>(&mut self, message: &impl ClientMessage) -> Result<R, Failure> {
        self.ask(message).await?.and_then(|said| said.read()).ok_or(Failure::Late)
    }

    /// What the server says next. Cancellation safe.
    pub(crate) async fn event(&mut self) -> Event {
        loop {
            if let Some(said) = self.waiting.pop() {
                return Event::Said(said);
            }
            match self.frame() {
                Some((0x8, payload)) => {
                    return Event::Closed(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code)));
                }
                Some((_, payload)) => {
                    let (ranges, _) = v1_proto::split(&payload);
                    let said = ranges.into_iter().rev().filter_map(|range| said(&payload[range]));
                    self.waiting = said.collect();
                    continue;
                }
                None => {}
            }
            match self.stream.read_buf(&mut self.read).await {
                Ok(0) | Err(_) => return Event::Lost,
                Ok(_) => {}
            }
        }
    }

    /// The next whole frame that has been read: opcode and payload.
    fn frame(&mut self) -> Option<(u8, BytesMut)> {
        let header = self.read.first_chunk::<2>()?;
        let opcode = header[0] & 0xf;
        let (start, length) = match header[1] {
            126 => (4, u16::from_be_bytes(*self.read.get(2..)?.first_chunk()?).into()),
            127 => (10, u64::from_be_bytes(*self.read.get(2..)?.first_chunk()?) as usize),
            length => (2, length.into()),
        };
        if self.read.len() < start + length {
            return None;
        }
        self.read.advance(start);
        Some((opcode, self.read.split_to(length)))
    }

    /// Says goodbye as one should, and waits for the answer.
    pub(crate) async fn close(mut self) {
        let _ = self.send(&frame(0x8, &1000_u16.to_be_bytes())).await;
        let ended = async { while let Event::Said(_) = self.event().await {} };
        let _ = timeout(PATIENCE, ended).await;
    }
}

fn said(bytes: &[u8]) -> Option<Said> {
    let envelope = v1_proto::read(bytes).ok()?;
    let body = match envelope.body {
        Body::Proto(body) => body.to_vec(),
        _ => Vec::new(),
    };
    Some(Said {
        message_type: envelope.message_type.into_owned(),
        uuid: envelope.uuid.map(Into::into),
        result: envelope.result.map(|result| result.err().map_or(0, |(_, code)| code.unwrap_or(1))),
        body,
    })
}

/// A frame with one message that asks for an ack.
pub(crate) fn frame_of<M: ClientMessage>(message: &M, uuid: &str) -> Vec<u8> {
    request_frame(M::INFO.message_type, uuid, true, &message.encode_to_vec())
}

fn request_frame(message_type: &str, uuid: &str, ack: bool, body: &[u8]) -> Vec<u8> {
    let envelope = Envelope {
        message_type: message_type.into(),
        uuid: (!uuid.is_empty()).then(|| uuid.into()),
        ack,
        ..Envelope::of(Body::Proto(body))
    };
    let mut payload = Vec::new();
    v1_proto::write_numbered(&mut payload, 0, |out| v1_proto::write_request(out, &envelope));
    frame(0x2, &payload)
}

/// A whole frame of a client, masked with zeros.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(opcode, payload.len());
    frame.extend_from_slice(payload);
    frame
}

/// The beginning of a frame of a client.
pub(crate) fn header(opcode: u8, length: usize) -> Vec<u8> {
    let mut header = vec![0x80 | opcode];
    match length {
        0..=125 => header.push(0x80 | length as u8),
        126..=0xffff => {
            header.push(0x80 | 126);
            header.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    header.extend_from_slice(&[0; 4]);
    header
}
