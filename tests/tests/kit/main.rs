//! The test kit, `psd_core::test`: what applications test themselves with. A module a topic.
#![allow(clippy::unwrap_used, missing_docs)]

/// The handlers that the other modules call: those of the runtime's tests.
#[path = "../runtime/app.rs"]
#[allow(dead_code)]
mod app;
/// What a test is told when something else comes.
mod failures;
/// What clients and networks do wrong.
mod faults;
/// Requests, replies and pushes, in every dialect.
mod talk;
/// Deadlines, expiry, heartbeats and threads in paused time.
mod time;
