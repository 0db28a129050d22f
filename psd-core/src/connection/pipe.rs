//! What tungstenite sees of a connection: it reads from the socket and writes control frames into the outbox.
//!
//! tungstenite reads, unmasks and validates frames and answers pings and closes; what it wants written goes the one
//! way that everything else goes, so its frames cannot land in the middle of ours.

use std::{
    cell::RefCell,
    io::{self, Read, Write},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::{io::ReadBuf, net::TcpStream};

use super::{
    Shared,
    socket::{self, Socket},
};

/// What is asked of the socket at once.
const CHUNK: usize = 16 * 1024;

thread_local! {
    /// Where the socket's bytes arrive. tungstenite clears what it reads into and keeps it for the connection's life, so
    /// its own buffers are small.
    static ARRIVING: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK]);
}

pub(super) struct Pipe {
    shared: Arc<Shared>,
    /// What was read already and found no room: beyond the handshake by hyper, or from the socket; at most a chunk.
    prefix: Bytes,
    /// Whether nothing comes behind it.
    has_ended: bool,
}

/// What a socket has received already, `most` bytes of it; nothing where that cannot be known without waiting. tokio is not
/// asked: it knows of a socket that was just taken only when it has looked at all of them.
pub(crate) fn receive_at_once(stream: &TcpStream, most: usize) -> Option<Bytes> {
    ARRIVING.with_borrow_mut(|arriving| {
        let room = most.min(arriving.len());
        let length = socket::receive(stream, &mut arriving[..room]).ok()?;
        Some(Bytes::copy_from_slice(&arriving[..length]))
    })
}

impl Pipe {
    pub(super) fn new(shared: Arc<Shared>, prefix: Bytes) -> Self {
        // Copied, since even nothing of hyper's buffer keeps all of it, which is 8 KiB.
        Self { shared, prefix: Bytes::copy_from_slice(&prefix), has_ended: false }
    }

    /// Ready when it is worth reading again, after there was nothing to read.
    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.shared.socket {
            Socket::Tcp(stream) => stream.poll_read_ready(context),
            // Whether there is something shows only when it is read.
            other => ARRIVING.with_borrow_mut(|arriving| {
                let mut arriving = ReadBuf::new(arriving);
                ready!(other.poll_read(context, &mut arriving))?;
                self.has_ended = arriving.filled().is_empty();
                self.prefix = Bytes::copy_from_slice(arriving.filled());
                Poll::Ready(Ok(()))
            }),
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.prefix.is_empty() {
            let length = self.prefix.len().min(buffer.len());
            buffer[..length].copy_from_slice(&self.prefix[..length]);
            self.prefix.advance(length);
            if self.prefix.is_empty() {
                self.prefix = Bytes::new(); // Even an empty one keeps its memory.
            }
            return Ok(length);
        }
        if self.has_ended {
            return Ok(0);
        }
        ARRIVING.with_borrow_mut(|arriving| {
            let Some(length) = self.shared.socket.try_read(arriving)? else {
                return Err(io::ErrorKind::WouldBlock.into());
            };
            let (now, later) = arriving[..length].split_at(length.min(buffer.len()));
            buffer[..now.len()].copy_from_slice(now);
            if !later.is_empty() {
                self.prefix = Bytes::copy_from_slice(later);
            }
            Ok(now.len())
        })
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.shared.outbox.push_control(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
