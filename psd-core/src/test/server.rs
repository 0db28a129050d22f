//! The server under test.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicU16, Ordering},
};

use axum::{body::Body, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::io::DuplexStream;
use tower::ServiceExt as _;

use super::{Opening, TestClient};
use crate::{Server, ServerBuilder};

/// What a pipe between client and server holds in each direction, as a socket's buffers would.
const PIPE: usize = 64 * 1024;

/// A server that clients reach in memory; it shuts down when it is dropped.
#[derive(Debug)]
pub struct TestServer {
    server: Server,
    next_port: AtomicU16,
}

impl TestServer {
    /// Builds and starts a server.
    ///
    /// # Panics
    /// With everything that start-up refuses.
    #[must_use]
    #[track_caller]
    pub fn start(builder: ServerBuilder) -> Self {
        builder.build().map_or_else(|error| panic!("{error}"), Self::of)
    }

    /// Starts a server that is built already.
    #[must_use]
    pub fn of(server: Server) -> Self {
        Self { server, next_port: AtomicU16::new(1) }
    }

    /// The server, to publish from outside, to look at its groups and connections, or to shut it down by
    /// [`drain`](Server::drain).
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Connects a client to `/ws` in v1.
    ///
    /// Its connection has joined its default groups by then. Should `on_connect` refuse it, it is closed; see
    /// [`TestClient::expect_close`].
    ///
    /// # Panics
    /// The server refuses the handshake.
    #[track_caller]
    pub fn connect(&self) -> impl Future<Output = TestClient> {
        self.client().connect()
    }

    /// A client that is to connect elsewhere, or in another way.
    pub fn client(&self) -> Opening<'_> {
        Opening::new(self)
    }

    /// Opens a pipe to the server, as an accepted connection would be one, and the address it seems to come from: each its
    /// own.
    pub(super) fn open(&self, address: IpAddr) -> (DuplexStream, SocketAddr) {
        let peer = SocketAddr::new(address, self.next_port.fetch_add(1, Ordering::Relaxed));
        let (near, far) = tokio::io::duplex(PIPE);
        let service = self.server.clone().into_router().map_request(move |mut request: hyper::Request<_>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.map(Body::new::<hyper::body::Incoming>)
        });
        let http = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(far), TowerToHyperService::new(service))
            .with_upgrades();
        tokio::spawn(http);
        (near, peer)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.server.shut_down();
    }
}
