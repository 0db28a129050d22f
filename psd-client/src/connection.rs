//! The task that owns the connection: connects, reads, writes, reconnects.

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use psd_proto::{common::psd::v1::Drain, json::AnyTypes};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};

use crate::{
    backoff::Backoff,
    body::{self, Body},
    builder::Settings,
    dialect::{self, Encoder, Headers, Recode},
    envelope::Envelope,
    error::{Disconnect, Error},
    inbox::Inbox,
    opening::{self, Opened, Terms},
    socket::{Endpoint, Frame, Receiver, Sender, Socket},
    trace::Direction,
    transport::Transport,
};

/// A connection that held this long was good: the next break starts with a quick retry again. A server that accepts and
/// hangs up at once gets the growing waits.
const STABLE: Duration = Duration::from_secs(5);
/// After a failed write, the reading half may still hold the server's goodbye, which says whether to come back.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How many frames are written before those who wait for the write are told.
const BATCH: usize = 64;

/// Where a client stands; observed through [`Client::state`](crate::Client::state).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// An attempt to connect is under way.
    Connecting,
    /// Connected.
    Connected,
    /// Waiting to connect again.
    Waiting {
        /// The number of the retry that comes, from one; starts again after a connection that held.
        retry: u32,
        /// The wait before it.
        delay: Duration,
        /// Why there is no connection.
        reason: Disconnect,
    },
    /// There will be no further connection.
    Closed(Disconnect),
}

/// What the handles of a client and its connection share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    /// Guards who waits for what; held for lookups and moves, never across an await.
    inbox: Mutex<Inbox>,
    pub(crate) state: watch::Sender<State>,
    pub(crate) closing: watch::Sender<bool>,
    /// Read and replaced as a whole.
    token: Mutex<Option<Arc<str>>>,
    /// Of the last connection; read and replaced as a whole.
    terms: Mutex<Option<Terms>>,
}

/// What the connection's task is asked to send.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Message(Message),
    /// Nobody waits any more for the request with this uuid.
    Cancel(String),
}

/// A message to be sent; its connection makes an envelope of it.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) message_type: Cow<'static, str>,
    pub(crate) uuid: String,
    pub(crate) token: Option<Arc<str>>,
    pub(crate) ack: bool,
    /// Milliseconds since 1970.
    pub(crate) time: u64,
    /// When its sender no longer waits for an answer.
    pub(crate) deadline: Option<Instant>,
    pub(crate) body: Body,
    /// `None` where the body's type is unknown.
    pub(crate) recode: Option<Recode>,
    /// Whether a request waits for an answer; when it no longer does, the message is not sent.
    pub(crate) is_request: bool,
    /// Told once the message is handed to the operating system; dropped when it never will be.
    pub(crate) written: oneshot::Sender<()>,
}

/// What both directions of one connection share.
struct Line {
    terms: Terms,
    /// The token that was sent with the handshake.
    token: Option<Arc<str>>,
    /// The highest number that has come (v1).
    seen: AtomicU64,
    /// Set when the server wants us to go: when to come back.
    drain: watch::Sender<Option<Instant>>,
}

impl Shared {
    pub(crate) fn new(settings: Settings, state: State, token: Option<Arc<str>>) -> Self {
        Self {
            settings,
            inbox: Mutex::default(),
            state: watch::Sender::new(state),
            closing: watch::Sender::new(false),
            token: Mutex::new(token),
            terms: Mutex::default(),
        }
    }

