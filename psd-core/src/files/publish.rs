//! The end of an upload: a file that everybody sees, or nothing.

use super::{
    FileService, StoredFile,
    done::Told,
    locks::Held,
    record::{Record, Stage, info_path},
    room::mark,
    uploads::Finished,
};
use crate::{
    Error,
    metrics::{StorageOperation, UploadFailure},
};

impl FileService {
    /// Publishes a file whose bytes are all there, asks the application what becomes of it, and lets it be seen.
    ///
    /// # Errors
    /// The key is taken (409), the hook refuses, or there is no room (507), and nothing is left; after other errors of 500
    /// and above it is tried again.
    pub(crate) async fn conclude(&self, record: Record, _held: Held) -> Result<Finished, Error> {
        let Stage::Publishing(file) = &record.stage else {
            return Err(Error::internal("an upload is concluded that is not whole"));
        };
        let file = (**file).clone();
        match self.object::<StoredFile>(&info_path(&file.key)).await? {
            Some(other) if other.upload != file.upload => {
                self.core.metrics.failed(UploadFailure::KeyTaken);
                self.discard(&record).await?;
                return Err(Error::new(409, format!("there is a file `{}` already", file.key)));
            }
            _ => {}
        }
        match self.publish(record.clone(), &file).await {
            Ok(finished) => {
                self.core.metrics.done();
                Ok(finished)
            }
            Err(error) if error.code().is_none_or(|code| code < 500 || code == 507) => {
                self.core.metrics.failed(UploadFailure::of(&error));
                self.remove(&file).await?;
                self.discard(&record).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn publish(&self, mut record: Record, file: &StoredFile) -> Result<Finished, Error> {
        self.core.metrics.timed(StorageOperation::Publish, self.core.backend.publish(&record)).await?;
        if let Some(mark) = mark(file) {
            self.core.put(&mark, Vec::new()).await?;
        }
        let uploaded = self.core.hooks.done(file, &self.server).await?;
        self.core.put(&info_path(&file.key), serde_json::to_vec(file)?).await?;
        record.stage = Stage::Done { key: file.key.clone(), size: file.size, told: Some(Told(uploaded.clone())) };
        record.length = Some(file.size);
        self.core.save(&record, file.size).await?;
        Ok(Finished { record, file: Some((file.clone(), uploaded)) })
    }

    /// Forgets an upload and its bytes.
    pub(crate) async fn discard(&self, record: &Record) -> Result<(), Error> {
        if record.is_partial() || !matches!(record.stage, Stage::Done { .. }) {
            self.core.backend.discard(record).await?;
        }
        self.delete_object(&Record::path(record.id)).await?;
        self.core.index.forget(record.id);
        Ok(())
    }
}
