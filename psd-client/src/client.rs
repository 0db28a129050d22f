//! The client.

use std::{
    borrow::Cow,
    marker::PhantomData,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use psd_proto::{ClientMessage, ServerMessage, common::psd::v1::Welcome, json::AnyTypes};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout},
};

use crate::{
    body::{self, Body},
    builder::Builder,
    connection::{self, Message, Outgoing, Shared, State},
    dialect::{self, Dialect, Recode},
    envelope::{Envelope, Outcome},
    error::{Disconnect, Error},
    inbox::RequestQueue,
    opening::Opened,
    queue::{Limit, Next},
    socket::Endpoint,
    subscription::{Envelopes, Subscription},
    transport::Transport,
    uuid,
};

/// The most that one subscription holds for a slow reader, besides
/// [`Builder::subscription_buffer`](crate::Builder::subscription_buffer).
const SUBSCRIPTION_BYTES: usize = 16 << 20;
/// What an envelope takes besides its body and the texts of its headers, at most.
const ENVELOPE: usize = 192;

/// A connection to a psd server.
///
/// Cheap to clone; all clones share one connection, which is closed when the last of them is dropped. It keeps itself
/// alive: it answers pings, sends its own, and connects again when it breaks (see
/// [`Builder::reconnect`](crate::Builder::reconnect)).
///
/// **When the connection breaks**, requests that were sent fail with [`Error::Disconnected`]: whether the server has
/// handled them is unknown, and they are not sent again. What is sent while there is no connection waits for the next
/// one, up to the request's own timeout. Subscriptions go on; what was published meanwhile is missing.
///
/// **Cancellation**: dropping any future of this type forgets the request: it is not sent if it still waits for the
/// socket, and late answers are ignored. In v1 the server is told, so that it drops the handler of
/// [`send`](Self::send), [`fetch`](Self::fetch) or [`fetch_all`](Self::fetch_all).
#[derive(Debug, Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    outgoing: mpsc::Sender<Outgoing>,
}

