//! HTTP: the listener, the upgrade to a WebSocket, and the way into somebody else's axum application.

use std::{
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use bytes::Bytes;
use hyper::{server::conn::http1, upgrade::Upgraded};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tower::ServiceExt as _;

use crate::{
    Handshake, Server, Settings,
    builder::StartError,
    codec::Dialect,
    connection::{self, Shared, Socket},
    consumer::Endpoint,
    continue_::panic_text,
};

/// How long to wait after the operating system could not accept a connection, at first and at most.
const ACCEPT_BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// After how much silence the system asks whether a client is still there, and how often it asks again.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(15));

/// A server whose port is open, before it serves.
#[derive(Debug)]
#[must_use = "nothing is served until `run` is awaited"]
pub struct Listening {
    server: Server,
    listener: TcpListener,
    address: SocketAddr,
}

/// Why a server does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// It was refused to start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Its address cannot be listened on.
    #[error("cannot listen: {0}; is the port free and the address this machine's?")]
    Listen(#[source] io::Error),
}

impl Server {
    /// The consumers' paths and the application's own routes, to be merged or nested into an axum application.
    ///
    /// With `axum::serve` over TCP the socket is taken out of hyper as with [`serve`](Self::serve); behind any other
    /// server it works through the server's own stream.
    pub fn into_router(self) -> Router {
        let mut router = self.0.router.clone();
        for endpoint in &self.0.endpoints {
            let (server, endpoint) = (self.clone(), endpoint.clone());
            let path = endpoint.spec.path;
            router = router
                .route(path, any(move |request: Request| std::future::ready(upgrade(&server, &endpoint, request))));
        }
        router
    }

    /// Opens the port. Port 0 lets the system choose one; see [`Listening::local_addr`].
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn listen(&self, address: impl ToSocketAddrs) -> Result<Listening, ServeError> {
        let listener = TcpListener::bind(address).await.map_err(ServeError::Listen)?;
        let address = listener.local_addr().map_err(ServeError::Listen)?;
        Ok(Listening { server: self.clone(), listener, address })
    }

    /// Serves until ctrl-c or SIGTERM, then shuts down: running handlers finish, clients are told that the server
    /// restarts (close code 1012), and after the drain timeout what is left is dropped.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn serve(&self, address: impl ToSocketAddrs) -> Result<(), ServeError> {
        self.listen(address).await?.run_until_signal().await;
        Ok(())
    }

    /// Waits until every connection has gone, or drops what is left after the drain timeout.
    async fn drained(&self) {
        for connection in self.0.hub.connections() {
            connection.nudge();
        }
        self.0.connections.close();
        if tokio::time::timeout(self.0.settings.drain_timeout, self.0.connections.wait()).await.is_err() {
            let left = self.0.hub.connections();
            tracing::warn!(connections = left.len(), "dropped after the drain timeout");
            for connection in left {
                connection.kill();
            }
            // The tasks end at their next poll, unless a handler blocks its thread.
            let _ = tokio::time::timeout(Duration::from_secs(1), self.0.connections.wait()).await;
        }
    }
}

impl Listening {
    /// The address that is listened on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Serves until ctrl-c or SIGTERM, then shuts down; see [`Server::serve`].
    pub async fn run_until_signal(self) {
        let server = self.server.clone();
        let stop = tokio::spawn(async move {
            signal().await;
            tracing::info!("shutting down");
            server.shut_down();
        });
        self.run().await;
        stop.abort();
    }

    /// Serves until [`Server::shut_down`] is called and every connection has gone.
    pub async fn run(self) {
        let Self { server, listener, address } = self;
        tracing::info!(%address, "listening");
        let router = server.clone().into_router();
        let mut backoff = ACCEPT_BACKOFF.0;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = server.0.draining.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    backoff = ACCEPT_BACKOFF.0;
                    let http = serve_http(server.clone(), router.clone(), stream, peer);
                    // Boxed, so that the large state of HTTP is not what a task of ours is sized for.
                    server.0.connections.spawn(Box::pin(http));
                }
                Err(error) => {
                    // Out of file descriptors, or a client that left at once: the next one may fare better.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(ACCEPT_BACKOFF.1);
                }
            }
        }
        drop(listener);
        server.drained().await;
    }
}

