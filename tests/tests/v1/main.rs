//! v1 over real sockets, against docs/PROTOCOL.md: a module a topic.
#![allow(clippy::unwrap_used, missing_docs)]

/// The result in the headers of the last answer; numbers.
mod answers;
/// The handlers that the other modules call: those of the runtime's tests.
#[path = "../runtime/app.rs"]
#[allow(dead_code)]
mod app;
/// 499 for requests wherever they are.
mod cancel;
/// Both ways, bombs, and what was not negotiated.
mod compression;
/// 408, and the future is dropped.
mod deadlines;
/// Heartbeats and the good-bye of a server.
mod life;
/// Frames and envelopes that are none.
mod mistakes;
/// What is offered, what is named, and who one is then.
mod opening;
/// One publication, three dialects.
mod publications;
/// Sessions: login, refresh, logout, and the grace.
mod sessions;
