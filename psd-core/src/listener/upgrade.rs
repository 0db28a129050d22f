//! The upgrade of an HTTP request to a WebSocket.

use std::{future::Future, net::SocketAddr, sync::Arc};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use psd_proto::envelope::LONGEST_TOKEN;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    client::Client,
    visit::{Fare, Paced},
};
use crate::{
    Handshake, Server, Settings,
    codec::Dialect,
    connection::{self, Shared, Socket},
    consumer::Endpoint,
    limits::{Admitted, Refused},
    metrics::HandshakeRefusal as Reason,
};

/// How every answer to a handshake begins; the value of the last field follows.
const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: ";

/// Answers the handshake, and counts those that are refused.
pub(super) fn open(server: &Server, endpoint: &Arc<Endpoint>, request: Request) -> Response {
    upgrade(server, endpoint, request).unwrap_or_else(|(reason, response)| {
        server.0.metrics.refused_handshakes.add(reason);
        response
    })
}

/// Why a handshake is refused, and what its client is told.
type Refusal = (Reason, Response);

/// Answers the handshake (RFC 6455, section 4.2) and serves the connection once hyper lets go of it.
#[expect(clippy::result_large_err, reason = "an answer is as large")]
fn upgrade(server: &Server, endpoint: &Arc<Endpoint>, mut request: Request) -> Result<Response, Refusal> {
    let client = Client::of(&request, server.settings());
    let fare = request.extensions().get::<Arc<Fare>>().cloned();
    let upgrade = hyper::upgrade::on(&mut request);
    let (Parts { method, uri, headers, .. }, _) = request.into_parts();
    let accepted = Accepted::new(server, endpoint, Asked { method, uri, headers }, client, fare.as_deref())?;
    let mut response = switching(&accepted.key);
    if let Some(subprotocol) = accepted.offer.subprotocol.clone() {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    let connections = server.0.connections.clone();
    server.0.connections.spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let (socket, prefix) = take_socket(upgraded);
                let opened = accepted.into_opened(socket, prefix);
                // A task of its own: this one is sized for the handshake.
                connections.spawn(opened.run());
            }
            Err(error) => tracing::debug!(peer = ?accepted.handshake.peer, %error, "a client left during the upgrade"),
        }
    });
    Ok(response)
}

/// What a request asks for.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
}

/// A handshake that is to be answered with a WebSocket.
pub(super) struct Accepted {
    server: Server,
    endpoint: Arc<Endpoint>,
    /// Boxed, since it is large and only needed at first.
    handshake: Box<Handshake>,
    offer: Offer,
    /// What proves that its key was read.
    key: String,
    admitted: Admitted,
}

impl Accepted {
    /// Decides about a handshake. `fare` is what its socket has been counted for already.
    ///
    /// # Errors
    /// Why there will be no WebSocket, and what its client is told.
    #[expect(clippy::result_large_err, reason = "an answer is as large")]
    pub(super) fn new(
        server: &Server,
        endpoint: &Arc<Endpoint>,
        Asked { method, uri, headers }: Asked,
        client: Client,
        fare: Option<&Fare>,
    ) -> Result<Self, Refusal> {
        let key = check_handshake(&method, &headers);
        let key = key.map_err(|refusal| (Reason::NotWebSocket, refusal.into_response()))?;
        let key = derive_accept_key(key.as_bytes());
        let origins = &server.settings().allowed_origins;
        if let Err(refusal) = origins.check(&uri, &headers, client.is_secure) {
            tracing::info!(path = endpoint.spec.path, refusal, "a handshake was refused");
            return Err((Reason::Origin, (StatusCode::FORBIDDEN, refusal).into_response()));
        }
        if server.is_draining() {
            let refusal = (StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down");
            return Err((Reason::ShuttingDown, refusal.into_response()));
        }
        let peer = client.address();
        let admitted = admit(server, fare, peer)?;
        let offer = Offer::read(&headers, server.settings());
        // As in an envelope; the connection would keep it.
        if let Some(length) = offer.token.as_ref().map(String::len).filter(|length| *length > LONGEST_TOKEN) {
            let refusal = format!("the token has {length} bytes; {LONGEST_TOKEN} are allowed");
            return Err((Reason::TokenTooLong, (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, refusal).into_response()));
        }
        let handshake = Box::new(Handshake { uri, headers, peer, is_secure: client.is_secure });
        Ok(Self { server: server.clone(), endpoint: endpoint.clone(), handshake, offer, key, admitted })
    }

    /// Makes it a connection that begins with its answer, where hyper does not write that. `prefix` is what was read beyond
    /// the handshake.
    pub(super) fn open(self, socket: Socket, prefix: Bytes) -> Opened {
        let answer = self.answer();
        let opened = self.into_opened(socket, prefix);
        opened.shared.greet(answer);
        opened
    }

    /// The answer as it is written.
    fn answer(&self) -> Vec<u8> {
        let (name, subprotocol) = match &self.offer.subprotocol {
            Some(subprotocol) => ("\r\nSec-WebSocket-Protocol: ", subprotocol.as_bytes()),
            None => ("", &b""[..]),
        };
        [ANSWER.as_bytes(), self.key.as_bytes(), name.as_bytes(), subprotocol, b"\r\n\r\n"].concat()
    }

    /// Makes it a connection. `prefix` is what was read beyond the handshake.
    fn into_opened(self, socket: Socket, prefix: Bytes) -> Opened {
        let Self { server, endpoint, handshake, offer, admitted, .. } = self;
        let id = server.next_connection_id();
        let shared = Arc::new(Shared::new(id, server, endpoint, socket, offer.dialect, handshake.peer));
        Opened { shared, handshake, token: offer.token, prefix, admitted }
    }
}

/// A connection that is still to be served.
pub(super) struct Opened {
    shared: Arc<Shared>,
    handshake: Box<Handshake>,
    token: Option<String>,
    prefix: Bytes,
    admitted: Admitted,
}

impl Opened {
    /// Serves it until it is gone.
    pub(super) fn run(self) -> impl Future<Output = ()> + Send + 'static {
        let Self { shared, handshake, token, prefix, admitted } = self;
        connection::run(shared, admitted, handshake, token, prefix)
    }
}

