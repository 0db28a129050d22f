//! docs/TESTING.md: its application and its tests, as they stand there.
#![allow(clippy::unwrap_used, missing_docs)]

include!(concat!(env!("OUT_DIR"), "/testing.rs"));
