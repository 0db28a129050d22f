//! A store that fails.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartId, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
    memory::InMemory,
    multipart::{MultipartStore, PartId},
    path::Path,
};

use crate::files::storage::{Backend, Kind, Storage, objects::Objects};

/// A store in memory that has so much room, and answers so often.
#[derive(Debug)]
pub(super) struct Faulty {
    inner: InMemory,
    pub(super) room: AtomicUsize,
    pub(super) answers: AtomicUsize,
}

impl Faulty {
    pub(super) fn new(room: usize, answers: usize) -> Arc<Self> {
        Arc::new(Self { inner: InMemory::new(), room: room.into(), answers: answers.into() })
    }

    pub(super) fn storage(self: &Arc<Self>) -> Storage {
        let backend: Arc<dyn Backend> = Arc::new(Objects::shared(self.clone()));
        Storage(Kind::Objects(backend, self.to_string()))
    }

    /// From now on all is well.
    pub(super) fn heal(&self) {
        self.room.store(usize::MAX, Ordering::SeqCst);
        self.answers.store(usize::MAX, Ordering::SeqCst);
    }

    fn answer(&self) -> StoreResult<()> {
        let left = |answers: usize| answers.checked_sub(1);
        match self.answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) {
            Ok(_) => Ok(()),
            Err(_) => Err(object_store::Error::Generic {
                store: "Faulty",
                source: io::Error::from(io::ErrorKind::ConnectionRefused).into(),
            }),
        }
    }

    fn take(&self, bytes: usize) -> StoreResult<()> {
        self.answer()?;
        let left = |room: usize| room.checked_sub(bytes);
        match self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) {
            Ok(_) => Ok(()),
            Err(_) => Err(object_store::Error::Generic {
                store: "Faulty",
                source: io::Error::from(io::ErrorKind::StorageFull).into(),
            }),
        }
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        self.take(payload.content_length())?;
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.answer()?;
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.answer()?;
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, StoreResult<Path>>) -> BoxStream<'static, StoreResult<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.answer()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.answer()?;
        self.inner.copy_opts(from, to, options).await
    }
}

#[async_trait]
impl MultipartStore for Faulty {
    async fn create_multipart(&self, path: &Path) -> StoreResult<MultipartId> {
        self.answer()?;
        self.inner.create_multipart(path).await
    }

    async fn put_part(&self, path: &Path, id: &MultipartId, number: usize, payload: PutPayload) -> StoreResult<PartId> {
        self.take(payload.content_length())?;
        self.inner.put_part(path, id, number, payload).await
    }

    async fn complete_multipart(&self, path: &Path, id: &MultipartId, parts: Vec<PartId>) -> StoreResult<PutResult> {
        self.answer()?;
        self.inner.complete_multipart(path, id, parts).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> StoreResult<()> {
        self.answer()?;
        self.inner.abort_multipart(path, id).await
    }
}