/// Finds a place for a WebSocket.
#[expect(clippy::result_large_err, reason = "an answer is as large")]
fn admit(server: &Server, fare: Option<&Fare>, peer: Option<SocketAddr>) -> Result<Admitted, Refusal> {
    let paid = fare.map(Fare::take).unwrap_or_default();
    server.0.admission.admit(server.settings(), peer.map(|peer| peer.ip()), &paid).map_err(|refused| {
        tracing::debug!(?peer, ?refused, "a handshake was refused");
        (refused.into(), refused.into_response())
    })
}

fn switching(accept: &str) -> Response {
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// Opens a WebSocket that is no connection of the hub. Whoever calls has looked at the origin; it counts as any other.
#[cfg(feature = "files")]
pub(crate) fn take_over<F>(
    server: &Server,
    client: Client,
    mut request: Request,
    serve: impl FnOnce(super::Wire, Bytes) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    let key = match check_handshake(request.method(), request.headers()) {
        Ok(key) => key,
        Err(refusal) => return refusal.into_response(),
    };
    let accept = derive_accept_key(key.as_bytes());
    if server.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down").into_response();
    }
    let fare = request.extensions().get::<Arc<Fare>>();
    let admitted = match admit(server, fare.map(Arc::as_ref), client.address()) {
        Ok(admitted) => admitted,
        Err((reason, response)) => {
            server.0.metrics.refused_handshakes.add(reason);
            return response;
        }
    };
    let upgrade = hyper::upgrade::on(&mut request);
    server.0.connections.spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let (socket, prefix) = take_socket(upgraded);
                serve(super::Wire(socket), prefix).await;
                drop(admitted);
            }
            Err(error) => tracing::debug!(%error, "a client left during the upgrade"),
        }
    });
    switching(&accept)
}

/// Whether a request wants a WebSocket.
#[cfg(feature = "files")]
pub(crate) fn is_handshake(headers: &HeaderMap) -> bool {
    contains(headers, &header::UPGRADE, "websocket")
}

/// The token that a handshake brings.
#[cfg(feature = "files")]
pub(crate) fn offered_token(headers: &HeaderMap, settings: &Settings) -> Option<String> {
    Offer::read(headers, settings).token
}

impl From<Refused> for Reason {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::Full,
            Refused::Busy(_) => Self::Busy,
            Refused::AddressFull => Self::AddressFull,
            Refused::AddressBusy(_) => Self::AddressBusy,
        }
    }
}

/// What a client's header fields ask for (PROTOCOL.md, section 1).
struct Offer {
    dialect: Dialect,
    /// The name of the dialect, to be repeated in the response.
    subprotocol: Option<HeaderValue>,
    /// Of a subprotocol entry, or else of `Authorization: Bearer`.
    token: Option<String>,
}

