//! A message on its way to many connections: encoded once for each dialect that somebody speaks.

use std::cell::OnceCell;

use bytes::Bytes;
use psd_proto::ServerMessage;

use crate::{Error, codec::Dialect, connection::text_frame};

pub(crate) struct Publication<'a> {
    encode: Box<dyn Fn(Dialect) -> Result<Bytes, Error> + 'a>,
    classic: OnceCell<Bytes>,
}

impl<'a> Publication<'a> {
    pub(crate) fn new<M: ServerMessage>(message: &'a M) -> Self {
        let encode = move |dialect: Dialect| {
            let mut buffer = Vec::new();
            dialect.write_message(&mut buffer, message, None)?;
            Ok(text_frame(&buffer))
        };
        Self { encode: Box::new(encode), classic: OnceCell::new() }
    }

    /// The whole frame for connections of a dialect.
    pub(crate) fn frame(&self, dialect: Dialect) -> Result<&Bytes, Error> {
        let frame = match dialect {
            Dialect::Classic => &self.classic,
        };
        match frame.get() {
            Some(bytes) => Ok(bytes),
            None => {
                let bytes = (self.encode)(dialect)?;
                Ok(frame.get_or_init(|| bytes))
            }
        }
    }
}
