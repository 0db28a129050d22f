//! The one task of a connection: it reads, dispatches, awaits handlers and writes.
//!
//! Messages are handled in the order they arrive, one at a time. What one read brought is handled before anything is
//! written, so replies and acks leave together. While a handler runs, a little is read ahead: enough to answer pings
//! and to notice that the client has gone.

use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    io::ReadBuf,
    time::{Instant, Sleep},
};
use tracing::Instrument as _;

use super::{
    Connection, Handshake, Shared,
    active::{Active, End},
    alarm::Alarm,
    batch::Batching,
    control::{self, Chatter, Control, Stall, Unreadable},
    expiry::Expiry,
    farewell::Farewell,
    frame,
    inbox::Inbox,
    opening::{Opening, in_time, opening},
    pulse::Pulse,
    reader::{Broken, Heard, Reader},
    uploads::Uploads,
};
use crate::{
    Error,
    codec::Raw,
    dispatch::{self, Arrived, Begun},
    limits::Admitted,
    metrics::CloseCode,
};

/// Above this many waiting bytes no further message is handled until the client has read some.
const PAUSE_ABOVE: usize = 256 * 1024;
/// Messages handled before the task lets others run.
const MESSAGES_PER_TURN: usize = 32;

/// Serves a connection until it is gone; it is counted by `admitted`. `token` came with the handshake; `prefix` is what was
/// read beyond it.
pub(crate) fn run(
    shared: Arc<Shared>,
    admitted: Admitted,
    handshake: Box<Handshake>,
    token: Option<String>,
    prefix: Bytes,
) -> impl Future<Output = ()> + Send + 'static {
    let span = tracing::info_span!(
        "connection",
        id = %shared.id,
        consumer = shared.endpoint.spec.path,
        peer = shared.peer.map(tracing::field::display),
        user = tracing::field::Empty,
    );
    // The future is as large as whatever it has ever held, so what is only needed at first goes into boxes.
    let opening = opening(Connection::new(shared.clone()), handshake, token);
    serve(shared, admitted, opening, prefix).instrument(span)
}

async fn serve(shared: Arc<Shared>, admitted: Admitted, opening: Opening, prefix: Bytes) {
    let _counted = admitted;
    let connection = Connection::new(shared.clone());
    shared.endpoint.metrics.opened(shared.dialect);
    let _ends = Ends(shared.clone());
    shared.server.hub().add(&shared);
    let spec = shared.endpoint.spec;
    tracing::debug!(connection = %shared.id, path = spec.path, peer = ?shared.peer, "connected");

    let mut task = Task::new(shared.clone(), prefix);
    control::welcome(&shared);
    task.running = Some(Active::hook(opening));
    poll_fn(|context| task.poll(context)).await;
    drop(task);

    shared.server.0.metrics.closed.add(CloseCode::of(shared.outbox.closing()));
    shared.end();
    tracing::debug!(connection = %shared.id, "disconnected");
    let mut hook = (spec.on_disconnect)(connection);
    if poll_fn(|context| Poll::Ready(hook.as_mut().poll(context).is_pending())).await {
        // The client is not kept waiting for it.
        shared.socket.close();
        hook.await;
    }
}

/// Takes the connection out of the hub and closes its socket even if its task is dropped or a hook panics.
struct Ends(Arc<Shared>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.endpoint.metrics.gone(self.0.dialect);
        self.0.end();
        // Mostly nobody else, but for `serve`, holds it, and the socket is closed with it.
        if Arc::strong_count(&self.0) > 2 {
            self.0.socket.close();
        }
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
    reader: Reader,
    input: Input,
    inbox: Inbox,
    /// The handler or hook that the next message waits for.
    running: Option<Active>,
    /// `#[receive(concurrent)]` handlers; made for the first.
    concurrent: Option<FuturesUnordered<Active>>,
    authentication_seen: u32,
    expiry: Expiry,
    /// Rings when the expiry or the pulse is due.
    alarm: Alarm,
    /// Runs while the connection closes.
    closing: Option<Pin<Box<Sleep>>>,
    unreadable: Unreadable,
    chatter: Chatter,
    pulse: Pulse,
    stall: Stall,
    farewell: Farewell,
    uploads: Uploads,
}

