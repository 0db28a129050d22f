//! Typed bodies to JSON text and back.

use psd_proto::{
    Message,
    json::{self, AnyTypes, Names, ReadOptions, WriteOptions},
};

use crate::{envelope::Envelope, error::Error};

/// Appends a body.
pub(crate) fn write<M: Message>(message: &M, out: &mut Vec<u8>, types: AnyTypes) -> Result<(), json::Error> {
    // The server reads every spelling; this is the one that the clients in the field use.
    json::write(message, out, &WriteOptions { names: Names::Classic, types })
}

/// Reads the body of an envelope. A server that knows more fields than we do is a newer one, and no mistake.
pub(crate) fn read<M: Message>(envelope: &Envelope, types: AnyTypes) -> Result<M, Error> {
    let options = ReadOptions { ignore_unknown: true, types, ..ReadOptions::default() };
    json::read(envelope.body(), &options).map_err(|error| Error::Decode {
        message_type: envelope.message_type().to_owned(),
        reason: error.with_root("body").to_string(),
    })
}
