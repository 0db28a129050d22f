//! What a server knows of its files.

use std::sync::Arc;

use bytes::Bytes;
use object_store::{ObjectStore, path::Path};
use sha2::{Digest as _, Sha256};
use tokio::sync::{OnceCell, Semaphore};

use super::{
    Files,
    hash::Checksum,
    hooks::AnyHooks,
    index::Index,
    locks::Locks,
    record::Record,
    slots::Slots,
    storage::Backend,
    work::{Work, steps},
};
use crate::{
    Error, Guard, Settings,
    limits::{Bucket, Clock, Keyed},
    metrics::{FileMetrics, StorageOperation},
};

/// What a server knows of files; [`FileService`](super::FileService) is what is done with it.
pub(crate) struct Core {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) hooks: Arc<dyn AnyHooks>,
    pub(crate) guard: Guard,
    pub(crate) upload_path: String,
    pub(crate) download_path: String,
    /// Where upload connections are opened besides.
    pub(crate) socket_path: Option<String>,
    pub(crate) slots: Slots,
    /// Signs links; from the storage, so that all servers have the same.
    pub(crate) key: OnceCell<[u8; 32]>,
    pub(crate) index: Index,
    /// Whether the index holds what was left by the process before.
    pub(crate) is_loaded: OnceCell<()>,
    pub(crate) locks: Locks,
    pub(crate) writers: Arc<Semaphore>,
    most_writers: usize,
    work: Arc<Work>,
    pub(crate) metrics: FileMetrics,
    pub(crate) clock: Clock,
    /// Of uploads that begin, by who begins them.
    pub(crate) rates: Keyed<Box<str>, Bucket>,
    /// Of requests over HTTP, by user and by address.
    pub(crate) requests: Keyed<Box<str>, Bucket>,
    /// So that uploads which begin together do not each find the room of all: one of a user at a time.
    pub(crate) starting: Keyed<Box<str>, tokio::sync::Mutex<()>>,
}

impl Core {
    /// # Errors
    /// The storage cannot be opened; text for start-up.
    pub(crate) fn open(files: Files, settings: &Settings) -> Result<Self, String> {
        if let Some(function) = files.guard.function {
            return Err(format!(
                "the guard of files names the function `{}`, which sees a message, and most that is asked about files is none: \
                 decide in `FileHooks::on_request`",
                function.name
            ));
        }
        let most_writers = settings.upload_writers.min(Semaphore::MAX_PERMITS);
        let work = Work::new().map_err(|error| format!("the system gives no threads to files: {error}"))?;
        let work = Arc::new(work);
        Ok(Self {
            backend: files.storage.open(settings, &work)?,
            work,
            hooks: files.hooks,
            guard: files.guard,
            upload_path: files.upload_path,
            download_path: files.download_path,
            socket_path: files.socket_path,
            slots: Slots::default(),
            key: OnceCell::new(),
            index: Index::default(),
            is_loaded: OnceCell::new(),
            locks: Locks::default(),
            writers: Arc::new(Semaphore::new(most_writers)),
            most_writers,
            metrics: FileMetrics::new(),
            clock: Clock::new(),
            rates: Keyed::new(),
            requests: Keyed::new(),
            starting: Keyed::new(),
        })
    }

    pub(crate) fn objects(&self) -> &dyn ObjectStore {
        self.backend.objects()
    }

    pub(crate) async fn save(&self, record: &Record, offset: u64) -> Result<(), Error> {
        self.put(&Record::path(record.id), serde_json::to_vec(record)?).await?;
        self.index.note(record, offset);
        Ok(())
    }

    /// Writes a small object.
    pub(crate) async fn put(&self, path: &Path, bytes: Vec<u8>) -> Result<(), Error> {
        self.metrics.timed(StorageOperation::Put, self.backend.put(path, bytes)).await
    }

    /// Adds bytes to the digests of an upload. They are of a few uploads at a time, on threads that may be busy, so that
    /// cores are left for what is short.
    pub(crate) async fn digest(
        &self,
        mut hash: Sha256,
        mut checksum: Option<Checksum>,
        chunks: Vec<Bytes>,
    ) -> Result<(Sha256, Option<Checksum>), Error> {
        let digest = self.work.busy(move || {
            for step in steps(&chunks) {
                hash.update(step);
                if let Some(checksum) = &mut checksum {
                    checksum.update(step);
                }
            }
            (hash, checksum)
        });
        digest.await
    }

    /// Uploads that are being written.
    pub(crate) fn writing(&self) -> usize {
        self.most_writers - self.writers.available_permits()
    }
}
