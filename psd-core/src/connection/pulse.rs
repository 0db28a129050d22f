//! Whether the client is still there.
//!
//! A network that vanishes says nothing: the socket stays open, and only what does not come back tells. A v1 client has to
//! say something within each interval. A classic one need not, but every WebSocket library answers a ping by itself, those
//! of browsers and Flutter too, so one that has been silent for an interval is pinged.

use std::time::Duration;

use tokio::time::Instant;

use super::{Shared, control::heartbeat, frame};

/// Watches that a client says something from time to time.
pub(super) struct Pulse {
    /// When a v1 client was last heard.
    last: Instant,
    /// Whether a classic client was heard since the timer last rang: looking at the clock for each message costs more.
    heard: bool,
    /// Whether a classic client was pinged since it was last heard.
    pinged: bool,
    /// When to look at it next, if ever.
    next: Option<Instant>,
}

impl Pulse {
    pub(super) fn new(shared: &Shared) -> Self {
        let (now, interval) = (Instant::now(), shared.server.settings().heartbeat);
        let next = (!interval.is_zero()).then(|| now + interval);
        Self { last: now, heard: false, pinged: false, next }
    }

    /// The client has said something, at a time that is known of v1 clients.
    pub(super) fn beat(&mut self, at: Option<Instant>) {
        match at {
            Some(at) => self.last = at,
            None => self.heard = true,
        }
    }

    /// When to look at it next; `None` for never.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Closes the connection if the client seems gone. While nothing is read, nothing is missed, and a v1 client, whose
    /// heartbeats are not answered then, is told that the server is there.
    pub(super) fn look(&mut self, shared: &Shared, is_reading: bool) {
        let interval = shared.server.settings().heartbeat;
        self.next = match shared.dialect.is_v1() {
            true => self.look_at_v1(shared, is_reading, interval),
            false => self.look_at_classic(shared, is_reading, interval),
        };
    }

    /// When to look again; `None` when the connection closes.
    fn look_at_v1(&mut self, shared: &Shared, is_reading: bool, interval: Duration) -> Option<Instant> {
        let (now, limit) = (Instant::now(), interval * 2);
        if !is_reading {
            heartbeat(shared);
            self.last = now;
        } else if now.duration_since(self.last) >= limit {
            return close(shared);
        }
        Some((self.last + limit).min(now + interval).max(now + Duration::from_millis(1)))
    }

    fn look_at_classic(&mut self, shared: &Shared, is_reading: bool, interval: Duration) -> Option<Instant> {
        if std::mem::take(&mut self.heard) || !is_reading {
            self.pinged = false;
        } else if std::mem::replace(&mut self.pinged, true) {
            return close(shared);
        } else {
            shared.outbox.push_control(frame::PING, &[]);
        }
        Some(Instant::now() + interval)
    }
}

fn close(shared: &Shared) -> Option<Instant> {
    tracing::debug!(connection = %shared.id, "no heartbeat");
    shared.close(frame::HEARTBEAT_MISSED, "no heartbeat");
    None
}
