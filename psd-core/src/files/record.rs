//! What is remembered of an upload, beside its bytes.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use object_store::path::Path;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{StoredFile, UploadId, done::Told, hash::HashState};

/// An upload as it is written to the storage.
///
/// It is saved when the upload begins, when a writer lets go of it, and now and then between. Where bytes are appended to
/// a file, the file may be longer than its record knows: the file counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: UploadId,
    /// The user's id; `None` where nobody is authenticated, and knowing the upload's id is all it takes.
    pub(crate) owner: Option<String>,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) declared_mime: String,
    pub(crate) local_key: String,
    pub(crate) metadata: BTreeMap<String, String>,
    /// `Upload-Metadata` as the client wrote it, to be repeated.
    pub(crate) raw_metadata: String,
    /// `None` until the client says it.
    pub(crate) length: Option<u64>,
    /// Bytes it may have.
    pub(crate) limit: u64,
    pub(crate) types: Vec<String>,
    pub(crate) public: bool,
    pub(crate) role: Role,
    /// In seconds since 1970.
    pub(crate) expires: u64,
    pub(crate) hash: HashState,
    /// The first bytes of what is hashed, until they have told the type.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub(crate) head: Vec<u8>,
    pub(crate) mime: Option<String>,
    /// Up to where bytes are verified, while a chunk comes whose checksum is only known at its end.
    pub(crate) hold: Option<u64>,
    /// Where the parts are, in storages that are written in parts.
    pub(crate) parts: Option<Parts>,
    pub(crate) stage: Stage,
}

/// What the bytes of an upload become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    /// A file.
    Whole,
    /// A part of a file, to be concatenated (tus).
    Partial,
    /// A file of such parts; as the client wrote them.
    Final(String),
}

/// How far an upload has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Bytes are awaited.
    Open,
    /// All bytes are there and the file is being published; whoever finds it like this goes on with it.
    Publishing(Box<StoredFile>),
    /// The file is published. Kept until it expires, for clients that did not hear of it.
    Done {
        key: String,
        size: u64,
        /// `None` for a part of a file.
        #[serde(default)]
        told: Option<Told>,
    },
}

/// A multipart upload of an object store: what has been stored of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Parts {
    pub(crate) upload: String,
    /// Bytes of each part but the last.
    pub(crate) size: u64,
    /// What the store calls the parts.
    pub(crate) ids: Vec<String>,
    /// Bytes behind them that make no part yet, in an object of their own.
    pub(crate) tail: u64,
}

impl Parts {
    /// Where the tail begins.
    pub(crate) fn stored(&self) -> u64 {
        self.size * self.ids.len() as u64
    }
}

impl Record {
    pub(crate) fn path(id: UploadId) -> Path {
        Path::from(format!("uploads/{id}.json"))
    }

    /// Where its bytes go when they are all there.
    pub(crate) fn target(&self) -> Path {
        match self.role {
            Role::Partial => data_path(self.id),
            _ => file_path(&self.key),
        }
    }

    pub(crate) fn is_partial(&self) -> bool {
        self.role == Role::Partial
    }
}

/// Where the bytes of an upload are while it lasts, in a folder.
pub(crate) fn data_path(id: UploadId) -> Path {
    Path::from(format!("uploads/{id}.data"))
}

pub(crate) fn file_path(key: &str) -> Path {
    Path::from(format!("files/{key}"))
}

/// What is known of a file. The file is there when this is.
pub(crate) fn info_path(key: &str) -> Path {
    Path::from(format!("infos/{key}"))
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}
