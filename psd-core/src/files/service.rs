//! The core of files: what begins, goes on, ends and is swept, whatever it comes by.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, path::Path};
use psd_proto::common::sfiles::UploadedFile;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use super::{
    Files, NewUpload, Slot, StoredFile, UploadId,
    hooks::AnyHooks,
    index::Index,
    kind,
    locks::{Held, Locks},
    name,
    record::{Record, Role, Stage, data_path, file_path, info_path},
    storage::{Backend, failed, read},
    stored::now,
    writer::Writer,
};
use crate::{
    Error, Guard, Identity, Server, Settings,
    limits::{Bucket, Clock, Keyed},
};

/// Objects that are looked at together.
const AT_ONCE: usize = 16;

/// How long the bytes of an upload are kept whose record cannot be found: it may be about to be written.
const ORPHAN_AGE: u64 = 60 * 60;

/// What a server knows of files; [`FileService`] is what is done with it.
pub(crate) struct Core {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) hooks: Arc<dyn AnyHooks>,
    pub(crate) guard: Guard,
    pub(crate) upload_path: String,
    pub(crate) download_path: String,
    /// Signs links; from the storage, so that all servers have the same.
    pub(crate) key: OnceCell<[u8; 32]>,
    index: Index,
    /// Whether the index holds what was left by the process before.
    is_loaded: OnceCell<()>,
    locks: Locks,
    writers: Arc<Semaphore>,
    clock: Clock,
    rates: Keyed<Box<str>, Bucket>,
    /// So that uploads which begin together do not each find the room of all: one of a user at a time.
    starting: Keyed<Box<str>, tokio::sync::Mutex<()>>,
}

impl Core {
    /// # Errors
    /// The storage cannot be opened; text for start-up.
    pub(crate) fn open(files: Files, settings: &Settings) -> Result<Self, String> {
        Ok(Self {
            backend: files.storage.open(settings)?,
            hooks: files.hooks,
            guard: files.guard,
            upload_path: files.upload_path,
            download_path: files.download_path,
            key: OnceCell::new(),
            index: Index::default(),
            is_loaded: OnceCell::new(),
            locks: Locks::default(),
            writers: Arc::new(Semaphore::new(settings.upload_writers.min(Semaphore::MAX_PERMITS))),
            clock: Clock::new(),
            rates: Keyed::new(),
            starting: Keyed::new(),
        })
    }

    pub(crate) fn objects(&self) -> &dyn ObjectStore {
        self.backend.objects()
    }

    pub(crate) async fn save(&self, record: &Record, offset: u64) -> Result<(), Error> {
        let path = Record::path(record.id);
        let json = serde_json::to_vec(record)?;
        self.objects().put(&path, PutPayload::from(json)).await.map_err(|error| failed(&path, error))?;
        self.index.note(record, offset);
        Ok(())
    }
}

/// Who wants something of files, by whatever way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) identity: Option<Identity>,
    pub(crate) address: Option<IpAddr>,
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

/// The files of a server; see [`Server::files`].
#[derive(Clone)]
pub struct FileService {
    pub(crate) server: Server,
    pub(crate) core: Arc<Core>,
}

impl Server {
    /// The files of this server.
    ///
    /// # Errors
    /// It was built without [`ServerBuilder::files`](crate::ServerBuilder::files) (code 500).
    pub fn files(&self) -> Result<FileService, Error> {
        match &self.0.files {
            Some(core) => Ok(FileService { server: self.clone(), core: core.clone() }),
            None => Err(Error::internal("the server has no files: add `.files(Files::folder(…))` to its builder")),
        }
    }
}

impl FileService {
    /// What is known of a file; `None` if there is none.
    ///
    /// # Errors
    /// The storage does not answer (code 503).
    pub async fn find(&self, key: &str) -> Result<Option<StoredFile>, Error> {
        if name::check_key(key).is_err() {
            return Ok(None);
        }
        self.object(&info_path(key)).await
    }

