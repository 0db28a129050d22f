//! The client against a server of the test, over streams in memory and paused time: every wait is exact and takes none.
#![allow(clippy::unwrap_used)]

mod fake;

// What goes over the wire, and how answers find their requests.
mod raw;
// Messages of the contract: send, fetch, subscribe.
mod typed;
// What breaks, and what happens then.
mod reconnect;
// Goodbyes, heartbeats and limits.
mod connection;
// Numbers, heartbeats, deadlines, cancelling, drain: what v1 asks of a client.
mod v1;
