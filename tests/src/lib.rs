//! What the tests across crates share: a server on a free port, and a client that sees every frame.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

pub mod guard_table;
pub mod postgres;
pub mod v1;

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use psd_core::{Server, ServerBuilder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest as _, protocol::CloseFrame},
};

/// How long a test waits for something that must happen. Never reached where all is well.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A server on a free loopback port, stopped when dropped.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    server: Server,
}

impl Running {
    /// Starts a server.
    pub async fn start(builder: ServerBuilder) -> Self {
        let listening = builder.listen("127.0.0.1:0").await.unwrap();
        let (address, server) = (listening.local_addr(), listening.server().clone());
        tokio::spawn(listening.run());
        Self { address, server }
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connects a client to `/ws`.
    pub async fn connect(&self) -> RawClient {
        self.connect_to("/ws").await
    }

    /// Connects a client to a path with further header fields.
    pub async fn connect_with(&self, path: &str, headers: &[(&'static str, &str)]) -> RawClient {
        RawClient::new(connect_with(&format!("ws://{}{path}", self.address), headers).await)
    }

    /// Connects a client to a path.
    pub async fn connect_to(&self, path: &str) -> RawClient {
        RawClient::connect(&format!("ws://{}{path}", self.address)).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.shut_down();
    }
}

/// What a client sees of the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// A text frame that holds JSON.
    Frame(Value),
    /// The close frame; code 1005 if it had none.
    Closed(u16, String),
    /// The connection ended without a close frame.
    Lost,
}

/// A WebSocket.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens a WebSocket, offering subprotocols if there are any.
pub async fn connect(url: &str, subprotocols: Option<&str>) -> Socket {
    let subprotocols = subprotocols.map(|offer| ("Sec-WebSocket-Protocol", offer));
    connect_with(url, subprotocols.as_slice()).await
}

/// Opens a WebSocket with further header fields.
pub async fn connect_with(url: &str, headers: &[(&'static str, &str)]) -> Socket {
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let connect = tokio_tungstenite::connect_async(request);
    tokio::time::timeout(DEADLINE, connect).await.unwrap().unwrap().0
}

/// A client of the classic dialect that knows nothing of psd but its frames.
#[derive(Debug)]
pub struct RawClient {
    socket: Socket,
    /// Frames that were read while something else was waited for.
    early: VecDeque<Value>,
    next_uuid: u32,
}

impl RawClient {
    /// Connects.
    pub async fn connect(url: &str) -> Self {
        Self::new(connect(url, None).await)
    }

    fn new(socket: Socket) -> Self {
        Self { socket, early: VecDeque::new(), next_uuid: 0 }
    }

    /// Sends a text frame.
    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Sends any frame.
    pub async fn send_message(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// Sends a message with an ack; returns its uuid.
    pub async fn send(&mut self, message_type: &str, body: Value) -> String {
        self.send_with(message_type, body, json!({})).await
    }

    /// Sends a message with an ack and further headers; returns its uuid.
    pub async fn send_with(&mut self, message_type: &str, body: Value, headers: Value) -> String {
        self.next_uuid += 1;
        let uuid = format!("u{}", self.next_uuid);
        let mut envelope = json!({
            "body": body,
            "headers": {"messageType": message_type, "ack": true, "uuid": uuid, "authHeader": null, "apiVersion": 1},
        });
        for (name, value) in headers.as_object().unwrap() {
            envelope["headers"][name] = value.clone();
        }
        self.send_text(&envelope.to_string()).await;
        uuid
    }

    /// Sends a message and returns the bodies of its replies, then that of its ack.
    pub async fn request(&mut self, message_type: &str, body: Value) -> Vec<Value> {
        let uuid = self.send(message_type, body).await;
        self.answers(&uuid).await
    }

    /// Everything that answers a request, up to its ack; pushes are kept for [`push`](Self::push).
    pub async fn answers(&mut self, uuid: &str) -> Vec<Value> {
        let mut answers = Vec::new();
        let mut others = VecDeque::new();
        loop {
            let frame = self.frame().await;
            if frame["headers"]["uuid"] != uuid {
                others.push_back(frame);
                continue;
            }
            let is_ack = frame["headers"]["messageType"] == "ack";
            answers.push(frame["body"].clone());
            if is_ack {
                self.early.extend(others);
                return answers;
            }
        }
    }

    /// The next frame that belongs to no request.
    pub async fn push(&mut self) -> Value {
        let mut others = VecDeque::new();
        loop {
            let frame = self.frame().await;
            if frame["headers"].get("uuid").is_none() {
                others.append(&mut self.early);
                self.early = others;
                return frame;
            }
            others.push_back(frame);
        }
    }

    /// The next frame; the connection must live.
    pub async fn frame(&mut self) -> Value {
        match self.see().await {
            Seen::Frame(frame) => frame,
            other => panic!("expected a frame, saw {other:?}"),
        }
    }

    /// The next thing the server does.
    pub async fn see(&mut self) -> Seen {
        if let Some(frame) = self.early.pop_front() {
            return Seen::Frame(frame);
        }
        loop {
            let message = tokio::time::timeout(DEADLINE, self.socket.next()).await.expect("the server says nothing");
            match message {
                Some(Ok(Message::Text(text))) => return Seen::Frame(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    let CloseFrame { code, reason } =
                        frame.unwrap_or(CloseFrame { code: 1005.into(), reason: "".into() });
                    return Seen::Closed(code.into(), reason.to_string());
                }
                Some(Ok(Message::Binary(bytes))) => panic!("a binary frame: {bytes:?}"),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Seen::Lost,
            }
        }
    }

    /// Waits for this many acks.
    pub async fn settled(&mut self, acks: usize) {
        let mut left = acks;
        while left > 0 {
            left -= usize::from(self.frame().await["headers"]["messageType"] == "ack");
        }
    }

    /// Everything the server has sent by now, given that it handles messages in order: a request that needs no login
    /// (`open-echo`) is sent behind, and what comes before its reply is returned.
    pub async fn settle(&mut self) -> Vec<Value> {
        self.next_uuid += 1;
        let uuid = format!("settle-{}", self.next_uuid);
        self.send_text(&json!({"headers": {"messageType": "open-echo", "ack": true, "uuid": uuid}}).to_string()).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame["headers"]["uuid"] != uuid {
                frames.push(frame);
            } else if frame["headers"]["messageType"] == "ack" {
                return frames;
            }
        }
    }

    /// Sends a close frame and waits for the answer.
    pub async fn close(mut self) {
        self.socket.close(None).await.unwrap();
        while !matches!(self.see().await, Seen::Closed(..) | Seen::Lost) {}
    }
}

/// Status and body of a GET; `None` if nobody listens.
pub async fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await.ok()?;
    let (head, body) = response.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Waits until a condition holds.
pub async fn eventually(what: &'static str, mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// docs/PROGRAM.md, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/PROGRAM.md")]
pub struct Program;

/// The tour in README.md, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Tour;

/// docs/AUTH.md, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/AUTH.md")]
pub struct Auth;
