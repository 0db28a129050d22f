//! The bytes under the WebSocket.

use std::{future::Future, io};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// Opens the byte stream that a WebSocket runs over.
///
/// The default is [`Tcp`]. Write your own for TLS with your own settings, for a Unix socket or a proxy, or to test
/// without a network: [`Builder::connect_over`](crate::Builder::connect_over).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not open byte streams",
    note = "implement `psd_client::Transport`: one function that connects to a host and a port"
)]
pub trait Transport: Send + Sync + 'static {
    /// An open stream.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Connects to a host (a name or an address, without brackets) and a port.
    ///
    /// Called again for every reconnect; dropped when [`Builder::connect_timeout`](crate::Builder::connect_timeout) is
    /// over.
    fn connect(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Plain TCP without Nagle's delay.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

impl Transport for Tcp {
    type Stream = TcpStream;

    async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
