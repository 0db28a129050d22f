//! An object store: an upload is a multipart upload, and what makes no part yet an object of its own.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt as _, PutPayload,
    multipart::{MultipartStore, PartId},
    path::Path,
};

use super::{Backend, Claim, Sink, claims::Claims, failed};
use crate::{
    Error,
    auth::BoxFuture,
    files::{
        UploadId,
        record::{Parts, Record, data_path},
    },
};

/// Bytes of a part. S3 wants 5 MiB at least, and takes ten thousand parts.
const PART: u64 = 8 * 1024 * 1024;
const MOST_PARTS: u64 = 9_000;

pub(crate) struct Objects<S> {
    store: Arc<S>,
    claims: Claims<S>,
}

impl<S: ObjectStore + MultipartStore> Objects<S> {
    pub(crate) fn new(store: S) -> Self {
        Self::shared(Arc::new(store))
    }

    pub(crate) fn shared(store: Arc<S>) -> Self {
        Self { claims: Claims::new(store.clone()), store }
    }

    /// What waits behind the parts.
    async fn tail(&self, record: &Record, parts: &Parts) -> Result<Vec<Bytes>, Error> {
        if parts.tail == 0 {
            return Ok(Vec::new());
        }
        let path = tail_path(record.id, parts.stored());
        let tail = self.store.get_range(&path, 0..parts.tail).await.map_err(|error| failed(&path, error))?;
        Ok(vec![tail])
    }

    /// Those before it, too, that a writer left which was dropped.
    async fn remove_tails(&self, id: UploadId) -> Result<(), Error> {
        let folder = Path::from(format!("uploads/{id}"));
        let tails: Vec<_> =
            self.store.list(Some(&folder)).try_collect().await.map_err(|error| failed(&folder, error))?;
        for tail in tails.into_iter().filter(|tail| tail.location.as_ref().ends_with(".tail")) {
            self.delete(&tail.location).await?;
        }
        Ok(())
    }
}

/// Named by where it begins: while an upload grows, what is under one name only grows.
fn tail_path(id: UploadId, offset: u64) -> Path {
    Path::from(format!("uploads/{id}/{offset}.tail"))
}

fn parts_of(record: &Record) -> Result<&Parts, Error> {
    let missing = || Error::internal(format!("the upload {} was begun in another kind of storage", record.id));
    record.parts.as_ref().ok_or_else(missing)
}

impl<S: ObjectStore + MultipartStore> Backend for Objects<S> {
    fn objects(&self) -> &dyn ObjectStore {
        &*self.store
    }

    fn put<'a>(&'a self, object: &'a Path, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.store.put(object, PutPayload::from(bytes)).await.map(drop).map_err(|error| failed(object, error))
        })
    }

    fn create<'a>(&'a self, record: &'a mut Record) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let target = record.target();
            let upload = self.store.create_multipart(&target).await.map_err(|error| failed(&target, error))?;
            let needed = record.length.unwrap_or(record.limit).div_ceil(MOST_PARTS);
            record.parts = Some(Parts { upload, size: needed.max(PART), ..Parts::default() });
            Ok(())
        })
    }

    fn offset<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let parts = parts_of(record)?;
            Ok(parts.stored() + parts.tail)
        })
    }

    fn append<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<Box<dyn Sink>, Error>> {
        Box::pin(async move {
            let parts = parts_of(record)?;
            let waiting = self.tail(record, parts).await?;
            let waiting = Waiting { bytes: parts.tail, chunks: waiting };
            Ok(Box::new(Multipart {
                store: self.store.clone(),
                id: record.id,
                target: record.target(),
                synced: (parts.ids.len(), waiting.clone()),
                parts: parts.clone(),
                waiting,
                stale: Vec::new(),
            }) as Box<dyn Sink>)
        })
    }

    fn publish<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (parts, target) = (parts_of(record)?, record.target());
            let size = parts.stored() + parts.tail;
            let published = async {
                let tail = self.tail(record, parts).await?;
                let fails = |error| failed(&target, error);
                // A multipart upload has at least one part.
                if parts.ids.is_empty() {
                    self.store.put(&target, PutPayload::from_iter(tail)).await.map_err(fails)?;
                    let _ = self.store.abort_multipart(&target, &parts.upload).await; // Nothing is in it.
                    return Ok(());
                }
                let mut ids: Vec<_> = parts.ids.iter().map(|id| PartId { content_id: id.clone() }).collect();
                if !tail.is_empty() {
                    let tail = PutPayload::from_iter(tail);
                    ids.push(self.store.put_part(&target, &parts.upload, ids.len(), tail).await.map_err(fails)?);
                }
                self.store.complete_multipart(&target, &parts.upload, ids).await.map_err(fails)?;
                Ok(())
            };
            match published.await {
                Ok(()) => {}
                // Published before the server was killed?
                Err(error) => match self.store.head(&target).await {
                    Ok(meta) if meta.size == size => {}
                    _ => return Err(error),
                },
            }
            self.remove_tails(record.id).await
        })
    }

    fn claim<'a>(&'a self, id: UploadId) -> BoxFuture<'a, Result<Option<Box<dyn Claim>>, Error>> {
        Box::pin(self.claims.claim(id))
    }

    fn discard<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (parts, target) = (parts_of(record)?, record.target());
            // Stores say differently that there is none; what nobody completes is swept by the store's own rules, too.
            if let Err(error) = self.store.abort_multipart(&target, &parts.upload).await {
                tracing::debug!(upload = %record.id, %error, "a multipart upload was not aborted");
            }
            self.delete(&data_path(record.id)).await?;
            self.remove_tails(record.id).await
        })
    }

    fn delete<'a>(&'a self, object: &'a Path) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            match self.store.delete(object).await {
                Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
                Err(error) => Err(failed(object, error)),
            }
        })
    }
}

