//! The server under test.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use tokio::io::DuplexStream;

use super::{Opening, TestClient};
use crate::{Server, ServerBuilder, listener::Site};

/// What a pipe between client and server holds in each direction, as a socket's buffers would.
const PIPE: usize = 64 * 1024;

/// A server that clients reach in memory; it shuts down when it is dropped.
///
/// Its clients meet what those of a port meet, limits of handshakes, connections and HTTP included, but for what a port
/// alone has: TLS, PROXY headers, and the errors of an operating system.
pub struct TestServer {
    server: Server,
    site: Arc<Site>,
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
        Self { site: Arc::new(Site::without_port(&server)), server, next_port: AtomicU16::new(1) }
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
        self.site.take_from_pipe(far, peer);
        (near, peer)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.server.shut_down();
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestServer").field("server", &self.server).finish_non_exhaustive()
    }
}
