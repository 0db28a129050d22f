//! Envelopes: the headers around a body, as each dialect writes them. docs/PROTOCOL.md is the specification.

pub mod classic;
pub mod compression;
mod headers;
pub mod v1_json;
pub mod v1_proto;

use std::borrow::Cow;

/// What came, or what a client sends, with the body still undecoded; borrows from the frame.
///
/// A server's envelope has no more than a type, a uuid, a result, a number and a body; the rest is a client's to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope<'a> {
    /// The route.
    pub message_type: Cow<'a, str>,
    /// What the client calls this request; replies and the ack carry it.
    pub uuid: Option<Cow<'a, str>>,
    /// The client's token.
    pub auth_header: Option<Cow<'a, str>>,
    /// Whether the client wants an ack.
    pub ack: bool,
    /// When the event happened: milliseconds or seconds since 1970, as the client wrote it.
    pub event_time: Option<f64>,
    /// When the message was sent, likewise.
    pub local_time: Option<f64>,
    /// How often the client sent this message before; 0 if it does not say.
    pub retry_count: u32,
    /// The version of the application's contract that the client speaks; 0 if it does not say.
    pub api_version: u32,
    /// How many milliseconds after its arrival the client still wants an answer; 0 if it does not say.
    pub deadline_ms: u32,
    /// The W3C trace context of the request.
    pub traceparent: Option<Cow<'a, str>>,
    /// How the request ended, where this is the last of its answers (v1; only servers say that).
    pub result: Option<Ended<'a>>,
    /// The number of this envelope in its direction; 0 if it has none.
    pub seq: u64,
    /// The highest number that the sender has received; 0 if it does not say.
    pub seen: u64,
    /// The body, of which only the extent is known: not even that it is well-formed.
    pub body: Body<'a>,
}

/// How a request ended, as it is read: well, or with a text and perhaps a code.
pub type Ended<'a> = Result<(), (Cow<'a, str>, Option<i32>)>;

/// An undecoded body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// JSON text.
    Json(&'a str),
    /// Protobuf bytes.
    Proto(&'a [u8]),
    /// Protobuf bytes, compressed.
    Deflated(&'a [u8]),
}

impl Body<'_> {
    /// How many bytes it has, as it came.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Json(text) => text.len(),
            Self::Proto(bytes) | Self::Deflated(bytes) => bytes.len(),
        }
    }
}

impl<'a> Envelope<'a> {
    /// An envelope of nothing but a body.
    #[must_use]
    pub fn of(body: Body<'a>) -> Self {
        Self {
            message_type: Cow::Borrowed(""),
            uuid: None,
            auth_header: None,
            ack: false,
            event_time: None,
            local_time: None,
            retry_count: 0,
            api_version: 0,
            deadline_ms: 0,
            traceparent: None,
            result: None,
            seq: 0,
            seen: 0,
            body,
        }
    }

    /// Refuses an envelope that cannot be answered.
    fn checked(self) -> Result<Self, EnvelopeError> {
        if self.message_type.is_empty() {
            return Err(EnvelopeError("`headers.messageType` is missing".into()));
        }
        check_length("uuid", self.uuid.as_deref(), LONGEST_UUID)?;
        check_length("authHeader", self.auth_header.as_deref(), LONGEST_TOKEN)?;
        Ok(self)
    }
}

fn check_length(name: &str, value: Option<&str>, limit: usize) -> Result<(), EnvelopeError> {
    match value.map_or(0, str::len) {
        length if length > limit => {
            Err(EnvelopeError(format!("`headers.{name}` has {length} bytes; {limit} are allowed")))
        }
        _ => Ok(()),
    }
}

/// The longest uuid that is taken, in bytes; clients write 36.
pub const LONGEST_UUID: usize = 256;
/// The longest token that is taken, in bytes. A connection keeps the last one, good or bad; few web servers take longer
/// headers.
pub const LONGEST_TOKEN: usize = 16 * 1024;
/// The most envelopes that a frame may hold.
pub const MOST_ENVELOPES: usize = 256;

/// What the server writes around a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// The route.
    pub message_type: &'a str,
    /// The request that the message belongs to; `None` for a push.
    pub uuid: Option<&'a str>,
    /// How the request ended, in the last message that belongs to it (v1; a classic ack is a message of its own).
    pub result: Option<RequestResult<'a>>,
    /// The highest number that has come from the peer (v1); 0 to say nothing of it.
    pub seen: u64,
}

/// How a request ended: well, or with a text, which must not be empty, and perhaps a code.
pub type RequestResult<'a> = Result<(), (&'a str, Option<i32>)>;

/// Why a frame holds no envelope; the text is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EnvelopeError(pub(crate) String);

impl EnvelopeError {
    /// A mistake in a frame or an envelope.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<crate::json::Error> for EnvelopeError {
    fn from(error: crate::json::Error) -> Self {
        Self(error.to_string())
    }
}
