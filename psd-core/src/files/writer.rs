//! Bytes on their way into an upload.

use std::{ops::RangeInclusive, time::Duration};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::{
    FileService, StoredFile,
    hash::{Checksum, HashState, hex},
    kind,
    locks::Held,
    publish::is_final,
    record::{Parts, Record, Stage, data_path},
    storage::{Claim, Sink},
    stored::now,
    uploads::Finished,
};
use crate::{
    Error,
    dispatch::within,
    metrics::{StorageOperation, UploadFailure},
};

/// Bytes that are written together: as many as `ALL_BLOCKS` gives each upload that is under way, between these.
const BLOCKS: RangeInclusive<usize> = 64 * 1024..=256 * 1024;

/// Bytes that all uploads may hold together while their blocks are above the smallest.
const ALL_BLOCKS: usize = 8 * 1024 * 1024;

/// Bytes after which a long request notes how far it is.
const CHECKPOINT: u64 = 64 * 1024 * 1024;

/// The only writer of an upload.
///
/// It holds a [block](Self::block), and in an object store two parts; whoever calls awaits each [`write`](Self::write), which is
/// the backpressure. Dropped without [`pause`](Self::pause), it leaves what was written by then.
pub(crate) struct Writer {
    service: FileService,
    record: Record,
    sink: Box<dyn Sink>,
    hash: Sha256,
    /// Of the request that is under way.
    checksum: Option<Checksum>,
    /// Whether nothing counts yet; see [`hold`](Self::hold).
    is_held: bool,
    waiting: Vec<Bytes>,
    waiting_bytes: usize,
    /// Where the last checkpoint was.
    noted: u64,
    /// Why nobody can go on with it.
    failure: Option<UploadFailure>,
    /// Free again before the upload is, for whoever waits for that.
    _place: OwnedSemaphorePermit,
    held: Held,
}

impl Writer {
    pub(crate) async fn open(
        service: FileService,
        mut record: Record,
        held: Held,
        place: OwnedSemaphorePermit,
    ) -> Result<Self, Error> {
        let sink = service.core.backend.append(&record).await?;
        record.hold = None;
        let offset = sink.offset();
        let (mut hash, at) = record.hash.restore(offset);
        if at == 0 {
            record.head.clear();
        }
        // What was written when the server was killed is in the file, and in no record.
        if at < offset {
            let path = data_path(record.id);
            let unreadable = || Error::internal(format!("the upload {} cannot be read back", record.id));
            let mut bytes = service.bytes(&path, at..offset).await?.ok_or_else(unreadable)?;
            while let Some(chunk) = bytes.try_next().await? {
                keep_head(&mut record, &chunk);
                (hash, _) = service.core.digest(hash, None, vec![chunk]).await?;
            }
        }
        let (waiting, checksum) = (Vec::new(), None);
        Ok(Self {
            service,
            record,
            sink,
            hash,
            checksum,
            is_held: false,
            waiting,
            waiting_bytes: 0,
            noted: offset,
            failure: None,
            _place: place,
            held,
        })
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Where the next byte goes.
    pub(crate) fn offset(&self) -> u64 {
        self.sink.offset() + self.waiting_bytes as u64
    }

    /// Whether every byte is there.
    pub(crate) fn is_complete(&self) -> bool {
        self.record.length == Some(self.offset())
    }

    /// Cancelled when somebody else wants the upload.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.held.stop()
    }

    /// Says how long the file is, once.
    ///
    /// # Errors
    /// It was said otherwise before (400), is less than there is (400), or too much (413).
    pub(crate) async fn set_length(&mut self, length: u64) -> Result<(), Error> {
        match self.record.length {
            Some(known) if known == length => Ok(()),
            Some(known) => Err(Error::new(400, format!("the file was said to have {known} bytes"))),
            None if length < self.offset() => {
                Err(Error::new(400, format!("the file has {} bytes already", self.offset())))
            }
            None if length > self.record.limit => {
                Err(Error::new(413, format!("the file has {length} bytes; {} are allowed", self.record.limit)))
            }
            None => {
                self.service.check_quota(self.record.owner.as_deref(), length, Some(self.record.id)).await?;
                self.record.length = Some(length);
                Ok(())
            }
        }
    }

    /// Declares the checksum of what comes now. None of it counts before [`verify`](Self::verify).
    pub(crate) async fn expect(&mut self, checksum: Checksum) -> Result<(), Error> {
        self.flush().await?;
        self.record.hold = Some(self.sink.offset());
        self.note().await?;
        self.checksum = Some(checksum);
        Ok(())
    }

    /// Lets nothing count of what comes now, before [`release`](Self::release).
    pub(crate) async fn hold(&mut self) -> Result<(), Error> {
        self.flush().await?;
        self.record.hold = Some(self.sink.offset());
        self.is_held = true;
        self.note().await
    }

