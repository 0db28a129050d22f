//! The end of an upload: a file that everybody sees, or nothing.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    FileService, StoredFile, UploadId,
    done::Told,
    locks::Held,
    record::{Record, Stage, info_path},
    room::mark,
    storage::Claim,
    uploads::Finished,
};
use crate::{
    Error,
    metrics::{StorageOperation, UploadFailure},
};

/// How long whoever asks for an upload waits for another server to end it; longer than for one that was killed.
const CLAIM_PATIENCE: Duration = Duration::from_secs(12);

/// How often it looks meanwhile.
const CLAIM_INTERVAL: Duration = Duration::from_millis(500);

impl FileService {
    /// Takes it upon this server to end an upload.
    ///
    /// # Errors
    /// Another server does, for longer than one waits (503).
    pub(crate) async fn claim(&self, id: UploadId) -> Result<Box<dyn Claim>, Error> {
        let end = Instant::now() + CLAIM_PATIENCE;
        loop {
            if let Some(claim) = self.core.backend.claim(id).await? {
                return Ok(claim);
            }
            if Instant::now() >= end {
                return Err(Error::unavailable("another server is about to finish the upload: try again in a moment"));
            }
            tokio::time::sleep(CLAIM_INTERVAL).await;
        }
    }

    /// Ends an upload whose bytes are all there, unless another server has done so in the meantime.
    ///
    /// # Errors
    /// As [`end`](Self::end), or another server has found that there is nothing to keep (404).
    pub(crate) async fn conclude(&self, id: UploadId, _held: Held, claim: Box<dyn Claim>) -> Result<Record, Error> {
        match self.record_for(None, id).await {
            Ok(record) if matches!(record.stage, Stage::Publishing(_)) => {
                self.end(record, claim).await.map(|finished| finished.record)
            }
            record => {
                claim.release(record.as_ref().err().is_none_or(|error| error.code() == Some(404))).await;
                record
            }
        }
    }

    /// Publishes a file whose bytes are all there, asks the application what becomes of it, and lets it be seen.
    ///
    /// # Errors
    /// The key is taken (409), the hook refuses, or there is no room (507), and nothing is left; after other errors of 500
    /// and above it is tried again.
    pub(crate) async fn end(&self, record: Record, claim: Box<dyn Claim>) -> Result<Finished, Error> {
        let ended = self.end_claimed(record).await;
        claim.release(ended.as_ref().err().is_none_or(is_final)).await;
        ended
    }

    async fn end_claimed(&self, record: Record) -> Result<Finished, Error> {
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
            Err(error) if is_final(&error) => {
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

/// Whether nothing is left of an upload whose end fails like this.
pub(crate) fn is_final(error: &Error) -> bool {
    error.code().is_none_or(|code| code < 500 || code == 507)
}
