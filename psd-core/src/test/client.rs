//! A client of the server under test.

use std::{
    fmt,
    net::SocketAddr,
    panic::Location,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt as _;
use psd_proto::{
    ClientMessage, ServerMessage,
    common::psd::v1::Welcome,
    envelope::{self, Envelope},
};
use tokio::{sync::watch, task::AbortHandle};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::frame::coding::{Control, Data, OpCode},
    },
};

use super::{
    Dialect, Received, Sent,
    dialect::frame,
    inbox::{Answers, Closed, Inbox},
    line::{Line, Reader},
};
use crate::{Connection, Identity, Server};

pub(super) type Frames = WebSocketStream<Reader>;

/// A client; dropped, it leaves without a word, as when a browser's tab is closed.
///
/// Its methods take `&self` and their futures may run at the same time. A message is on its way as soon as the method was
/// called; the future is for its answer.
pub struct TestClient {
    inner: Arc<Inner>,
    tasks: Vec<AbortHandle>,
}

pub(super) struct Inner {
    server: Server,
    peer: SocketAddr,
    dialect: Dialect,
    line: Line,
    pub(super) inbox: Arc<Inbox>,
    reading: watch::Sender<bool>,
    next_ping: AtomicU64,
    /// Held while a message is written.
    voice: Mutex<Voice>,
}

/// What the next message depends on.
#[derive(Default)]
struct Voice {
    requests: u64,
    /// The number of the last message (v1).
    seq: u64,
    /// The token of the next message, once.
    token: Option<String>,
    duplicates: bool,
}

impl TestClient {
    pub(super) fn new(
        server: Server,
        peer: SocketAddr,
        dialect: Dialect,
        line: Line,
        inbox: Arc<Inbox>,
        carrying: AbortHandle,
        frames: Frames,
    ) -> Self {
        let (reading, is_reading) = watch::channel(true);
        let listening = tokio::spawn(listen(frames, is_reading, dialect, line.clone(), inbox.clone()));
        let (next_ping, voice) = (AtomicU64::new(1), Mutex::default());
        let inner = Inner { server, peer, dialect, line, inbox, reading, next_ping, voice };
        Self { inner: Arc::new(inner), tasks: vec![carrying, listening.abort_handle()] }
    }

    /// The server's side of the connection: its groups, its identity.
    ///
    /// # Panics
    /// It is gone.
    #[must_use]
    #[track_caller]
    pub fn connection(&self) -> Connection {
        self.inner.connection().expect("the connection is gone")
    }

    /// Makes somebody the connection's identity, without a token. Ready when the consumer's `on_authenticated` has begun.
    ///
    /// # Panics
    /// The connection is gone.
    #[track_caller]
    pub fn login(&self, identity: Identity) -> impl Future<Output = ()> {
        self.connection().shared.authenticate(None, Some(identity));
        self.settle()
    }

    /// Shows a token with the next message, as a client does when it has a new one.
    pub fn set_token(&self, token: impl Into<String>) {
        self.inner.voice(|voice| voice.token = Some(token.into()));
    }

    /// Sends a message and asks for an ack; await the result, or say what else is expected:
    /// [`expect_ack_error`](Sent::expect_ack_error), [`replies`](Sent::replies).
    ///
    /// # Panics
    /// The message has no JSON form and the dialect is one of JSON.
    #[track_caller]
    pub fn send<M: ClientMessage>(&self, message: M) -> Sent {
        self.send_with(message, |_| {})
    }