    /// Lets everything count that has come.
    pub(crate) fn release(&mut self) {
        self.is_held = false;
        self.record.hold = None;
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// More than the file has or may have (413), a file of a wrong type (415), after both of which the writer can only be
    /// [discarded](Self::discard) or left; or the storage fails (503, 507).
    pub(crate) async fn write(&mut self, chunk: Bytes) -> Result<(), Error> {
        let written = self.append(chunk).await;
        self.failure = written.as_ref().err().map(UploadFailure::of);
        written
    }

    async fn append(&mut self, chunk: Bytes) -> Result<(), Error> {
        let sum = self.offset().saturating_add(chunk.len() as u64);
        let most = self.record.length.unwrap_or(self.record.limit);
        if sum > most {
            return Err(Error::new(413, format!("the file has {most} bytes at most, and more have come")));
        }
        self.service.core.metrics.received(chunk.len());
        self.waiting_bytes += chunk.len();
        self.waiting.push(chunk);
        if self.waiting_bytes >= self.block() {
            self.flush().await?;
        }
        if self.checksum.is_none() && !self.is_held && self.sink.offset() - self.noted >= CHECKPOINT {
            self.note().await?;
        }
        Ok(())
    }

    /// Bytes that are written together now.
    fn block(&self) -> usize {
        (ALL_BLOCKS / self.service.core.writing().max(1)).clamp(*BLOCKS.start(), *BLOCKS.end())
    }

    /// Writes what waits. When it returns, the bytes survive the end of the process (in a folder).
    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        let flushed = self.write_waiting().await;
        self.failure = flushed.as_ref().err().map(UploadFailure::of);
        flushed
    }