impl Offer {
    fn read(headers: &HeaderMap, settings: &Settings) -> Self {
        let entries: Vec<&str> = headers
            .get_all(header::SEC_WEBSOCKET_PROTOCOL)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .collect();
        let compresses = settings.compress_from > 0 && entries.contains(&"psd.compress.deflate-raw");
        let compress_from = compresses.then_some(settings.compress_from);
        let chosen = entries.iter().find_map(|name| Some((*name, Dialect::of_subprotocol(name, compress_from)?)));
        Self {
            dialect: chosen.map_or(Dialect::Classic, |(_, dialect)| dialect),
            subprotocol: chosen.and_then(|(name, _)| HeaderValue::from_str(name).ok()),
            token: entries
                .iter()
                .find_map(|entry| entry.strip_prefix("psd.token."))
                .or_else(|| bearer(headers))
                .map(str::to_owned),
        }
    }
}

/// The token of `Authorization: Bearer` (RFC 6750, section 2.1). Any other scheme is somebody else's, such as a proxy's.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

type HandshakeRefusal = (StatusCode, [(header::HeaderName, &'static str); 1], &'static str);

/// The client's key, if the request is a WebSocket handshake of version 13.
fn check_handshake<'a>(method: &Method, headers: &'a HeaderMap) -> Result<&'a HeaderValue, HandshakeRefusal> {
    let refuse = |status, header, text| Err((status, [header], text));
    if method != Method::GET {
        let text = "this is a WebSocket endpoint: only GET opens it";
        return refuse(StatusCode::METHOD_NOT_ALLOWED, (header::ALLOW, "GET"), text);
    }
    if !contains(headers, &header::CONNECTION, "upgrade") || !contains(headers, &header::UPGRADE, "websocket") {
        let text = "this is a WebSocket endpoint: connect with a WebSocket client";
        return refuse(StatusCode::UPGRADE_REQUIRED, (header::UPGRADE, "websocket"), text);
    }
    if !contains(headers, &header::SEC_WEBSOCKET_VERSION, "13") {
        let text = "only version 13 of the WebSocket protocol is spoken here";
        return refuse(StatusCode::UPGRADE_REQUIRED, (header::SEC_WEBSOCKET_VERSION, "13"), text);
    }
    match headers.get(header::SEC_WEBSOCKET_KEY) {
        Some(key) => Ok(key),
        None => {
            let text = "the `Sec-WebSocket-Key` header is missing";
            refuse(StatusCode::BAD_REQUEST, (header::CONNECTION, "close"), text)
        }
    }
}

/// Whether one of a header's comma-separated values is `token`, whatever its case.
fn contains(headers: &HeaderMap, name: &header::HeaderName, token: &str) -> bool {
    let is = |value: &[u8]| value.trim_ascii().eq_ignore_ascii_case(token.as_bytes());
    // Mostly there is no list.
    let holds = |value: &HeaderValue| is(value.as_bytes()) || value.as_bytes().split(|byte| *byte == b',').any(is);
    headers.get_all(name).iter().any(holds)
}

/// Takes the stream back out of hyper; one that we do not know is used as it is.
fn take_socket(upgraded: Upgraded) -> (Socket, Bytes) {
    use hyper_util::server::conn::auto;
    // `axum::serve` wraps the stream once more than our own listener.
    let upgraded = match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => return (Socket::Tcp(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    let upgraded = match unpaced(upgraded, Socket::Tcp) {
        Ok(taken) => return taken,
        Err(upgraded) => upgraded,
    };
    #[cfg(feature = "tls")]
    let upgraded = match unpaced::<tokio_rustls::server::TlsStream<TcpStream>>(upgraded, Socket::other) {
        Ok(taken) => return taken,
        Err(upgraded) => upgraded,
    };
    #[cfg(unix)]
    let upgraded = match unpaced::<tokio::net::UnixStream>(upgraded, Socket::other) {
        Ok(taken) => return taken,
        Err(upgraded) => upgraded,
    };
    #[cfg(feature = "test")]
    let upgraded = match unpaced::<tokio::io::DuplexStream>(upgraded, Socket::other) {
        Ok(taken) => return taken,
        Err(upgraded) => upgraded,
    };
    (Socket::other(TokioIo::new(upgraded)), Bytes::new())
}

/// Takes a stream of this kind out of hyper, with what was read beyond the handshake.
fn unpaced<S>(upgraded: Upgraded, socket: impl FnOnce(S) -> Socket) -> Result<(Socket, Bytes), Upgraded>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let parts = upgraded.downcast::<TokioIo<Paced<S>>>()?;
    let (stream, unread) = parts.io.into_inner().into_parts();
    let prefix = if unread.is_empty() { parts.read_buf } else { [parts.read_buf, unread].concat().into() };
    Ok((socket(stream), prefix))
}
