//! The one task of a connection: it reads, dispatches, awaits handlers and writes.
//!
//! Messages are handled in the order they arrive, one at a time. What one read brought is handled before anything is
//! written, so replies and acks leave together. While a handler runs, a little is read ahead: enough to answer pings
//! and to notice that the client has gone.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use futures_util::{Sink as _, Stream as _, StreamExt as _, stream::FuturesUnordered};
use psd_proto::common::{authentication::TokenInvalid, socket_api::ProtocolError};
use tokio::{io::ReadBuf, time::Sleep};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message, Utf8Bytes,
        error::CapacityError,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{Connection, Handshake, Shared, frame, pipe::Pipe};
use crate::{
    Error, Identity,
    continue_::conclude,
    dispatch::{self, Begun, Running},
};

/// Frames read ahead while a handler runs.
const READ_AHEAD_FRAMES: usize = 16;
/// Bytes read ahead while a handler runs; one more frame may begin below it.
const READ_AHEAD_BYTES: usize = 64 * 1024;
/// Above this many waiting bytes no further message is handled until the client has read some.
const PAUSE_ABOVE: usize = 256 * 1024;
/// Messages handled before the task lets others run.
const MESSAGES_PER_TURN: usize = 128;
/// tungstenite clears its read buffer on every read, so a large one costs more than it saves.
const READ_BUFFER: usize = 4 * 1024;

/// Serves a connection until it is gone. `prefix` is what was read beyond the handshake.
pub(crate) async fn run(shared: Arc<Shared>, handshake: Handshake, prefix: Bytes) {
    let connection = Connection::new(shared.clone());
    let _ends = Ends(shared.clone());
    shared.server.hub().add(&shared);
    let spec = shared.endpoint.spec;
    tracing::debug!(connection = %shared.id, path = spec.path, peer = ?shared.peer, "connected");

    let mut task = Task::new(shared.clone(), prefix).await;
    for group in (spec.default_groups)(&connection) {
        if let Err(error) = shared.join(&group) {
            tracing::error!(connection = %shared.id, consumer = spec.name, %group, %error, "bad default group");
        }
    }
    let opening = (spec.on_connect)(connection.clone(), handshake);
    task.running = Some(Active::hook(Box::pin(async move { opening.await.map_err(Box::new) })));
    poll_fn(|context| task.poll(context)).await;
    drop(task);

    shared.end();
    tracing::debug!(connection = %shared.id, "disconnected");
    (spec.on_disconnect)(connection).await;
}

/// Takes the connection out of the hub even if its task is dropped or a hook panics.
struct Ends(Arc<Shared>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What may still come from the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Frames,
    /// After a frame that cannot be read: bytes without meaning. They are read all the same, since closing a socket
    /// with unread bytes makes the system reset it, and the client would never see the close frame.
    Garbage,
    Nothing,
}

struct Task {
    shared: Arc<Shared>,
    frames: WebSocketStream<Pipe>,
    input: Input,
    /// Messages read ahead, and one whose token was just verified (`true`).
    inbox: VecDeque<(Utf8Bytes, bool)>,
    inbox_bytes: usize,
    /// The handler or hook that the next message waits for.
    running: Option<Active>,
    /// `#[receive(concurrent)]` handlers.
    concurrent: FuturesUnordered<Active>,
    authentication_seen: u32,
    expiry: Option<Pin<Box<Sleep>>>,
    /// Runs while the connection closes.
    closing: Option<Pin<Box<Sleep>>>,
    unreadable: Unreadable,
}

