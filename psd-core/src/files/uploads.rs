//! The life of an upload: what begins, goes on and ends, whatever it comes by.

use std::net::IpAddr;

use futures_util::TryStreamExt as _;
use psd_proto::common::sfiles::UploadedFile;

use super::{
    FileService, NewUpload, Slot, StoredFile, UploadId, kind,
    locks::Held,
    name,
    record::{Record, Role, Stage, data_path, info_path},
    stored::now,
    writer::Writer,
};
use crate::{Error, Identity, metrics::UploadFailure};

/// Bytes that a client may say about a file: its record is written again and again.
const LONGEST_WISH: usize = 16 * 1024;

/// Who wants something of files, by whatever way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) identity: Option<Identity>,
    pub(crate) address: Option<IpAddr>,
}

impl Caller {
    /// # Errors
    /// The upload is somebody's, and the caller is nobody (401) or somebody else (403).
    pub(crate) fn check_owner(&self, record: &Record) -> Result<(), Error> {
        match (&record.owner, &self.identity) {
            (Some(_), None) => Err(Error::unauthenticated()),
            (Some(owner), Some(identity)) if owner != identity.user_id() => {
                Err(Error::new(403, "the upload is somebody else's"))
            }
            _ => Ok(()),
        }
    }
}

/// What a client says about a file that it wants to bring.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) length: Option<u64>,
    pub(crate) local_key: String,
    pub(crate) metadata: std::collections::BTreeMap<String, String>,
    pub(crate) raw_metadata: String,
    pub(crate) role: Role,
    /// Bytes of it that count for quotas already: those of its parts.
    pub(crate) counted: u64,
}

impl Wish {
    /// # Errors
    /// It says more than is kept of it (400).
    fn check(&self) -> Result<(), Error> {
        let said = self.metadata.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        let said = said + self.name.len() + self.mime.len() + self.local_key.len();
        if said > LONGEST_WISH {
            let text = format!("name, type and metadata of the file have {said} bytes; {LONGEST_WISH} are allowed");
            return Err(Error::new(400, text));
        }
        Ok(())
    }
}

/// An upload that somebody comes back to.
pub(crate) enum Resumed {
    /// It goes on.
    Open(Box<Writer>),
    /// It is done.
    Done(Box<Record>, u64),
}

/// A file that has been stored, and what clients are told of it.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The upload.
    pub(crate) record: Record,
    /// `None` for a part of a file.
    pub(crate) file: Option<(StoredFile, UploadedFile)>,
}

impl FileService {
    /// Begins an upload.
    ///
    /// # Errors
    /// The guard or the hook refuses, it is too long (413), of a wrong type (415), beyond a quota (413) or a limit in number
    /// (429, 503), its key is taken (409), or the storage fails. Nothing is left behind.
    pub(crate) async fn start(&self, caller: &Caller, wish: Wish) -> Result<Record, Error> {
        let record = self.begin(caller, wish).await;
        match &record {
            Ok(_) => self.core.metrics.begun(),
            Err(error) => self.core.metrics.failed(UploadFailure::of(error)),
        }
        record
    }

    async fn begin(&self, caller: &Caller, wish: Wish) -> Result<Record, Error> {
        self.admit(caller).await?;
        self.take_rate(caller)?;
        wish.check()?;
        self.load().await?;
        let new = NewUpload {
            id: UploadId::random(),
            identity: caller.identity.clone(),
            name: name::clean(&wish.name),
            mime: wish.mime,
            length: wish.length,
            local_key: wish.local_key,
            metadata: wish.metadata,
        };
        let Slot { key, max_bytes, types, public } = self.core.hooks.start(&new, &self.server).await?;
        let key = key.unwrap_or_else(|| new.id.to_string());
        name::check_key(&key)?;
        let most = self.settings().upload_max_bytes;
        let limit = max_bytes.unwrap_or(if most == 0 { u64::MAX } else { most });
        if let Some(length) = new.length.filter(|length| *length > limit) {
            return Err(Error::new(413, format!("the file has {length} bytes; {limit} are allowed")));
        }
        if !kind::may_be(&new.mime, &types) {
            return Err(Error::new(415, format!("files of this type are not taken here: {} are", types.join(", "))));
        }
        let owner = new.identity.as_ref().map(|identity| identity.user_id().to_owned());
        let one = self.core.starting.get(owner.as_deref().unwrap_or_default().into(), |_| false);
        let _one = one.lock().await;
        self.check_room(owner.as_deref(), new.length.unwrap_or(0).saturating_sub(wish.counted)).await?;
        if wish.role != Role::Partial
            && (self.core.index.has_key(&key) || self.object::<StoredFile>(&info_path(&key)).await?.is_some())
        {
            return Err(Error::new(409, format!("there is a file `{key}` already")));
        }
        let mut record = Record {
            id: new.id,
            owner,
            key,
            name: new.name,
            declared_mime: new.mime,
            local_key: new.local_key,
            metadata: new.metadata,
            raw_metadata: wish.raw_metadata,
            length: new.length,
            limit,
            types,
            public,
            role: wish.role,
            expires: self.expiry(),
            hash: super::hash::HashState::default(),
            head: Vec::new(),
            mime: None,
            hold: None,
            parts: None,
            stage: Stage::Open,
        };
        self.core.backend.create(&mut record).await?;
        if let Err(error) = self.core.save(&record, 0).await {
            let _ = self.core.backend.discard(&record).await; // Or it is swept.
            return Err(error);
        }
        Ok(record)
    }

