//! Deferred work that its client may cancel by its request's uuid (v1).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::Shared;

/// The deferred work of a connection, by uuid. Held for one change.
#[derive(Default)]
pub(super) struct Deferred(Mutex<Works>);

#[derive(Default)]
struct Works {
    /// A client should not, but may, have several unfinished requests of one uuid.
    of_uuid: HashMap<Box<str>, Vec<(u64, CancellationToken)>>,
    /// Tells them apart.
    next: u64,
}

impl Deferred {
    fn add(&self, uuid: &str, token: CancellationToken) -> u64 {
        let mut works = self.lock();
        let number = works.next;
        works.next += 1;
        works.of_uuid.entry(uuid.into()).or_default().push((number, token));
        number
    }

    fn remove(&self, uuid: &str, number: u64) {
        let mut works = self.lock();
        if let Some(same) = works.of_uuid.get_mut(uuid) {
            same.retain(|(other, _)| *other != number);
            if same.is_empty() {
                works.of_uuid.remove(uuid);
            }
        }
    }

    /// Cancels all of this uuid. They are forgotten when they have ended: what begins under it meanwhile goes on.
    pub(super) fn cancel(&self, uuid: &str) {
        let works = self.lock();
        works.of_uuid.get(uuid).into_iter().flatten().for_each(|(_, token)| token.cancel());
    }

    fn lock(&self) -> MutexGuard<'_, Works> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What ends deferred work early: its client has gone, or cancels it. It can be cancelled until this is dropped.
pub(crate) struct Cancellation {
    token: CancellationToken,
    /// Where it is found, if it has a name.
    place: Option<(Arc<Shared>, Box<str>, u64)>,
}

impl Cancellation {
    /// Of the request with this uuid, if its client may cancel it.
    pub(crate) fn new(shared: &Arc<Shared>, uuid: Option<&str>) -> Self {
        let Some(uuid) = uuid.filter(|_| shared.dialect.is_v1()) else {
            return Self { token: shared.gone.token(), place: None };
        };
        let token = shared.gone.token().child_token();
        let number = shared.deferred.add(uuid, token.clone());
        Self { token, place: Some((shared.clone(), uuid.into(), number)) }
    }

    pub(crate) async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for Cancellation {
    fn drop(&mut self) {
        if let Some((shared, uuid, number)) = &self.place {
            shared.deferred.remove(uuid, *number);
        }
    }
}
