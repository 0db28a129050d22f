//! Claims in an object store: an object that whoever has claimed an upload writes again and again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, path::Path,
};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Claim, failed};
use crate::{Error, auth::BoxFuture, files::UploadId};

/// How often whoever has a claim says so again.
const BEAT: Duration = Duration::from_secs(2);

/// How long another server must have seen nothing of that before it takes over. It measures by its own clock: those of
/// different machines need not agree.
pub(super) const LEASE: Duration = Duration::from_secs(8);

/// Claims of one upload, each above one of a server that is gone.
const MOST: usize = 100;

/// Observations from so many on are looked through for old ones.
const MANY: usize = 256;

pub(super) struct Claims<S> {
    store: Arc<S>,
    /// What others have been seen to say, and since when they say it.
    seen: Mutex<HashMap<Path, (Bytes, Instant)>>,
}

impl<S: ObjectStore> Claims<S> {
    pub(super) fn new(store: Arc<S>) -> Self {
        Self { store, seen: Mutex::default() }
    }

    /// As [`Backend::claim`](super::Backend::claim).
    pub(super) async fn claim(&self, id: UploadId) -> Result<Option<Box<dyn Claim>>, Error> {
        let mut paths = Vec::new();
        for number in 0..MOST {
            let path = Path::from(format!("uploads/{id}/{number}.claim"));
            paths.push(path.clone());
            let name = UploadId::random();
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            match self.store.put_opts(&path, beat(name, 0), options).await {
                Ok(_) => return Ok(Some(Box::new(Kept::new(self.store.clone(), paths, name)))),
                Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {}
                Err(error) => return Err(failed(&path, error)),
            }
            let get = async { self.store.get(&path).await?.bytes().await };
            match get.await {
                Ok(said) if self.is_gone(&path, &said) => {}
                Ok(_) | Err(StoreError::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(failed(&path, error)),
            }
        }
        Ok(None)
    }

    /// Whether a claim has said the same for so long that nobody has it.
    fn is_gone(&self, path: &Path, said: &Bytes) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MANY {
            seen.retain(|_, (_, since)| since.elapsed() < LEASE * 100);
        }
        match seen.get(path) {
            Some((before, since)) if before == said => since.elapsed() >= LEASE,
            _ => {
                seen.insert(path.clone(), (said.clone(), Instant::now()));
                false
            }
        }
    }
}

fn beat(name: UploadId, number: u64) -> PutPayload {
    PutPayload::from(format!("{name} {number}"))
}

/// A claim that is kept until it is let go.
struct Kept {
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Kept {
    fn new<S: ObjectStore>(store: Arc<S>, paths: Vec<Path>, name: UploadId) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let last = paths.last().into_iter();
            for number in 1.. {
                if stopped.run_until_cancelled(tokio::time::sleep(BEAT)).await.is_none() {
                    break;
                }
                for path in last.clone() {
                    if let Err(error) = store.put(path, beat(name, number)).await {
                        tracing::warn!(object = %path, %error, "the end of an upload may be taken for forgotten");
                    }
                }
            }
            // With those of servers that are gone. What stays is swept.
            for path in &paths {
                let _ = store.delete(path).await;
            }
        });
        Self { stop, task: Some(task) }
    }
}

impl Claim for Kept {
    fn release(mut self: Box<Self>, _: bool) -> BoxFuture<'static, ()> {
        self.stop.cancel();
        let task = self.task.take();
        Box::pin(async move {
            if let Some(task) = task {
                let _ = task.await; // It cannot fail but with the runtime.
            }
        })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