    pub(crate) fn token(&self) -> Option<Arc<str>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_token(&self, token: Option<Arc<str>>) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    pub(crate) fn terms(&self) -> Option<Terms> {
        self.terms.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_terms(&self, terms: Terms) {
        *self.terms.lock().unwrap_or_else(PoisonError::into_inner) = Some(terms);
    }

    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Observers are told changes only: a client that starts connected does not become it once more.
    fn enter(&self, state: State) {
        self.state.send_if_modified(|current| {
            let changed = *current != state;
            *current = state;
            changed
        });
    }

    async fn closed_by_us(&self) {
        let mut closing = self.closing.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    /// Whether there is somebody to whom sending this means something; if so, it counts as sent from here on.
    fn is_wanted(&self, outgoing: &Outgoing) -> bool {
        match outgoing {
            Outgoing::Message(message) if message.is_request => self.inbox().mark_written(&message.uuid),
            _ => true,
        }
    }

    fn receive(&self, line: &Line, frame: Frame) {
        self.settings.tracer.show(Direction::Received, line.terms.dialect, &frame);
        for arrived in dialect::decode(line.terms.dialect, frame, self.settings.frame_limit) {
            self.deliver(line, arrived);
        }
    }

    fn deliver(&self, line: &Line, arrived: Result<Envelope, Error>) {
        match &arrived {
            Ok(envelope) => {
                line.seen.fetch_max(envelope.seq, Ordering::Relaxed);
                if line.terms.dialect.is_v1() && envelope.message_type().starts_with("psd.") {
                    line.control(envelope);
                    return;
                }
            }
            Err(error) => tracing::warn!(%error, "something unreadable came from the server"),
        }
        self.inbox().deliver(arrived);
    }

    /// How often the server hears of us.
    fn beat(&self, terms: &Terms) -> Duration {
        // Earlier than it must, since the way there takes time, too.
        let wanted = terms.heartbeat().map_or(Duration::MAX, |interval| interval.mul_f64(0.75));
        self.settings.ping_interval.min(wanted).max(Duration::from_millis(1))
    }
}

impl Line {
    /// What v1 itself says.
    fn control(&self, envelope: &Envelope) {
        if envelope.message_type() == "psd.drain" {
            let Drain { reconnect_after_ms, reason } = body::read(envelope, AnyTypes::default()).unwrap_or_default();
            tracing::debug!(reconnect_after_ms, reason, "the server wants us to go");
            self.drain.send_replace(Some(Instant::now() + Duration::from_millis(reconnect_after_ms.into())));
        }
    }

    fn is_draining(&self) -> bool {
        self.drain.borrow().is_some()
    }

    async fn drained(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.drain.subscribe().wait_for(Option::is_some).await;
    }
}

/// Runs until the client is closed or may not connect again.
pub(crate) async fn run<T: Transport>(
    shared: Arc<Shared>,
    endpoint: Endpoint,
    transport: T,
    mut outgoing: mpsc::Receiver<Outgoing>,
    mut opened: Option<Opened<T::Stream>>,
) {
    let settings = &shared.settings;
    let mut backoff = Backoff::default();
    let reason = loop {
        let opened = match opened.take() {
            Some(opened) => Ok(opened),
            None => {
                shared.enter(State::Connecting);
                tokio::select! {
                    opened = opening::open(&endpoint, &transport, settings, shared.token()) => opened,
                    () = shared.closed_by_us() => Err(Disconnect::Local),
                }
            }
        };
        let (reason, come_back) = match opened {
            Ok(opened) => {
                shared.set_terms(opened.terms.clone());
                shared.enter(State::Connected);
                tracing::debug!(dialect = %opened.terms.dialect, "connected");
                let since = Instant::now();
                let end = converse(&shared, opened, &mut outgoing).await;
                if since.elapsed() >= STABLE {
                    backoff.reset();
                }
                end
            }
            Err(reason) => (reason, None),
        };
        tracing::debug!(%reason, "disconnected");
        shared.inbox().disconnect(&reason);
        if reason.is_final() || !settings.reconnect {
            break reason;
        }
        let (retry, mut delay) = backoff.next(reason.asks_to_spread());
        if let Some(come_back) = come_back {
            // The server spreads its clients itself.
            delay = come_back.saturating_duration_since(Instant::now());
        }
        shared.enter(State::Waiting { retry, delay, reason });
        tokio::select! {
            () = sleep(delay) => {}
            () = shared.closed_by_us() => break Disconnect::Local,
        }
    };
    outgoing.close();
    shared.inbox().close(&reason);
    shared.enter(State::Closed(reason));
}

/// Reads and writes at the same time until the connection ends; says why it did, and when to come back if the server
/// said that.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared,
    opened: Opened<S>,
    outgoing: &mut mpsc::Receiver<Outgoing>,
) -> (Disconnect, Option<Instant>) {
    let Opened { socket: Socket { mut sender, mut receiver }, terms, token, rest } = opened;
    let line = Line { terms, token, seen: AtomicU64::new(0), drain: watch::Sender::new(None) };
    for arrived in rest {
        shared.deliver(&line, arrived);
    }
    let reason = {
        let reading = read(shared, &line, &mut receiver);
        let writing = write(shared, &line, &mut sender, outgoing);
        tokio::pin!(reading, writing);
        tokio::select! {
            reason = &mut reading => reason,
            stopped = &mut writing => match stopped {
                Ok(()) => {
                    // We said goodbye; the server's answer is a courtesy.
                    let _ = timeout(shared.settings.close_timeout, reading).await;
                    Disconnect::Local
                }
                Err(lost) => match timeout(LAST_WORDS, reading).await {
                    Ok(reason @ Disconnect::Server { .. }) => reason,
                    _ => lost,
                },
            },
        }
    };
    // Last words, for which the server gets a moment: the answer to its close frame waits in the write buffer, or we
    // have one of our own. Whether it listens is its affair.
    let _ = match reason {
        Disconnect::Server { .. } => timeout(LAST_WORDS, sender.flush()).await,
        Disconnect::FrameTooLarge { .. } => timeout(LAST_WORDS, sender.refuse_size()).await,
        _ => Ok(Ok(())),
    };
    let come_back = *line.drain.borrow();
    (reason, come_back)
}

async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared,
    line: &Line,
    receiver: &mut Receiver<S>,
) -> Disconnect {
    // A server that does not read, since requests wait, says that it is there only once an interval.
    let patience = shared.beat(&line.terms).saturating_add(shared.settings.ping_timeout);
    let patience = patience.max(line.terms.heartbeat().map_or(Duration::ZERO, |interval| interval * 2));
    loop {
        match timeout(patience, receiver.next()).await {
            Ok(Ok(Some(frame))) => shared.receive(line, frame),
            Ok(Ok(None)) => {}
            Ok(Err(reason)) => return reason,
            Err(_) => return Disconnect::Silent(patience),
        }
        // One read of the socket can hold many frames: let their readers run before their queues are full.
        tokio::task::consume_budget().await;
    }
}

