//! What tungstenite sees of a connection: it reads from the socket and writes control frames into the outbox.
//!
//! tungstenite reads, unmasks and validates frames and answers pings and closes; what it wants written goes the one
//! way that everything else goes, so its frames cannot land in the middle of ours.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Shared;

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
}

impl Pipe {
    pub(super) fn new(shared: Arc<Shared>, prefix: Bytes) -> Self {
        // Copied, since even nothing of hyper's buffer keeps all of it, which is 8 KiB.
        Self { shared, prefix: Bytes::copy_from_slice(&prefix) }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.prefix.is_empty() {
            let length = self.prefix.len().min(buffer.remaining());
            buffer.put_slice(&self.prefix[..length]);
            self.prefix.advance(length);
            if self.prefix.is_empty() {
                self.prefix = Bytes::new(); // Even an empty one keeps its memory.
            }
            return Poll::Ready(Ok(()));
        }
        ARRIVING.with_borrow_mut(|arriving| {
            let mut arriving = ReadBuf::new(arriving);
            ready!(self.shared.socket.poll_read(context, &mut arriving))?;
            let arrived = arriving.filled();
            let (now, later) = arrived.split_at(arrived.len().min(buffer.remaining()));
            buffer.put_slice(now);
            if !later.is_empty() {
                self.prefix = Bytes::copy_from_slice(later);
            }
            Poll::Ready(Ok(()))
        })
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.shared.outbox.push_control(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
