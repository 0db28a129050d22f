//! The WebSocket itself: the only module that knows the library which implements it.

use std::str::FromStr;

use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        error::{CapacityError, ProtocolError, SubProtocolError},
        handshake::client::Request,
        http::{HeaderName, HeaderValue, Uri, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    error::{Disconnect, Error},
    transport::{Address, Transport},
};

pub(crate) use tungstenite::Bytes;
/// The text of a frame; cloning shares it.
pub(crate) use tungstenite::Utf8Bytes as Text;

/// A frame with something in it.
#[derive(Debug, Clone)]
pub(crate) enum Frame {
    Text(Text),
    Binary(Bytes),
}

/// Why no connection was opened.
pub(crate) enum Unopened {
    /// The server named none of the subprotocols that it was offered.
    NoSubprotocol,
    Failed(Disconnect),
}

/// The library allocates its read buffer at once, by default 128 KiB per connection; larger frames grow it.
const READ_BUFFER: usize = 16 * 1024;
/// How much is collected before it is written; a flush writes less.
const WRITE_BUFFER: usize = 16 * 1024;

/// Where to connect to: a checked URL and the headers of the handshake.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    request: Request,
    host: String,
    port: u16,
    tls: bool,
}

impl Endpoint {
    pub(crate) fn new(url: &str, headers: &[(String, String)]) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Url { url: url.to_owned(), reason };
        let uri = Uri::from_str(url).map_err(|error| refuse(format!("{error}; write `ws://host:port/path`")))?;
        let tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            Some(scheme @ ("http" | "https")) => {
                let rest = url.trim_start_matches(scheme);
                return Err(refuse(format!("write `{}{rest}`", scheme.replacen("http", "ws", 1))));
            }
            _ => return Err(refuse(format!("write `ws://{}`", url.rsplit("://").next().unwrap_or(url)))),
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(refuse("it names no host".to_owned()));
        }
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let mut request = uri.into_client_request().map_err(|error| refuse(error.to_string()))?;
        for (name, value) in headers {
            let name = HeaderName::from_str(name).map_err(|_| refuse(format!("`{name}` is not a header name")))?;
            let value = HeaderValue::from_str(value)
                .map_err(|_| refuse(format!("the value of the header `{name}` holds a control character")))?;
            request.headers_mut().append(name, value);
        }
        Ok(Self { request, host, port, tls })
    }

    /// Connects and shakes hands, offering a list of subprotocols if there is one. Returns the one that was chosen, too.
    pub(crate) async fn open<T: Transport>(
        &self,
        transport: &T,
        frame_limit: usize,
        offer: Option<&str>,
    ) -> Result<(Socket<T::Stream>, Option<String>), Unopened> {
        let unreachable = |reason: String| Unopened::Failed(self.unreachable(reason));
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(frame_limit))
            .max_frame_size(Some(frame_limit));
        let address = Address { host: &self.host, port: self.port, tls: self.tls };
        let mut request = self.request.clone();
        if let Some(offer) = offer {
            let offer = HeaderValue::from_str(offer).map_err(|error| unreachable(error.to_string()))?;
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, offer);
        }
        let stream = transport.connect(address).await.map_err(|error| unreachable(lower(&error)))?;
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((stream, response)) => {
                let chosen = response.headers().get(SEC_WEBSOCKET_PROTOCOL).and_then(|name| name.to_str().ok());
                Ok((Socket::new(stream), chosen.map(str::to_owned)))
            }
            // Nobody may go on from here: the library wants an answer to every offer, as browsers do.
            Err(tungstenite::Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(
                SubProtocolError::NoSubProtocol,
            ))) => Err(Unopened::NoSubprotocol),
            Err(tungstenite::Error::Http(response)) => {
                Err(Unopened::Failed(Disconnect::Handshake { status: response.status().as_u16() }))
            }
            Err(error) => Err(unreachable(describe(&error))),
        }
    }

    pub(crate) fn unreachable(&self, reason: String) -> Disconnect {
        Disconnect::Unreachable { address: format!("{}:{}", self.host, self.port), reason }
    }
}

/// An open connection in its two halves, which are driven at the same time: a client that only writes while it writes can
/// end in an embrace with a server that does the same.
pub(crate) struct Socket<S> {
    pub(crate) sender: Sender<S>,
    pub(crate) receiver: Receiver<S>,
}

pub(crate) struct Sender<S>(SplitSink<WebSocketStream<S>, Message>);

