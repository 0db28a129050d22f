//! The bytes under the WebSocket.

use std::{future::Future, io};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// Opens the byte stream that a WebSocket runs over.
///
/// The default is [`Tcp`]; `Tls` (feature `tls`) is for `wss`. Write your own for TLS with your own settings, for a Unix socket or a proxy, or to test
/// without a network: [`Builder::connect_over`](crate::Builder::connect_over).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not open byte streams",
    note = "implement `psd_client::Transport`: one function that connects to a host and a port"
)]
pub trait Transport: Send + Sync + 'static {
    /// An open stream.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Connects to an address.
    ///
    /// Called again for every reconnect; dropped when [`Builder::connect_timeout`](crate::Builder::connect_timeout) is
    /// over.
    ///
    /// # Errors
    /// What the operating system says. The client tries again later, where reconnecting is on.
    fn connect(&self, address: Address<'_>) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Where a stream leads: the part of the URL that a [`Transport`] needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Address<'a> {
    /// A name or an IP address, without brackets.
    pub host: &'a str,
    /// The port; 80 or 443 where the URL names none.
    pub port: u16,
    /// Whether the URL says `wss`: the stream must be encrypted.
    pub tls: bool,
}

/// Plain TCP without Nagle's delay; refuses `wss`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

impl Transport for Tcp {
    type Stream = TcpStream;

    async fn connect(&self, address: Address<'_>) -> io::Result<TcpStream> {
        if address.tls {
            let reason = "`wss` needs a transport with TLS: `Builder::connect_over` with `Tls` (feature `tls`) or one of your own";
            return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
        }
        let stream = TcpStream::connect((address.host, address.port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
