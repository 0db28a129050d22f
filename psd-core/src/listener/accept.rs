//! The port: opening it, taking connections from it, and closing it when the server shuts down.

use std::{io, net::SocketAddr, sync::atomic::Ordering, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio_util::sync::CancellationToken;

use super::{admin, http, signal::Signals};
use crate::{Server, builder::StartError};

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
    admin: Option<(TcpListener, SocketAddr)>,
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
    /// The operator's address cannot be listened on.
    #[error("cannot listen on {0} for the operator: {1}; give `PSD_ADMIN_ADDRESS` a free port of this machine")]
    ListenForOperator(SocketAddr, #[source] io::Error),
}

impl Server {
    /// Opens the port, and the operator's if [`admin_address`](crate::Settings::admin_address) is set. Port 0 lets the
    /// system choose one; see [`Listening::local_addr`].
    ///
    /// # Errors
    /// An address cannot be listened on.
    pub async fn listen(&self, address: impl ToSocketAddrs) -> Result<Listening, ServeError> {
        let listener = TcpListener::bind(address).await.map_err(ServeError::Listen)?;
        let address = listener.local_addr().map_err(ServeError::Listen)?;
        let admin = match self.settings().admin_address {
            Some(address) => Some(bind(address).await.map_err(|error| ServeError::ListenForOperator(address, error))?),
            None => None,
        };
        Ok(Listening { server: self.clone(), listener, address, admin })
    }

    /// Serves until ctrl-c or SIGTERM, then [shuts down](Self::shut_down): running handlers finish, clients are told that
    /// the server restarts (close code 1012), and after the drain timeout what is left is given up. A second signal gives
    /// it up [at once](Self::shut_down_now).
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn serve(&self, address: impl ToSocketAddrs) -> Result<(), ServeError> {
        self.listen(address).await?.run_until_signal().await;
        Ok(())
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

    /// The address that the operator's HTTP is served on, if [`admin_address`](crate::Settings::admin_address) is set.
    #[must_use]
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|(_, address)| *address)
    }

    /// Serves until ctrl-c or SIGTERM, then shuts down; see [`Server::serve`].
    pub async fn run_until_signal(self) {
        let server = self.server.clone();
        let signals = async move {
            let mut signals = Signals::new();
            signals.next().await;
            tracing::info!("shutting down");
            server.shut_down();
            signals.next().await;
            tracing::warn!("shutting down at once");
            server.shut_down_now();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = self.run() => {}
            () = signals => {}
        }
    }

    /// Serves until [`Server::shut_down`] is called and every connection has gone.
    pub async fn run(self) {
        let Self { server, listener, address, admin } = self;
        tracing::info!(%address, "listening");
        let over = CancellationToken::new();
        let operator = admin.map(|(listener, address)| {
            tracing::info!(%address, "listening for the operator");
            tokio::spawn(admin::serve(server.clone(), listener, over.clone()))
        });
        let _over = over.drop_guard();
        accept(&server, &listener).await;
        drop(listener);
        server.drain().await;
        drop(operator);
    }
}

async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Takes connections until the server shuts down.
async fn accept(server: &Server, listener: &TcpListener) {
    let router = server.clone().into_router();
    let mut backoff = ACCEPT_BACKOFF.0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.0.draining.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                backoff = ACCEPT_BACKOFF.0;
                let http = http::serve(server.clone(), router.clone(), stream, peer);
                // Boxed, so that the large state of HTTP is not what a task of ours is sized for.
                server.0.connections.spawn(Box::pin(http));
            }
            Err(error) => {
                server.0.failed_accepts.fetch_add(1, Ordering::Relaxed);
                // Out of file descriptors, or a client that left at once: the next one may fare better.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(ACCEPT_BACKOFF.1);
            }
        }
    }
}

/// Sets what every connection's socket needs.
pub(super) fn tune(stream: &TcpStream) -> io::Result<()> {
    // Small messages must not wait for each other's acknowledgement.
    stream.set_nodelay(true)?;
    // A classic client says nothing for hours, and one whose network has vanished says nothing ever again.
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE.0).with_interval(KEEPALIVE.1);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
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
