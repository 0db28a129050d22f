//! The one endpoint, which keeps a value for each connection.

use psd_core::Consumer;

/// `/ws`.
pub(crate) struct Demo;

impl Consumer for Demo {
    const PATH: &'static str = "/ws";
    type Session = String;
}
