//! Uploads over a connection (v1): streams of chunks beside its messages (PROTOCOL.md, section 14).
//!
//! The connection's task puts chunks into a stream's [`Queue`], which holds no more than the client has credit for, and
//! goes on; a task of the stream takes them out and writes them.

mod queue;
mod task;

use std::sync::Arc;

use psd_proto::common::psd::v1::{UploadFailed, UploadOpen};

use crate::{
    Connection, Error,
    connection::{Shared, Upload},
};
use queue::{End, Queue};
use task::Stream;

/// Bytes of a chunk, where frames and credit have room for them.
const CHUNK: usize = 64 * 1024;

/// The streams of a connection.
#[derive(Default)]
pub(crate) struct Streams {
    /// The highest number that the client has used.
    last: u32,
    /// Those that were not over when the last one was opened.
    open: Vec<(u32, Arc<Queue>)>,
}

impl Streams {
    /// # Errors
    /// There is no such stream, or cannot be; text for the client.
    pub(crate) fn hear(&mut self, shared: &Arc<Shared>, upload: Upload) -> Result<(), String> {
        match upload {
            Upload::Open(open) => return self.open(shared, open),
            Upload::Chunk(chunk) => {
                if let Some(queue) = self.find(chunk.stream)? {
                    queue.add(chunk);
                }
            }
            Upload::Cancel(cancel) => {
                if let Some(queue) = self.find(cancel.stream)? {
                    queue.end(End::Cancelled { keep: cancel.keep });
                }
            }
        }
        Ok(())
    }

    /// A stream; `None` if it is over, since what comes now was under way then.
    fn find(&self, number: u32) -> Result<Option<&Arc<Queue>>, String> {
        if number == 0 || number > self.last {
            return Err(format!("there is no upload stream {number}: open it first"));
        }
        Ok(self.open.iter().find(|(other, _)| *other == number).map(|(_, queue)| queue))
    }

    fn open(&mut self, shared: &Arc<Shared>, open: UploadOpen) -> Result<(), String> {
        let number = open.stream;
        if number <= self.last {
            let last = self.last;
            return Err(format!("an upload stream has the number {number}: the next one's is above {last}"));
        }
        self.last = number;
        self.open.retain(|(_, queue)| !queue.is_over());
        let settings = shared.server.settings();
        let most = settings.upload_streams;
        if self.open.len() >= most {
            let text =
                format!("a connection has {most} upload streams at most: open this one when one of them is over");
            fail(shared, number, &Error::new(429, text), !open.upload_id.is_empty());
            return Ok(());
        }
        let queue = Arc::new(Queue::new(settings.upload_window, chunk_bytes(settings)));
        self.open.push((number, queue.clone()));
        let stream = Stream::new(Connection::new(shared.clone()), queue, open);
        shared.server.0.connections.spawn(stream.run());
        Ok(())
    }
}

/// Bytes that a chunk may have: in JSON a third is added, and there is an envelope around it.
fn chunk_bytes(settings: &crate::Settings) -> usize {
    let fits = settings.max_frame_bytes.saturating_sub(512) / 4 * 3;
    CHUNK.min(settings.upload_window).min(fits).max(1)
}

/// Tells the client that a stream is over.
fn fail(shared: &Shared, stream: u32, error: &Error, kept: bool) {
    match error.source() {
        Some(source) => tracing::error!(connection = %shared.id, stream, error = ?source, "an upload stream failed"),
        None => tracing::debug!(connection = %shared.id, stream, %error, "an upload stream has ended"),
    }
    let failed = UploadFailed {
        stream,
        error_code: error.code().unwrap_or_default(),
        error_message: shared.server.settings().text_for_client(error),
        kept,
    };
    let _ = shared.send(&failed, None); // A client that is gone finds out when it asks for the upload.
}
