//! A file that is there.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use psd_proto::common::sfiles::UploadedFile;
use serde::{Deserialize, Serialize};

use super::{UploadId, kind};

/// A file that has been stored, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredFile {
    /// Its name in the storage and in its URL, as [`Slot::key`](super::Slot::key) chose it.
    pub key: String,
    /// The upload that brought it, and no other file.
    pub upload: UploadId,
    /// What its owner calls it, without anything harmful; may be empty.
    pub name: String,
    /// Its media type, by its own bytes.
    pub mime: String,
    /// Its bytes.
    pub size: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// The user who brought it; `None` for nobody.
    pub owner: Option<String>,
    /// Whether everybody may fetch it who knows its URL.
    pub public: bool,
    /// The client's own name for it.
    pub local_key: String,
    /// What else the client said about it.
    pub metadata: BTreeMap<String, String>,
    /// When it was stored, in seconds since 1970.
    pub created: u64,
}

impl StoredFile {
    /// Whether it is offered for saving rather than shown: what could carry a script always is.
    #[must_use]
    pub fn is_downloadable(&self) -> bool {
        !kind::is_inline(&self.mime)
    }

    /// The message that tells a client about it.
    #[must_use]
    pub fn to_uploaded_file(&self, url: impl Into<String>) -> UploadedFile {
        UploadedFile {
            local_key: self.local_key.clone(),
            url: url.into(),
            id: self.key.clone(),
            mime: self.mime.clone(),
            thumb_url: String::new(),
            name: self.name.clone(),
            downloadable: self.is_downloadable(),
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A date as HTTP writes it.
pub(crate) fn http_date(seconds: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}