pub(crate) struct Receiver<S>(SplitStream<WebSocketStream<S>>);

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Socket<S> {
    fn new(stream: WebSocketStream<S>) -> Self {
        let (sink, stream) = stream.split();
        Self { sender: Sender(sink), receiver: Receiver(stream) }
    }
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Sender<S> {
    /// Puts a frame into the write buffer; written at the next flush, or when the buffer is full.
    pub(crate) async fn feed(&mut self, frame: Frame) -> Result<(), Disconnect> {
        let message = match frame {
            Frame::Text(text) => Message::Text(text),
            Frame::Binary(bytes) => Message::Binary(bytes),
        };
        self.0.feed(message).await.map_err(lost)
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Disconnect> {
        self.0.flush().await.map_err(lost)
    }

    pub(crate) async fn ping(&mut self) -> Result<(), Disconnect> {
        self.0.send(Message::Ping(Default::default())).await.map_err(lost)
    }

    /// Says goodbye; the server answers with a close frame of its own.
    pub(crate) async fn close(&mut self) -> Result<(), Disconnect> {
        self.close_with(CloseCode::Normal).await
    }

    /// Says that the server's frame was too large.
    pub(crate) async fn refuse_size(&mut self) -> Result<(), Disconnect> {
        self.close_with(CloseCode::Size).await
    }

    async fn close_with(&mut self, code: CloseCode) -> Result<(), Disconnect> {
        let goodbye = CloseFrame { code, reason: Text::default() };
        self.0.send(Message::Close(Some(goodbye))).await.map_err(lost)
    }
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Receiver<S> {
    /// The next frame. Pings are answered on the way; the connection's end comes as an error. `None` stands for a pong or
    /// a ping: a sign of life and nothing else.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>, Disconnect> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Ok(Some(Frame::Text(text))),
            Some(Ok(Message::Binary(bytes))) => Ok(Some(Frame::Binary(bytes))),
            Some(Ok(Message::Close(frame))) => Err(match frame {
                Some(CloseFrame { code, reason }) => {
                    Disconnect::Server { code: code.into(), reason: reason.as_str().to_owned() }
                }
                None => Disconnect::Server { code: 1005, reason: String::new() },
            }),
            Some(Ok(_)) => Ok(None),
            Some(Err(error)) => Err(lost(error)),
            None => Err(lost(tungstenite::Error::ConnectionClosed)),
        }
    }
}

fn lost(error: tungstenite::Error) -> Disconnect {
    match error {
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { size, max_size: limit }) => {
            Disconnect::FrameTooLarge { size, limit }
        }
        error => Disconnect::Lost(describe(&error)),
    }
}

/// The operating system begins its texts with a capital letter.
fn lower(error: &std::io::Error) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

fn describe(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Io(error) => lower(error),
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed => "it ended without a close frame".to_owned(),
        tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            "it ended during the handshake; is this a WebSocket server?".to_owned()
        }
        tungstenite::Error::Protocol(ProtocolError::HttparseError(_)) => {
            "the answer is not HTTP; is this a WebSocket server?".to_owned()
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Result<(&str, u16), &str>) {
        match (Endpoint::new(url, &[]), expected) {
            (Ok(endpoint), Ok(expected)) => assert_eq!((endpoint.host.as_str(), endpoint.port), expected),
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), format!("`{url}` cannot be used: {expected}")),
            (Ok(endpoint), Err(expected)) => panic!("{endpoint:?} is not refused: {expected}"),
            (Err(error), Ok(_)) => panic!("{error}"),
        }
    }

    #[test]
    fn urls() {
        check("ws://127.0.0.1:8000/ws?a=b", Ok(("127.0.0.1", 8000)));
        check("ws://localhost", Ok(("localhost", 80)));
        check("ws://[::1]:9/ws", Ok(("::1", 9)));
        check("http://localhost:8000/ws", Err("write `ws://localhost:8000/ws`"));
        check("https://localhost/ws", Err("write `wss://localhost/ws`"));
        check("localhost:8000", Err("write `ws://localhost:8000`"));
        check("ftp://localhost/x", Err("write `ws://localhost/x`"));
        check("/ws", Err("write `ws:///ws`"));
        check("wss://localhost/ws", Ok(("localhost", 443)));
        check("ws://a b/", Err("invalid uri character; write `ws://host:port/path`"));
    }

    #[test]
    fn headers_are_checked_before_anything_is_tried() {
        let error = |name: &str, value: &str| {
            Endpoint::new("ws://h/", &[(name.to_owned(), value.to_owned())]).expect_err("refused").to_string()
        };
        assert_eq!(error("a b", "c"), "`ws://h/` cannot be used: `a b` is not a header name");
        assert_eq!(
            error("Cookie", "a\nb"),
            "`ws://h/` cannot be used: the value of the header `cookie` holds a control character"
        );
    }
}