impl Task {
    fn new(shared: Arc<Shared>, prefix: Bytes) -> Box<Self> {
        let limit = shared.server.settings().max_frame_bytes;
        Box::new(Self {
            reader: Reader::new(&prefix, limit),
            input: Input::Frames,
            inbox: Inbox::default(),
            running: None,
            concurrent: None,
            authentication_seen: shared.authentication_changes(),
            expiry: Expiry::default(),
            alarm: Alarm::default(),
            closing: None,
            unreadable: Unreadable::default(),
            chatter: Chatter::default(),
            pulse: Pulse::new(&shared),
            stall: Stall::default(),
            farewell: Farewell::default(),
            uploads: Uploads::default(),
            shared,
        })
    }

    /// Ready when the connection is over. Never inlined, so that a profile of its turns has a place to begin.
    #[inline(never)]
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let shared = self.shared.clone();
        let mut turn = 0;
        // What handlers publish in this turn leaves at its end.
        let _batching = Batching::begin();
        loop {
            shared.outbox.awake();
            if shared.has_gone() {
                return Poll::Ready(());
            }
            let mut progress = self.poll_handlers(context);
            progress |= self.poll_authentication();
            let paused = shared.outbox.waiting_bytes() >= PAUSE_ABOVE;
            progress |= match shared.outbox.closing() {
                Some(_) => self.discard(context),
                None => !paused && self.poll_messages(context),
            };
            self.close_when_drained(context);
            turn += usize::from(progress);
            if progress && turn < MESSAGES_PER_TURN {
                continue;
            }
            // Once a turn is often enough for what depends on time.
            let is_reading = self.input == Input::Frames && !paused && !self.inbox.is_full();
            progress |= self.poll_alarm(is_reading, context);
            let flushed = match self.poll_flush(context) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => false,
            };
            self.stall.poll(&shared, flushed, context);
            if self.poll_end(context, flushed).is_ready() {
                return Poll::Ready(());
            }
            if progress && turn >= MESSAGES_PER_TURN {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            // While paused the socket was not asked for frames, so nothing would wake this task for the next one.
            let resumed = paused && shared.outbox.waiting_bytes() < PAUSE_ABOVE;
            if !progress && !resumed && shared.outbox.sleep(context) {
                return Poll::Pending;
            }
        }
    }

    /// Ready when nothing waits, here or in a stream that buffers.
    fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.shared.outbox.poll_flush(&self.shared.socket, context))?;
        self.shared.socket.poll_flush(context)
    }

    /// Ready when the connection has nothing left to do, or its client lets it wait too long.
    fn poll_end(&mut self, context: &mut Context<'_>, flushed: bool) -> Poll<()> {
        if self.input != Input::Nothing && self.shared.outbox.closing().is_none() {
            return Poll::Pending;
        }
        if flushed && self.input == Input::Nothing {
            return self.shared.socket.poll_farewell(context).map(drop);
        }
        let timeout = self.shared.server.settings().close_timeout;
        self.closing.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout))).as_mut().poll(context)
    }

    fn is_idle(&self) -> bool {
        self.running.is_none() && self.concurrent_len() == 0 && self.inbox.is_empty()
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
        while let Some(concurrent) = &mut self.concurrent
            && let Poll::Ready(Some(end)) = concurrent.poll_next_unpin(context)
        {
            self.end(end);
            progress = true;
        }
        progress
    }

    fn concurrent_len(&self) -> usize {
        self.concurrent.as_ref().map_or(0, FuturesUnordered::len)
    }

    fn end(&mut self, end: End) {
        match end {
            End::Concluded => {}
            // By way of the inbox, so that `on_authenticated` comes first.
            End::Again(arrived) => self.inbox.put_back(arrived),
            End::Failed(arrived, error) => dispatch::fail(&self.shared, arrived, &error),
            End::Refused(error) => {
                let text = self.shared.server.settings().text_for_client(&error);
                let connection = self.shared.id;
                match error.source() {
                    Some(source) => tracing::error!(%connection, error = ?source, "a connection could not be opened"),
                    None => tracing::debug!(%connection, %error, "a connection was refused"),
                }
                self.shared.close(frame::refusal(&error), &text);
            }
        }
    }

    /// Follows the identity: its expiry, and the consumer's hook.
    fn poll_authentication(&mut self) -> bool {
        let mut progress = false;
        let changes = self.shared.authentication_changes();
        if changes != self.authentication_seen && self.running.is_none() {
            self.authentication_seen = changes;
            let identity = self.shared.identity();
            self.expiry.follow(&self.shared, identity.as_ref());
            if let Some(identity) = identity {
                tracing::Span::current().record("user", identity.user_id());
                let hook = (self.shared.endpoint.spec.on_authenticated)(Connection::new(self.shared.clone()), identity);
                let (id, timeout) = (self.shared.id, self.shared.server.settings().handler_timeout);
                self.running = Some(Active::hook(Box::pin(async move {
                    if let Err(error) = in_time("on_authenticated", timeout, hook).await {
                        tracing::error!(connection = %id, %error, "a consumer's hook was dropped");
                    }
                    Ok(())
                })));
            }
            progress = true;
        }
        progress
    }

    /// Does what is due by now.
    fn poll_alarm(&mut self, is_reading: bool, context: &mut Context<'_>) -> bool {
        let mut progress = false;
        while let Some(at) = self.alarm.poll([self.pulse.next(), self.expiry.next()], context) {
            if self.pulse.next() == Some(at) {
                self.pulse.look(&self.shared, is_reading);
            }
            if self.expiry.next() == Some(at) {
                // Another identity may have come while a handler runs; its own expiry is looked at when the handler is done.
                let is_current = self.shared.authentication_changes() == self.authentication_seen;
                self.expiry.come(&self.shared, is_current);
                progress = true;
            }
        }
        progress
    }

    /// Begins the next message if none is being handled, else reads a little ahead. Not called while too much waits to be
    /// written, since even a ping has an answer that would have to wait.
    fn poll_messages(&mut self, context: &mut Context<'_>) -> bool {
        if !self.is_busy()
            && let Some(arrived) = self.inbox.next()
        {
            self.begin(arrived);
            return true;
        }
        if self.input != Input::Frames || self.inbox.is_full() {
            return false;
        }
        let Poll::Ready(heard) = self.reader.poll_next(&self.shared.socket, context) else { return false };
        let at = self.shared.dialect.is_v1().then(Instant::now);
        self.pulse.beat(at);
        match heard {
            Some(Ok(Heard::Message(raw))) => self.arrive(raw, at),
            Some(Ok(Heard::Ping(payload))) => {
                self.shared.outbox.push_control(frame::PONG, &payload);
                self.chatter.may_go_on(&self.shared);
            }
            Some(Ok(Heard::Pong)) => {
                self.chatter.may_go_on(&self.shared);
            }
            Some(Ok(Heard::Close(payload))) => {
                self.shared.outbox.push_control(frame::CLOSE, &payload);
                self.gone();
            }
            Some(Err(broken)) => self.failed(broken),
            None => self.gone(),
        }
        true
    }

    /// Whether the next message has to wait.
    fn is_busy(&self) -> bool {
        self.running.is_some() || self.concurrent_len() >= self.shared.server.settings().max_concurrent.max(1)
    }

    /// Takes a frame apart. Its envelopes are begun in turn; what v1 itself says is heard even if they have to wait.
    fn arrive(&mut self, message: Raw, at: Option<Instant>) {
        let message = match self.shared.dialect.only(message) {
            Ok(raw) => return self.receive(Arrived::new(raw, at), true),
            Err(message) => message,
        };
        let (envelopes, result) = self.shared.dialect.split(message);
        if envelopes.is_empty() && result.is_ok() {
            self.chatter.may_go_on(&self.shared);
        }
        // Of many each has its turn, between which hooks run and a client that reads slowly is waited for.
        let is_alone = envelopes.len() == 1;
        for raw in envelopes {
            self.receive(Arrived::new(raw, at), is_alone);
        }
        if let Err(error) = result {
            self.unreadable.report(&self.shared, &error.to_string());
        }
    }

    /// Begins an envelope at once where that is possible, or lets it wait.
    fn receive(&mut self, mut arrived: Arrived, is_alone: bool) {
        if is_alone && !self.is_busy() && self.inbox.is_empty() {
            self.begin(arrived);
        } else if let Some(control) = dispatch::control(&self.shared, &mut arrived) {
            self.control(control);
        } else {
            self.inbox.add(arrived);
        }
    }

    fn control(&mut self, control: Control) {
        if !control.is_bulk() && !self.chatter.may_go_on(&self.shared) {
            return;
        }
        match control {
            Control::Heartbeat => control::heartbeat(&self.shared),
            Control::Cancel(uuid) => self.cancel(&uuid),
            Control::Upload(upload) => {
                if let Err(reason) = upload.and_then(|upload| self.uploads.hear(&self.shared, *upload)) {
                    self.unreadable.report(&self.shared, &reason);
                }
            }
            Control::Unknown => {}
        }
    }

    /// Ends the request with this uuid, wherever it is.
    fn cancel(&mut self, uuid: &str) {
        self.shared.deferred.cancel(uuid);
        if self.running.as_mut().is_some_and(|active| active.cancel(&self.shared, uuid)) {
            self.running = None;
        }
        if self.concurrent.iter().flatten().any(|active| active.is_of(uuid)) {
            let concurrent = self.concurrent.take().into_iter().flatten();
            let going_on = concurrent.filter_map(|mut active| (!active.cancel(&self.shared, uuid)).then_some(active));
            self.concurrent = Some(going_on.collect());
        }
        self.inbox.cancel(&self.shared, uuid);
    }

    /// While the connection closes, reads on only to see the client's own close frame, or the end of its bytes.
    fn discard(&mut self, context: &mut Context<'_>) -> bool {
        match self.input {
            Input::Nothing => false,
            Input::Frames => match self.reader.poll_next(&self.shared.socket, context) {
                Poll::Ready(Some(Ok(Heard::Close(_)) | Err(_)) | None) => {
                    self.input = Input::Nothing;
                    true
                }
                Poll::Ready(Some(Ok(_))) => true,
                Poll::Pending => false,
            },
            Input::Garbage => {
                let mut bytes = [0; 4096];
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
        self.inbox = Inbox::default();
        self.running = None;
        self.concurrent = None;
    }

    fn failed(&mut self, broken: Broken) {
        let code = match broken {
            Broken::TooBig { .. } => frame::TOO_BIG,
            Broken::NotUtf8 => frame::NOT_UTF8,
            Broken::Protocol(_) => frame::PROTOCOL_ERROR,
        };
        self.gone();
        tracing::debug!(connection = %self.shared.id, code, %broken, "closed for a bad frame");
        self.shared.close(code, &broken.to_string());
        self.input = Input::Garbage;
    }

    fn begin(&mut self, arrived: Arrived) {
        match dispatch::begin(&self.shared, arrived) {
            Begun::Done => {}
            Begun::Control(control) => self.control(control),
            Begun::Unreadable(reason) => self.unreadable.report(&self.shared, &reason),
            Begun::Running(running) => self.running = Some(Active::handler(running)),
            Begun::Concurrent(running) => {
                self.concurrent.get_or_insert_default().push(Active::handler(running));
            }
        }
    }

    /// When the server shuts down, a connection closes as soon as its time has come and it is idle.
    fn close_when_drained(&mut self, context: &mut Context<'_>) {
        let server = &self.shared.server.0;
        if !self.shared.server.is_draining() || self.shared.outbox.closing().is_some() {
            return;
        }
        if server.halting.is_cancelled() {
            self.give_up();
        } else if !self.farewell.poll(&self.shared, context) {
            return;
        }
        if self.is_idle() && !self.shared.has_deferred() {
            self.shared.close(frame::RESTART, "the server is restarting");
        }
    }

    /// Answers what has not ended: the server waits no longer. Deferred work hears of it by itself.
    fn give_up(&mut self) {
        let (shared, error) = (&self.shared, Error::shutting_down());
        for active in self.running.take().into_iter().chain(self.concurrent.take().into_iter().flatten()) {
            active.give_up(shared, &error);
        }
        while let Some(arrived) = self.inbox.next() {
            dispatch::fail(shared, arrived, &error);
        }
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, B, C, D, E, F>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    /// Ten thousand of them are held at once. Whoever adds to a connection sees it here.
    #[test]
    fn a_connection_is_small() {
        let sizes = [size_of_future(run), size_of::<Task>(), size_of::<Shared>()];
        assert!(sizes.iter().zip([384, 768, 648]).all(|(size, limit)| *size <= limit), "{sizes:?}");
    }
}