    /// An upload, held against all others. Whoever writes to it is told to stop.
    async fn take(&self, caller: &Caller, id: UploadId) -> Result<(Record, Held), Error> {
        self.admit(caller).await?;
        self.load().await?;
        // Nobody is told to stop by somebody whose upload it is not; what he did until he stopped is read behind him.
        self.record(caller, id).await?;
        let held = self.core.locks.take(id).await?;
        Ok((self.record(caller, id).await?, held))
    }

    /// How an upload stands. Whoever writes to it is told to stop, so that what is said stays true.
    ///
    /// # Errors
    /// There is none (404), it has expired (410), or it is somebody else's (401, 403).
    pub(crate) async fn status(&self, caller: &Caller, id: UploadId) -> Result<(Record, u64), Error> {
        let (record, held) = self.take(caller, id).await?;
        match record.stage {
            Stage::Open => {
                let offset = self.core.backend.offset(&record).await?;
                if record.length != Some(offset) {
                    return Ok((record, offset));
                }
                // The server was killed when all had come: a client that hears so sends nothing more.
                let place = self.place()?;
                let finished = Writer::open(self.clone(), record, held, place).await?.finish().await?;
                Ok((finished.record, offset))
            }
            Stage::Publishing(_) => {
                let record = self.conclude(id, held, self.claim(id).await?).await?;
                let size = record.length.unwrap_or_default();
                Ok((record, size))
            }
            Stage::Done { size, .. } => Ok((record, size)),
        }
    }

    /// Goes on with an upload: nobody else writes to it as long as the writer lives. Whoever did is told to stop.
    ///
    /// # Errors
    /// As [`status`](Self::status), also: the one before does not stop (423), or too many write (503).
    pub(crate) async fn resume(&self, caller: &Caller, id: UploadId) -> Result<Resumed, Error> {
        let (record, held) = self.take(caller, id).await?;
        match record.stage {
            Stage::Open => {
                let place = self.place()?;
                Ok(Resumed::Open(Box::new(Writer::open(self.clone(), record, held, place).await?)))
            }
            Stage::Publishing(_) => {
                let record = self.conclude(id, held, self.claim(id).await?).await?;
                let size = record.length.unwrap_or_default();
                Ok(Resumed::Done(Box::new(record), size))
            }
            Stage::Done { size, .. } => Ok(Resumed::Done(Box::new(record), size)),
        }
    }

    /// Ends an upload: its bytes go, also those of a file that it has become.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub(crate) async fn cancel(&self, caller: &Caller, id: UploadId) -> Result<(), Error> {
        let (record, _held) = self.take(caller, id).await?;
        if let Stage::Done { key, .. } = &record.stage
            && !record.is_partial()
            && let Some(file) = self.find(key).await?
        {
            self.remove(&file).await?;
        }
        if !matches!(record.stage, Stage::Done { .. }) {
            self.core.metrics.failed(UploadFailure::Cancelled);
        }
        self.discard(&record).await
    }

    /// Makes a file of finished parts, and lets these expire soon.
    ///
    /// # Errors
    /// As [`start`](Self::start); one of the parts is no part (400) or not finished (409).
    pub(crate) async fn concatenate(
        &self,
        caller: &Caller,
        mut wish: Wish,
        ids: &[UploadId],
    ) -> Result<Finished, Error> {
        let mut parts = Vec::with_capacity(ids.len());
        let mut length = 0_u64;
        for id in ids {
            let (part, size) = self.status(caller, *id).await?;
            match part.stage {
                _ if !part.is_partial() => {
                    return Err(Error::new(400, format!("the upload {id} is no part of a file")));
                }
                Stage::Done { .. } => length = length.saturating_add(size),
                _ => return Err(Error::new(409, format!("the part {id} is not finished"))),
            }
            parts.push((part, size));
        }
        (wish.length, wish.counted) = (Some(length), length);
        let record = self.start(caller, wish).await?;
        let held = self.core.locks.take(record.id).await?;
        let mut writer = Writer::open(self.clone(), record, held, self.place()?).await?;
        for (part, size) in &parts {
            let path = data_path(part.id);
            let copied = async {
                let missing = || Error::new(409, format!("the part {} is gone", part.id));
                let mut bytes = self.bytes(&path, 0..*size).await?.ok_or_else(missing)?;
                while let Some(chunk) = bytes.try_next().await? {
                    writer.write(chunk).await?;
                }
                Ok::<_, Error>(())
            };
            if let Err(error) = copied.await {
                writer.discard().await;
                return Err(error);
            }
        }
        let finished = writer.finish().await?;
        for (mut part, size) in parts {
            // For a client that asks again because it did not hear the answer.
            part.expires = part.expires.min(now() + 60 * 10);
            self.core.save(&part, size).await?;
        }
        Ok(finished)
    }

    /// A record, if it is the caller's.
    async fn record(&self, caller: &Caller, id: UploadId) -> Result<Record, Error> {
        self.record_for(Some(caller), id).await
    }

    /// A record; whoever is known must be its owner.
    pub(crate) async fn record_for(&self, caller: Option<&Caller>, id: UploadId) -> Result<Record, Error> {
        let missing = || Error::new(404, "there is no such upload: it never was, has expired, or was deleted");
        let record = self.object::<Record>(&Record::path(id)).await?.ok_or_else(missing)?;
        if let Some(caller) = caller {
            caller.check_owner(&record)?;
        }
        if record.expires <= now() && !matches!(record.stage, Stage::Publishing(_)) {
            return Err(Error::new(410, "the upload has expired: begin it anew"));
        }
        Ok(record)
    }

    /// When an upload expires that somebody has worked with now.
    pub(crate) fn expiry(&self) -> u64 {
        now().saturating_add(self.settings().upload_expiry.as_secs().max(1))
    }
}
