//! The byte stream under a connection, usable by reference: its task reads and writes, every other task may try to
//! write.

use std::{
    fmt,
    io::{self, IoSlice},
    net::Shutdown,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

/// The stream taken out of hyper after the upgrade.
pub(crate) enum Socket {
    /// What a server of ours always has: no boxed IO, no lock.
    Tcp(TcpStream),
    /// Any other stream (TLS, Unix, in memory), where psd is mounted into somebody else's server.
    Other(Mutex<Option<Pin<Box<dyn Stream>>>>),
}

/// A boxable byte stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

impl Socket {
    pub(crate) fn other(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        Self::Other(Mutex::new(Some(Box::pin(stream))))
    }

    /// Reads what is there; the connection's task alone may call it (the last waker wins).
    pub(crate) fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => loop {
                ready!(stream.poll_read_ready(context))?;
                if let Some(length) = try_receive(stream, buffer.initialize_unfilled())? {
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
            },
            Self::Other(stream) => match lock(stream).as_mut() {
                Some(stream) => stream.as_mut().poll_read(context, buffer),
                None => Poll::Ready(Ok(())),
            },
        }
    }

    /// Writes what the peer takes; the connection's task alone may call it (the last waker wins).
    pub(crate) fn poll_write(&self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => {
                let mut written = send(stream, slices);
                loop {
                    match written {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            ready!(stream.poll_write_ready(context))?;
                        }
                        result => return Poll::Ready(result),
                    }
                    // By way of tokio, which notes that nothing can be written.
                    written = stream.try_write_vectored(slices);
                }
            }
            Self::Other(stream) => {
                let mut stream = lock(stream);
                let Some(stream) = stream.as_mut() else { return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) };
                stream.as_mut().poll_write_vectored(context, slices)
            }
        }
    }

    /// Sends what a buffering stream (TLS) has taken but keeps; ready when it keeps nothing.
    pub(crate) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Other(stream) => match lock(stream).as_mut() {
                Some(stream) => stream.as_mut().poll_flush(context),
                None => Poll::Ready(Ok(())),
            },
        }
    }

    /// Writes what the peer takes at once, from any task; 0 where that cannot be known without waiting.
    #[inline]
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => match send(stream, slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                result => result,
            },
            Self::Other(_) => Ok(0),
        }
    }

    /// Sends the end of the stream to the peer.
    pub(crate) fn poll_shutdown(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Poll::Ready(SockRef::from(stream).shutdown(Shutdown::Write)),
            Self::Other(stream) => match lock(stream).as_mut() {
                Some(stream) => stream.as_mut().poll_shutdown(context),
                None => Poll::Ready(Ok(())),
            },
        }
    }

    /// Says goodbye where the stream itself has something to say, as TLS does; [`close`](Self::close) follows at once.
    pub(crate) fn poll_farewell(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Other(_) => self.poll_shutdown(context),
        }
    }

    /// Ends the stream in both directions, whoever still holds a handle of the connection.
    pub(crate) fn close(&self) {
        match self {
            Self::Tcp(stream) => drop(SockRef::from(stream).shutdown(Shutdown::Both)),
            Self::Other(stream) => drop(lock(stream).take()),
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

/// Sends without asking tokio whether anything can be sent, and by the system call itself: most of the time something can.
#[cfg(any(target_os = "android", target_os = "linux"))]
#[inline]
fn send(stream: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    use rustix::net::{SendAncillaryBuffer, SendFlags};
    let sent = match slices {
        [slice] => rustix::net::send(stream, slice, SendFlags::NOSIGNAL),
        _ => rustix::net::sendmsg(stream, slices, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL),
    };
    sent.map_err(Into::into)
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn send(stream: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    stream.try_write_vectored(slices)
}

/// Receives what tokio knows of; `None` where that is nothing.
///
/// Less than there is room for was all: tokio is told that nothing is left, which saves the system call that would
/// find out. Something that comes meanwhile is an event of its own.
fn try_receive(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let mut length = None;
    let result = stream.try_io(Interest::READABLE, || {
        let read = receive_unasked(stream, buffer)?;
        length = Some(read);
        if (1..buffer.len()).contains(&read) { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    match result {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(length),
    }
}

/// Receives what is there, whether tokio knows of it or not: of a socket that was just taken it mostly does not.
pub(super) fn receive(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    try_receive(stream, buffer)?.map_or_else(|| receive_unasked(stream, buffer), Ok)
}

/// Receives without asking tokio.
#[cfg(any(target_os = "android", target_os = "linux"))]
#[inline]
fn receive_unasked(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let (length, _) = rustix::net::recv(stream, buffer, rustix::net::RecvFlags::empty())?;
    Ok(length)
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn receive_unasked(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    io::Read::read(&mut &*SockRef::from(stream), buffer)
}

/// The lock guards one poll and is held by the connection's task alone, so it is never contended.
fn lock(stream: &Mutex<Option<Pin<Box<dyn Stream>>>>) -> MutexGuard<'_, Option<Pin<Box<dyn Stream>>>> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}
