//! The `psd` binary as its users see it: exact output and exit codes.
#![allow(clippy::unwrap_used)]

mod fixture;

// psd call: replies, pushes, acks, and how it ends.
mod call;
// psd listen: pushes, filters, reconnects and ctrl-c.
mod listen;
// Beginning a server from a project of the original.
mod migrate;
// v1 and --trace, against the demo server.
mod dialects;
// psd check and psd routes: what a contract says, and what is wrong with it.
mod contract;
// psd generate: what is written, kept and removed, and where.
mod generate;
// psd token: issue, inspect, verify.
mod token;
// What is refused before anything is sent, and the help.
mod usage;
// psd user: accounts in the embedded store.
mod user;
