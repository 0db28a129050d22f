//! The runtime's promises, over real sockets: a module a topic.
#![allow(clippy::unwrap_used, missing_docs)]

/// The handlers that the other modules call.
mod app;
/// Endpoints on their own paths, their hooks, groups and sessions.
mod consumers;
/// `Continue`: later, elsewhere, detached, and without workers.
mod deferred;
/// Slow readers, shutting down, being thrown out.
mod endings;
/// Behind proxies, by Unix sockets, and several ways in at once.
mod entrances;
/// Groups, users, and who gets what.
mod groups;
/// Everything a handler may take and return.
mod handlers;
/// Who one is when a connection opens, and endpoints that want to know.
mod handshake;
/// Handshakes that come at once, in pieces, or are none.
mod heads;
/// Clients that read late, ping without end, or come with tokens that nobody can verify.
mod hostile;
/// Hooks around every request: their order, every end once, refusals, what they attach.
mod layers;
/// Shutting down, clients that vanish, and running out of files.
mod lifecycle;
/// Rates, sizes and numbers, and what exceeding them does.
mod limits;
/// `login`, `refresh-token`, `revoke-token`, and what they cost.
mod login;
/// Handlers that panic, hang or lose their client.
mod mishaps;
/// Inside somebody else's axum application.
mod mounted;
/// What a server counts, and what its logs are found by.
mod observed;
/// One ack a request, replies in order, under load.
mod order;
/// What long work says about itself, and whether it learns that nobody waits.
mod progress;
/// What becomes of publications for clients that read too slowly.
mod slow;
/// `wss`, and certificates that change.
mod tls;
/// Tokens for those whom the application knows by other means, over HTTP.
mod token_endpoint;
/// What a token does to a connection.
mod tokens;
/// Sockets that are not WebSockets, or not yet: floods of them, and what everybody else notices.
mod visitors;
