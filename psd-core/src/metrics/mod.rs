//! What a server counts, and how Prometheus reads it.
//!
//! Counters are fields of the server, an addition each; what is a state (bytes that wait, members of groups) is looked at
//! only when somebody reads. [`table`] is the one list of all metrics: it drives what is written, the documentation and the
//! check of the dashboard. Labels are of known sets only: a client's bytes never become one.

mod count;
#[cfg_attr(not(feature = "files"), allow(dead_code, reason = "belongs to a feature"))]
mod files;
mod histogram;
mod process;
mod requests;
mod table;
mod text;

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use count::{Counts, Label};
#[cfg_attr(not(feature = "files"), allow(unused_imports, reason = "belongs to a feature"))]
pub(crate) use files::FileMetrics;
use histogram::Histogram;
pub(crate) use requests::Requests;
pub use table::Metric;

use crate::{Settings, codec::Dialect};

/// How many connections a publication goes to.
const FAN_OUT: [f64; 7] = [0.0, 1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0];

/// What a server counts that belongs to no endpoint.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Whether requests are counted and timed, which costs each a little.
    pub(crate) counts_requests: bool,
    pub(crate) dropped_visits: Counts<Dropped>,
    pub(crate) refused_handshakes: Counts<HandshakeRefusal>,
    pub(crate) closed: Counts<CloseCode>,
    pub(crate) slow_consumers: Counts<Slowness>,
    pub(crate) unreadable: AtomicU64,
    pub(crate) refused_tokens: Counts<TokenFailure>,
    pub(crate) logins: Counts<LoginOutcome>,
    fan_out: Histogram<{ FAN_OUT.len() }>,
}

impl Metrics {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            counts_requests: settings.metrics || settings.admin_address.is_some(),
            dropped_visits: Counts::new(),
            refused_handshakes: Counts::new(),
            closed: Counts::new(),
            slow_consumers: Counts::new(),
            unreadable: AtomicU64::new(0),
            refused_tokens: Counts::new(),
            logins: Counts::new(),
            fan_out: Histogram::new(&FAN_OUT),
        }
    }

    /// A publication has gone to so many connections.
    pub(crate) fn published(&self, connections: usize) {
        self.fan_out.observe(connections as f64, connections as u64);
    }
}

/// What an endpoint counts.
#[derive(Debug)]
pub(crate) struct EndpointMetrics {
    opened: Counts<Dialect>,
    gone: Counts<Dialect>,
    pub(crate) requests: Requests,
}

impl EndpointMetrics {
    pub(crate) fn new(message_types: impl Iterator<Item = &'static str>) -> Self {
        Self { opened: Counts::new(), gone: Counts::new(), requests: Requests::new(message_types) }
    }

    pub(crate) fn opened(&self, dialect: Dialect) {
        self.opened.add(dialect);
    }

    pub(crate) fn gone(&self, dialect: Dialect) {
        self.gone.add(dialect);
    }
}

/// The names by which other parts are counted.
macro_rules! labels {
    ($( $(#[doc = $doc:literal])+ $name:ident { $($variant:ident = $shown:literal),+ $(,)? } )+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(dead_code, reason = "some belong to a feature")]
        pub(crate) enum $name { $($variant),+ }

        impl Label for $name {
            const NAMES: &'static [&'static str] = &[$($shown),+];

            fn index(self) -> usize {
                self as usize
            }
        }
    )+};
}

labels! {
    /// Why a socket was closed that was not a WebSocket, or not yet.
    Dropped {
        Full = "full", Replaced = "replaced", AddressFull = "address_full", Busy = "busy", AddressBusy = "address_busy",
        ProxyHeader = "proxy_header", Tls = "tls", Malformed = "malformed", Timeout = "timeout", Stalled = "stalled",
    }
    /// Why a handshake was refused.
    HandshakeRefusal {
        NotWebSocket = "not_websocket", Origin = "origin", ShuttingDown = "shutting_down", Full = "full", Busy = "busy",
        AddressFull = "address_full", AddressBusy = "address_busy", TokenTooLong = "token_too_long",
    }
    /// The code with which the server closed a connection.
    CloseCode {
        Client = "client", Normal = "1000", GoingAway = "1001", ProtocolError = "1002", NotUtf8 = "1007",
        TooBig = "1009", Internal = "1011", Restart = "1012", Unreadable = "4400", Unauthenticated = "4401",
        Kicked = "4403", HeartbeatMissed = "4408", SlowConsumer = "4413", Rate = "4429", Other = "other",
    }
    /// How a client reads too slowly.
    Slowness { Full = "full", Stalled = "stalled" }
    /// Why a token makes nobody an identity.
    TokenFailure { Refused = "refused", Expired = "expired", Unavailable = "unavailable" }
    /// How a login ended.
    LoginOutcome { Done = "ok", Wrong = "wrong", Throttled = "throttled", Unavailable = "unavailable" }
    /// Why an upload has become no file.
    UploadFailure {
        Refused = "refused", Rate = "rate", TooLarge = "too_large", Type = "type", KeyTaken = "key_taken", Full = "full",
        Unavailable = "unavailable", Internal = "internal", Cancelled = "cancelled", Expired = "expired",
    }
    /// Why a request about an upload ended before its end.
    UploadInterruption {
        Broken = "broken", Idle = "idle", Offset = "offset", TooLarge = "too_large", TakenOver = "taken_over",
        Checksum = "checksum", Unavailable = "unavailable", Other = "other",
    }
    /// What a storage of files is asked to do.
    StorageOperation { Write = "write", Sync = "sync", Publish = "publish", Read = "read", Get = "get", Put = "put" }
}

impl CloseCode {
    /// `None` where the client closed, or was lost.
    pub(crate) fn of(code: Option<u16>) -> Self {
        match code {
            None => Self::Client,
            Some(1000) => Self::Normal,
            Some(1001) => Self::GoingAway,
            Some(1002) => Self::ProtocolError,
            Some(1007) => Self::NotUtf8,
            Some(1009) => Self::TooBig,
            Some(1011) => Self::Internal,
            Some(1012) => Self::Restart,
            Some(4400) => Self::Unreadable,
            Some(4401) => Self::Unauthenticated,
            Some(4403) => Self::Kicked,
            Some(4408) => Self::HeartbeatMissed,
            Some(4413) => Self::SlowConsumer,
            Some(4429) => Self::Rate,
            Some(_) => Self::Other,
        }
    }
}

impl Label for Dialect {
    const NAMES: &'static [&'static str] = &["classic", "psd.v1.json", "psd.v1.proto"];

    fn index(self) -> usize {
        match self {
            Self::Classic => 0,
            Self::V1Json => 1,
            Self::V1Proto { .. } => 2,
        }
    }
}

/// A relaxed addition: nothing is ordered by what is counted.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
