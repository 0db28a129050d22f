//! The port: opening it, taking connections from it, and closing it when the server shuts down.

use std::{io, net::SocketAddr, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};

use super::{drain::drained, http, signal::signal};
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
                    let http = http::serve(server.clone(), router.clone(), stream, peer);
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
        drained(&server).await;
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
