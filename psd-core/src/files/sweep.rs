//! What nobody goes on with, and what the process before has left.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::{ObjectStoreExt as _, path::Path};

use super::{
    FileService, UploadId,
    record::{Record, Stage},
    storage::{TEMPORARY, failed},
    stored::now,
};
use crate::{Error, metrics::UploadFailure};

/// Objects that are looked at together.
const AT_ONCE: usize = 16;

/// How long the bytes of an upload are kept whose record cannot be found: it may be about to be written.
const ORPHAN_AGE: u64 = 60 * 60;

/// When a sweep comes back to uploads that other servers have claimed.
const CLAIMED: Duration = Duration::from_secs(10);

struct Swept {
    count: usize,
    is_claimed: bool,
}

/// What a sweep finds of an upload.
enum One {
    Kept,
    /// Another server is about to end it.
    Claimed,
    Swept,
}

impl FileService {
    /// Removes uploads that have expired, goes on with those that were being published when the server was killed, and
    /// returns how many there were of both. A server that listens does it by itself, every ten minutes or more often.
    ///
    /// # Errors
    /// The storage does not answer (code 503).
    pub async fn sweep(&self) -> Result<usize, Error> {
        self.sweep_all().await.map(|swept| swept.count)
    }

    async fn sweep_all(&self) -> Result<Swept, Error> {
        self.load().await?;
        let prefix = Path::from("uploads");
        let objects: Vec<_> =
            self.core.objects().list(Some(&prefix)).try_collect().await.map_err(|error| failed(&prefix, error))?;
        let upload_of = |path: &Path| path.parts().nth(1)?.as_ref().split('.').next()?.parse::<UploadId>().ok();
        let is_record = |path: &Path| path.filename().is_some_and(|name| name.ends_with(".json"));
        let mut records = std::collections::HashSet::new();
        let (mut count, mut is_claimed) = (0, false);
        for object in objects.iter().filter(|object| is_record(&object.location)) {
            let Some(id) = upload_of(&object.location) else { continue };
            records.insert(id);
            match self.sweep_one(id).await {
                Ok(One::Swept) => count += 1,
                Ok(One::Claimed) => is_claimed = true,
                Ok(One::Kept) => {}
                Err(error) => tracing::warn!(upload = %id, ?error, "an upload cannot be swept"),
            }
        }
        for object in objects.iter().filter(|object| !is_record(&object.location)) {
            let age = now().saturating_sub(object.last_modified.timestamp().try_into().unwrap_or(0));
            let is_temporary = object.location.as_ref().ends_with(TEMPORARY);
            let is_orphan = is_temporary || upload_of(&object.location).is_none_or(|id| !records.contains(&id));
            if is_orphan && age > ORPHAN_AGE {
                let _ = self.core.objects().delete(&object.location).await; // Or the next time.
                count += 1;
            }
        }
        self.core.metrics.swept(count);
        Ok(Swept { count, is_claimed })
    }

    async fn sweep_one(&self, id: UploadId) -> Result<One, Error> {
        // What somebody works with is not forgotten.
        let Some(held) = self.core.locks.try_take(id) else { return Ok(One::Kept) };
        let Some(record) = self.object::<Record>(&Record::path(id)).await? else { return Ok(One::Kept) };
        let is_expired = record.expires <= now();
        match record.stage {
            Stage::Publishing(_) => match self.core.backend.claim(id).await? {
                Some(claim) => self.conclude(id, held, claim).await.map(drop)?,
                None => return Ok(One::Claimed),
            },
            Stage::Open if is_expired => {
                self.discard(&record).await?;
                self.core.metrics.failed(UploadFailure::Expired);
            }
            Stage::Done { .. } if is_expired => self.discard(&record).await?,
            _ => return Ok(One::Kept),
        }
        Ok(One::Swept)
    }

    /// Sweeps for as long as it is polled.
    pub(crate) async fn follow(&self) {
        let interval = (self.settings().upload_expiry / 10).clamp(Duration::from_secs(5), Duration::from_secs(600));
        loop {
            let pause = match self.sweep_all().await {
                // By a server that is at it, or that was killed: that shows later.
                Ok(Swept { is_claimed: true, .. }) => interval.min(CLAIMED),
                Ok(_) => interval,
                Err(error) => {
                    tracing::warn!(?error, "uploads cannot be swept");
                    interval
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads what the process before has left, once.
    pub(crate) async fn load(&self) -> Result<(), Error> {
        let load = || async {
            let prefix = Path::from("uploads");
            let records = self.core.objects().list(Some(&prefix)).try_filter_map(|object| async move {
                let is_record = object.location.as_ref().ends_with(".json");
                Ok(is_record.then_some(object.location))
            });
            let records: Vec<Path> = records.try_collect().await.map_err(|error| failed(&prefix, error))?;
            let records = futures_util::stream::iter(records);
            let records = records.map(|path| async move { self.object::<Record>(&path).await });
            let mut records = records.buffer_unordered(AT_ONCE);
            while let Some(record) = records.next().await {
                // One that cannot be read must not keep all others from beginning.
                let Ok(Some(record)) = record else { continue };
                // What has become a file has no bytes here.
                let offset = match record.stage {
                    Stage::Done { size, .. } => size,
                    _ => self.core.backend.offset(&record).await.unwrap_or_default(),
                };
                self.core.index.note(&record, offset);
            }
            Ok(())
        };
        self.core.is_loaded.get_or_try_init(load).await.copied()
    }
}
