//! What a connection hears about uploads over it (v1, PROTOCOL.md section 14); `files::stream` does what it says.

use std::sync::Arc;

use psd_proto::{
    ClientMessage,
    common::psd::v1::{UploadCancel, UploadChunk, UploadFailed, UploadOpen},
    envelope::Body,
};

use super::Shared;
#[cfg(feature = "files")]
use crate::files::Streams;

/// Chunks from so many bytes on are bounded by what the client may send of a file, and not by how often it may speak.
const BULK: usize = 16 * 1024;

/// A message about uploads.
#[cfg_attr(not(feature = "files"), expect(dead_code, reason = "without files all but `upload-open` is ignored"))]
pub(crate) enum Upload {
    Open(UploadOpen),
    Chunk(UploadChunk),
    Cancel(UploadCancel),
}

impl Upload {
    /// What the body of `psd.<name>` says, or why it cannot be read; `None` if it is about something else.
    pub(super) fn of(shared: &Shared, name: &str, body: Body<'_>) -> Option<Result<Box<Self>, String>> {
        fn read<M: ClientMessage>(shared: &Shared, body: Body<'_>) -> Result<M, String> {
            let settings = shared.server.settings();
            let read = shared.dialect.read_body::<M>(body, settings.json_depth, settings.max_frame_bytes);
            read.map_err(|error| format!("`{}`: {}", M::INFO.message_type, error.message()))
        }
        let read = match name {
            "upload-open" => read(shared, body).map(Self::Open),
            "upload-chunk" => read(shared, body).map(Self::Chunk),
            "upload-cancel" => read(shared, body).map(Self::Cancel),
            _ => return None,
        };
        Some(read.map(Box::new))
    }

    /// Whether it comes after the requests before it, which may say who its client is.
    pub(super) fn takes_turn(&self) -> bool {
        !matches!(self, Self::Chunk(_))
    }

    pub(super) fn is_bulk(&self) -> bool {
        matches!(self, Self::Chunk(chunk) if chunk.data.len() >= BULK)
    }
}

/// The upload streams of a connection.
#[derive(Default)]
pub(super) struct Uploads {
    /// `None` until there is one.
    #[cfg(feature = "files")]
    streams: Option<Box<Streams>>,
}

impl Uploads {
    /// # Errors
    /// What is said is about no stream that there can be; text for the client.
    pub(super) fn hear(&mut self, shared: &Arc<Shared>, upload: Upload) -> Result<(), String> {
        #[cfg(feature = "files")]
        if shared.server.0.files.is_some() {
            return self.streams.get_or_insert_default().hear(shared, upload);
        }
        if let Upload::Open(open) = upload {
            let failed = UploadFailed {
                stream: open.stream,
                error_code: 404,
                error_message: "the server takes no files".into(),
                kept: false,
            };
            let _ = shared.send(&failed, None); // A client that is gone needs no answer.
        }
        Ok(())
    }
}

/// How many streams a connection may have, as the welcome says it.
pub(super) fn most_streams(shared: &Shared) -> u32 {
    #[cfg(feature = "files")]
    if shared.server.0.files.is_some() {
        return u32::try_from(shared.server.settings().upload_streams).unwrap_or(u32::MAX);
    }
    let _ = shared;
    0
}
