//! What clients are told of a file that is stored.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use psd_proto::{
    common::sfiles::{UploadDone, UploadedFile},
    prost::Message as _,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    FileService,
    record::{Record, Stage},
    service::missing_file,
    uploads::Finished,
};
use crate::Error;

/// What the application has made of a file, as it is kept for a client that did not hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told(pub(crate) UploadedFile);

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.0.encode_to_vec()))
    }
}

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let bytes = STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        UploadedFile::decode(&*bytes).map(Self).map_err(D::Error::custom)
    }
}

impl Finished {
    /// Tells the owner's connections about the file, whatever way it came by.
    pub(crate) fn announce(&self, service: &FileService) {
        if let (Some((_, file)), Some(owner)) = (&self.file, &self.record.owner) {
            let done = UploadDone { key: self.record.id.to_string(), file: Some(file.clone()) };
            let _ = service.server.send_to_user(owner, &done); // Whoever is not there is told when it asks.
        }
    }
}

impl FileService {
    /// What an upload that is done has become, for a client that did not hear of it.
    ///
    /// # Errors
    /// The file has been deleted (404), or the storage does not answer (503).
    pub(crate) async fn told(&self, record: Record) -> Result<Finished, Error> {
        let file = match &record.stage {
            Stage::Done { key, told, .. } if !record.is_partial() => {
                let file = self.find(key).await?.ok_or_else(missing_file)?;
                let uploaded = match told {
                    Some(told) => told.0.clone(),
                    None => self.uploaded_file(&file).await?,
                };
                Some((file, uploaded))
            }
            _ => None,
        };
        Ok(Finished { record, file })
    }
}
