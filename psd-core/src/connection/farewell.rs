//! How a connection goes when the server shuts down, so that not all clients come back in the same moment.

use std::{future::Future as _, pin::Pin, task::Context, time::Duration};

use psd_proto::common::psd::v1::Drain;
use tokio::time::Sleep;

use super::{Shared, control::milliseconds};

/// A v1 client is told when to come back, and goes as soon as it is idle. A classic one cannot be told and comes back as
/// soon as it is closed: it keeps its connection for as long.
#[derive(Default)]
pub(super) enum Farewell {
    #[default]
    NotYet,
    Waiting(Pin<Box<Sleep>>),
    Due,
}

impl Farewell {
    /// Whether the time of the connection has come.
    pub(super) fn poll(&mut self, shared: &Shared, context: &mut Context<'_>) -> bool {
        if matches!(self, Self::NotYet) {
            let settings = shared.server.settings();
            let window = settings.reconnect_window;
            if shared.dialect.is_v1() {
                let reconnect_after_ms = milliseconds(within(window));
                let _ = shared.send(&Drain { reconnect_after_ms, reason: "the server is restarting".into() }, None);
                *self = Self::Due;
            } else {
                // After the drain timeout all that is left is closed at once.
                *self = Self::Waiting(Box::pin(tokio::time::sleep(within(window.min(settings.drain_timeout)))));
            }
        }
        if let Self::Waiting(timer) = self
            && timer.as_mut().poll(context).is_ready()
        {
            *self = Self::Due;
        }
        matches!(self, Self::Due)
    }
}

/// A random time within the window.
fn within(window: Duration) -> Duration {
    window.mul_f64(rand::random_range(0.0..1.0))
}
