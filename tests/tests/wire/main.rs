//! The classic protocol, frame by frame, against the demo server.
#![allow(clippy::unwrap_used, missing_docs)]

/// What no well-behaved client sends.
mod malformed;
/// Random changes of recorded frames.
mod mutations;
/// Frames in fragments, and in any pieces.
mod pieces;
/// Every recorded conversation.
mod replay;
