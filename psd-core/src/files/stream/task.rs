//! The task of a stream: it opens the upload, writes what comes, and says how far it is.

use std::sync::Arc;

use psd_proto::common::psd::v1::{UploadCredit, UploadFinished, UploadOpen, UploadOpened};
use tokio::time::timeout;

use super::{
    fail,
    queue::{End, Queue, Taken},
};
use crate::{
    Connection, Error,
    connection::Unfinished,
    dispatch::within,
    files::{
        FileService, UploadId,
        record::Role,
        uploads::{Caller, Finished, Resumed, Wish},
        writer::Writer,
    },
};

/// One stream of a connection.
pub(super) struct Stream {
    connection: Connection,
    queue: Arc<Queue>,
    open: UploadOpen,
    caller: Caller,
    /// A server that shuts down waits for it.
    _unfinished: Unfinished,
}

/// How a stream ends.
enum Ended {
    Done(Box<Finished>),
    Failed { error: Error, kept: bool },
}

impl Ended {
    fn kept(error: Error) -> Self {
        Self::Failed { error, kept: true }
    }

    fn lost(error: Error) -> Self {
        Self::Failed { error, kept: false }
    }
}

/// The stream counts no more, whatever becomes of its task.
struct Over(Arc<Queue>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.over();
    }
}

impl Stream {
    pub(super) fn new(connection: Connection, queue: Arc<Queue>, open: UploadOpen) -> Self {
        let (caller, unfinished) = (Caller::of(&connection), connection.shared.clone().defer());
        Self { connection, queue, open, caller, _unfinished: unfinished }
    }

    pub(super) async fn run(self) {
        let over = Over(self.queue.clone());
        let ended = match self.connection.server().files() {
            Ok(files) => {
                let ended = self.serve(&files).await;
                if let Ended::Failed { error, kept: true } = &ended {
                    files.core.metrics.interrupted(error);
                }
                ended
            }
            Err(error) => Ended::lost(error),
        };
        // Before the client hears of it, which may open another at once.
        drop(over);
        let (shared, stream) = (&self.connection.shared, self.open.stream);
        match ended {
            Ended::Done(finished) => {
                let (upload_id, file) = (finished.record.id.to_string(), finished.file.map(|(_, file)| file));
                let _ = shared.send(&UploadFinished { stream, upload_id, file }, None); // As in `fail`.
            }
            Ended::Failed { error, kept } => fail(shared, stream, &error, kept),
        }
    }

    /// Whether the upload is there already.
    fn resumes(&self) -> bool {
        !self.open.upload_id.is_empty()
    }

    async fn serve(&self, files: &FileService) -> Ended {
        let id = match self.upload(files).await {
            Ok(id) => id,
            Err(error) => return Ended::lost(error),
        };
        let resumed = within(files.settings().upload_write_timeout, files.resume(&self.caller, id)).await;
        let mut writer = match resumed.unwrap_or_else(|| Err(late())) {
            Ok(Resumed::Open(writer)) => *writer,
            Ok(Resumed::Done(record, _)) => {
                return match files.told(*record).await {
                    Ok(finished) => Ended::Done(Box::new(finished)),
                    Err(error) => Ended::kept(error),
                };
            }
            Err(error) => {
                let kept = self.resumes() && !matches!(error.code(), Some(401 | 403 | 404 | 410));
                return self.not_begun(files, id, error, kept).await;
            }
        };
        if let Some(size) = self.open.size
            && let Err(error) = writer.set_length(size).await
        {
            writer.pause_in_time().await;
            return self.not_begun(files, id, error, self.resumes()).await;
        }
        let is_gone = self.connection.shared.has_gone();
        if is_gone && !self.resumes() {
            drop(writer);
            return self.not_begun(files, id, gone(), false).await;
        }
        if writer.is_complete() {
            return finish(files, writer).await;
        }
        let offset = writer.offset();
        let opened = UploadOpened {
            stream: self.open.stream,
            upload_id: id.to_string(),
            offset,
            until: self.queue.begin(offset),
            chunk_bytes: u32::try_from(self.queue.chunk_bytes()).unwrap_or(u32::MAX),
            expires: i64::try_from(files.expiry().saturating_mul(1000)).unwrap_or(i64::MAX),
        };
        let _ = self.connection.shared.send(&opened, None); // Whoever is gone is noticed below.
        self.receive(files, writer).await
    }

