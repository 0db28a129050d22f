//! Envelopes: the headers around a body, as each dialect writes them.

pub mod classic;

use std::borrow::Cow;

/// What a client sent, with the body still undecoded; borrows from the frame.
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
    /// The body, of which only the extent is known: not even that it is well-formed.
    pub body: &'a str,
}

/// Why a frame holds no envelope; the text is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EnvelopeError(pub(crate) String);

impl From<crate::json::Error> for EnvelopeError {
    fn from(error: crate::json::Error) -> Self {
        Self(error.to_string())
    }
}
