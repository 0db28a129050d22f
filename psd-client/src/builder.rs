//! Everything that can be set about a client.

use std::time::Duration;

use psd_proto::json::AnyTypes;

use crate::{
    client::Client,
    dialect::Dialect,
    error::Error,
    opening,
    socket::Endpoint,
    trace::{Trace, Tracer},
    transport::{Tcp, Transport},
};

/// Sets up a [`Client`]; made by [`Client::builder`].
///
/// | setting | default | beyond it |
/// | --- | --- | --- |
/// | [`connect_timeout`](Self::connect_timeout) | 10 s | the attempt fails, and is retried where reconnecting is on |
/// | [`request_timeout`](Self::request_timeout) | 10 s | [`Error::Timeout`] |
/// | [`ping_interval`](Self::ping_interval) | 20 s | a ping is sent |
/// | [`ping_timeout`](Self::ping_timeout) | 10 s | the connection counts as lost |
/// | [`close_timeout`](Self::close_timeout) | 3 s | the connection is cut without the server's goodbye |
/// | [`frame_limit`](Self::frame_limit) | 16 MiB | sending: [`Error::TooLarge`]; receiving: the connection counts as lost |
/// | [`subscription_buffer`](Self::subscription_buffer) | 1024 messages | the oldest are dropped: [`Error::Lagged`] |
/// | [`send_buffer`](Self::send_buffer) | 256 messages | sending waits |
/// | [`reconnect`](Self::reconnect) | on | |
/// | [`dialect`](Self::dialect) | what the server speaks, best first: `psd.v1.proto`, `psd.v1.json`, classic | |
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it connects"]
pub struct Builder {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) token: Option<String>,
    pub(crate) settings: Settings,
}

/// The settings that the connection's task needs.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) frame_limit: usize,
    pub(crate) subscription_buffer: usize,
    pub(crate) send_buffer: usize,
    pub(crate) reconnect: bool,
    pub(crate) types: AnyTypes,
    /// `None` takes what the server speaks.
    pub(crate) dialect: Option<Dialect>,
    pub(crate) tracer: Tracer,
}

impl Builder {
    pub(crate) fn new(url: String) -> Self {
        let settings = Settings {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(3),
            frame_limit: 16 << 20,
            subscription_buffer: 1024,
            send_buffer: 256,
            reconnect: true,
            types: AnyTypes::default(),
            dialect: None,
            tracer: Tracer::default(),
        };
        Self { url, headers: Vec::new(), token: None, settings }
    }

    /// Connects, and returns once the connection stands.
    ///
    /// # Errors
    /// [`Error::Url`]; [`Error::Disconnected`] when the first attempt fails: it is not repeated, so that a wrong address
    /// shows at once. Later attempts are, unless [`reconnect`](Self::reconnect) is off.
    pub async fn connect(self) -> Result<Client, Error> {
        self.connect_over(Tcp).await
    }

    /// Connects over streams of your own making, such as TLS.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub async fn connect_over(self, transport: impl Transport) -> Result<Client, Error> {
        let endpoint = Endpoint::new(&self.url, &self.headers)?;
        self.check_token()?;
        let token = self.token.as_deref().map(Into::into);
        let opened = opening::open(&endpoint, &transport, &self.settings, token).await?;
        Ok(Client::start(self, endpoint, transport, Some(opened)))
    }

    /// Returns at once and connects in the background, trying again until it works (or, with
    /// [`reconnect`](Self::reconnect) off, once). What is sent before waits, as during a reconnect.
    ///
    /// # Errors
    /// [`Error::Url`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect_lazy(self) -> Result<Client, Error> {
        self.connect_lazy_over(Tcp)
    }

    /// [`connect_lazy`](Self::connect_lazy) over streams of your own making.
    ///
    /// # Errors
    /// [`Error::Url`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect_lazy_over<T: Transport>(self, transport: T) -> Result<Client, Error> {
        let endpoint = Endpoint::new(&self.url, &self.headers)?;
        self.check_token()?;
        Ok(Client::start(self, endpoint, transport, None))
    }

    /// Speaks this dialect and no other: with a server that does not, connecting fails with [`Disconnect::Dialect`].
    ///
    /// By default the client offers `psd.v1.proto` and `psd.v1.json` and takes the server's choice. A server that names
    /// none speaks classic; since WebSocket libraries do not take that for an answer to an offer, the client then opens
    /// a second connection without one. Say [`Dialect::Classic`] where that is known beforehand.
    ///
    /// [`Disconnect::Dialect`]: crate::Disconnect::Dialect
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.settings.dialect = Some(dialect);
        self
    }

    /// Shows every frame that is sent and received to a function, for debugging. It is called by the connection's task,
    /// which waits for it. Frames hold tokens: mask them before they are printed.
    pub fn trace(mut self, tracer: impl Fn(Trace<'_>) + Send + Sync + 'static) -> Self {
        self.settings.tracer = Tracer::new(tracer);
        self
    }

    /// Authenticates with this token; it can be changed later with [`Client::set_token`].
    ///
    /// In v1 it is sent at the handshake, as an entry of `Sec-WebSocket-Protocol`; [`connect`](Self::connect) fails with
    /// [`Error::Token`] if it has characters that may not stand there. A JWT has none.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Adds a header to the handshake, such as a cookie.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How long one attempt to connect may take, handshake included.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long a request waits for the next sign of its progress: written, a reply, the ack. In v1 it is also the
    /// request's deadline: the server gives up what takes longer altogether.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout;
        self
    }

    /// How often the server is pinged; in v1, where the ping is a heartbeat, more often if the server wants that.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.settings.ping_interval = interval;
        self
    }

    /// How long a ping may stay unanswered: after [`ping_interval`](Self::ping_interval) and this time of complete
    /// silence the connection counts as lost.
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.settings.ping_timeout = timeout;
        self
    }

    /// How long [`Client::close`] waits for the server's goodbye.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.settings.close_timeout = timeout;
        self
    }

    /// The largest frame in bytes, in both directions. (A server has a limit of its own, usually lower.)
    pub fn frame_limit(mut self, bytes: usize) -> Self {
        self.settings.frame_limit = bytes;
        self
    }

    /// How many messages a subscription holds for its reader; at least one.
    pub fn subscription_buffer(mut self, messages: usize) -> Self {
        self.settings.subscription_buffer = messages;
        self
    }

    /// How many messages wait for the socket; at least one.
    pub fn send_buffer(mut self, messages: usize) -> Self {
        self.settings.send_buffer = messages.max(1);
        self
    }

    /// Whether to connect again when the connection ends: the first time at once (within 250 ms), then after random
    /// waits of 0.5 s up to 20 s, or when the server said (v1). Close codes 4400 to 4403 end the client in any case.
    pub fn reconnect(mut self, reconnect: bool) -> Self {
        self.settings.reconnect = reconnect;
        self
    }

    /// The messages that a `google.protobuf.Any` may hold, besides the well-known ones:
    /// `AnyTypes::of(&[&pb::SCHEMA])`.
    pub fn types(mut self, types: AnyTypes) -> Self {
        self.settings.types = types;
        self
    }

    fn check_token(&self) -> Result<(), Error> {
        match &self.token {
            Some(token) if self.settings.dialect != Some(Dialect::Classic) => opening::check_token(token),
            _ => Ok(()),
        }
    }
}
