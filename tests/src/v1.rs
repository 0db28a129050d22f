//! A client of v1 that knows the protocol from docs/PROTOCOL.md and nothing of our codec: its envelopes are those that
//! prost generated from v1.proto.

use std::{collections::VecDeque, net::SocketAddr};

use futures_util::{SinkExt as _, StreamExt as _};
use psd_core::proto::{
    ClientMessage,
    common::psd::v1::{Envelope, Headers, RequestResult, Welcome},
    prost::Message as _,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{
        Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::CloseFrame,
    },
};

use crate::{DEADLINE, Running};

/// What a client of v1 sees of the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// The envelopes of one binary frame.
    Binary(Vec<Envelope>),
    /// A text frame that holds JSON.
    Text(serde_json::Value),
    /// The close frame.
    Closed(u16, String),
    /// The connection ended without a close frame.
    Lost,
}

/// A connection whose frames the test writes by itself.
#[derive(Debug)]
pub struct V1Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Envelopes of the last frame that were not asked for yet.
    rest: VecDeque<Envelope>,
}

/// An envelope that asks for an ack.
#[must_use]
pub fn request<M: ClientMessage>(uuid: &str, message: &M) -> Envelope {
    let headers =
        Headers { message_type: M::INFO.message_type.into(), uuid: uuid.into(), ack: true, ..Headers::default() };
    Envelope { headers: Some(headers), body: message.encode_to_vec(), ..Envelope::default() }
}

/// An envelope of v1 itself.
#[must_use]
pub fn control(message_type: &str, uuid: &str) -> Envelope {
    let headers = Headers { message_type: message_type.into(), uuid: uuid.into(), ..Headers::default() };
    Envelope { headers: Some(headers), ..Envelope::default() }
}

/// A binary frame.
#[must_use]
pub fn frame(envelopes: &[Envelope]) -> Vec<u8> {
    envelopes.iter().flat_map(Envelope::encode_length_delimited_to_vec).collect()
}

/// The envelopes of a binary frame.
#[must_use]
pub fn envelopes(mut frame: &[u8]) -> Vec<Envelope> {
    let mut envelopes = Vec::new();
    while !frame.is_empty() {
        envelopes.push(Envelope::decode_length_delimited(&mut frame).unwrap());
    }
    envelopes
}

/// The headers of an envelope.
#[must_use]
pub fn headers(envelope: &Envelope) -> &Headers {
    envelope.headers.as_ref().unwrap()
}

/// Code and text of the result; code 0 and no text for success.
#[must_use]
pub fn result(envelope: &Envelope) -> (i32, &str) {
    let RequestResult { error_code, error_message } = headers(envelope).result.as_ref().expect("there is a result");
    (*error_code, error_message)
}

/// What the server names when it is offered this; `None` where it names nothing.
pub async fn negotiate(address: SocketAddr, offer: Option<&str>) -> Option<String> {
    let offer = offer.map(|offer| format!("Sec-WebSocket-Protocol: {offer}\r\n")).unwrap_or_default();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let handshake = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n"
    );
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        response.push(tokio::time::timeout(DEADLINE, stream.read_u8()).await.unwrap().unwrap());
    }
    let response = String::from_utf8(response).unwrap();
    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
    response.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-protocol").then(|| value.trim().to_owned())
    })
}

impl V1Client {
    /// Connects, offering this list.
    pub async fn connect(running: &Running, offer: &str) -> Self {
        Self::connect_to(running.address(), offer).await
    }

    /// Connects to an address, offering this list.
    pub async fn connect_to(address: SocketAddr, offer: &str) -> Self {
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(offer).unwrap());
        let connect = tokio_tungstenite::connect_async(request);
        let (socket, _) = tokio::time::timeout(DEADLINE, connect).await.unwrap().unwrap();
        Self { socket, rest: VecDeque::new() }
    }

    /// Connects in binary and reads the welcome.
    pub async fn welcomed(running: &Running) -> Self {
        Self::welcomed_with(running, "psd.v1.proto").await.0
    }

    /// Connects in binary, offering this list, and reads the welcome.
    pub async fn welcomed_with(running: &Running, offer: &str) -> (Self, Welcome) {
        let mut client = Self::connect(running, offer).await;
        let envelope = client.envelope().await;
        assert_eq!(headers(&envelope).message_type, "psd.welcome");
        (client, Welcome::decode(&*envelope.body).unwrap())
    }

    /// Sends envelopes in one frame.
    pub async fn send(&mut self, envelopes: &[Envelope]) {
        self.send_message(Message::binary(frame(envelopes))).await;
    }

    /// Sends any frame.
    pub async fn send_message(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// Sends a request, and returns the one envelope that answers it.
    pub async fn ask<M: ClientMessage>(&mut self, uuid: &str, message: &M) -> Envelope {
        self.send(&[request(uuid, message)]).await;
        self.envelope().await
    }

    /// The next envelope; the connection must live.
    pub async fn envelope(&mut self) -> Envelope {
        loop {
            if let Some(envelope) = self.rest.pop_front() {
                return envelope;
            }
            match self.see().await {
                Seen::Binary(envelopes) => self.rest.extend(envelopes),
                other => panic!("expected an envelope, saw {other:?}"),
            }
        }
    }

    /// The next text frame; the connection must live.
    pub async fn json(&mut self) -> serde_json::Value {
        match self.see().await {
            Seen::Text(value) => value,
            other => panic!("expected a text frame, saw {other:?}"),
        }
    }

    /// The close frame that comes next.
    pub async fn closed(&mut self) -> (u16, String) {
        match self.see().await {
            Seen::Closed(code, reason) => (code, reason),
            other => panic!("expected a close frame, saw {other:?}"),
        }
    }

    /// The next frame.
    pub async fn see(&mut self) -> Seen {
        loop {
            let message = tokio::time::timeout(DEADLINE, self.socket.next()).await.expect("the server says nothing");
            return match message {
                Some(Ok(Message::Text(text))) => Seen::Text(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Binary(bytes))) => Seen::Binary(envelopes(&bytes)),
                Some(Ok(Message::Close(frame))) => {
                    let CloseFrame { code, reason } =
                        frame.unwrap_or(CloseFrame { code: 1005.into(), reason: "".into() });
                    Seen::Closed(code.into(), reason.to_string())
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Seen::Lost,
            };
        }
    }
}
