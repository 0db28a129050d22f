//! Rates of messages: of a connection, of a user over all connections, and of a message type.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    keyed::Keyed,
    rate::{Bucket, Clock, Rate},
};
use crate::{
    Error, Layer, RequestContext, Settings,
    connection::{Shared, frame},
};

/// The layer that refuses messages over a rate with 429, and closes a connection that goes on and on with 4429.
///
/// It is the first layer of every endpoint, so that a flood costs neither guards nor bodies; a new token is verified all the
/// same, until the connection is closed. A message that is over one rate still counts for those that were looked at before:
/// that of its connection when it arrives, and when its token, if it brings another, has been verified, those of its user.
pub(crate) struct MessageRates {
    clock: Clock,
    per_connection: Rate,
    per_user: Rate,
    refusals: Rate,
    /// Whether any message type has a rate of its own.
    has_types: bool,
    users: Keyed<Box<str>, Buckets>,
}

/// What a connection brings to the layer.
#[derive(Default)]
pub(crate) struct ConnectionRates {
    own: Buckets,
    refusals: Bucket,
    /// When the message that is being looked at arrived, until it has to wait; 0 for long ago.
    arrived: AtomicU64,
    /// What the user may send that was seen last, and how often the identity had changed by then; held for a look.
    user: Mutex<Option<(u32, Option<Arc<Buckets>>)>>,
}

impl ConnectionRates {
    /// The message that is being looked at has to wait before it goes on: what the clock said is of no use then.
    pub(crate) fn wait(&self) {
        self.arrived.store(0, Ordering::Relaxed);
    }
}

/// What one caller may send: all in all, and of each message type that has a rate.
#[derive(Default)]
struct Buckets {
    all: Bucket,
    /// As many as there are such types at most, and mostly none; held for a look.
    types: Mutex<Vec<(&'static str, Arc<Bucket>)>>,
}

impl MessageRates {
    /// `None` if nothing is limited.
    pub(crate) fn new(settings: &Settings, has_types: bool) -> Option<Self> {
        let (per_connection, per_user) = (settings.messages_per_connection, settings.messages_per_user);
        let is_needed = has_types || !per_connection.is_unlimited() || !per_user.is_unlimited();
        is_needed.then(|| Self {
            clock: Clock::new(),
            per_connection,
            per_user,
            refusals: settings.refusals_per_connection,
            has_types,
            users: Keyed::new(),
        })
    }

    /// Takes of what the user may send, and of what the caller, user or connection, may send of the type.
    fn take(&self, request: &RequestContext, rates: &ConnectionRates, now: u64) -> Result<(), Duration> {
        let shared = request.shared();
        let mut known = rates.user.lock().unwrap_or_else(PoisonError::into_inner);
        // Counted before the identity is looked at, so that a change of it is seen by the next message at the latest.
        let changes = shared.authentication_changes();
        if known.as_ref().is_none_or(|(at, _)| *at != changes) {
            *known = Some((changes, shared.identity().map(|identity| self.user(identity.user_id(), now))));
        }
        let user = known.as_ref().and_then(|(_, user)| user.as_deref());
        if let Some(user) = user {
            user.all.take(self.per_user, now)?;
        }
        if self.has_types
            && let Some(route) = request.route()
            && !route.rate.is_unlimited()
        {
            let caller = user.unwrap_or(&rates.own);
            caller.of_type(route.message.message_type).take(route.rate, now)?;
        }
        Ok(())
    }

    /// What a message over a rate is answered with.
    fn refusal(&self, shared: &Shared, now: u64, wait: Duration) -> Error {
        if shared.rates.refusals.take(self.refusals, now).is_err() {
            tracing::debug!(connection = %shared.id, "closed for too many messages");
            shared.close(frame::TOO_MANY, "too many messages");
        }
        Error::new(429, format!("too many messages: try again in {:.1} s", wait.as_secs_f64().max(0.1)))
    }

    /// What a user may send on all connections.
    fn user(&self, user_id: &str, now: u64) -> Arc<Buckets> {
        self.users.get(user_id.into(), |buckets| !buckets.is_full(now))
    }
}

impl Layer for MessageRates {
    fn arrive(&self, request: &RequestContext) -> Result<(), Error> {
        let (shared, now) = (request.shared(), self.clock.now());
        shared.rates.arrived.store(now, Ordering::Relaxed);
        shared.rates.own.all.take(self.per_connection, now).map_err(|wait| self.refusal(shared, now, wait))
    }

    fn asks_for_time(&self) -> bool {
        false
    }

    fn identified(&self, request: &RequestContext) -> Result<(), Error> {
        if self.per_user.is_unlimited() && !self.has_types {
            return Ok(());
        }
        let shared = request.shared();
        let now = match shared.rates.arrived.load(Ordering::Relaxed) {
            0 => self.clock.now(),
            just_now => just_now,
        };
        self.take(request, &shared.rates, now).map_err(|wait| self.refusal(shared, now, wait))
    }
}

impl Buckets {
    fn of_type(&self, message_type: &'static str) -> Arc<Bucket> {
        let mut types = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bucket)) = types.iter().find(|(known, _)| *known == message_type) {
            return bucket.clone();
        }
        let bucket = Arc::<Bucket>::default();
        types.push((message_type, bucket.clone()));
        bucket
    }

    fn is_full(&self, now: u64) -> bool {
        let types = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        self.all.is_full(now) && types.iter().all(|(_, bucket)| bucket.is_full(now))
    }
}
