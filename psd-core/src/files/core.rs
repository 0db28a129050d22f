//! What a server knows of its files.

use std::sync::Arc;

use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use tokio::sync::{OnceCell, Semaphore};

use super::{
    Files,
    hooks::AnyHooks,
    index::Index,
    locks::Locks,
    record::Record,
    slots::Slots,
    storage::{Backend, failed},
};
use crate::{
    Error, Guard, Settings,
    limits::{Bucket, Clock, Keyed},
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
    pub(crate) clock: Clock,
    pub(crate) rates: Keyed<Box<str>, Bucket>,
    /// So that uploads which begin together do not each find the room of all: one of a user at a time.
    pub(crate) starting: Keyed<Box<str>, tokio::sync::Mutex<()>>,
}

impl Core {
    /// # Errors
    /// The storage cannot be opened; text for start-up.
    pub(crate) fn open(files: Files, settings: &Settings) -> Result<Self, String> {
        Ok(Self {
            backend: files.storage.open(settings)?,
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
            writers: Arc::new(Semaphore::new(settings.upload_writers.min(Semaphore::MAX_PERMITS))),
            clock: Clock::new(),
            rates: Keyed::new(),
            starting: Keyed::new(),
        })
    }

    pub(crate) fn objects(&self) -> &dyn ObjectStore {
        self.backend.objects()
    }

    pub(crate) async fn save(&self, record: &Record, offset: u64) -> Result<(), Error> {
        let path = Record::path(record.id);
        let json = serde_json::to_vec(record)?;
        self.objects().put(&path, PutPayload::from(json)).await.map_err(|error| failed(&path, error))?;
        self.index.note(record, offset);
        Ok(())
    }
}