impl Client {
    /// Connects to a URL such as `ws://127.0.0.1:8000/ws` with the default settings.
    ///
    /// # Errors
    /// Those of [`Builder::connect`](crate::Builder::connect).
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::builder(url).connect().await
    }

    /// Sets up a connection to a URL.
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }

    /// Sends a message and waits until the server has handled it.
    ///
    /// # Errors
    /// [`Error::Refused`] carries the server's error; else [`Error::Timeout`], [`Error::Disconnected`],
    /// [`Error::TooLarge`], [`Error::Encode`].
    pub async fn send<M: ClientMessage>(&self, message: &M) -> Result<(), Error> {
        let mut request = self.request(message).await?;
        while request.next().await?.is_some() {}
        Ok(())
    }

    /// Sends a message without asking for an ack, and returns once it is handed to the operating system.
    ///
    /// # Errors
    /// [`Error::Disconnected`], [`Error::Timeout`] when it could not be written in time, [`Error::TooLarge`],
    /// [`Error::Encode`].
    pub async fn send_unacked<M: ClientMessage>(&self, message: &M) -> Result<(), Error> {
        let body = self.body(message)?;
        self.transmit(M::INFO.message_type.into(), false, body, Some(body::recode::<M>())).await?;
        Ok(())
    }

    /// Sends a message and returns the first reply of the type asked for, without waiting for the ack.
    ///
    /// # Errors
    /// [`Error::NoReply`] when the server is done and sent no such reply, [`Error::Decode`], and those of
    /// [`send`](Self::send).
    pub async fn fetch<Reply: ServerMessage>(&self, message: &impl ClientMessage) -> Result<Reply, Error> {
        let mut replies = self.replies::<Reply>(message).await?;
        match replies.next().await? {
            Some(reply) => {
                // The reply is there; what the handler still does is not to be stopped.
                replies.request.is_wanted = false;
                Ok(reply)
            }
            None => Err(replies.no_reply()),
        }
    }

    /// Sends a message, waits until the server has handled it, and returns every reply of the type asked for, in order.
    ///
    /// # Errors
    /// Those of [`send`](Self::send), [`Error::Decode`], and [`Error::Lagged`] when more replies arrive in one go than
    /// a request holds (65 536 messages, 64 MiB). Replies of another type are not an error.
    pub async fn fetch_all<Reply: ServerMessage>(&self, message: &impl ClientMessage) -> Result<Vec<Reply>, Error> {
        let mut replies = self.replies::<Reply>(message).await?;
        let mut all = Vec::new();
        while let Some(reply) = replies.next().await? {
            all.push(reply);
        }
        Ok(all)
    }

    /// Receives every message of a type from now on, pushes and replies alike.
    ///
    /// A reader that is too slow loses the oldest messages and is told how many. Reconnects do not end it.
    #[must_use = "dropping a subscription ends it"]
    pub fn subscribe<M: ServerMessage>(&self) -> Subscription<M> {
        let queue = self.handle.shared.inbox().subscribe(M::INFO.message_type, self.limit());
        Subscription::new(queue, self.types())
    }

    /// Receives everything that arrives from now on, undecoded: replies, pushes and acks in the order of arrival.
    #[must_use = "dropping the stream ends it"]
    pub fn envelopes(&self) -> Envelopes {
        Envelopes::new(self.handle.shared.inbox().subscribe_to_all(self.limit()))
    }

    /// Sends a message of any type, whose body is given as one JSON value and not checked, and returns the uuid that its
    /// answers carry, once it is handed to the operating system. The answers come through
    /// [`envelopes`](Self::envelopes).
    ///
    /// # Errors
    /// Those of [`send_unacked`](Self::send_unacked); [`Error::Encode`] where the connection speaks `psd.v1.proto`.
    pub async fn send_raw(&self, message_type: &str, body: &str, ack: bool) -> Result<String, Error> {
        self.transmit_raw(message_type, ack, Body::Json(body.into())).await
    }

    /// [`send_raw`](Self::send_raw) with a body in protobuf, for connections that speak `psd.v1.proto`.
    ///
    /// # Errors
    /// Those of [`send_unacked`](Self::send_unacked); [`Error::Encode`] where the connection speaks JSON.
    pub async fn send_raw_proto(&self, message_type: &str, body: &[u8], ack: bool) -> Result<String, Error> {
        self.transmit_raw(message_type, ack, Body::Proto(body.into())).await
    }

    /// What the connection speaks, or the last one did; `None` before the first.
    #[must_use]
    pub fn dialect(&self) -> Option<Dialect> {
        self.handle.shared.terms().map(|terms| terms.dialect)
    }

    /// How the server greeted the connection, or the last one; `None` before the first, and in classic.
    #[must_use]
    pub fn welcome(&self) -> Option<Arc<Welcome>> {
        self.handle.shared.terms().and_then(|terms| terms.welcome)
    }

    /// Authenticates with another token from the next message on. `None` sends none from then on; a server keeps the
    /// last one as long as the connection lives.
    pub fn set_token(&self, token: Option<&str>) {
        self.handle.shared.set_token(token.map(Arc::from));
    }

    /// Where the connection stands, now and on every change.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.handle.shared.state.subscribe()
    }

    /// Closes the connection for all clones: sends what waits for the socket, says goodbye, and waits for the server's
    /// answer up to [`Builder::close_timeout`](crate::Builder::close_timeout). Requests without an answer fail with
    /// [`Error::Disconnected`].
    pub async fn close(&self) {
        let mut state = self.state();
        self.handle.shared.closing.send_replace(true);
        // The sender lives in the handle, so waiting cannot fail.
        let _ = state.wait_for(|state| matches!(state, State::Closed(_))).await;
    }

    pub(crate) fn start<T: Transport>(
        builder: Builder,
        endpoint: Endpoint,
        transport: T,
        opened: Option<Opened<T::Stream>>,
    ) -> Self {
        let state = if opened.is_some() { State::Connected } else { State::Connecting };
        let (outgoing, receiver) = mpsc::channel(builder.settings.send_buffer);
        let shared = Arc::new(Shared::new(builder.settings, state, builder.token.map(Arc::from)));
        if let Some(opened) = &opened {
            shared.set_terms(opened.terms.clone());
        }
        tokio::spawn(connection::run(shared.clone(), endpoint, transport, receiver, opened));
        Self { handle: Arc::new(Handle { shared, outgoing }) }
    }

    async fn replies<Reply: ServerMessage>(&self, message: &impl ClientMessage) -> Result<Replies<'_, Reply>, Error> {
        let request = self.request(message).await?;
        Ok(Replies { request, others: Vec::new(), reply: PhantomData })
    }

    /// Queues a message that asks for an ack.
    async fn request<M: ClientMessage>(&self, message: &M) -> Result<Request<'_>, Error> {
        let message_type = M::INFO.message_type;
        let body = self.body(message)?;
        // Nobody asks whether it was written: the answer shows.
        let (written, _) = oneshot::channel();
        let mut message = self.message(message_type.into(), true, body, written)?;
        message.recode = Some(body::recode::<M>());
        message.is_request = true;
        message.deadline = Instant::now().checked_add(self.request_timeout());
        let uuid = message.uuid.clone();
        let queue = self.handle.shared.inbox().expect(&uuid);
        // From here on, dropping the request forgets it.
        let request = Request { client: self, message_type, uuid, queue, is_wanted: true };
        match timeout(self.request_timeout(), self.handle.outgoing.send(Outgoing::Message(message))).await {
            Ok(Ok(())) => Ok(request),
            Ok(Err(_)) => Err(self.disconnected()),
            Err(_) => Err(self.timed_out(message_type)),
        }
    }

    async fn transmit_raw(&self, message_type: &str, ack: bool, body: Body) -> Result<String, Error> {
        if let Some(dialect) = self.dialect()
            && !body.fits(dialect)
        {
            let form = if dialect.is_binary() { "protobuf" } else { "JSON" };
            let reason = format!("the connection speaks `{dialect}`, whose bodies are {form}");
            return Err(Error::Encode { message_type: message_type.to_owned(), reason });
        }
        self.transmit(message_type.to_owned().into(), ack, body, None).await
    }

    /// Sends a message without waiting for answers; returns its uuid once it is written.
    async fn transmit(
        &self,
        message_type: Cow<'static, str>,
        ack: bool,
        body: Body,
        recode: Option<Recode>,
    ) -> Result<String, Error> {
        let (written, done) = oneshot::channel();
        let message = Message { recode, ..self.message(message_type.clone(), ack, body, written)? };
        let uuid = message.uuid.clone();
        let sending = async {
            self.handle.outgoing.send(Outgoing::Message(message)).await.ok()?;
            done.await.ok()
        };
        match timeout(self.request_timeout(), sending).await {
            Ok(Some(())) => Ok(uuid),
            Ok(None) => Err(self.disconnected()),
            Err(_) => Err(self.timed_out(&message_type)),
        }
    }

    /// A body in the form that the connection wants.
    fn body<M: ClientMessage>(&self, message: &M) -> Result<Body, Error> {
        let dialect = dialect::likely(self.dialect(), self.handle.shared.settings.dialect);
        body::write(message, dialect, self.types())
            .map_err(|error| Error::Encode { message_type: M::INFO.message_type.to_owned(), reason: error.to_string() })
    }

    /// A message with its headers, as far as they do not depend on the connection.
    fn message(
        &self,
        message_type: Cow<'static, str>,
        ack: bool,
        body: Body,
        written: oneshot::Sender<()>,
    ) -> Result<Message, Error> {
        let shared = &self.handle.shared;
        if *shared.closing.borrow() {
            return Err(Error::Disconnected(Disconnect::Local));
        }
        let token = shared.token();
        let uuid = uuid::random();
        let own = shared.settings.frame_limit;
        let limit = shared.terms().and_then(|terms| terms.max_frame_bytes()).map_or(own, |limit| limit.min(own));
        let size =
            body.len() + message_type.len() + uuid.len() + token.as_ref().map_or(0, |token| token.len()) + ENVELOPE;
        if size > limit {
            return Err(Error::TooLarge { message_type: message_type.into_owned(), size, limit });
        }
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let time = u64::try_from(time).unwrap_or(u64::MAX);
        Ok(Message {
            message_type,
            uuid,
            token,
            ack,
            time,
            deadline: None,
            body,
            recode: None,
            is_request: false,
            written,
        })
    }

    fn types(&self) -> AnyTypes {
        self.handle.shared.settings.types
    }

    fn limit(&self) -> Limit {
        Limit { items: self.handle.shared.settings.subscription_buffer, bytes: SUBSCRIPTION_BYTES }
    }

    fn request_timeout(&self) -> Duration {
        self.handle.shared.settings.request_timeout
    }

    fn disconnected(&self) -> Error {
        Error::Disconnected(self.handle.shared.inbox().reason())
    }

    /// Nobody answers without a connection, so its absence is the better explanation.
    fn timed_out(&self, message_type: &str) -> Error {
        let connected = *self.handle.shared.state.borrow() == State::Connected;
        if connected {
            Error::Timeout { message_type: message_type.to_owned(), after: self.request_timeout() }
        } else {
            self.disconnected()
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.closing.send_replace(true);
    }
}

