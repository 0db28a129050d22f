//! What the server sends, before anybody has decided what it means.

use std::ops::Range;

use psd_proto::{ServerMessage, json::AnyTypes};

use crate::{body, error::Error, socket::Text};

/// One envelope from the server: its headers, and its body as JSON text.
///
/// Cloning shares the frame it came in.
#[derive(Debug, Clone)]
pub struct Envelope {
    pub(crate) message_type: Box<str>,
    pub(crate) uuid: Option<Box<str>>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) frame: Text,
    /// Where the body lies in the frame; empty when the envelope had none.
    pub(crate) body: Range<usize>,
}

/// How a request ended: the contents of its ack.
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

    /// How the request ended, when this is its ack.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// The body as the server wrote it: one JSON value.
    #[must_use]
    pub fn body(&self) -> &str {
        match &self.frame[self.body.clone()] {
            "" => "{}",
            body => body,
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

    /// How much memory it keeps, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.frame.len()
    }
}