/// Writes until the client is closed: what is queued at that moment is sent, then the close frame. Once the server has
/// said that it goes, what is queued waits for the next connection.
async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared,
    line: &Line,
    sender: &mut Sender<S>,
    outgoing: &mut mpsc::Receiver<Outgoing>,
) -> Result<(), Disconnect> {
    let interval = shared.beat(&line.terms);
    let mut beat = interval_at(Instant::now() + interval, interval);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut writer = Writer { shared, line, sender, encoder: Encoder::new(&line.terms, line.token.clone()) };
    let mut batch = Vec::with_capacity(BATCH);
    let mut written = Vec::with_capacity(BATCH);
    loop {
        let is_draining = line.is_draining();
        tokio::select! {
            biased;
            // First, or a client that never stops sending would look dead to itself.
            _ = beat.tick() => writer.beat().await?,
            1.. = outgoing.recv_many(&mut batch, BATCH), if !is_draining => {
                // All of them before the first is written: what is taken from the queue fails with this connection.
                batch.retain(|outgoing| shared.is_wanted(outgoing));
                for outgoing in batch.drain(..) {
                    match outgoing {
                        Outgoing::Message(message) => written.extend(writer.message(message).await?),
                        Outgoing::Cancel(uuid) => writer.control("psd.cancel", Some(&uuid), 0).await?,
                    }
                }
                writer.flush().await?;
                for done in written.drain(..) {
                    // Whoever asked may have stopped waiting.
                    let _ = done.send(());
                }
            }
            () = line.drained(), if !is_draining => {}
            () = shared.closed_by_us() => return writer.sender.close().await,
        }
    }
}

/// Makes frames of messages and hands them to the socket.
struct Writer<'a, S> {
    shared: &'a Shared,
    line: &'a Line,
    sender: &'a mut Sender<S>,
    encoder: Encoder,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Writer<'_, S> {
    /// Returns who is to be told when it is written; nobody if it cannot be sent.
    async fn message(&mut self, mut message: Message) -> Result<Option<oneshot::Sender<()>>, Disconnect> {
        let encoded = self.fit(&mut message).and_then(|()| {
            let headers = Headers {
                message_type: &message.message_type,
                uuid: Some(&message.uuid),
                token: None,
                ack: message.ack,
                time: message.time,
                deadline_ms: message.deadline.map_or(0, milliseconds_until),
            };
            self.encoder.message(headers, message.token.as_ref(), &message.body)
        });
        match encoded {
            Ok(full) => self.feed(full).await.map(|()| Some(message.written)),
            Err(reason) => {
                tracing::warn!(message_type = %message.message_type, reason, "a message cannot be sent here");
                self.shared.inbox().fail(&message.uuid, Disconnect::Lost(reason));
                Ok(None)
            }
        }
    }

    /// Writes the body anew if it waited for a connection and now meets one of another dialect.
    fn fit(&self, message: &mut Message) -> Result<(), String> {
        if !message.body.fits(self.line.terms.dialect)
            && let Some(recode) = message.recode
        {
            message.body = recode(&message.body, self.shared.settings.types).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn control(&mut self, message_type: &str, uuid: Option<&str>, seen: u64) -> Result<(), Disconnect> {
        let full = self.encoder.control(message_type, uuid, seen);
        self.feed(full).await
    }

    /// Says that we are here: by a heartbeat in v1, else by a ping.
    async fn beat(&mut self) -> Result<(), Disconnect> {
        if !self.line.terms.dialect.is_v1() {
            return self.sender.ping().await;
        }
        self.control("psd.heartbeat", None, self.line.seen.load(Ordering::Relaxed)).await?;
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), Disconnect> {
        let rest = self.encoder.finish();
        self.feed(rest).await?;
        self.sender.flush().await
    }

    async fn feed(&mut self, frame: Option<Frame>) -> Result<(), Disconnect> {
        let Some(frame) = frame else { return Ok(()) };
        self.shared.settings.tracer.show(Direction::Sent, self.line.terms.dialect, &frame);
        self.sender.feed(frame).await
    }
}

/// At least one: 0 would say that there is no deadline.
fn milliseconds_until(deadline: Instant) -> u32 {
    let rest = deadline.saturating_duration_since(Instant::now());
    u32::try_from(rest.as_millis()).unwrap_or(u32::MAX).max(1)
}
