//! Where bytes are kept: a folder, or an object store.
//!
//! | object | what |
//! | --- | --- |
//! | `files/<key>` | a file |
//! | `infos/<key>` | what is known of it; a file is there when this is |
//! | `owners/<owner>/<upload>-<size>` | says that a file is somebody's, for quotas |
//! | `uploads/<upload>.json` | the record of an upload |
//! | `uploads/<upload>.data` | in a folder: its bytes; elsewhere only those of a finished part of a file |
//! | `uploads/<id>.tmp` | in a folder: a small object on its way to its name |
//! | `uploads/<upload>.lock` | in a folder: locked by the server that ends the upload |
//! | `uploads/<upload>/<offset>.tail` | in an object store: bytes that make no part yet |
//! | `uploads/<upload>/<number>.claim` | in an object store: written again and again by the server that ends the upload |
//! | `key` | what links are signed with |

mod claims;
mod folder;
mod objects;
mod read;
#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf, sync::Arc};

use bytes::Bytes;
use object_store::{ObjectStore, memory::InMemory, multipart::MultipartStore, path::Path};

pub(crate) use folder::TEMPORARY;
pub(crate) use read::{ByteStream, read};

use super::{
    UploadId,
    record::{Parts, Record},
    work::Work,
};
use crate::{Error, Settings, auth::BoxFuture};

/// Where files are kept.
#[derive(Clone)]
pub struct Storage(Kind);

#[derive(Clone)]
enum Kind {
    Folder(PathBuf),
    Objects(Arc<dyn Backend>, String),
}

impl Storage {
    /// A folder of this machine, made if it is not there. Uploads are files that grow, and become files of their own by
    /// being renamed. Several servers of one machine may share it, as during a deploy.
    #[must_use]
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self(Kind::Folder(path.into()))
    }

    /// The memory of this process, for tests.
    #[must_use]
    pub fn memory() -> Self {
        Self::objects(InMemory::new())
    }

    /// An object store that takes uploads in parts, such as S3. Each writer holds up to two parts of 8 MiB in memory.
    ///
    /// ```
    /// use psd_core::files::{Storage, object_store::memory::InMemory};
    ///
    /// // With the feature `s3` also: `AmazonS3Builder::from_env().with_bucket_name("files").build()?`
    /// let storage = Storage::objects(InMemory::new());
    /// # drop(storage);
    /// ```
    #[must_use]
    pub fn objects(store: impl ObjectStore + MultipartStore) -> Self {
        let name = store.to_string();
        Self(Kind::Objects(Arc::new(objects::Objects::new(store)), name))
    }

    /// Opens it.
    ///
    /// # Errors
    /// The folder cannot be made or used; text for start-up.
    pub(crate) fn open(&self, settings: &Settings, work: &Arc<Work>) -> Result<Arc<dyn Backend>, String> {
        match &self.0 {
            Kind::Objects(backend, _) => Ok(backend.clone()),
            Kind::Folder(path) => match folder::Folder::open(path, settings.upload_fsync, work.clone()) {
                Ok(folder) => Ok(Arc::new(folder)),
                Err(error) => Err(format!(
                    "files cannot be kept in `{}`: {error}; give `Files::folder` one that the server may write to",
                    path.display()
                )),
            },
        }
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Folder(path) => f.debug_tuple("Storage").field(path).finish(),
            Kind::Objects(_, name) => f.debug_tuple("Storage").field(name).finish(),
        }
    }
}

/// How a storage takes an upload. What is there is read and listed by [`objects`](Self::objects).
pub(crate) trait Backend: Send + Sync + 'static {
    fn objects(&self) -> &dyn ObjectStore;

    /// Writes a small object, all at once.
    fn put<'a>(&'a self, object: &'a Path, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), Error>>;

    /// Begins an upload, of which nothing is there.
    fn create<'a>(&'a self, record: &'a mut Record) -> BoxFuture<'a, Result<(), Error>>;

    /// How many bytes are there.
    fn offset<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<u64, Error>>;

    /// Goes on with an upload, behind the bytes that are there.
    ///
    /// # Errors
    /// Code 423 if another process writes.
    fn append<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<Box<dyn Sink>, Error>>;

    /// Makes the bytes the object at the record's target, all at once; done already is fine.
    fn publish<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<(), Error>>;

    /// Takes it upon this server to end an upload: `None` while another does. What the record says is to be read again then.
    /// Whoever is killed at it has claimed it no longer, at once in a folder, after some seconds elsewhere.
    fn claim<'a>(&'a self, id: UploadId) -> BoxFuture<'a, Result<Option<Box<dyn Claim>>, Error>>;

    /// Removes an upload's bytes; gone already is fine.
    fn discard<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<(), Error>>;

    /// Deletes an object; gone already is fine.
    fn delete<'a>(&'a self, object: &'a Path) -> BoxFuture<'a, Result<(), Error>>;
}

/// Says to all servers that one of them ends an upload. Given up when dropped, a little later than by
/// [`release`](Self::release).
pub(crate) trait Claim: Send {
    /// Lets others claim it, who will find that the upload is over, or not.
    fn release(self: Box<Self>, is_over: bool) -> BoxFuture<'static, ()>;
}

/// Takes the bytes of one upload.
pub(crate) trait Sink: Send {
    /// Bytes that it has taken.
    fn offset(&self) -> u64;

    /// Appends; when it returns, the bytes survive the end of this process (in a folder), or are on their way to the next
    /// part.
    fn write(&mut self, chunks: Vec<Bytes>) -> BoxFuture<'_, Result<(), Error>>;

    /// Returns when every byte is as safe as the storage makes it; with what the record must say to find them again.
    fn sync(&mut self) -> BoxFuture<'_, Result<Option<Parts>, Error>>;

    /// Forgets what was written since the last `sync`.
    fn rewind(&mut self) -> BoxFuture<'_, Result<(), Error>>;
}

/// What a client is told when the storage fails; the reason goes to the log.
pub(crate) fn failed(what: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let is_full = is_full(&error);
    tracing::error!(object = %what, error = &error as &dyn std::error::Error, "the storage of files failed");
    match is_full {
        true => Error::new(507, "the server has no room for the file"),
        false => Error::unavailable("the storage of files does not answer: try again later"),
    }
}

fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
            return matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge);
        }
        next = error.source();
    }
    false
}
