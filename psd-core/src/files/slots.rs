//! Slots of the classic upload: uploads as their keys find them, and who asked for them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use psd_proto::common::sfiles::{UploadDone, UploadedFile};

use super::{
    FileService, UploadId,
    hash::HashState,
    record::{Record, Stage},
    uploads::{Caller, Finished, Resumed},
    writer::Writer,
};
use crate::{ConnectionId, Error, Server};

/// From so many on it is looked which connections are still there.
const MANY: usize = 1024;

/// The connections of clients that are nobody, by the slots they asked for: where else would they be told?
#[derive(Default)]
pub(crate) struct Slots(Mutex<HashMap<UploadId, ConnectionId>>);

impl Slots {
    pub(crate) fn note(&self, server: &Server, id: UploadId, connection: ConnectionId) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MANY {
            slots.retain(|_, connection| server.connection(*connection).is_some());
        }
        slots.insert(id, connection);
    }

    fn take(&self, id: UploadId) -> Option<ConnectionId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }
}

impl FileService {
    /// Begins an upload anew: what has come of it is forgotten. Whoever writes to it is told to stop. Without a caller its
    /// key is all it takes.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub(crate) async fn restart(&self, caller: Option<&Caller>, id: UploadId) -> Result<Resumed, Error> {
        if let Some(caller) = caller {
            self.admit(caller).await?;
        }
        self.load().await?;
        self.record_for(caller, id).await?;
        let held = self.core.locks.take(id).await?;
        let mut record = self.record_for(caller, id).await?;
        match record.stage {
            Stage::Open => {
                forget_bytes(&mut record);
                let mut writer = Writer::open(self.clone(), record, held, self.place()?).await?;
                if caller.is_none() && writer.record().owner.is_some() {
                    writer.hold().await?;
                }
                Ok(Resumed::Open(Box::new(writer)))
            }
            Stage::Publishing(_) => {
                let record = self.conclude(id, held, self.claim(id).await?).await?;
                let size = record.length.unwrap_or_default();
                Ok(Resumed::Done(Box::new(record), size))
            }
            Stage::Done { size, .. } => Ok(Resumed::Done(Box::new(record), size)),
        }
    }

    /// The key of a file that a client names. Clients of the classic dialect know it by the key of its slot.
    ///
    /// # Errors
    /// The storage does not answer (503).
    pub(crate) async fn key_of(&self, file: &UploadedFile) -> Result<String, Error> {
        if let Ok(id) = file.id.parse::<UploadId>()
            && self.find(&file.id).await?.is_none()
            && let Some(path) = file.url.split(['?', '#']).next()
            && let Some((_, key)) = path.split_once(&format!("{}/", self.core.download_path))
            && self.find(key).await?.is_some_and(|file| file.upload == id)
        {
            return Ok(key.to_owned());
        }
        Ok(file.id.clone())
    }

    /// Tells whoever asked for the slot, and all connections of its owner. The file's id is the slot's key, by which
    /// clients in the field know what it is about.
    pub(crate) fn announce_slot(&self, finished: &Finished) {
        let Some((_, file)) = &finished.file else { return };
        let key = finished.record.id.to_string();
        let done = UploadDone { key: key.clone(), file: Some(UploadedFile { id: key, ..file.clone() }) };
        let asked = self.core.slots.take(finished.record.id);
        // Whoever is not there brings the file again, and is told then.
        match (&finished.record.owner, asked) {
            (Some(owner), _) => drop(self.server.send_to_user(owner, &done)),
            (None, Some(connection)) => drop(self.server.send_to(connection, &done)),
            (None, None) => {}
        }
    }
}

fn forget_bytes(record: &mut Record) {
    record.hold = Some(0);
    record.hash = HashState::default();
    record.head.clear();
    record.mime = None;
    if let Some(parts) = &mut record.parts {
        parts.ids.clear();
        parts.tail = 0;
    }
}
