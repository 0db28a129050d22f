//! The dialects a connection may speak; nothing else in the runtime knows what a message looks like on the wire.

use std::{borrow::Cow, sync::LazyLock};

use psd_proto::{
    ClientMessage, ServerMessage,
    envelope::{Envelope, EnvelopeError, classic},
    json::{self, AnyTypes, Names, ReadOptions, WriteOptions},
};

use crate::{Error, receiver::schemas};

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// JSON text frames, as the clients in the field know them.
    Classic,
}

impl Dialect {
    /// Reads headers and the extent of the body; the body itself stays undecoded.
    pub(crate) fn read_envelope(self, text: &str) -> Result<Envelope<'_>, EnvelopeError> {
        match self {
            Self::Classic => classic::read(text),
        }
    }

    /// Decodes a body.
    pub(crate) fn read_body<M: ClientMessage>(self, body: &str, depth: u32) -> Result<M, Error> {
        let options = match self {
            Self::Classic => ReadOptions { ignore_unknown: true, depth, objects_for_well_known: true, types: *TYPES },
        };
        json::read(body, &options).map_err(|error| Error::new(400, error.with_root("body").to_string()))
    }

    /// Appends a message in its envelope.
    pub(crate) fn write_message<M: ServerMessage>(
        self,
        buffer: &mut Vec<u8>,
        message: &M,
        uuid: Option<&str>,
    ) -> Result<(), Error> {
        match self {
            Self::Classic => {
                let options = WriteOptions { names: Names::Classic, types: *TYPES };
                classic::write(buffer, M::INFO.message_type, uuid, |buffer| json::write(message, buffer, &options))
                    .map_err(|error| Error::internal(format!("`{}` has no JSON form: {error}", M::INFO.full_name)))
            }
        }
    }

    /// Appends an ack: of success, or of an error with its text and code.
    pub(crate) fn write_ack(self, buffer: &mut Vec<u8>, uuid: Option<&str>, error: Option<(&str, Option<i32>)>) {
        match self {
            Self::Classic => classic::write_ack(buffer, uuid, error),
        }
    }
}

/// Every type that `google.protobuf.Any` may hold in JSON: those of all registered schemas.
static TYPES: LazyLock<AnyTypes> = LazyLock::new(|| AnyTypes::of(&schemas().collect::<Vec<_>>()));

/// Keeps what outlives the frame an envelope was read from.
pub(crate) fn owned(text: Option<&Cow<'_, str>>) -> Option<Box<str>> {
    text.map(|text| Box::from(text.as_ref()))
}
