//! Contracts in, schema or diagnostics out.
//!
//! The exact text of every diagnostic is a snapshot under `snapshots/`, with the contract that it is about.

#![allow(clippy::unwrap_used)]

/// docs/CONTRACT.md explains every mistake.
mod docs;

/// A folder of .proto files that exists while a test runs.
mod folder;

mod common;
/// The common messages, and clashes with them.
// What a change breaks.
mod compare;
/// `fps_config.json`: keys, folders, variables, and what is written.
mod config;
/// Mistakes of whole files: syntax, imports, names, several files at once.
mod files;
/// Mistakes in metadata, one contract each.
mod mistakes;
/// Contracts that nobody would write.
mod mutations;
/// What looks like metadata and is prose.
mod prose;
/// Contracts that are right, and what they become.
mod schema;