    /// The bytes of a file, as they are read; also inside [`FileHooks::on_upload_done`](super::FileHooks::on_upload_done).
    ///
    /// # Errors
    /// There is no such file (code 404), or the storage does not answer (code 503).
    pub async fn read(&self, key: &str) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        name::check_key(key).map_err(|_| missing_file())?;
        let path = file_path(key);
        let size = self.core.objects().head(&path).await.map_err(|error| match error {
            object_store::Error::NotFound { .. } => missing_file(),
            error => failed(&path, error),
        })?;
        read(self.core.objects(), &path, 0..size.size).await?.ok_or_else(missing_file)
    }

    /// Deletes a file, whoever asks; nothing happens if there is none. What clients ask for goes by
    /// [`FileHooks::on_delete`](super::FileHooks::on_delete) first.
    ///
    /// # Errors
    /// The storage does not answer (code 503).
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        match self.find(key).await? {
            Some(file) => self.remove(&file).await,
            None => Ok(()),
        }
    }

    /// The message that tells clients about a file, with the URL it is fetched from: a plain one for a
    /// [public](Slot::public) file, else one that is signed and expires
    /// ([`Settings::file_link_expiry`](crate::Settings::file_link_expiry)).
    ///
    /// # Errors
    /// The storage, which holds the key for signatures, does not answer (code 503).
    pub async fn uploaded_file(&self, file: &StoredFile) -> Result<UploadedFile, Error> {
        let url = match file.public {
            true => self.url(&file.key),
            false => self.link(&file.key, self.settings().file_link_expiry).await?,
        };
        Ok(file.to_uploaded_file(url))
    }

    /// Where a file is fetched: a path of this server.
    #[must_use]
    pub fn url(&self, key: &str) -> String {
        format!("{}/{key}", self.core.download_path)
    }

    /// Where an upload goes on: a path of this server.
    #[must_use]
    pub fn upload_url(&self, id: UploadId) -> String {
        format!("{}/{id}", self.core.upload_path)
    }

    pub(crate) fn settings(&self) -> &Settings {
        self.server.settings()
    }

    /// Whether somebody may bring and delete files at all.
    pub(crate) fn admit(&self, caller: &Caller) -> Result<(), Error> {
        let guard = &self.core.guard;
        let requires_auth = guard.requires_auth(None, self.settings().default_auth);
        guard.check(requires_auth, caller.identity.as_ref()).map_err(Error::from)
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// The guard or the hook refuses, it is too long (413), of a wrong type (415), beyond a quota (413) or a limit in number
    /// (429, 503), its key is taken (409), or the storage fails. Nothing is left behind.
    pub(crate) async fn start(&self, caller: &Caller, wish: Wish) -> Result<Record, Error> {
        self.admit(caller)?;
        self.take_rate(caller)?;
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
        self.admit(caller)?;
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
                let finished = self.conclude(record, held).await?;
                let size = finished.record.length.unwrap_or_default();
                Ok((finished.record, size))
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
                let finished = self.conclude(record, held).await?;
                let size = finished.record.length.unwrap_or_default();
                Ok(Resumed::Done(Box::new(finished.record), size))
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
                let mut bytes = read(self.core.objects(), &path, 0..*size).await?.ok_or_else(missing)?;
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

    /// What a client may delete.
    ///
    /// # Errors
    /// There is no such file (404), or it may not.
    pub(crate) async fn delete_for(&self, caller: &Caller, key: &str) -> Result<(), Error> {
        self.admit(caller)?;
        let file = self.find(key).await?.ok_or_else(missing_file)?;
        self.core.hooks.delete(&file, caller.identity.as_ref(), &self.server).await?;
        self.remove(&file).await
    }

    /// Removes uploads that have expired, goes on with those that were being published when the server was killed, and
    /// returns how many there were of both. A server that listens does it by itself, every ten minutes or more often.
    ///
    /// # Errors
    /// The storage does not answer (code 503).
    pub async fn sweep(&self) -> Result<usize, Error> {
        self.load().await?;
        let prefix = Path::from("uploads");
        let objects: Vec<_> =
            self.core.objects().list(Some(&prefix)).try_collect().await.map_err(|error| failed(&prefix, error))?;
        let upload_of = |path: &Path| path.parts().nth(1)?.as_ref().split('.').next()?.parse::<UploadId>().ok();
        let is_record = |path: &Path| path.filename().is_some_and(|name| name.ends_with(".json"));
        let mut records = std::collections::HashSet::new();
        let mut count = 0;
        for object in objects.iter().filter(|object| is_record(&object.location)) {
            let Some(id) = upload_of(&object.location) else { continue };
            records.insert(id);
            if self.core.locks.is_taken(id) {
                continue;
            }
            match self.object::<Record>(&object.location).await {
                Ok(Some(record)) => count += usize::from(self.sweep_one(record).await),
                Ok(None) => {}
                Err(error) => tracing::warn!(upload = %id, ?error, "the record of an upload cannot be read"),
            }
        }
        for object in objects.iter().filter(|object| !is_record(&object.location)) {
            let age = now().saturating_sub(object.last_modified.timestamp().try_into().unwrap_or(0));
            let is_orphan = upload_of(&object.location).is_none_or(|id| !records.contains(&id));
            if is_orphan && age > ORPHAN_AGE {
                let _ = self.core.objects().delete(&object.location).await; // Or the next time.
                count += 1;
            }
        }
        Ok(count)
    }

    async fn sweep_one(&self, record: Record) -> bool {
        let (id, is_expired) = (record.id, record.expires <= now());
        let Ok(held) = self.core.locks.take(id).await else { return false };
        let result = match record.stage {
            Stage::Publishing(_) => self.conclude(record, held).await.map(drop),
            _ if is_expired => self.discard(&record).await,
            _ => return false,
        };
        if let Err(error) = &result {
            tracing::warn!(upload = %id, ?error, "an upload cannot be swept");
        }
        result.is_ok()
    }

    /// Sweeps for as long as it is polled.
    pub(crate) async fn follow(&self) {
        let interval = (self.settings().upload_expiry / 10).clamp(Duration::from_secs(5), Duration::from_secs(600));
        loop {
            if let Err(error) = self.sweep().await {
                tracing::warn!(?error, "uploads cannot be swept");
            }
            tokio::time::sleep(interval).await;
        }
    }

    /// Publishes a file whose bytes are all there, asks the application what becomes of it, and lets it be seen.
    ///
    /// # Errors
    /// The key is taken (409), the hook refuses, or there is no room (507), and nothing is left; after other errors of 500
    /// and above it is tried again.
    pub(crate) async fn conclude(&self, record: Record, _held: Held) -> Result<Finished, Error> {
        let Stage::Publishing(file) = &record.stage else {
            return Err(Error::internal("an upload is concluded that is not whole"));
        };
        let file = (**file).clone();
        match self.object::<StoredFile>(&info_path(&file.key)).await? {
            Some(other) if other.upload != file.upload => {
                self.discard(&record).await?;
                return Err(Error::new(409, format!("there is a file `{}` already", file.key)));
            }
            _ => {}
        }
        match self.publish(record.clone(), &file).await {
            Ok(finished) => Ok(finished),
            Err(error) if error.code().is_none_or(|code| code < 500 || code == 507) => {
                self.remove(&file).await?;
                self.discard(&record).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn publish(&self, mut record: Record, file: &StoredFile) -> Result<Finished, Error> {
        self.core.backend.publish(&record).await?;
        if let Some(mark) = mark(file) {
            self.core.objects().put(&mark, PutPayload::new()).await.map_err(|error| failed(&mark, error))?;
        }
        let uploaded = self.core.hooks.done(file, &self.server).await?;
        let info = info_path(&file.key);
        let json = serde_json::to_vec(file)?;
        self.core.objects().put(&info, PutPayload::from(json)).await.map_err(|error| failed(&info, error))?;
        record.stage = Stage::Done { key: file.key.clone(), size: file.size };
        record.length = Some(file.size);
        self.core.save(&record, file.size).await?;
        Ok(Finished { record, file: Some((file.clone(), uploaded)) })
    }

    /// Forgets an upload and its bytes.
    pub(crate) async fn discard(&self, record: &Record) -> Result<(), Error> {
        if record.is_partial() || !matches!(record.stage, Stage::Done { .. }) {
            self.core.backend.discard(record).await?;
        }
        self.delete_object(&Record::path(record.id)).await?;
        self.core.index.forget(record.id);
        Ok(())
    }

    /// What would be too much with so many bytes more, besides one upload.
    pub(crate) async fn check_quota(
        &self,
        owner: Option<&str>,
        bytes: u64,
        except: Option<UploadId>,
    ) -> Result<(), Error> {
        let quota = self.settings().upload_quota;
        let Some(owner) = owner.filter(|_| quota > 0) else { return Ok(()) };
        let under_way = self.core.index.of(owner, except).bytes;
        let used = self.used(owner).await?;
        let sum = used.saturating_add(under_way).saturating_add(bytes);
        if sum <= quota {
            return Ok(());
        }
        let left = quota.saturating_sub(used.saturating_add(under_way));
        Err(Error::new(413, format!("you have room for {left} of {quota} bytes: delete a file first")))
    }

    async fn check_room(&self, owner: Option<&str>, bytes: u64) -> Result<(), Error> {
        let settings = self.settings();
        if self.core.index.len() >= settings.uploads_unfinished {
            return Err(Error::unavailable("the server has too many unfinished uploads: try again later"));
        }
        if let Some(owner) = owner
            && self.core.index.of(owner, None).uploads >= settings.uploads_per_user
        {
            let most = settings.uploads_per_user;
            return Err(Error::new(429, format!("you have {most} unfinished uploads: finish or delete one first")));
        }
        self.check_quota(owner, bytes, None).await
    }

    /// Bytes of a user's files.
    async fn used(&self, owner: &str) -> Result<u64, Error> {
        let folder = owner_path(owner);
        let mut files = self.core.objects().list(Some(&folder));
        let mut sum = 0_u64;
        while let Some(mark) = files.try_next().await.map_err(|error| failed(&folder, error))? {
            let size = mark.location.filename().and_then(|name| name.split_once('-')?.1.parse::<u64>().ok());
            sum = sum.saturating_add(size.unwrap_or(0));
        }
        Ok(sum)
    }

    async fn remove(&self, file: &StoredFile) -> Result<(), Error> {
        // First what makes it be there, then what it takes.
        self.delete_object(&info_path(&file.key)).await?;
        self.delete_object(&file_path(&file.key)).await?;
        match mark(file) {
            Some(mark) => self.delete_object(&mark).await,
            None => Ok(()),
        }
    }

    async fn delete_object(&self, path: &Path) -> Result<(), Error> {
        match self.core.objects().delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(path, error)),
        }
    }

    /// A record, if it is the caller's.
    async fn record(&self, caller: &Caller, id: UploadId) -> Result<Record, Error> {
        let missing = || Error::new(404, "there is no such upload: it never was, has expired, or was deleted");
        let record = self.object::<Record>(&Record::path(id)).await?.ok_or_else(missing)?;
        match (&record.owner, &caller.identity) {
            (Some(_), None) => return Err(Error::unauthenticated()),
            (Some(owner), Some(identity)) if owner != identity.user_id() => {
                return Err(Error::new(403, "the upload is somebody else's"));
            }
            _ => {}
        }
        if record.expires <= now() && !matches!(record.stage, Stage::Publishing(_)) {
            return Err(Error::new(410, "the upload has expired: begin it anew"));
        }
        Ok(record)
    }

    /// A small object, written as JSON; `None` if there is none.
    async fn object<T: serde::de::DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, Error> {
        let bytes = match self.core.objects().get(path).await {
            Ok(object) => object.bytes().await.map_err(|error| failed(path, error))?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(path, error)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| failed(path, error))
    }

    /// Reads what the process before has left, once.
    async fn load(&self) -> Result<(), Error> {
        let load = || async {
            let prefix = Path::from("uploads");
            let records = self.core.objects().list(Some(&prefix)).try_filter_map(|object| async move {
                let is_record = object.location.as_ref().ends_with(".json");
                Ok(is_record.then_some(object.location))
            });
            let records: Vec<Path> = records.try_collect().await.map_err(|error| failed(&prefix, error))?;
            let records = futures_util::stream::iter(records);
            let records = records.map(|path| async move { self.object::<Record>(&path).await });
            let mut records = records.buffer_unordered(AT_ONCE);
            while let Some(record) = records.next().await {
                // One that cannot be read must not keep all others from beginning.
                let Ok(Some(record)) = record else { continue };
                let offset = self.core.backend.offset(&record).await.unwrap_or_default();
                self.core.index.note(&record, offset);
            }
            Ok(())
        };
        self.core.is_loaded.get_or_try_init(load).await.copied()
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let busy = |_| Error::unavailable("too many uploads are being written: try again soon");
        self.core.writers.clone().try_acquire_owned().map_err(busy)
    }

    fn take_rate(&self, caller: &Caller) -> Result<(), Error> {
        let key: Box<str> = match (&caller.identity, caller.address) {
            (Some(identity), _) => format!("user {}", identity.user_id()).into(),
            (None, Some(address)) => crate::limits::network(address).to_string().into(),
            (None, None) => "".into(),
        };
        let now = self.core.clock.now();
        let bucket = self.core.rates.get(key, |bucket| !bucket.is_full(now));
        bucket.take(self.settings().upload_rate, now).map_err(|wait| {
            Error::new(429, format!("too many uploads: try again in {:.1} s", wait.as_secs_f64().max(0.1)))
        })
    }

    /// When an upload expires that somebody has worked with now.
    pub(crate) fn expiry(&self) -> u64 {
        now().saturating_add(self.settings().upload_expiry.as_secs().max(1))
    }
}

impl fmt::Debug for FileService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileService").finish_non_exhaustive()
    }
}

pub(crate) fn missing_file() -> Error {
    Error::new(404, "there is no such file")
}

/// The folder that says what a user has; the id may hold anything.
fn owner_path(owner: &str) -> Path {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(owner);
    Path::from(format!("owners/{}", super::hash::hex(&digest[..16])))
}

/// What says that a file is its owner's.
fn mark(file: &StoredFile) -> Option<Path> {
    let folder = owner_path(file.owner.as_deref()?);
    Some(Path::from(format!("{folder}/{}-{}", file.upload, file.size)))
}
