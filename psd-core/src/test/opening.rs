//! How a client comes to a server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::Location;
use std::sync::Arc;

use tokio_tungstenite::tungstenite::{
    self,
    client::IntoClientRequest as _,
    http::{HeaderName, HeaderValue, Request, header::SEC_WEBSOCKET_PROTOCOL},
};

use super::{
    Dialect, TestClient, TestServer,
    client::{self, fail},
    inbox::Inbox,
    line::Line,
};

/// A client that is about to connect; made by [`TestServer::client`].
#[derive(Debug, Clone)]
#[must_use = "a client does nothing until it connects"]
pub struct Opening<'a> {
    server: &'a TestServer,
    dialect: Dialect,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    token: Option<String>,
    address: IpAddr,
}

/// The HTTP answer to a handshake that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeRefused {
    /// The status, such as 503.
    pub status: u16,
    /// The text.
    pub body: String,
}

impl<'a> Opening<'a> {
    pub(super) fn new(server: &'a TestServer) -> Self {
        Self {
            server,
            dialect: Dialect::default(),
            path: "/ws".into(),
            headers: Vec::new(),
            token: None,
            address: Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// Sets what it speaks. Default: v1 in binary.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Sets the consumer's path, with a query if there is one. Default: `/ws`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Adds a header of the handshake.
    ///
    /// # Panics
    /// It is none.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let (Ok(name), Ok(value)) = (name.parse(), value.parse()) else { panic!("`{name}: {value}` is no header") };
        self.headers.push((name, value));
        self
    }

    /// Shows a token at the handshake or, in classic, where it has no place there, with the first message. Default: none.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets where it seems to come from; its port is its own. Default: 127.0.0.1.
    pub fn address(mut self, address: impl Into<IpAddr>) -> Self {
        self.address = address.into();
        self
    }

    /// Connects; see [`TestServer::connect`].
    ///
    /// # Panics
    /// The server refuses the handshake.
    #[track_caller]
    pub fn connect(self) -> impl Future<Output = TestClient> + use<'a> {
        let at = Location::caller();
        async move {
            let path = self.path.clone();
            self.try_connect().await.unwrap_or_else(|HandshakeRefused { status, body }| {
                fail(at, format_args!("the handshake with `{path}` was refused with {status}: {body}"))
            })
        }
    }

    /// Connects, or says how the server refuses the handshake.
    ///
    /// # Errors
    /// The server's answer.
    ///
    /// # Panics
    /// The path is none, or the server answers nothing that is HTTP.
    pub async fn try_connect(self) -> Result<TestClient, HandshakeRefused> {
        let request = self.request();
        let (pipe, peer) = self.server.open(self.address);
        let (line, carrying, reader) = Line::new(pipe);
        let carrying = tokio::spawn(carrying).abort_handle();
        let frames = match tokio_tungstenite::client_async(request, reader).await {
            Ok((frames, _)) => frames,
            Err(tungstenite::Error::Http(response)) => {
                let (parts, body) = response.into_parts();
                let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
                return Err(HandshakeRefused { status: parts.status.as_u16(), body });
            }
            Err(error) => panic!("the handshake with `{}` failed: {error}", self.path),
        };
        Ok(self.opened(peer, line, carrying, frames).await)
    }

    async fn opened(
        self,
        peer: SocketAddr,
        line: Line,
        carrying: tokio::task::AbortHandle,
        frames: client::Frames,
    ) -> TestClient {
        let inbox = Arc::new(Inbox::new());
        let client = TestClient::new(self.server.server().clone(), peer, self.dialect, line, inbox, carrying, frames);
        if let (Dialect::Classic, Some(token)) = (self.dialect, self.token) {
            client.set_token(token);
        }
        client.settle().await;
        client
    }

    fn request(&self) -> Request<()> {
        let url = format!("ws://test{}", self.path);
        let mut request =
            url.into_client_request().unwrap_or_else(|error| panic!("`{}` is no path: {error}", self.path));
        let headers = request.headers_mut();
        let token = self.token.as_ref().map(|token| format!("psd.token.{token}"));
        if let Some(dialect) = self.dialect.subprotocol() {
            let offer: Vec<&str> = std::iter::once(dialect).chain(token.as_deref()).collect();
            let offer = offer.join(", ").parse().unwrap_or_else(|_| panic!("the token cannot stand in a header"));
            headers.insert(SEC_WEBSOCKET_PROTOCOL, offer);
        }
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
        }
        request
    }
}