    /// As [`send`](Self::send), with headers as the test wants them.
    ///
    /// # Panics
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn send_with<M: ClientMessage>(&self, message: M, change: impl FnOnce(&mut Envelope<'_>)) -> Sent {
        let uuid = self.inner.write(&message, true, change);
        Sent::new(self.inner.clone(), uuid, M::INFO.message_type, Location::caller())
    }

    /// Sends a message that asks for no ack.
    ///
    /// # Panics
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn post<M: ClientMessage>(&self, message: M) {
        self.inner.write(&message, false, |_| {});
    }

    /// Sends a message and returns its reply, once the request has ended well: the first of this type, should there be more.
    ///
    /// # Panics
    /// The request is refused, or no such reply comes.
    #[track_caller]
    pub fn fetch<R: ServerMessage>(&self, message: impl ClientMessage) -> impl Future<Output = R> + Send {
        self.send(message).reply()
    }

    /// The oldest message of this type that belongs to no request, waited for if there is none yet. Others are kept for
    /// those who expect them.
    ///
    /// # Panics
    /// None comes within a minute, or the connection ends before.
    #[track_caller]
    pub fn expect_push<M: ServerMessage>(&self) -> impl Future<Output = M> + Send {
        let at = Location::caller();
        async move {
            let found = self.inner.inbox.wait(|state| {
                let position = state.pushes.iter().position(Received::is::<M>)?;
                state.pushes.remove(position)?.read()
            });
            found.await.unwrap_or_else(|instead| {
                fail(at, format_args!("expected a push `{}`, but {instead}", M::INFO.message_type))
            })
        }
    }

    /// Nothing has come that was not asked for, or all of it was taken by [`expect_push`](Self::expect_push).
    ///
    /// Asks the server by a ping, so that everything it has sent until now is seen; no time is waited for what may come
    /// later.
    ///
    /// # Panics
    /// Something has come, or the client reads nothing at the moment.
    #[track_caller]
    pub fn expect_no_push(&self) -> impl Future<Output = ()> + Send {
        let at = Location::caller();
        async move {
            self.settle().await;
            let state = self.inner.inbox.lock();
            if !state.pushes.is_empty() {
                fail(at, format_args!("expected no push, but {}", *state))
            }
        }
    }

    /// As [`expect_no_push`](Self::expect_no_push), for messages of one type.
    ///
    /// # Panics
    /// As [`expect_no_push`](Self::expect_no_push).
    #[track_caller]
    pub fn expect_no<M: ServerMessage>(&self) -> impl Future<Output = ()> + Send {
        let at = Location::caller();
        async move {
            self.settle().await;
            let state = self.inner.inbox.lock();
            if state.pushes.iter().any(Received::is::<M>) {
                fail(at, format_args!("expected no push `{}`, but {}", M::INFO.message_type, *state))
            }
        }
    }

    /// Takes what has come unasked and nobody has expected yet.
    pub async fn take_pushes(&self) -> Vec<Received> {
        self.settle().await;
        self.inner.inbox.change(|state| state.pushes.drain(..).collect())
    }

    /// Waits until the server closes the connection with this code; returns the reason.
    ///
    /// # Panics
    /// It does not within a minute, or otherwise.
    #[track_caller]
    pub fn expect_close(&self, code: u16) -> impl Future<Output = String> + Send {
        let at = Location::caller();
        async move {
            let closed = self.inner.inbox.wait(|state| match &state.closed {
                Some(Closed::Frame(came, reason)) if *came == code => Some(reason.clone()),
                _ => None,
            });
            closed.await.unwrap_or_else(|instead| fail(at, format_args!("expected a close with {code}, but {instead}")))
        }
    }

    /// Waits until everything that the server has sent until now is here, or the connection has ended.
    ///
    /// What this client has sent is read by then; a handler that waits for something may be running still.
    ///
    /// # Panics
    /// The client reads nothing at the moment, or the server does not answer within a minute.
    #[track_caller]
    pub fn settle(&self) -> impl Future<Output = ()> + Send {
        let at = Location::caller();
        async move {
            let inner = &self.inner;
            if !*inner.reading.borrow() && inner.inbox.lock().closed.is_none() {
                fail(at, format_args!("the client reads nothing at the moment: `resume_reading` first"));
            }
            let number = inner.next_ping.fetch_add(1, Ordering::Relaxed);
            inner.line.send(frame(number.to_be_bytes().to_vec(), OpCode::Control(Control::Ping)));
            let answered =
                inner.inbox.wait(|state| (state.pong >= number || state.closed.is_some()).then_some(())).await;
            if let Err(instead) = answered {
                fail(at, format_args!("the server answers no ping: {instead}"));
            }
        }
    }

    /// Closes the connection as a client should, with a close frame. Ready when the server has answered.
    ///
    /// # Panics
    /// It does not within a minute.
    #[track_caller]
    pub fn close(&self) -> impl Future<Output = ()> + Send {
        let at = Location::caller();
        async move {
            let code = 1000_u16.to_be_bytes().to_vec();
            self.inner.line.send(frame(code, OpCode::Control(Control::Close)));
            if let Err(instead) = self.inner.inbox.wait(|state| state.closed.clone()).await {
                fail(at, format_args!("the server does not close: {instead}"));
            }
        }
    }

    /// Leaves without a word. Ready when the server has noticed: the connection has left its groups.
    pub async fn disconnect(&self) {
        let connection = self.inner.connection();
        self.tasks.iter().for_each(AbortHandle::abort);
        self.inner.inbox.change(|state| state.closed.get_or_insert(Closed::Here).clone());
        if let Some(connection) = connection {
            connection.closed().await;
        }
    }

    /// Sends nothing any more, not even an answer to a ping, and reads nothing: the peer's network is gone, and the server
    /// is not told.
    pub fn fall_silent(&self) {
        self.inner.line.fall_silent();
        self.pause_reading();
    }

    /// Sends the next message twice, as a client does that has missed an ack. Only one of the acks counts for its
    /// request.
    pub fn duplicate_next(&self) {
        self.inner.voice(|voice| voice.duplicates = true);
    }

    /// Lets everything that is sent from now on take this long to the server, to the millisecond. Default: no time.
    pub fn delay(&self, delay: Duration) {
        self.inner.line.delay(delay);
    }

    /// Stops reading. When the pipe's 64 KiB are full, the server feels that.
    pub fn pause_reading(&self) {
        self.inner.reading.send_replace(false);
    }

    /// Reads on.
    pub fn resume_reading(&self) {
        self.inner.reading.send_replace(true);
    }

    /// Sends a text frame, whatever is in it. What answers a uuid in it counts as a push.
    pub fn send_text(&self, text: &str) {
        self.inner.line.send(frame(text.into(), OpCode::Data(Data::Text)));
    }

    /// Sends a binary frame, whatever is in it. What answers a uuid in it counts as a push.
    pub fn send_binary(&self, payload: &[u8]) {
        self.inner.line.send(frame(payload.into(), OpCode::Data(Data::Binary)));
    }

    /// Sends bytes as they are: half a frame, or none.
    pub fn send_bytes(&self, bytes: &[u8]) {
        self.inner.line.send(bytes.into());
    }
}

impl Drop for TestClient {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient")
            .field("peer", &self.inner.peer)
            .field("dialect", &self.inner.dialect)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Cancels a request (v1).
    pub(super) fn cancel(&self, uuid: &str) {
        self.line.send(self.dialect.control("psd.cancel", Some(uuid)));
    }

