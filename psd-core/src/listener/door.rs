//! What clients come in by: a port, or a Unix socket.

use std::{io, net::SocketAddr, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

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
    /// Waits for the next client. Cancellation safe.
    pub(super) async fn accept(&self) -> io::Result<Visitor> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                if let Err(error) = tune(&stream) {
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

/// Sets what every connection's socket needs.
fn tune(stream: &TcpStream) -> io::Result<()> {
    // Small messages must not wait for each other's acknowledgement.
    stream.set_nodelay(true)?;
    // What a client does not read waits with us, where it counts and a policy decides about it, and not in megabytes of
    // the system's memory. What is on its way is not limited, so a fast client is as fast as without it.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    SockRef::from(stream).set_tcp_notsent_lowat(UNSENT)?;
    // Finds vanished clients even where heartbeats are switched off.
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE.0).with_interval(KEEPALIVE.1);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sockets_are_tuned() -> io::Result<()> {
        let door = Door::Tcp(TcpListener::bind("127.0.0.1:0").await?);
        let _client = TcpStream::connect(door.local_addr().expect("it is a port")).await?;
        let Visitor::Tcp(stream, _) = door.accept().await? else { panic!("it came by a port") };
        assert!(stream.nodelay()? && SockRef::from(&stream).keepalive()?);
        Ok(())
    }
}