impl Task {
    async fn new(shared: Arc<Shared>, prefix: Bytes) -> Self {
        let limit = shared.server.settings().max_frame_bytes;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(limit))
            .max_frame_size(Some(limit));
        let pipe = Pipe::new(shared.clone(), prefix);
        let frames = WebSocketStream::from_raw_socket(pipe, Role::Server, Some(config)).await;
        Self {
            frames,
            input: Input::Frames,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            running: None,
            concurrent: FuturesUnordered::new(),
            authentication_seen: shared.authentication_changes(),
            expiry: None,
            closing: None,
            unreadable: Unreadable::default(),
            shared,
        }
    }

    /// Ready when the connection is over.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let shared = self.shared.clone();
        let mut turn = 0;
        loop {
            shared.outbox.awake();
            if shared.gone.is_cancelled() {
                return Poll::Ready(());
            }
            let mut progress = self.poll_handlers(context);
            progress |= self.poll_authentication(context);
            progress |= self.poll_messages(context);
            self.close_when_drained();
            turn += usize::from(progress);
            if progress && turn < MESSAGES_PER_TURN && shared.outbox.waiting_bytes() < PAUSE_ABOVE {
                continue;
            }
            let flushed = match shared.outbox.poll_flush(&shared.socket, context) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => false,
            };
            if self.poll_end(context, flushed).is_ready() {
                return Poll::Ready(());
            }
            if progress && turn >= MESSAGES_PER_TURN {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !progress && shared.outbox.sleep(context) {
                return Poll::Pending;
            }
        }
    }

    /// Ready when the connection has nothing left to do, or its client lets it wait too long.
    fn poll_end(&mut self, context: &mut Context<'_>, flushed: bool) -> Poll<()> {
        if self.input != Input::Nothing && self.shared.outbox.closing().is_none() {
            return Poll::Pending;
        }
        if flushed && self.input == Input::Nothing {
            return self.shared.socket.poll_shutdown(context).map(drop);
        }
        let timeout = self.shared.server.settings().close_timeout;
        self.closing.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout))).as_mut().poll(context)
    }

    fn is_idle(&self) -> bool {
        self.running.is_none() && self.concurrent.is_empty() && self.inbox.is_empty()
    }

    fn poll_handlers(&mut self, context: &mut Context<'_>) -> bool {
        let mut progress = false;
        if let Some(active) = &mut self.running
            && let Poll::Ready(end) = Pin::new(active).poll(context)
        {
            self.running = None;
            self.end(end);
            progress = true;
        }
        while let Poll::Ready(Some(end)) = self.concurrent.poll_next_unpin(context) {
            self.end(end);
            progress = true;
        }
        progress
    }

    fn end(&mut self, end: End) {
        match end {
            End::Concluded => {}
            // By way of the inbox, so that `on_authenticated` comes first.
            End::Again(text) => {
                self.inbox_bytes += text.len();
                self.inbox.push_front((text, true));
            }
            End::Refused(error) => {
                let text = self.shared.server.settings().text_for_client(&error);
                tracing::debug!(connection = %self.shared.id, %error, "on_connect refused the connection");
                self.shared.close(frame::KICKED, &text);
            }
        }
    }

    /// Follows the identity: its expiry, and the consumer's hook.
    fn poll_authentication(&mut self, context: &mut Context<'_>) -> bool {
        let mut progress = false;
        let changes = self.shared.authentication_changes();
        if changes != self.authentication_seen && self.running.is_none() {
            self.authentication_seen = changes;
            let identity = self.shared.identity();
            self.expiry = identity.as_ref().and_then(Identity::expires_at).map(|time| Box::pin(sleep_until(time)));
            if let Some(identity) = identity {
                let hook = (self.shared.endpoint.spec.on_authenticated)(Connection::new(self.shared.clone()), identity);
                self.running = Some(Active::hook(Box::pin(async move {
                    hook.await;
                    Ok(())
                })));
            }
            progress = true;
        }
        if let Some(expiry) = &mut self.expiry
            && expiry.as_mut().poll(context).is_ready()
        {
            self.expiry = None;
            tracing::debug!(connection = %self.shared.id, "the token has expired");
            let _ = self.shared.send(&TokenInvalid::default(), None);
            self.shared.authenticate(None, None);
            progress = true;
        }
        progress
    }

    /// Begins the next message if none is being handled, else reads a little ahead.
    fn poll_messages(&mut self, context: &mut Context<'_>) -> bool {
        if self.shared.outbox.closing().is_some() {
            return self.discard(context);
        }
        let busy = self.running.is_some() || self.concurrent.len() >= self.shared.server.settings().max_concurrent;
        if !busy {
            if self.shared.outbox.waiting_bytes() >= PAUSE_ABOVE {
                return false;
            }
            if let Some((text, verified)) = self.inbox.pop_front() {
                self.inbox_bytes -= text.len();
                self.begin(text, verified);
                return true;
            }
        } else if self.inbox.len() >= READ_AHEAD_FRAMES || self.inbox_bytes >= READ_AHEAD_BYTES {
            return false;
        }
        if self.input != Input::Frames {
            return false;
        }
        let Poll::Ready(message) = Pin::new(&mut self.frames).poll_next(context) else { return false };
        match message {
            Some(Ok(Message::Text(text))) if busy => {
                self.inbox_bytes += text.len();
                self.inbox.push_back((text, false));
            }
            Some(Ok(Message::Text(text))) => self.begin(text, false),
            Some(Ok(Message::Binary(_))) => self.unreadable("a binary frame: this protocol uses text frames"),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_))) | None => {
                // tungstenite has the answering close frame ready and writes it into the outbox when flushed.
                let _ = Pin::new(&mut self.frames).poll_flush(context);
                self.gone();
            }
            Some(Err(error)) => self.failed(&error),
        }
        true
    }

    /// While the connection closes, reads on only to see the client's own close frame, or the end of its bytes.
    fn discard(&mut self, context: &mut Context<'_>) -> bool {
        match self.input {
            Input::Nothing => false,
            Input::Frames => match Pin::new(&mut self.frames).poll_next(context) {
                Poll::Ready(Some(Ok(Message::Close(_)) | Err(_)) | None) => {
                    self.input = Input::Nothing;
                    true
                }
                Poll::Ready(Some(Ok(_))) => true,
                Poll::Pending => false,
            },
            Input::Garbage => {
                let mut bytes = [0; READ_BUFFER];
                let mut buffer = ReadBuf::new(&mut bytes);
                match self.shared.socket.poll_read(context, &mut buffer) {
                    Poll::Ready(result) => {
                        if result.is_err() || buffer.filled().is_empty() {
                            self.input = Input::Nothing;
                        }
                        true
                    }
                    Poll::Pending => false,
                }
            }
        }
    }

    /// The client has gone: what runs for it is cancelled, what waits is not begun. Deferred work ends with `gone`.
    fn gone(&mut self) {
        self.input = Input::Nothing;
        if !self.inbox.is_empty() {
            tracing::debug!(connection = %self.shared.id, messages = self.inbox.len(), "dropped with their connection");
        }
        self.inbox.clear();
        self.running = None;
        self.concurrent.clear();
    }

    fn failed(&mut self, error: &tungstenite::Error) {
        use tungstenite::Error as E;
        let close = match error {
            E::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
                Some((frame::TOO_BIG, format!("a frame of {size} bytes is over the limit of {max_size}")))
            }
            E::Utf8(_) => Some((frame::NOT_UTF8, "a text frame is not UTF-8".into())),
            E::Protocol(error) => Some((frame::PROTOCOL_ERROR, error.to_string())),
            _ => None, // The socket is gone.
        };
        self.gone();
        if let Some((code, reason)) = close {
            tracing::debug!(connection = %self.shared.id, code, reason, "closed for a bad frame");
            self.shared.close(code, &reason);
            self.input = Input::Garbage;
        }
    }

    fn begin(&mut self, text: Utf8Bytes, verified: bool) {
        match dispatch::begin(&self.shared, text, verified) {
            Begun::Done => {}
            Begun::Unreadable(reason) => self.unreadable(&reason),
            Begun::Running(running) => self.running = Some(Active::handler(running)),
            Begun::Concurrent(running) => self.concurrent.push(Active::handler(running)),
        }
    }

    fn unreadable(&mut self, reason: &str) {
        let settings = self.shared.server.settings();
        tracing::debug!(connection = %self.shared.id, reason, "an unreadable frame");
        if self.unreadable.count(settings.protocol_errors_per_minute) {
            let error = ProtocolError { error_message: reason.to_owned(), error_code: 400 };
            let _ = self.shared.send(&error, None);
        } else {
            self.shared.close(frame::UNREADABLE, "too many unreadable frames");
        }
    }

    /// When the server shuts down, a connection closes as soon as it is idle.
    fn close_when_drained(&mut self) {
        if self.shared.server.0.draining.is_cancelled() && self.is_idle() {
            self.shared.close(frame::RESTART, "the server is restarting");
        }
    }
}

