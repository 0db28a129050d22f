//! A socket that is not a WebSocket, or not yet: what it holds, and how long it may keep the server waiting.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::{
    Server,
    limits::{Doing, Paid, Place, Refused, Visiting},
    metrics::Dropped,
};

/// What a socket holds until it is closed or a WebSocket.
pub(super) struct Visit {
    pub(super) server: Server,
    pub(super) place: Place,
    /// Of the address, once that is known.
    address: OnceLock<Visiting>,
    pub(super) fare: Arc<Fare>,
}

impl Dropped {
    /// What became of a step that failed: it took too long, or what was sent is not what it should be.
    pub(super) fn of(error: &io::Error, otherwise: Self) -> Self {
        if error.kind() == io::ErrorKind::TimedOut { Self::Timeout } else { otherwise }
    }
}

impl From<Refused> for Dropped {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::Full,
            Refused::Busy(_) => Self::Busy,
            Refused::AddressFull => Self::AddressFull,
            Refused::AddressBusy(_) => Self::AddressBusy,
        }
    }
}

/// What a socket has been counted for already; its first WebSocket handshake uses it up.
#[derive(Debug, Default)]
pub(super) struct Fare(Mutex<Paid>);

impl Visit {
    pub(super) fn new(server: Server, place: Place) -> Self {
        Self { server, place, address: OnceLock::new(), fare: Arc::default() }
    }

    /// It is of an address that counts it.
    pub(super) fn count(&self, address: Option<Visiting>) {
        if let Some(address) = address {
            let _ = self.address.set(address);
        }
    }

    /// Something keeps on until what is returned is dropped.
    fn during(self: &Arc<Self>, doing: Doing) -> During {
        self.place.set(doing, true);
        During { visit: self.clone(), doing, ends: true }
    }

    /// A request has come; it is under way until what is returned is dropped.
    pub(super) fn request(self: &Arc<Self>) -> During {
        self.during(Doing::Request)
    }

    fn dropped(&self, why: Dropped) {
        self.server.0.metrics.dropped_visits.add(why);
    }
}

impl Fare {
    #[cfg(feature = "tls")]
    pub(super) fn pay(&self, paid: Paid) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = paid;
    }

    pub(super) fn take(&self) -> Paid {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Something that goes on until this is dropped.
pub(super) struct During {
    visit: Arc<Visit>,
    doing: Doing,
    ends: bool,
}

impl During {
    /// It goes on as long as the place is held.
    pub(super) fn for_good(mut self) {
        self.ends = false;
    }
}

impl Drop for During {
    fn drop(&mut self) {
        if self.ends {
            self.visit.place.set(self.doing, false);
        }
    }
}

/// A stream that fails when its client takes nothing of what is written to it for too long.
pub(super) struct Paced<S> {
    stream: S,
    /// What was read of it already.
    prefix: Bytes,
    visit: Arc<Visit>,
    /// Until when the client has to take something, while something waits.
    stall: Option<Wait>,
}

/// How long the client may keep the server waiting.
struct Wait {
    until: Pin<Box<Sleep>>,
    _during: During,
}

impl Wait {
    fn new(visit: &Arc<Visit>, doing: Doing, limit: Duration) -> Self {
        Self { until: Box::pin(sleep(limit)), _during: visit.during(doing) }
    }
}

impl<S> Paced<S> {
    /// `prefix` was read of the stream already.
    pub(super) fn new(stream: S, prefix: Bytes, visit: Arc<Visit>) -> Self {
        Self { stream, prefix, visit, stall: None }
    }

    /// The stream, and what was read of it that nobody has asked for.
    pub(super) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.prefix)
    }

    /// Looks at the clock when the stream takes nothing.
    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let limit = self.visit.server.settings().write_timeout;
        if written.is_ready() {
            self.stall = None;
        } else if !limit.is_zero() {
            let stall = self.stall.get_or_insert_with(|| Wait::new(&self.visit, Doing::Stall, limit));
            ready!(stall.until.as_mut().poll(context));
            self.visit.dropped(Dropped::Stalled);
            let text = "the client took nothing of its answer for too long";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)));
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = self.prefix.len().min(buffer.remaining());
        buffer.put_slice(&self.prefix.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, shut)
    }
}

/// The body of a request, which fails when nothing more of it comes for too long.
pub(super) struct Upload {
    body: Incoming,
    visit: Arc<Visit>,
    wait: Option<Wait>,
}

impl Upload {
    pub(super) fn new(body: Incoming, visit: Arc<Visit>) -> Self {
        Self { body, visit, wait: None }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.wait = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let this = &mut *self;
        let limit = this.visit.server.settings().handshake_timeout;
        let wait = this.wait.get_or_insert_with(|| Wait::new(&this.visit, Doing::Upload, limit));
        ready!(wait.until.as_mut().poll(context));
        this.visit.dropped(Dropped::Timeout);
        Poll::Ready(Some(Err("nothing more of the request's body came for too long".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, with which its request ends.
pub(super) struct Answer {
    body: axum::body::Body,
    _request: Option<During>,
}

impl Answer {
    /// `request` is `None` where the answer is not the end of it, but the beginning of a WebSocket.
    pub(super) fn new(body: axum::body::Body, request: Option<During>) -> Self {
        Self { body, _request: request }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
