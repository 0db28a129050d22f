//! What clients come in by: a port, or a Unix socket.

use std::{io, net::SocketAddr, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};

use super::client::Client;
#[cfg(unix)]
use super::unix::UnixDoor;

/// After how much silence the system asks whether a client is still there, and how often it asks again.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(15));

/// Bytes that the system takes of a connection before the network takes them.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 128 * 1024;

#[derive(Debug)]
pub(super) enum Door {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixDoor),
}

/// Somebody who came in.
pub(super) enum Visitor {
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Visitor {
    /// Whom the operating system says it is.
    pub(super) fn client(&self) -> Client {
        match self {
            Self::Tcp(_, address) => Client::at(*address),
            #[cfg(unix)]
            Self::Unix(_) => Client::by_unix_socket(),
        }
    }
}

impl Door {
    /// Opens a port.
    pub(super) async fn port(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        if INHERITED && let Err(error) = tune(SockRef::from(&listener)) {
            tracing::debug!(%error, "cannot set socket options");
        }
        Ok(Self::Tcp(listener))
    }

    /// Waits for the next client. Cancellation safe.
    pub(super) async fn accept(&self) -> io::Result<Visitor> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                if !INHERITED && let Err(error) = tune(SockRef::from(&stream)) {
                    tracing::debug!(%peer, %error, "cannot set socket options");
                }
                Ok(Visitor::Tcp(stream, peer))
            }
            #[cfg(unix)]
            Self::Unix(door) => door.accept().await.map(Visitor::Unix),
        }
    }

    /// The address of a port.
    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }
}

/// Whether what comes by a port has the options of the port, so that five system calls for each are saved.
const INHERITED: bool = cfg!(any(target_os = "android", target_os = "linux"));

/// Sets what every connection's socket needs.
fn tune(socket: SockRef<'_>) -> io::Result<()> {
    // Small messages must not wait for each other's acknowledgement.
    socket.set_tcp_nodelay(true)?;
    // What a client does not read waits with us, where it counts and a policy decides about it, and not in megabytes of
    // the system's memory. What is on its way is not limited, so a fast client is as fast as without it.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    socket.set_tcp_notsent_lowat(UNSENT)?;
    // Finds vanished clients even where heartbeats are switched off.
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE.0).with_interval(KEEPALIVE.1);
    socket.set_tcp_keepalive(&keepalive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sockets_are_tuned() -> io::Result<()> {
        let door = Door::port("127.0.0.1:0").await?;
        let _client = TcpStream::connect(door.local_addr().expect("it is a port")).await?;
        let Visitor::Tcp(stream, _) = door.accept().await? else { panic!("it came by a port") };
        let socket = SockRef::from(&stream);
        assert!(stream.nodelay()? && socket.keepalive()?);
        #[cfg(any(target_os = "android", target_os = "linux"))]
        assert_eq!((socket.tcp_notsent_lowat()?, socket.tcp_keepalive_time()?), (UNSENT, KEEPALIVE.0));
        Ok(())
    }
}
