//! The task that owns the connection: connects, reads, writes, reconnects.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};

use crate::{
    backoff::Backoff,
    builder::Settings,
    dialect::classic,
    error::{Disconnect, Error},
    inbox::Inbox,
    socket::{Endpoint, Receiver, Sender, Socket, Text},
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
}

/// A frame to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) frame: Text,
    /// The request that waits for an answer; when it no longer does, the frame is not sent.
    pub(crate) request: Option<String>,
    /// Told once the frame is handed to the operating system; dropped when it never will be.
    pub(crate) written: oneshot::Sender<()>,
}

impl Shared {
    pub(crate) fn new(settings: Settings, state: State) -> Self {
        let inbox = Mutex::default();
        Self { settings, inbox, state: watch::Sender::new(state), closing: watch::Sender::new(false) }
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

    /// Whether somebody still waits for what this frame brings; if so, it counts as sent from here on.
    fn is_wanted(&self, outgoing: &Outgoing) -> bool {
        outgoing.request.as_deref().is_none_or(|uuid| self.inbox().mark_written(uuid))
    }

    fn deliver(&self, frame: Text) {
        let arrived = classic::decode(frame).map_err(|error| {
            let reason = error.to_string();
            tracing::warn!(reason, "a frame of the server is no envelope");
            Error::Malformed { reason }
        });
        self.inbox().deliver(arrived);
    }
}

/// Runs until the client is closed or may not connect again.
pub(crate) async fn run<T: Transport>(
    shared: Arc<Shared>,
    endpoint: Endpoint,
    transport: T,
    mut outgoing: mpsc::Receiver<Outgoing>,
    mut socket: Option<Socket<T::Stream>>,
) {
    let settings = &shared.settings;
    let mut backoff = Backoff::default();
    let reason = loop {
        let opened = match socket.take() {
            Some(socket) => Ok(socket),
            None => {
                shared.enter(State::Connecting);
                tokio::select! {
                    opened = endpoint.open(&transport, settings.frame_limit, settings.connect_timeout) => opened,
                    () = shared.closed_by_us() => Err(Disconnect::Local),
                }
            }
        };
        let reason = match opened {
            Ok(socket) => {
                shared.enter(State::Connected);
                tracing::debug!("connected");
                let since = Instant::now();
                let reason = converse(&shared, socket, &mut outgoing).await;
                if since.elapsed() >= STABLE {
                    backoff.reset();
                }
                reason
            }
            Err(reason) => reason,
        };
        tracing::debug!(%reason, "disconnected");
        shared.inbox().disconnect(&reason);
        if reason.is_final() || !settings.reconnect {
            break reason;
        }
        let (retry, delay) = backoff.next(reason.asks_to_spread());
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

/// Reads and writes at the same time until the connection ends; says why it did.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared,
    socket: Socket<S>,
    outgoing: &mut mpsc::Receiver<Outgoing>,
) -> Disconnect {
    let Socket { mut sender, mut receiver } = socket;
    let reason = {
        let reading = read(shared, &mut receiver);
        let writing = write(shared, &mut sender, outgoing);
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
    reason
}

async fn read<S: AsyncRead + AsyncWrite + Unpin>(shared: &Shared, receiver: &mut Receiver<S>) -> Disconnect {
    let patience = shared.settings.ping_interval.saturating_add(shared.settings.ping_timeout);
    loop {
        match timeout(patience, receiver.next()).await {
            Ok(Ok(Some(frame))) => shared.deliver(frame),
            Ok(Ok(None)) => {}
            Ok(Err(reason)) => return reason,
            Err(_) => return Disconnect::Silent(patience),
        }
        // One read of the socket can hold many frames: let their readers run before their queues are full.
        tokio::task::consume_budget().await;
    }
}

/// Writes until the client is closed: what is queued at that moment is sent, then the close frame.
async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared,
    sender: &mut Sender<S>,
    outgoing: &mut mpsc::Receiver<Outgoing>,
) -> Result<(), Disconnect> {
    let interval = shared.settings.ping_interval.max(Duration::from_millis(1));
    let mut ping = interval_at(Instant::now() + interval, interval);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::with_capacity(BATCH);
    let mut written = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            // First, or a client that never stops sending would look dead to itself.
            _ = ping.tick() => sender.ping().await?,
            1.. = outgoing.recv_many(&mut batch, BATCH) => {
                // All of them before the first is written: what is taken from the queue fails with this connection.
                batch.retain(|outgoing| shared.is_wanted(outgoing));
                for Outgoing { frame, written: done, .. } in batch.drain(..) {
                    sender.feed(frame).await?;
                    written.push(done);
                }
                sender.flush().await?;
                for done in written.drain(..) {
                    // Whoever asked may have stopped waiting.
                    let _ = done.send(());
                }
            }
            () = shared.closed_by_us() => return sender.close().await,
        }
    }
}