    async fn write_waiting(&mut self) -> Result<(), Error> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let chunks = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        for chunk in &chunks {
            keep_head(&mut self.record, chunk);
        }
        if self.record.head.len() >= kind::HEAD {
            self.decide()?;
        }
        let core = &self.service.core;
        let hashing = core.digest(std::mem::take(&mut self.hash), self.checksum.take(), chunks.clone());
        let writing = core.metrics.timed(StorageOperation::Write, self.sink.write(chunks));
        let (written, hashed) = tokio::join!(writing, hashing);
        (self.hash, self.checksum) = hashed?;
        written
    }

    /// Ends a chunk with a checksum.
    ///
    /// # Errors
    /// Code 460: it is another. The chunk is forgotten.
    pub(crate) async fn verify(&mut self) -> Result<(), Error> {
        self.flush().await?;
        let Some(checksum) = self.checksum.take() else { return Ok(()) };
        if checksum.matches() {
            self.record.hold = None;
            return Ok(());
        }
        self.rewind().await?;
        Err(Error::new(460, "the checksum does not match: the chunk is not kept"))
    }

    /// Lets go of the upload; somebody may come back to it. What came without its declared checksum, or is held, is forgotten.
    pub(crate) async fn pause(mut self) -> Result<(Record, u64), Error> {
        if self.checksum.take().is_some() || std::mem::take(&mut self.is_held) {
            self.rewind().await?;
        }
        self.flush().await?;
        self.note().await?;
        let offset = self.offset();
        Ok((self.record, offset))
    }

    /// As [`pause`](Self::pause), in the time that the storage has; what it does not do by then is left as it is.
    pub(crate) async fn pause_in_time(self) {
        let (id, patience) = (self.record.id, self.service.settings().upload_write_timeout);
        match within(patience, self.pause()).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::warn!(upload = %id, ?error, "an upload is left as it was written"),
            None => tracing::warn!(upload = %id, "an upload is left as it was written: the storage takes too long"),
        }
    }

    /// Ends the upload: its bytes become a file, or a finished part of one. A length that was not known is what there is.
    ///
    /// # Errors
    /// Bytes are missing (409) or the storage fails (503), and somebody may go on; or it is of a wrong type (415), there is
    /// no room (413, 507), or the hook refuses, and nothing is left.
    pub(crate) async fn finish(mut self) -> Result<Finished, Error> {
        let claim = match self.close().await {
            Ok(claim) => claim,
            Err(error) if matches!(error.code(), Some(413 | 415 | 507)) => {
                self.failure = Some(UploadFailure::of(&error));
                self.discard().await;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let Self { service, record, sink, held: _held, .. } = self;
        drop(sink);
        match claim {
            Some(claim) => service.end(record, claim).await,
            None => {
                service.core.metrics.done();
                Ok(Finished { record, file: None })
            }
        }
    }

    /// Takes the last look at what has come, and notes that it is whole. A file is claimed before anybody can see that.
    async fn close(&mut self) -> Result<Option<Box<dyn Claim>>, Error> {
        self.flush().await?;
        let size = self.offset();
        match self.record.length {
            Some(length) if length != size => {
                self.note().await?;
                return Err(Error::new(409, format!("the file was said to have {length} bytes, and {size} have come")));
            }
            Some(_) => {}
            None => {
                self.service.check_quota(self.record.owner.as_deref(), size, Some(self.record.id)).await?;
                self.record.length = Some(size);
            }
        }
        self.decide()?;
        let synced = self.sync().await?;
        let (service, record) = (&self.service, &mut self.record);
        record.parts = synced.or(record.parts.take());
        record.expires = service.expiry();
        record.hold = None;
        record.hash = HashState::of(&self.hash, size);
        record.head = Vec::new();
        let mut claim = None;
        if record.is_partial() {
            service.core.save(record, size).await?;
            service.core.backend.publish(record).await?;
            record.stage = Stage::Done { key: String::new(), size, told: None };
        } else {
            claim = Some(service.claim(record.id).await?);
            record.stage = Stage::Publishing(Box::new(StoredFile {
                key: record.key.clone(),
                upload: record.id,
                name: record.name.clone(),
                mime: record.mime.clone().unwrap_or_else(|| kind::UNKNOWN.into()),
                size,
                sha256: hex(&self.hash.finalize_reset()),
                owner: record.owner.clone(),
                public: record.public,
                local_key: record.local_key.clone(),
                metadata: record.metadata.clone(),
                created: now(),
            }));
        }
        if let Err(error) = service.core.save(record, size).await {
            if let Some(claim) = claim {
                claim.release(is_final(&error)).await;
            }
            return Err(error);
        }
        Ok(claim)
    }

    /// Ends the upload: nothing of it is kept. What cannot be removed now is swept.
    pub(crate) async fn discard(self) {
        let Self { service, record, sink, held, failure, .. } = self;
        drop(sink);
        service.core.metrics.failed(failure.unwrap_or(UploadFailure::Cancelled));
        if let Err(error) = service.discard(&record).await {
            tracing::warn!(upload = %record.id, ?error, "an upload is left to be swept");
        }
        drop(held);
    }

    /// Notes how far it is.
    async fn note(&mut self) -> Result<(), Error> {
        if let Some(parts) = self.sync().await? {
            self.record.parts = Some(parts);
        }
        self.noted = self.sink.offset();
        if self.record.mime.is_some() && self.noted >= kind::HEAD as u64 {
            self.record.head.clear();
        }
        self.record.hash = HashState::of(&self.hash, self.noted);
        self.record.expires = self.service.expiry();
        self.service.core.save(&self.record, self.noted).await
    }

    async fn sync(&mut self) -> Result<Option<Parts>, Error> {
        self.service.core.metrics.timed(StorageOperation::Sync, self.sink.sync()).await
    }

    /// Forgets what came since the last checkpoint, which is where the checksum was declared.
    async fn rewind(&mut self) -> Result<(), Error> {
        (self.waiting, self.waiting_bytes) = (Vec::new(), 0);
        self.sink.rewind().await?;
        self.record.hold = None;
        let offset = self.sink.offset();
        let (hash, at) = self.record.hash.restore(offset);
        if at != offset {
            return Err(Error::internal(format!("the upload {} has lost its place", self.record.id)));
        }
        self.hash = hash;
        // What was decided may have been by bytes that are forgotten.
        if let Some(head) = usize::try_from(offset).ok().filter(|offset| *offset < kind::HEAD) {
            self.record.head.truncate(head);
            self.record.mime = None;
        }
        Ok(())
    }

    /// Finds out what the file is.
    fn decide(&mut self) -> Result<(), Error> {
        if self.record.mime.is_none() && !self.record.is_partial() {
            let record = &mut self.record;
            record.mime = Some(kind::decide(&record.head, &record.declared_mime, &record.types)?);
        }
        Ok(())
    }

    /// Up to where the bytes outlive the process.
    pub(crate) fn safe_offset(&self) -> u64 {
        match self.record.parts {
            // Parts are found again when a checkpoint has named them.
            Some(_) => self.noted,
            None => self.sink.offset(),
        }
    }

    /// How long a client may say nothing.
    pub(crate) fn idle(&self) -> Duration {
        self.service.settings().upload_idle_timeout
    }
}

/// Keeps the first bytes of the file.
fn keep_head(record: &mut Record, chunk: &[u8]) {
    if record.mime.is_some() || record.is_partial() {
        return;
    }
    let room = kind::HEAD.saturating_sub(record.head.len());
    record.head.extend_from_slice(&chunk[..chunk.len().min(room)]);
}
