//! The JSON codec without generated code; `psd-tests` has the tests of generated messages.
#![allow(clippy::unwrap_used)]

// What is JSON, compared with serde_json.
mod grammar;
// Values, numbers, structure, skipping, limits.
mod reader;
// Well-known types, both ways.
mod well_known;
// Strings, numbers, structure.
mod writer;
