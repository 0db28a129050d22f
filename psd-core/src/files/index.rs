//! The unfinished uploads that this process knows, for limits in number and quotas.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    UploadId,
    record::{Record, Role, Stage},
};

#[derive(Default)]
pub(crate) struct Index(Mutex<HashMap<UploadId, Entry>>);

struct Entry {
    owner: Option<String>,
    /// `None` for a part of a file.
    key: Option<String>,
    /// Bytes that it has, or will have where that is known.
    bytes: u64,
}

/// What a user has under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct UnderWay {
    pub(crate) uploads: usize,
    pub(crate) bytes: u64,
}

impl Index {
    /// Notes an upload as it is now; one that is done is no more of interest.
    pub(crate) fn note(&self, record: &Record, offset: u64) {
        match (&record.stage, &record.role) {
            // A finished part takes room until the file is made of it.
            (Stage::Done { .. }, Role::Whole | Role::Final(_)) => self.forget(record.id),
            _ => {
                let key = (!record.is_partial()).then(|| record.key.clone());
                let bytes = record.length.unwrap_or(offset);
                self.entries().insert(record.id, Entry { owner: record.owner.clone(), key, bytes });
            }
        }
    }

    pub(crate) fn forget(&self, id: UploadId) {
        self.entries().remove(&id);
    }

    pub(crate) fn len(&self) -> usize {
        self.entries().len()
    }

    /// What a user has under way besides one upload.
    pub(crate) fn of(&self, owner: &str, except: Option<UploadId>) -> UnderWay {
        let mut sum = UnderWay::default();
        for (id, entry) in self.entries().iter() {
            if entry.owner.as_deref() == Some(owner) && Some(*id) != except {
                sum.uploads += 1;
                sum.bytes = sum.bytes.saturating_add(entry.bytes);
            }
        }
        sum
    }

    /// Whether an upload will have this key.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        self.entries().values().any(|entry| entry.key.as_deref() == Some(key))
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<UploadId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
