//! The classic protocol, frame by frame, against the demo server.
#![allow(clippy::unwrap_used, missing_docs)]

/// What no well-behaved client sends.
mod malformed;
/// Random changes of recorded frames.
mod mutations;
/// Every recorded conversation.
mod replay;
