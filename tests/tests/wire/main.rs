//! The classic protocol, frame by frame, against the demo server.
#![allow(clippy::unwrap_used, missing_docs)]

/// Every recorded conversation.
mod replay;