async fn serve_http(server: Server, router: Router, stream: TcpStream, peer: SocketAddr) {
    if let Err(error) = tune(&stream) {
        tracing::debug!(%peer, %error, "cannot set socket options");
    }
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(Body::new)
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(server.0.settings.handshake_timeout)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut http = std::pin::pin!(http);
    let result = tokio::select! {
        result = http.as_mut() => result,
        () = server.0.draining.cancelled() => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "an HTTP connection failed");
    }
}

/// Sets what every connection's socket needs.
fn tune(stream: &TcpStream) -> io::Result<()> {
    // Small messages must not wait for each other's acknowledgement.
    stream.set_nodelay(true)?;
    // A classic client says nothing for hours, and one whose network has vanished says nothing ever again.
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE.0).with_interval(KEEPALIVE.1);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Merges the application's routers and tries each consumer's path beside them.
///
/// axum says only by a panic that a path is malformed or taken; start-up refuses it like everything else.
pub(crate) fn merge(routers: Vec<Router>, endpoints: &[Arc<Endpoint>], problems: &mut Vec<String>) -> Router {
    let attempt = |change: &dyn Fn() -> Router| {
        catch_unwind(AssertUnwindSafe(change)).map_err(|panic| panic_text(&*panic).to_owned())
    };
    let mut merged = Router::new();
    for router in routers {
        match attempt(&|| merged.clone().merge(router.clone())) {
            Ok(both) => merged = both,
            Err(reason) => problems.push(format!("the routers given by `.router(…)` do not fit together: {reason}")),
        }
    }
    // A path without `/` at its beginning has been refused already.
    let specs = endpoints.iter().map(|endpoint| &endpoint.spec).filter(|spec| spec.path.starts_with('/'));
    for spec in specs {
        // Not `any` alone: axum would let a GET route of the application hide the consumer.
        if let Err(reason) = attempt(&|| merged.clone().route(spec.path, any(|| async {}).get(|| async {}))) {
            let (name, path) = (spec.name, spec.path);
            problems.push(format!("consumer `{name}` cannot have the path `{path}`: {reason}; give it another"));
        }
    }
    merged
}

/// Answers the handshake (RFC 6455, section 4.2) and serves the connection once hyper lets go of it.
fn upgrade(server: &Server, endpoint: &Arc<Endpoint>, mut request: Request) -> Response {
    let accept = match check_handshake(request.method(), request.headers()) {
        Ok(key) => derive_accept_key(key.as_bytes()),
        Err(refusal) => return refusal.into_response(),
    };
    if server.0.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down").into_response();
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let offer = Offer::read(request.headers(), server.settings());
    let (parts, _) = request.into_parts();
    let handshake = Handshake { uri: parts.uri, headers: parts.headers, peer };
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
                tracker.spawn(connection::run(shared, handshake, offer.token, prefix));
            }
            Err(error) => tracing::debug!(?peer, %error, "a client left during the upgrade"),
        }
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(subprotocol) = subprotocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    response
}

/// What a client's `Sec-WebSocket-Protocol` asks for (PROTOCOL.md, section 1).
struct Offer {
    dialect: Dialect,
    /// The name of the dialect, to be repeated in the response.
    subprotocol: Option<HeaderValue>,
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
            token: entries.iter().find_map(|entry| entry.strip_prefix("psd.token.")).map(str::to_owned),
        }
    }
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

/// Takes the TCP stream back out of hyper; any other stream is used as it is.
fn take_socket(upgraded: Upgraded) -> (Socket, Bytes) {
    use hyper_util::server::conn::auto;
    // `axum::serve` wraps the stream once more than our own listener.
    let upgraded = match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => return (Socket::Tcp(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => (Socket::Tcp(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => (Socket::other(TokioIo::new(upgraded)), Bytes::new()),
    }
}

/// Waits for ctrl-c or SIGTERM.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            },
            Err(error) => {
                tracing::warn!(%error, "cannot listen for SIGTERM");
                let _ = tokio::signal::ctrl_c().await;
            }
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sockets_are_tuned() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let stream = TcpStream::connect(listener.local_addr()?).await?;
        tune(&stream)?;
        assert!(stream.nodelay()? && SockRef::from(&stream).keepalive()?);
        Ok(())
    }
}
