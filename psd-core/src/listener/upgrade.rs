//! The upgrade of an HTTP request to a WebSocket.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use psd_proto::envelope::LONGEST_TOKEN;
use tokio::net::TcpStream;
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
    let key = check_handshake(request.method(), request.headers());
    let key = key.map_err(|refusal| (Reason::NotWebSocket, refusal.into_response()))?;
    let accept = derive_accept_key(key.as_bytes());
    let client = Client::of(&request, server.settings());
    let origins = &server.settings().allowed_origins;
    if let Err(refusal) = origins.check(request.uri(), request.headers(), client.is_secure) {
        tracing::info!(path = endpoint.spec.path, refusal, "a handshake was refused");
        return Err((Reason::Origin, (StatusCode::FORBIDDEN, refusal).into_response()));
    }
    if server.0.draining.is_cancelled() {
        let refusal = (StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down");
        return Err((Reason::ShuttingDown, refusal.into_response()));
    }
    let peer = client.address();
    let admitted = admit(server, &request, peer)?;
    let offer = Offer::read(request.headers(), server.settings());
    // As in an envelope; the connection would keep it.
    if let Some(length) = offer.token.as_ref().map(String::len).filter(|length| *length > LONGEST_TOKEN) {
        let refusal = format!("the token has {length} bytes; {LONGEST_TOKEN} are allowed");
        return Err((Reason::TokenTooLong, (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, refusal).into_response()));
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let handshake = Handshake { uri: parts.uri, headers: parts.headers, peer, is_secure: client.is_secure };
    let (server, endpoint) = (server.clone(), endpoint.clone());
    let subprotocol = offer.subprotocol.clone();
    let tracker = server.0.connections.clone();
    tracker.spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let (socket, prefix) = take_socket(upgraded);
                let id = server.next_connection_id();
                let shared = Arc::new(Shared::new(id, server, endpoint, socket, offer.dialect, peer));
                // A task of its own: this one is sized for the handshake.
                let tracker = shared.server.0.connections.clone();
                tracker.spawn(async move {
                    connection::run(shared, handshake, offer.token, prefix).await;
                    drop(admitted);
                });
            }
            Err(error) => tracing::debug!(?peer, %error, "a client left during the upgrade"),
        }
    });
    let mut response = switching(&accept);
    if let Some(subprotocol) = subprotocol {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    Ok(response)
}

/// Finds a place for a WebSocket.
#[expect(clippy::result_large_err, reason = "an answer is as large")]
fn admit(server: &Server, request: &Request, peer: Option<SocketAddr>) -> Result<Admitted, Refusal> {
    let paid = request.extensions().get::<Arc<Fare>>().map(|fare| fare.take()).unwrap_or_default();
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
    if server.0.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down").into_response();
    }
    let admitted = match admit(server, &request, client.address()) {
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
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// Takes the stream back out of hyper; one that we do not know is used as it is.
fn take_socket(upgraded: Upgraded) -> (Socket, Bytes) {
    use hyper_util::server::conn::auto;
    // `axum::serve` wraps the stream once more than our own listener.
    let upgraded = match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => return (Socket::Tcp(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    let upgraded = match upgraded.downcast::<TokioIo<Paced<TcpStream>>>() {
        Ok(parts) => return (Socket::Tcp(parts.io.into_inner().into_inner()), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    #[cfg(feature = "tls")]
    let upgraded = match upgraded.downcast::<TokioIo<Paced<tokio_rustls::server::TlsStream<TcpStream>>>>() {
        Ok(parts) => return (Socket::other(parts.io.into_inner().into_inner()), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    #[cfg(unix)]
    let upgraded = match upgraded.downcast::<TokioIo<Paced<tokio::net::UnixStream>>>() {
        Ok(parts) => return (Socket::other(parts.io.into_inner().into_inner()), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    #[cfg(feature = "test")]
    let upgraded = match upgraded.downcast::<TokioIo<Paced<tokio::io::DuplexStream>>>() {
        Ok(parts) => return (Socket::other(parts.io.into_inner().into_inner()), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    (Socket::other(TokioIo::new(upgraded)), Bytes::new())
}
