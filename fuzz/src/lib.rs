//! What is fuzzed, and with what. README.md says how to run it.

pub mod memory;
pub mod mutate;
/// The messages of psd-build's tests: every kind of field.
#[allow(missing_docs)]
#[rustfmt::skip]
#[path = "../../psd-build/tests/rust/pb.rs"]
mod pb;
pub mod targets;
