//! The files that people share: who may bring them, and what a message says of them.

use std::path::Path;

use psd_core::{
    Error, Identity, Server,
    files::{FileHooks, Files, NewUpload, Slot, Storage},
};

use crate::{pb, store::File};

/// Files of one message.
const MOST: usize = 10;
/// Characters of a description.
const LONGEST_ALT: usize = 1000;
/// Pixels that a picture is believed to have.
const WIDEST: u32 = 30_000;

/// Everything else about uploads, such as their size, is in the settings (`PSD_UPLOAD_…`).
struct Shared;

impl FileHooks for Shared {
    /// Whoever has a file's address, which nobody can guess, may fetch it: a page shows it without a token.
    async fn on_upload_start(&self, _: &NewUpload, _: &Server) -> Result<Slot, Error> {
        Ok(Slot::new().public())
    }
}

/// Files in a folder beside the database, or in memory as the database is.
pub(crate) fn files(database: &Path) -> Files {
    let storage = match database == Path::new(":memory:") {
        true => Storage::memory(),
        false => Storage::folder(database.with_extension("files")),
    };
    Files::in_storage(storage).hooks(Shared)
}

/// The files of a message, which must be its author's own.
pub(crate) async fn attached(
    server: &Server,
    author: &Identity,
    attachments: Vec<pb::Attachment>,
) -> Result<Vec<File>, Error> {
    if attachments.len() > MOST {
        return Err(Error::new(422, format!("a message has at most {MOST} files")));
    }
    let service = server.files()?;
    let mut files = Vec::with_capacity(attachments.len());
    for pb::Attachment { id, alt, width, height } in attachments {
        let found = service.find(&id).await?.filter(|file| file.owner.as_deref() == Some(author.user_id()));
        let stored =
            found.ok_or_else(|| Error::new(404, "there is no such file of yours: it was not uploaded to its end"))?;
        if alt.chars().count() > LONGEST_ALT {
            return Err(Error::new(422, format!("a description is longer than {LONGEST_ALT} characters")));
        }
        files.push(File {
            url: service.url(&stored.key),
            is_picture: stored.mime.starts_with("image/") && !stored.is_downloadable(),
            name: stored.name,
            mime: stored.mime,
            size: i64::try_from(stored.size)?,
            alt: alt.trim().to_owned(),
            width: width.min(WIDEST),
            height: height.min(WIDEST),
        });
    }
    Ok(files)
}
