//! The end of an identity whose token expires while its client is connected.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use psd_proto::common::authentication::TokenInvalid;
use tokio::time::Instant;

use super::Shared;
use crate::Identity;
use crate::metrics::TokenFailure;

/// Watches when the connection's identity ends.
///
/// Classic clients are told so, and are anonymous at once. v1 clients are told so, and keep their identity for the
/// grace, so that one that refreshes its token loses no request.
#[derive(Default)]
pub(super) struct Expiry {
    /// When the token expires, or the grace ends. In tokio's time, once the system's clock has been asked, so that a test may
    /// pause it.
    next: Option<Instant>,
    /// When the grace ends.
    last: Option<Instant>,
    in_grace: bool,
}

impl Expiry {
    /// The identity has changed.
    pub(super) fn follow(&mut self, shared: &Shared, identity: Option<&Identity>) {
        *self = Self::default();
        let Some(at) = identity.and_then(Identity::expires_at) else { return };
        // Counted from the expiry: an identity that had expired when it came gets no second grace.
        let grace = if shared.dialect.is_v1() { shared.server.settings().token_grace } else { Duration::ZERO };
        let (now, clock) = (Instant::now(), SystemTime::now());
        let time = |at: SystemTime| now.checked_add(at.duration_since(clock).unwrap_or_default());
        self.last = at.checked_add(grace).and_then(time);
        self.next = time(at);
    }

    /// When something is due next; `None` for never.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Does what is due; `is_current` says whether the identity is still the one that is followed.
    pub(super) fn come(&mut self, shared: &Arc<Shared>, is_current: bool) {
        self.next = None;
        if !is_current {
            return;
        }
        let left = self.last.map_or(Duration::ZERO, |last| last.saturating_duration_since(Instant::now()));
        tracing::debug!(connection = %shared.id, ?left, "the token has expired");
        if self.in_grace || left.is_zero() {
            shared.server.0.metrics.refused_tokens.add(TokenFailure::Expired);
            let _ = shared.send(&TokenInvalid::default(), None);
            shared.authenticate(None, None);
        } else {
            let grace_ms = u32::try_from(left.as_millis()).unwrap_or(u32::MAX).max(1);
            let _ = shared.send(&TokenInvalid { grace_ms }, None);
            self.next = self.last;
            self.in_grace = true;
        }
    }
}