    fn connection(&self) -> Option<Connection> {
        self.server.connections().into_iter().find(|connection| connection.peer() == Some(self.peer))
    }

    fn voice<T>(&self, change: impl FnOnce(&mut Voice) -> T) -> T {
        change(&mut self.voice.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends a message; returns its uuid.
    #[track_caller]
    fn write<M: ClientMessage>(&self, message: &M, ack: bool, change: impl FnOnce(&mut Envelope<'_>)) -> String {
        let at = Location::caller();
        self.voice(|voice| {
            voice.requests += 1;
            voice.seq += 1;
            let mut envelope = Envelope {
                message_type: M::INFO.message_type.into(),
                uuid: Some(format!("request-{}", voice.requests).into()),
                auth_header: voice.token.take().map(Into::into),
                ack,
                api_version: 1,
                seq: voice.seq,
                ..Envelope::of(envelope::Body::Proto(&[]))
            };
            change(&mut envelope);
            let frame = self.dialect.encode(&envelope, message).unwrap_or_else(|error| {
                fail(at, format_args!("`{}` has no JSON form: {error}", M::INFO.message_type));
            });
            let uuid = envelope.uuid.unwrap_or_default().into_owned();
            let sent = 1 + usize::from(std::mem::take(&mut voice.duplicates));
            if envelope.ack {
                let answers = Answers { sent, ..Answers::default() };
                self.inbox.change(|state| state.requests.insert(uuid.clone(), answers));
            }
            for _ in 0..sent {
                self.line.send(frame.clone());
            }
            uuid
        })
    }
}

/// Puts what comes into the inbox, until nothing more does.
async fn listen(
    mut frames: Frames,
    mut reading: watch::Receiver<bool>,
    dialect: Dialect,
    line: Line,
    inbox: Arc<Inbox>,
) {
    let mut heartbeats = None;
    let closed = loop {
        if reading.wait_for(|reading| *reading).await.is_err() {
            return;
        }
        let message = tokio::select! {
            biased;
            _ = reading.wait_for(|reading| !reading) => continue,
            message = frames.next() => message,
        };
        let message = match message {
            Some(Ok(Message::Ping(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Pong(payload))) => {
                let number = payload[..].try_into().map_or(0, u64::from_be_bytes);
                inbox.change(|state| state.pong = state.pong.max(number));
                continue;
            }
            Some(Ok(Message::Close(close))) => {
                let (code, reason) =
                    close.map_or((1005, String::new()), |close| (close.code.into(), close.reason.to_string()));
                // The answer is written by the next read.
                let _ = frames.next().await;
                break Closed::Frame(code, reason);
            }
            Some(Ok(message)) => message,
            Some(Err(_)) | None => break Closed::Lost,
        };
        match dialect.decode(&message) {
            Ok(envelopes) => {
                for received in envelopes {
                    match received.message_type() {
                        "psd.welcome" => {
                            heartbeats = received.read().map(|welcome| Heart::beat(&welcome, dialect, &line))
                        }
                        "psd.heartbeat" => {}
                        _ => inbox.change(|state| state.put(received)),
                    }
                }
            }
            Err(error) => break Closed::Unreadable(error.to_string()),
        }
    };
    drop(heartbeats);
    inbox.change(|state| state.closed.get_or_insert(closed).clone());
}

/// Says from time to time that the client is there; stops when it is dropped.
struct Heart(AbortHandle);

impl Heart {
    fn beat(welcome: &Welcome, dialect: Dialect, line: &Line) -> Self {
        let (interval, line) = (Duration::from_millis(welcome.heartbeat_ms.into()), line.clone());
        let beating = async move {
            while !interval.is_zero() {
                tokio::time::sleep(interval).await;
                line.send(dialect.control("psd.heartbeat", None));
            }
        };
        Self(tokio::spawn(beating).abort_handle())
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ends a test with the line of it that expected something else; an async function knows its caller's line only so.
pub(super) fn fail(at: &Location<'_>, text: fmt::Arguments<'_>) -> ! {
    panic!("{at}: {text}")
}