/// What runs on behalf of the connection: a handler, the verification of a token, or a hook.
struct Active {
    running: Running,
    deadline: Option<Pin<Box<Sleep>>>,
    is_new: bool,
}

/// What came of it.
enum End {
    Concluded,
    /// The token was verified; the message it came with goes on.
    Again(Utf8Bytes),
    /// `on_connect` refused.
    Refused(Box<Error>),
}

impl Active {
    fn handler(running: Running) -> Self {
        Self { running, deadline: None, is_new: true }
    }

    fn hook(future: Pin<Box<dyn Future<Output = Result<(), Box<Error>>> + Send>>) -> Self {
        Self::handler(Running::Hook(future))
    }
}

impl Future for Active {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End> {
        let this = &mut *self;
        let polled = match &mut this.running {
            Running::Handler { future, .. } => guarded(future, context).map(Ended::Handler),
            Running::Verification { future, text } => {
                guarded(future, context).map(|result| Ended::Verification(result, text.clone()))
            }
            Running::Hook(future) => guarded(future, context).map(Ended::Hook),
        };
        let Poll::Ready(ended) = polled else { return this.poll_deadline(context) };
        Poll::Ready(match ended {
            Ended::Handler(verdict) => {
                if let Running::Handler { request, .. } = &this.running {
                    conclude(request, verdict.unwrap_or_else(Err));
                }
                End::Concluded
            }
            Ended::Verification(result, text) => {
                if let Err(error) = result {
                    tracing::error!(%error, "the authenticator panicked");
                }
                End::Again(text)
            }
            Ended::Hook(Ok(Ok(()))) => End::Concluded,
            Ended::Hook(Ok(Err(error))) => End::Refused(error),
            Ended::Hook(Err(error)) => {
                tracing::error!(%error, "a consumer's hook panicked");
                End::Concluded
            }
        })
    }
}

