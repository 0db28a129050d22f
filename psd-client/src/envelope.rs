//! What the server sends, before anybody has decided what it means.

use std::ops::Range;

use psd_proto::{ServerMessage, json::AnyTypes};

use crate::{
    body,
    error::Error,
    socket::{Bytes, Text},
};

/// One envelope from the server: its headers, and its body as it came.
///
/// Cloning shares the frame it came in.
#[derive(Debug, Clone)]
pub struct Envelope {
    pub(crate) message_type: Box<str>,
    pub(crate) uuid: Option<Box<str>>,
    pub(crate) outcome: Option<Outcome>,
    /// The number that the server gave it; 0 for none.
    pub(crate) seq: u64,
    pub(crate) content: Content,
    /// How much memory it keeps, in bytes.
    pub(crate) weight: usize,
}

/// What the body is a part of.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// A frame, and where in it the body lies; empty when the envelope had none.
    Text(Text, Range<usize>),
    /// The body itself.
    Binary(Bytes),
}

/// A body as the server wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// One JSON value.
    Json(&'a str),
    /// Protobuf bytes, decompressed.
    Proto(&'a [u8]),
}

impl<'a> Body<'a> {
    /// The JSON value, if it is one.
    #[must_use]
    pub fn as_json(self) -> Option<&'a str> {
        match self {
            Self::Json(text) => Some(text),
            Self::Proto(_) => None,
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server handled it.
    Success,
    /// The server refused it, or failed.
    Refused {
        /// The error code, where the server gave one.
        code: Option<i32>,
        /// The server's text.
        message: String,
    },
}

impl Envelope {
    /// The type of the message, such as `chat-sent`.
    #[must_use]
    pub fn message_type(&self) -> &str {
        &self.message_type
    }

    /// The identifier of the request that this answers; `None` for a push.
    #[must_use]
    pub fn uuid(&self) -> Option<&str> {
        self.uuid.as_deref()
    }

    /// How the request ended, when this is the last of its answers: an ack, or in v1 a reply that carries the result.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Whether this says how a request ended and nothing else.
    #[must_use]
    pub fn is_ack(&self) -> bool {
        self.outcome.is_some() && &*self.message_type == "ack"
    }

    /// The body as the server wrote it.
    #[must_use]
    pub fn body(&self) -> Body<'_> {
        match &self.content {
            Content::Text(frame, body) => Body::Json(match &frame[body.clone()] {
                "" => "{}",
                body => body,
            }),
            Content::Binary(body) => Body::Proto(body),
        }
    }

    /// The body as the message of its type; the type is not compared. A `google.protobuf.Any` may hold well-known types
    /// only.
    ///
    /// # Errors
    /// [`Error::Decode`].
    pub fn read<M: ServerMessage>(&self) -> Result<M, Error> {
        body::read(self, AnyTypes::default())
    }
}
