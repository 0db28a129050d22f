//! The wire of psd: message traits, the JSON and binary codecs, envelopes and the common messages.
//!
//! Nothing here knows a socket, a runtime or a registry: bytes in, values out.

pub mod common;
pub mod envelope;
pub mod json;
mod message;
mod unknown;

pub use message::{
    CacheKey, CacheKeyKind, ClientMessage, Message, MessageInfo, Origin, Schema, ServerMessage, SourceLocation,
};
pub use unknown::UnknownFields;
pub use {prost, prost_types};
