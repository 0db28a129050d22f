//! The endpoints.

use psd_core::{Connection, Consumer, Identity};

/// `BaseConsumer`, api/consumers.py:10.
pub struct BaseConsumer;

impl Consumer for BaseConsumer {
    const PATH: &'static str = "/ws/";
    type Session = ();

    fn default_groups(_: &Connection) -> Vec<String> {
        vec!["everybody".to_owned()]
    }

    async fn on_authenticated(_: Connection, _: Identity) {
        // self.add_group(f"user-{self.user.pk}")
    }
}

/// `OfficeConsumer`, api/consumers.py:22.
pub struct OfficeConsumer;

impl Consumer for OfficeConsumer {
    const PATH: &'static str = "/office";
    type Session = ();
}

/// `OldConsumer`, legacy/receivers.py:13.
pub struct OldConsumer;

impl Consumer for OldConsumer {
    const PATH: &'static str = "/ws";
    type Session = ();
}