    /// The upload that the stream is about, begun now or before.
    async fn upload(&self, files: &FileService) -> Result<UploadId, Error> {
        let UploadOpen { upload_id, size, name, mime, local_key, metadata, .. } = &self.open;
        if self.resumes() {
            let missing = |_| Error::new(404, "there is no such upload: it never was, has expired, or was deleted");
            return upload_id.parse().map_err(missing);
        }
        let wish = Wish {
            name: name.clone(),
            mime: mime.clone(),
            length: *size,
            local_key: local_key.clone(),
            metadata: metadata.clone(),
            raw_metadata: String::new(),
            role: Role::Whole,
            counted: 0,
        };
        // As long as a handler that begins one.
        let started = within(files.settings().handler_timeout, files.start(&self.caller, wish)).await;
        Ok(started.unwrap_or_else(|| Err(late()))?.id)
    }

    /// Of an upload that nobody has heard of, nothing stays.
    async fn not_begun(&self, files: &FileService, id: UploadId, error: Error, kept: bool) -> Ended {
        if !self.resumes() {
            let cancelled = files.cancel(&self.caller, id);
            let _ = within(files.settings().upload_write_timeout, cancelled).await; // Or it is swept.
        }
        Ended::Failed { error, kept }
    }

    /// Writes chunks until the file is whole, or something ends the stream.
    async fn receive(&self, files: &FileService, mut writer: Writer) -> Ended {
        let (shared, server) = (&self.connection.shared, self.connection.server());
        let (stop, idle, patience) = (writer.stop(), writer.idle(), files.settings().upload_write_timeout);
        let gone_away = shared.gone.token();
        loop {
            let taken = tokio::select! {
                biased;
                () = stop.cancelled() => Err(Error::new(423, "somebody else goes on with the upload")),
                () = gone_away.cancelled() => Err(gone()),
                () = server.0.draining.cancelled() => Err(Error::shutting_down()),
                taken = timeout(idle, self.queue.take()) => taken.map_err(|_| {
                    Error::new(408, format!("no chunk came for {} s", idle.as_secs_f64()))
                }),
            };
            let Taken { chunks, until, is_short, is_whole, end } = match taken {
                Ok(taken) => taken,
                Err(error) => return paused(writer, error).await,
            };
            if let Err(error) = self.check_caller(files, &writer) {
                return paused(writer, error).await;
            }
            if is_short {
                self.credit(writer.safe_offset(), until);
            }
            let written = async {
                for chunk in chunks {
                    writer.write(chunk).await?;
                }
                writer.flush().await
            };
            match within(patience, written).await {
                Some(Ok(())) => {}
                Some(Err(error)) if matches!(error.code(), Some(415 | 507)) => {
                    writer.discard().await;
                    return Ended::lost(error);
                }
                Some(Err(error)) => return paused(writer, error).await,
                // What was written by then is there for whoever comes back.
                None => return Ended::kept(late()),
            }
            match end {
                None => {}
                Some(End::Failed(error)) => return paused(writer, error).await,
                Some(End::Cancelled { keep: true }) => return paused(writer, Error::cancelled()).await,
                Some(End::Cancelled { keep: false }) => {
                    writer.discard().await;
                    return Ended::lost(Error::cancelled());
                }
            }
            if writer.is_complete() || is_whole {
                return self.whole(files, writer).await;
            }
            self.credit(writer.safe_offset(), until);
        }
    }

    /// The file ends here, says the client or its size.
    async fn whole(&self, files: &FileService, writer: Writer) -> Ended {
        match writer.record().length {
            Some(length) if length != writer.offset() => {
                let text = format!("the file was said to have {length} bytes, and {} have come", writer.offset());
                paused(writer, Error::new(409, text)).await
            }
            _ => finish(files, writer).await,
        }
    }

    /// The connection may be somebody else's by now, or nobody's, or its user may have lost a right.
    fn check_caller(&self, files: &FileService, writer: &Writer) -> Result<(), Error> {
        let caller = Caller::of(&self.connection);
        files.check_guard(&caller)?;
        caller.check_owner(writer.record())
    }

    fn credit(&self, offset: u64, until: u64) {
        let credit = UploadCredit { stream: self.open.stream, offset, until };
        let _ = self.connection.shared.send(&credit, None); // As above.
    }
}

fn late() -> Error {
    Error::unavailable("the storage takes too long: try again later")
}

fn gone() -> Error {
    Error::unavailable("the connection is closed")
}

async fn finish(files: &FileService, writer: Writer) -> Ended {
    match writer.finish().await {
        Ok(finished) => {
            finished.announce(files);
            Ended::Done(Box::new(finished))
        }
        // As `FileService::conclude` does it.
        Err(error) if error.code().is_some_and(|code| code >= 500 && code != 507) => Ended::kept(error),
        Err(error) => Ended::lost(error),
    }
}

/// Lets go of an upload that stays.
async fn paused(writer: Writer, error: Error) -> Ended {
    writer.pause_in_time().await;
    Ended::kept(error)
}
