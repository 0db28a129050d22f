//! Contracts in, schema or diagnostics out.

#![allow(clippy::unwrap_used)]

/// A folder of .proto files that exists while a test runs.
mod folder;
/// Contracts that are right, and what they become.
mod schema;