/// A request that waits for its answers.
struct Request<'a> {
    client: &'a Client,
    message_type: &'static str,
    uuid: String,
    queue: Arc<RequestQueue>,
    /// Whether what the server does for it is of use to somebody.
    is_wanted: bool,
}

impl Request<'_> {
    /// The next reply; `None` once the server has acknowledged the request.
    async fn next(&mut self) -> Result<Option<Envelope>, Error> {
        match timeout(self.client.request_timeout(), self.queue.next()).await {
            Ok(Next::Item(envelope)) => Ok(Some(envelope)),
            Ok(Next::Lost(messages)) => Err(Error::Lagged(messages)),
            Ok(Next::End(Ok(Outcome::Success))) => Ok(None),
            Ok(Next::End(Ok(Outcome::Refused { code, message }))) => {
                Err(Error::Refused { message_type: self.message_type.to_owned(), code, message })
            }
            Ok(Next::End(Err(reason))) => Err(Error::Disconnected(reason)),
            Err(_) => Err(self.client.timed_out(self.message_type)),
        }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        let handle = &self.client.handle;
        let goes_on = handle.shared.inbox().forget(&self.uuid);
        if goes_on && self.is_wanted {
            // A full queue means that a lot else goes wrong; then the server's deadline has to do.
            let _ = handle.outgoing.try_send(Outgoing::Cancel(std::mem::take(&mut self.uuid)));
        }
    }
}

/// The replies of one type to a request.
struct Replies<'a, Reply> {
    request: Request<'a>,
    /// The types of the other replies, for the error.
    others: Vec<String>,
    reply: PhantomData<fn() -> Reply>,
}

impl<Reply: ServerMessage> Replies<'_, Reply> {
    async fn next(&mut self) -> Result<Option<Reply>, Error> {
        while let Some(envelope) = self.request.next().await? {
            if envelope.message_type() == Reply::INFO.message_type {
                return body::read(&envelope, self.request.client.types()).map(Some);
            }
            if !self.others.iter().any(|other| other == envelope.message_type()) {
                self.others.push(envelope.message_type().to_owned());
            }
        }
        Ok(None)
    }

    fn no_reply(self) -> Error {
        Error::NoReply {
            message_type: self.request.message_type.to_owned(),
            expected: Reply::INFO.message_type.to_owned(),
            received: self.others,
        }
    }
}
