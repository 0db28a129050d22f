//! Shutting down: from the wish to the last connection's end.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::timeout;

use crate::Server;

/// How long connections get to write their last words once the server waits for nothing else.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);

impl Server {
    /// Begins to shut down, and returns at once.
    ///
    /// From now on the server is not ready ([`is_ready`](Self::is_ready), `/readyz`). After the
    /// [`drain_delay`](crate::Settings::drain_delay) its ports close, what the server has of requests is answered, and
    /// every connection that is idle closes with code 1012: clients of v1 are told when to come back, classic ones are
    /// closed one after another, both within the [`reconnect_window`](crate::Settings::reconnect_window). What still
    /// runs after the [`drain_timeout`](crate::Settings::drain_timeout) is answered with code 503.
    ///
    /// Called outside of a tokio runtime it does not wait for the delay.
    pub fn shut_down(&self) {
        if self.0.leaving.is_cancelled() {
            return;
        }
        self.0.leaving.cancel();
        let delay = self.0.settings.drain_delay;
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if !delay.is_zero() => {
                let server = self.clone();
                drop(runtime.spawn(async move {
                    let () = tokio::time::sleep(delay).await;
                    server.close_ports();
                }));
            }
            _ => self.close_ports(),
        }
    }

    fn close_ports(&self) {
        self.0.is_draining.store(true, Ordering::Release);
        self.0.draining.cancel();
    }

    /// Whether ports close and connections go.
    pub(crate) fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Acquire)
    }

    /// Shuts down without waiting: what runs is answered with code 503, and every connection closes.
    pub fn shut_down_now(&self) {
        self.0.leaving.cancel();
        self.close_ports();
        self.0.halting.cancel();
    }

    /// Whether new clients should be sent here: not any more when the server is about to shut down.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.0.leaving.is_cancelled()
    }

    /// Shuts down and waits until every connection has gone: for programs that serve
    /// [`into_router`](Self::into_router) by themselves. [`Listening::run`](crate::Listening::run) does it on its own.
    ///
    /// Work that is [detached](crate::Continue::detached) is waited for as well, since its clients were told that it is
    /// done. Dropping the future leaves the server shutting down, without its time limit.
    pub async fn drain(&self) {
        self.shut_down();
        self.0.draining.cancelled().await;
        self.nudge();
        self.0.connections.close();
        let halted = tokio::select! {
            () = self.0.connections.wait() => return,
            () = self.0.halting.cancelled() => true,
            () = tokio::time::sleep(self.0.settings.drain_timeout) => false,
        };
        if !halted {
            tracing::warn!(connections = self.0.hub.connections().len(), "the drain timeout has passed");
        }
        self.0.halting.cancel();
        self.nudge();
        if timeout(LAST_WORDS, self.0.connections.wait()).await.is_ok() {
            return;
        }
        for connection in self.0.hub.connections() {
            connection.kill();
        }
        // The tasks end at their next poll, unless a handler blocks its thread.
        if timeout(LAST_WORDS, self.0.connections.wait()).await.is_err() {
            tracing::warn!(tasks = self.0.connections.len(), "shut down although not everything has ended");
        }
    }

    fn nudge(&self) {
        for connection in self.0.hub.connections() {
            connection.nudge();
        }
    }
}
