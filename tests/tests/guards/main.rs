//! Who may do what, and who may connect at all: a module a topic.
#![allow(clippy::unwrap_used, missing_docs)]

/// The handlers that the other modules call, and their guards.
mod app;
/// Guard functions of the application.
mod functions;
/// Rights that change while their owner is connected, and what ends with them.
mod identities;
/// Pages that may connect, and pages that may not.
mod origins;
/// What no log line and no `Debug` output may show.
mod secrets;
/// Every combination of rules and callers.
mod table;
/// To every connection of a user, and the end of them all.
mod users;
