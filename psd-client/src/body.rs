//! Typed bodies to bytes and back, in JSON and in protobuf.

use psd_proto::{
    Message,
    json::{self, AnyTypes, Names, ReadOptions, WriteOptions},
};

use crate::{
    dialect::{Dialect, Recode},
    envelope::{self, Envelope},
    error::Error,
};

/// The body of a message on its way to the server.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// One JSON object.
    Json(Vec<u8>),
    /// Protobuf bytes.
    Proto(Vec<u8>),
}

impl Body {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Json(bytes) | Self::Proto(bytes) => bytes.len(),
        }
    }

    /// Whether a dialect takes it as it is.
    pub(crate) fn fits(&self, dialect: Dialect) -> bool {
        matches!(self, Self::Proto(_)) == dialect.is_binary()
    }

    pub(crate) fn json(&self) -> Result<&[u8], String> {
        match self {
            Self::Json(bytes) => Ok(bytes),
            Self::Proto(_) => Err("a body in protobuf cannot be sent to a server that speaks JSON".to_owned()),
        }
    }

    pub(crate) fn proto(&self) -> Result<&[u8], String> {
        match self {
            Self::Proto(bytes) => Ok(bytes),
            Self::Json(_) => Err("a body in JSON cannot be sent to a server that speaks protobuf".to_owned()),
        }
    }
}

/// Writes a body in the form of a dialect.
pub(crate) fn write<M: Message>(message: &M, dialect: Dialect, types: AnyTypes) -> Result<Body, json::Error> {
    if dialect.is_binary() {
        return Ok(Body::Proto(message.encode_to_vec()));
    }
    // A server reads every spelling; classic names are what servers before psd know.
    let names = if dialect.is_v1() { Names::Proto3 } else { Names::Classic };
    let mut out = Vec::new();
    json::write(message, &mut out, &WriteOptions { names, types })?;
    Ok(Body::Json(out))
}

/// [`Recode`] for a message: what waits for a connection may meet one that speaks another dialect than the last.
pub(crate) fn recode<M: Message>() -> Recode {
    |body, types| match body {
        Body::Proto(bytes) => write(&M::decode(&**bytes).unwrap_or_default(), Dialect::V1Json, types),
        Body::Json(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let message: M = json::read(&text, &ReadOptions { types, ..ReadOptions::default() })?;
            write(&message, Dialect::V1Proto, types)
        }
    }
}

/// Reads the body of an envelope. A server that knows more fields than we do is a newer one, and no mistake.
pub(crate) fn read<M: Message>(envelope: &Envelope, types: AnyTypes) -> Result<M, Error> {
    let decode_error = |reason: String| Error::Decode { message_type: envelope.message_type().to_owned(), reason };
    match envelope.body() {
        envelope::Body::Json(text) => {
            let options = ReadOptions { ignore_unknown: true, types, ..ReadOptions::default() };
            json::read(text, &options).map_err(|error| decode_error(error.with_root("body").to_string()))
        }
        envelope::Body::Proto(bytes) => M::decode(bytes).map_err(|error| decode_error(format!("body: {error}"))),
    }
}
