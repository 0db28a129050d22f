//! The byte stream under a connection, usable by reference: its task reads and writes, every other task may try to
//! write.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// The stream taken out of hyper after the upgrade.
pub(crate) enum Socket {
    /// What a server of ours always has: no boxed IO, no lock.
    Tcp(TcpStream),
    /// Any other stream (TLS, Unix, in memory), where psd is mounted into somebody else's server.
    Other(Mutex<Pin<Box<dyn Stream>>>),
}

/// A boxable byte stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

impl Socket {
    pub(crate) fn other(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        Self::Other(Mutex::new(Box::pin(stream)))
    }

    /// Reads what is there; the connection's task alone may call it (the last waker wins).
    pub(crate) fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => loop {
                ready!(stream.poll_read_ready(context))?;
                match stream.try_read(buffer.initialize_unfilled()) {
                    Ok(length) => {
                        buffer.advance(length);
                        return Poll::Ready(Ok(()));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            },
            Self::Other(stream) => lock(stream).as_mut().poll_read(context, buffer),
        }
    }

    /// Writes what the peer takes; the connection's task alone may call it (the last waker wins).
    pub(crate) fn poll_write(&self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => loop {
                match stream.try_write_vectored(slices) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        ready!(stream.poll_write_ready(context))?;
                    }
                    result => return Poll::Ready(result),
                }
            },
            Self::Other(stream) => {
                let mut stream = lock(stream);
                let written = ready!(stream.as_mut().poll_write_vectored(context, slices))?;
                // Buffering streams (TLS) send only when told to; a pending flush goes on with the next write.
                let _ = stream.as_mut().poll_flush(context)?;
                Poll::Ready(Ok(written))
            }
        }
    }

    /// Writes what the peer takes at once, from any task; 0 where that cannot be known without waiting.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => match stream.try_write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                result => result,
            },
            Self::Other(_) => Ok(0),
        }
    }

    /// Sends the end of the stream to the peer.
    pub(crate) fn poll_shutdown(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) => Poll::Ready(Ok(())), // Dropping the last reference closes it.
            Self::Other(stream) => lock(stream).as_mut().poll_shutdown(context),
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Tcp",
            Self::Other(_) => "Other",
        })
    }
}

/// The lock guards one poll and is held by the connection's task alone, so it is never contended.
fn lock(stream: &Mutex<Pin<Box<dyn Stream>>>) -> std::sync::MutexGuard<'_, Pin<Box<dyn Stream>>> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}
