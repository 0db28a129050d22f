//! How messages become frames and frames become envelopes: one module per dialect of the wire.
//!
//! A dialect knows neither sockets nor requests. Today there is one, which a server speaks with a client that names no
//! subprotocol; a second one is a module beside it with the same functions.

pub(crate) mod classic;

/// What a client says besides the body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Headers<'a> {
    pub(crate) message_type: &'a str,
    pub(crate) uuid: &'a str,
    pub(crate) token: Option<&'a str>,
    /// Whether the server shall send an ack.
    pub(crate) ack: bool,
    /// Milliseconds since 1970.
    pub(crate) time: u64,
}