#[derive(Clone, Default)]
struct Waiting {
    bytes: u64,
    chunks: Vec<Bytes>,
}

impl Waiting {
    /// Takes the first bytes; there are so many.
    fn take(&mut self, bytes: u64) -> Vec<Bytes> {
        let (mut taken, mut left) = (Vec::new(), bytes);
        self.bytes -= bytes;
        while left > 0 && !self.chunks.is_empty() {
            let mut chunk = self.chunks.remove(0);
            let rest = chunk.split_off(usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len()));
            left -= chunk.len() as u64;
            taken.push(chunk);
            if !rest.is_empty() {
                self.chunks.insert(0, rest);
            }
        }
        taken
    }
}

/// Parts that are stored, and bytes that wait to be one.
struct Multipart<S> {
    store: Arc<S>,
    id: UploadId,
    target: Path,
    parts: Parts,
    waiting: Waiting,
    /// How many parts there were at the last `sync`, and what waited.
    synced: (usize, Waiting),
    stale: Vec<Path>,
}

impl<S: ObjectStore + MultipartStore> Sink for Multipart<S> {
    fn offset(&self) -> u64 {
        self.parts.stored() + self.waiting.bytes
    }

    fn write(&mut self, chunks: Vec<Bytes>) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.waiting.bytes += chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
            self.waiting.chunks.extend(chunks);
            while self.waiting.bytes >= self.parts.size {
                let part = PutPayload::from_iter(self.waiting.take(self.parts.size));
                let number = self.parts.ids.len();
                let stored = self.store.put_part(&self.target, &self.parts.upload, number, part).await;
                self.parts.ids.push(stored.map_err(|error| failed(&self.target, error))?.content_id);
            }
            Ok(())
        })
    }

    fn sync(&mut self) -> BoxFuture<'_, Result<Option<Parts>, Error>> {
        Box::pin(async move {
            if self.waiting.bytes > 0 {
                let path = tail_path(self.id, self.parts.stored());
                let tail = PutPayload::from_iter(self.waiting.chunks.iter().cloned());
                self.store.put(&path, tail).await.map_err(|error| failed(&path, error))?;
            }
            // The record names them no more since the sync before this one was noted.
            for tail in self.stale.drain(..) {
                let _ = self.store.delete(&tail).await; // Or it is swept.
            }
            if self.parts.tail > 0 && self.synced.0 != self.parts.ids.len() {
                self.stale.push(tail_path(self.id, self.parts.size * self.synced.0 as u64));
            }
            self.parts.tail = self.waiting.bytes;
            self.synced = (self.parts.ids.len(), self.waiting.clone());
            Ok(Some(self.parts.clone()))
        })
    }

    fn rewind(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.parts.ids.truncate(self.synced.0);
            self.waiting = self.synced.1.clone();
            Ok(())
        })
    }
}
