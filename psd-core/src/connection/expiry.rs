//! The end of an identity whose token expires while its client is connected.

use std::{
    future::Future as _,
    pin::Pin,
    sync::Arc,
    task::Context,
    time::{Duration, SystemTime},
};

use psd_proto::common::authentication::TokenInvalid;
use tokio::time::{Instant, Sleep};

use super::Shared;
use crate::Identity;
use crate::metrics::TokenFailure;

/// Watches when the connection's identity ends.
///
/// Classic clients are told so, and are anonymous at once. v1 clients are told so, and keep their identity for the
/// grace, so that one that refreshes its token loses no request.
#[derive(Default)]
pub(super) struct Expiry {
    /// When the grace ends. In tokio's time, once the system's clock has been asked, so that a test may pause it.
    last: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    in_grace: bool,
}

impl Expiry {
    /// The identity has changed.
    pub(super) fn follow(&mut self, shared: &Shared, identity: Option<&Identity>) {
        let at = identity.and_then(Identity::expires_at);
        // Counted from the expiry: an identity that had expired when it came gets no second grace.
        let grace = if shared.dialect.is_v1() { shared.server.settings().token_grace } else { Duration::ZERO };
        self.last = at.and_then(|at| Instant::now().checked_add(until(at.checked_add(grace)?)));
        self.timer = at.map(|at| Box::pin(tokio::time::sleep(until(at))));
        self.in_grace = false;
    }

    /// Does what is due; `is_current` says whether the identity is still the one that is followed.
    pub(super) fn poll(&mut self, shared: &Arc<Shared>, is_current: bool, context: &mut Context<'_>) -> bool {
        if !self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(context).is_ready()) {
            return false;
        }
        self.timer = None;
        if !is_current {
            return true;
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
            self.timer = Some(Box::pin(tokio::time::sleep(left)));
            self.in_grace = true;
        }
        true
    }
}

fn until(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::now()).unwrap_or_default()
}
