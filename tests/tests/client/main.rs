//! The typed Rust client against the demo server, over real sockets.
#![allow(clippy::unwrap_used, missing_docs)]

/// One handler, three dialects; what only v1 has.
mod dialects;
/// Requests, pushes, tokens, and a server that comes back.
mod typed;
