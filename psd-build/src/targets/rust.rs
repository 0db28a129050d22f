//! Rust: prost structures, their JSON codec, and the schema.

use crate::{Error, Schema};

/// The file that is written.
pub(crate) const FILE: &str = "messages.rs";

/// The `rust` object of the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The path by which generated code names psd-proto.
    pub(crate) runtime: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { runtime: "::psd_core::proto".to_owned() }
    }
}

/// The contents of [`FILE`].
pub(crate) fn generate(_schema: &Schema, _settings: &Settings) -> Result<String, Error> {
    Ok(String::new())
}
