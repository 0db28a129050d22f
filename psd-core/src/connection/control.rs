//! What a connection's task does that is no request: greeting, heartbeats, cancelling, and counting what it cannot
//! read.

use std::{
    future::Future as _,
    pin::Pin,
    task::Context,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use psd_proto::{
    common::{
        psd::v1::{Heartbeat, Welcome},
        socket_api::ProtocolError,
    },
    envelope::{Envelope, Outgoing, compression},
};
use tokio::time::{Instant, Sleep};

use super::{
    Shared, frame,
    uploads::{Upload, most_streams},
};
use crate::{
    codec::Dialect,
    limits::{Bucket, Clock},
    metrics::{self, Slowness},
};

/// What every message of v1 itself has at the beginning of its type.
const PREFIX: &str = "psd.";

/// A message of v1 itself, which no handler sees.
pub(crate) enum Control {
    Heartbeat,
    Cancel(String),
    /// About uploads over the connection; or why it cannot be read.
    Upload(Result<Box<Upload>, String>),
    /// Of a later version; it means nothing here.
    Unknown,
}

impl Control {
    pub(crate) fn of(shared: &Shared, envelope: &Envelope<'_>) -> Option<Self> {
        let name = envelope.message_type.strip_prefix(PREFIX).filter(|_| shared.dialect.is_v1())?;
        Some(match (name, &envelope.uuid) {
            ("heartbeat", _) => Self::Heartbeat,
            ("cancel", Some(uuid)) => Self::Cancel(uuid.clone().into_owned()),
            _ => Upload::of(shared, name, envelope.body).map_or(Self::Unknown, Self::Upload),
        })
    }

    /// Whether it comes after the requests that came before it.
    pub(crate) fn takes_turn(&self) -> bool {
        matches!(self, Self::Upload(Ok(upload)) if upload.takes_turn())
    }

    /// Whether it is bounded by more than its number.
    pub(super) fn is_bulk(&self) -> bool {
        matches!(self, Self::Upload(Ok(upload)) if upload.is_bulk())
    }
}

/// Greets a v1 client.
pub(super) fn welcome(shared: &Shared) {
    let settings = shared.server.settings();
    let compress_from = match shared.dialect {
        Dialect::V1Proto { compress_from } => compress_from,
        Dialect::V1Json => None,
        Dialect::Classic => return,
    };
    let welcome = Welcome {
        connection_id: shared.id.to_string(),
        session_id: String::new(),
        resume_token: String::new(),
        heartbeat_ms: milliseconds(settings.heartbeat),
        max_frame_bytes: u32::try_from(settings.max_frame_bytes).unwrap_or(u32::MAX),
        server_time: now(),
        compression: if compress_from.is_some() { compression::DEFLATE_RAW.into() } else { String::new() },
        compress_from: compress_from.map_or(0, |from| u32::try_from(from).unwrap_or(u32::MAX)),
        upload_streams: most_streams(shared),
    };
    let _ = shared.send(&welcome, None); // A client that is gone already is noticed by whoever reads from it.
}

/// Answers a heartbeat, and says how far the client was heard.
pub(super) fn heartbeat(shared: &Shared) {
    let outgoing = Outgoing { message_type: "psd.heartbeat", uuid: None, result: None, seen: shared.seen() };
    let _ = shared.send_as(&Heartbeat { server_time: now() }, &outgoing);
}

/// Watches that a client takes what waits for it.
#[derive(Default)]
pub(super) struct Stall {
    /// What the client had taken when the timer was set, and the timer.
    since: Option<(u64, Pin<Box<Sleep>>)>,
}

impl Stall {
    /// Closes the connection if something waits (it is not `flushed`) and the client has taken nothing for too long.
    pub(super) fn poll(&mut self, shared: &Shared, flushed: bool, context: &mut Context<'_>) {
        let timeout = shared.server.settings().write_timeout;
        if flushed || timeout.is_zero() || shared.outbox.closing().is_some() {
            self.since = None;
            return;
        }
        let written = shared.outbox.written_bytes();
        if self.since.as_ref().is_none_or(|(before, _)| *before != written) {
            self.since = Some((written, Box::pin(tokio::time::sleep(timeout))));
        }
        if let Some((_, timer)) = &mut self.since
            && timer.as_mut().poll(context).is_ready()
        {
            shared.server.0.metrics.slow_consumers.add(Slowness::Stalled);
            tracing::warn!(connection = %shared.id, "slow consumer: the client has stopped reading and is disconnected");
            shared.close(frame::SLOW_CONSUMER, "slow consumer");
        }
    }
}

/// Bounds what a client says that is no request.
#[derive(Default)]
pub(super) struct Chatter {
    clock: Option<Clock>,
    bucket: Bucket,
}

impl Chatter {
    /// Counts something; false if it was too much, and then the connection is closing.
    pub(super) fn may_go_on(&mut self, shared: &Shared) -> bool {
        let now = self.clock.get_or_insert_with(Clock::new).now();
        let is_fine = self.bucket.take(shared.server.settings().controls_per_connection, now).is_ok();
        if !is_fine {
            tracing::debug!(connection = %shared.id, "closed for too many control messages");
            shared.close(frame::TOO_MANY, "too many control messages");
        }
        is_fine
    }
}

/// Counts frames and envelopes that cannot be read, in windows of a minute.
#[derive(Default)]
pub(super) struct Unreadable {
    since: Option<Instant>,
    count: u32,
}

impl Unreadable {
    /// Tells the client what was wrong, or closes the connection when that has happened too often.
    pub(super) fn report(&mut self, shared: &Shared, reason: &str) {
        tracing::debug!(connection = %shared.id, reason, "an unreadable frame");
        metrics::add(&shared.server.0.metrics.unreadable, 1);
        let now = Instant::now();
        if self.since.is_none_or(|since| now.duration_since(since).as_secs() >= 60) {
            (self.since, self.count) = (Some(now), 0);
        }
        self.count += 1;
        if self.count <= shared.server.settings().protocol_errors_per_minute {
            let error = ProtocolError { error_message: reason.to_owned(), error_code: 400 };
            let _ = shared.send(&error, None);
        } else {
            shared.close(frame::UNREADABLE, "too many unreadable frames");
        }
    }
}

pub(super) fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