enum Ended {
    Handler(Result<crate::call::Verdict, Error>),
    Verification(Result<(), Error>, Utf8Bytes),
    Hook(Result<Result<(), Box<Error>>, Error>),
}

impl Active {
    /// The timer is made only for what does not end at once; most handlers do.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<End> {
        let Running::Handler { request, .. } = &self.running else { return Poll::Pending };
        let timeout = request.shared().server.settings().handler_timeout;
        if std::mem::take(&mut self.is_new) && !timeout.is_zero() {
            self.deadline = Some(Box::pin(tokio::time::sleep(timeout)));
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            let text = format!("the handler did not finish within {} s", timeout.as_secs_f64());
            request.finish(Err(&Error::new(408, text)));
            return Poll::Ready(End::Concluded);
        }
        Poll::Pending
    }
}

/// Polls what may panic; a panic becomes an error.
fn guarded<T>(
    future: &mut Pin<Box<dyn Future<Output = T> + Send>>,
    context: &mut Context<'_>,
) -> Poll<Result<T, Error>> {
    match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(crate::continue_::panicked(&*panic))),
    }
}

fn sleep_until(time: SystemTime) -> Sleep {
    tokio::time::sleep(time.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Counts unreadable frames in windows of a minute.
#[derive(Default)]
struct Unreadable {
    since: Option<Instant>,
    frames: u32,
}

impl Unreadable {
    /// Whether one more is within the limit.
    fn count(&mut self, limit: u32) -> bool {
        let now = Instant::now();
        if self.since.is_none_or(|since| now.duration_since(since).as_secs() >= 60) {
            (self.since, self.frames) = (Some(now), 0);
        }
        self.frames += 1;
        self.frames <= limit
    }
}
