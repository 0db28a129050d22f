//! A message on its way to many connections: encoded once for each dialect that somebody speaks.

use std::cell::OnceCell;

use psd_proto::ServerMessage;

use crate::{
    Error,
    codec::{Dialect, SharedMessage},
};

pub(crate) struct Publication<'a> {
    encode: Box<dyn Fn(Dialect) -> Result<SharedMessage, Error> + 'a>,
    classic: OnceCell<SharedMessage>,
    v1_json: OnceCell<SharedMessage>,
    v1_proto: OnceCell<SharedMessage>,
    v1_proto_compressed: OnceCell<SharedMessage>,
}

impl<'a> Publication<'a> {
    pub(crate) fn new<M: ServerMessage>(message: &'a M) -> Self {
        Self {
            encode: Box::new(move |dialect| dialect.share(message)),
            classic: OnceCell::new(),
            v1_json: OnceCell::new(),
            v1_proto: OnceCell::new(),
            v1_proto_compressed: OnceCell::new(),
        }
    }

    /// What connections of a dialect share of it. Compressed, it is compressed once: the threshold is the server's.
    pub(crate) fn shared(&self, dialect: Dialect) -> Result<&SharedMessage, Error> {
        let shared = match dialect {
            Dialect::Classic => &self.classic,
            Dialect::V1Json => &self.v1_json,
            Dialect::V1Proto { compress_from: None } => &self.v1_proto,
            Dialect::V1Proto { compress_from: Some(_) } => &self.v1_proto_compressed,
        };
        match shared.get() {
            Some(bytes) => Ok(bytes),
            None => {
                let bytes = (self.encode)(dialect)?;
                Ok(shared.get_or_init(|| bytes))
            }
        }
    }
}
