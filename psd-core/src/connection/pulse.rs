//! Whether the client is still there.
//!
//! A network that vanishes says nothing: the socket stays open, and only what does not come back tells. A v1 client has to
//! say something within each interval. A classic one need not, but every WebSocket library answers a ping by itself, those
//! of browsers and Flutter too, so one that has been silent for an interval is pinged.

use std::{future::Future as _, pin::Pin, task::Context, time::Duration};

use tokio::time::{Instant, Sleep};

use super::{Shared, control::heartbeat, frame};

/// Watches that a client says something from time to time.
#[derive(Default)]
pub(super) struct Pulse {
    /// When a v1 client was last heard.
    last: Option<Instant>,
    /// Whether a classic client was heard since the timer last rang: looking at the clock for each message costs more.
    heard: bool,
    /// Whether a classic client was pinged since it was last heard.
    pinged: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pulse {
    /// The client has said something, at a time that is known of v1 clients.
    pub(super) fn beat(&mut self, at: Option<Instant>) {
        match at {
            Some(at) => self.last = Some(at),
            None => self.heard = true,
        }
    }

    /// Closes the connection if the client seems gone. While nothing is read, nothing is missed, and a v1 client, whose
    /// heartbeats are not answered then, is told that the server is there.
    pub(super) fn poll(&mut self, shared: &Shared, is_reading: bool, context: &mut Context<'_>) {
        let interval = shared.server.settings().heartbeat;
        if interval.is_zero() {
            return;
        }
        let last = *self.last.get_or_insert_with(Instant::now);
        let mut timer = self.timer.take().unwrap_or_else(|| Box::pin(tokio::time::sleep(interval)));
        while timer.as_mut().poll(context).is_ready() {
            let next = match shared.dialect.is_v1() {
                true => self.look_at_v1(shared, is_reading, interval, last),
                false => self.look_at_classic(shared, is_reading, interval),
            };
            let Some(next) = next else { break };
            timer.as_mut().reset(next);
        }
        self.timer = Some(timer);
    }

    /// When to look again; `None` when the connection closes.
    fn look_at_v1(
        &mut self,
        shared: &Shared,
        is_reading: bool,
        interval: Duration,
        mut last: Instant,
    ) -> Option<Instant> {
        let (now, limit) = (Instant::now(), interval * 2);
        if !is_reading {
            heartbeat(shared);
            last = now;
            self.last = Some(now);
        } else if now.duration_since(last) >= limit {
            return close(shared);
        }
        Some((last + limit).min(now + interval).max(now + Duration::from_millis(1)))
    }

    fn look_at_classic(&mut self, shared: &Shared, is_reading: bool, interval: Duration) -> Option<Instant> {
        if std::mem::take(&mut self.heard) || !is_reading {
            self.pinged = false;
        } else if std::mem::replace(&mut self.pinged, true) {
            return close(shared);
        } else {
            shared.outbox.push_control(&frame::PING_FRAME);
        }
        Some(Instant::now() + interval)
    }
}

fn close(shared: &Shared) -> Option<Instant> {
    tracing::debug!(connection = %shared.id, "no heartbeat");
    shared.close(frame::HEARTBEAT_MISSED, "no heartbeat");
    None
}
