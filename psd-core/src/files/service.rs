//! The files of a server: what applications do with them, and what all ways to them need.

use std::{fmt, ops::Range, sync::Arc};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::{ObjectStoreExt as _, path::Path};
use psd_proto::common::sfiles::UploadedFile;

use super::{
    Core, StoredFile, UploadId, name,
    record::{file_path, info_path},
    room::mark,
    storage::{ByteStream, failed, read},
    uploads::Caller,
};
use crate::{Error, Server, Settings, metrics::StorageOperation};

/// The files of a server; see [`Server::files`].
#[derive(Clone)]
pub struct FileService {
    pub(crate) server: Server,
    pub(crate) core: Arc<Core>,
}

impl Server {
    /// The files of this server.
    ///
    /// # Errors
    /// It was built without [`ServerBuilder::files`](crate::ServerBuilder::files) (code 500).
    pub fn files(&self) -> Result<FileService, Error> {
        match &self.0.files {
            Some(core) => Ok(FileService { server: self.clone(), core: core.clone() }),
            None => Err(Error::internal("the server has no files: add `.files(Files::folder(…))` to its builder")),
        }
    }
}

impl FileService {
    /// What is known of a file; `None` if there is none.
    ///
    /// # Errors
    /// The storage does not answer (code 503).
    pub async fn find(&self, key: &str) -> Result<Option<StoredFile>, Error> {
        if name::check_key(key).is_err() {
            return Ok(None);
        }
        self.object(&info_path(key)).await
    }

    /// The bytes of a file, as they are read; also inside [`FileHooks::on_upload_done`](super::FileHooks::on_upload_done).
    ///
    /// # Errors
    /// There is no such file (code 404), or the storage does not answer (code 503).
    pub async fn read(&self, key: &str) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        name::check_key(key).map_err(|_| missing_file())?;
        let path = file_path(key);
        let size = self.core.objects().head(&path).await.map_err(|error| match error {
            object_store::Error::NotFound { .. } => missing_file(),
            error => failed(&path, error),
        })?;
        self.bytes(&path, 0..size.size).await?.ok_or_else(missing_file)
    }

    /// A range of an object; `None` if there is no such object.
    pub(crate) async fn bytes(&self, path: &Path, range: Range<u64>) -> Result<Option<ByteStream>, Error> {
        self.core.metrics.timed(StorageOperation::Read, read(self.core.objects(), path, range)).await
    }

    /// Deletes a file, whoever asks; nothing happens if there is none. What clients ask for goes by
    /// [`FileHooks::on_delete`](super::FileHooks::on_delete) first.
    ///
    /// # Errors
    /// The storage does not answer (code 503).
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        match self.find(key).await? {
            Some(file) => self.remove(&file).await,
            None => Ok(()),
        }
    }

    /// The message that tells clients about a file, with the URL it is fetched from: a plain one for a
    /// [public](super::Slot::public) file, else one that is signed and expires
    /// ([`Settings::file_link_expiry`](crate::Settings::file_link_expiry)).
    ///
    /// # Errors
    /// The storage, which holds the key for signatures, does not answer (code 503).
    pub async fn uploaded_file(&self, file: &StoredFile) -> Result<UploadedFile, Error> {
        let url = match file.public {
            true => self.url(&file.key),
            false => self.link(&file.key, self.settings().file_link_expiry).await?,
        };
        Ok(file.to_uploaded_file(url))
    }

    /// Where a file is fetched: a path of this server.
    #[must_use]
    pub fn url(&self, key: &str) -> String {
        format!("{}/{key}", self.core.download_path)
    }

    /// Where an upload goes on: a path of this server.
    #[must_use]
    pub fn upload_url(&self, id: UploadId) -> String {
        format!("{}/{id}", self.core.upload_path)
    }

    pub(crate) fn settings(&self) -> &Settings {
        self.server.settings()
    }

    /// Whether somebody may bring and delete files at all.
    pub(crate) async fn admit(&self, caller: &Caller) -> Result<(), Error> {
        self.check_guard(caller)?;
        self.core.hooks.request(caller.identity.as_ref(), &self.server).await
    }

    /// The half of it that asks nobody.
    pub(crate) fn check_guard(&self, caller: &Caller) -> Result<(), Error> {
        let guard = &self.core.guard;
        let requires_auth = guard.requires_auth(None, self.settings().default_auth);
        guard.check(requires_auth, caller.identity.as_ref()).map_err(Error::from)
    }

    /// What a client may delete.
    ///
    /// # Errors
    /// There is no such file (404), or it may not.
    pub(crate) async fn delete_for(&self, caller: &Caller, key: &str) -> Result<(), Error> {
        self.admit(caller).await?;
        let file = self.find(key).await?.ok_or_else(missing_file)?;
        self.core.hooks.delete(&file, caller.identity.as_ref(), &self.server).await?;
        self.remove(&file).await
    }

    pub(crate) async fn remove(&self, file: &StoredFile) -> Result<(), Error> {
        // First what makes it be there, then what it takes.
        self.delete_object(&info_path(&file.key)).await?;
        self.delete_object(&file_path(&file.key)).await?;
        match mark(file) {
            Some(mark) => self.delete_object(&mark).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn delete_object(&self, path: &Path) -> Result<(), Error> {
        self.core.backend.delete(path).await
    }

    /// A small object, written as JSON; `None` if there is none.
    pub(crate) async fn object<T: serde::de::DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, Error> {
        let get = async { self.core.objects().get(path).await?.bytes().await };
        let bytes = match self.core.metrics.timed(StorageOperation::Get, get).await {
            Ok(bytes) => bytes,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(path, error)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| failed(path, error))
    }
}

impl fmt::Debug for FileService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileService").finish_non_exhaustive()
    }
}

pub(crate) fn missing_file() -> Error {
    Error::new(404, "there is no such file")
}
