//! One at a time for each upload, and the last to come goes first.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use super::UploadId;
use crate::Error;

/// How long whoever comes waits for the one before to let go.
const PATIENCE: Duration = Duration::from_secs(10);

/// The uploads that somebody works with.
///
/// A client whose network was lost comes back while its old request still waits for bytes that will never come: the old
/// one is told to stop, and the new one goes on.
#[derive(Default)]
pub(crate) struct Locks(Arc<Mutex<HashMap<UploadId, Arc<Lock>>>>);

#[derive(Default)]
struct Lock {
    held: Arc<tokio::sync::Mutex<()>>,
    waiting: AtomicUsize,
    /// Of the one that holds it.
    stop: Mutex<CancellationToken>,
}

/// An upload that nobody else works with.
pub(crate) struct Held {
    id: UploadId,
    locks: Arc<Mutex<HashMap<UploadId, Arc<Lock>>>>,
    /// Says that it is needed still.
    lock: Arc<Lock>,
    /// `None` once it is let go.
    guard: Option<OwnedMutexGuard<()>>,
    stop: CancellationToken,
}

impl Locks {
    /// Takes an upload for oneself, and tells whoever has it to stop.
    ///
    /// # Errors
    /// Code 423 if it is not let go of in ten seconds.
    pub(crate) async fn take(&self, id: UploadId) -> Result<Held, Error> {
        let lock = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone();
        let waits = Waits::new(&lock);
        lock.stop.lock().unwrap_or_else(PoisonError::into_inner).cancel();
        let guard = tokio::time::timeout(PATIENCE, lock.held.clone().lock_owned()).await;
        drop(waits);
        let Ok(guard) = guard else {
            return Err(Error::new(423, "another request works with this upload: try again later"));
        };
        Ok(self.held(id, lock, guard))
    }

    /// Takes an upload that nobody has, which disturbs nobody.
    pub(crate) fn try_take(&self, id: UploadId) -> Option<Held> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = locks.entry(id).or_default().clone();
        let guard = lock.held.clone().try_lock_owned().ok()?;
        Some(self.held(id, lock, guard))
    }

    fn held(&self, id: UploadId, lock: Arc<Lock>, guard: OwnedMutexGuard<()>) -> Held {
        let stop = CancellationToken::new();
        *lock.stop.lock().unwrap_or_else(PoisonError::into_inner) = stop.clone();
        // Whoever came meanwhile has told the one before.
        if lock.waiting.load(Ordering::SeqCst) > 0 {
            stop.cancel();
        }
        Held { id, locks: self.0.clone(), lock, guard: Some(guard), stop }
    }
}

impl Held {
    /// Returns when somebody else wants the upload.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.guard = None;
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody else has it or waits for it: there are the map's and this one.
        if Arc::strong_count(&self.lock) == 2 {
            locks.remove(&self.id);
        }
    }
}

struct Waits<'a>(&'a Lock);

impl<'a> Waits<'a> {
    fn new(lock: &'a Lock) -> Self {
        lock.waiting.fetch_add(1, Ordering::SeqCst);
        Self(lock)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_last_goes_first() {
        let (locks, id) = (Locks::default(), UploadId::random());
        let first = locks.take(id).await.expect("nobody has it");
        assert!(!first.stop().is_cancelled());
        let (second, ()) = tokio::join!(locks.take(id), async {
            first.stop().cancelled().await;
            drop(first);
        });
        let second = second.expect("the first has let go");
        assert!(locks.try_take(id).is_none() && !second.stop().is_cancelled(), "nobody is disturbed by trying");
        assert_eq!(locks.take(id).await.err().and_then(|error| error.code()), Some(423), "the second does not");
        drop(second);
        assert!(locks.try_take(id).is_some());
        assert!(locks.0.lock().expect("nobody panics with it").is_empty());
    }
}
