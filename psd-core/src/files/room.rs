//! How much may be brought: by a user, at a time, in all.

use futures_util::TryStreamExt as _;
use object_store::path::Path;
use tokio::sync::OwnedSemaphorePermit;

use super::{FileService, StoredFile, UploadId, storage::failed, uploads::Caller};
use crate::{
    Error, Rate,
    limits::{Bucket, Keyed},
    listener::Client,
};

impl FileService {
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

    pub(crate) async fn check_room(&self, owner: Option<&str>, bytes: u64) -> Result<(), Error> {
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

    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let busy = |_| Error::unavailable("too many uploads are being written: try again soon");
        self.core.writers.clone().try_acquire_owned().map_err(busy)
    }

    pub(crate) fn take_rate(&self, caller: &Caller) -> Result<(), Error> {
        let key: Box<str> = match (&caller.identity, caller.address) {
            (Some(identity), _) => format!("user {}", identity.user_id()).into(),
            (None, Some(address)) => crate::limits::network(address).to_string().into(),
            (None, None) => "".into(),
        };
        self.take_token(&self.core.rates, key, self.settings().upload_rate, "uploads")
    }

    /// Whether one more request over HTTP may come from where it comes from.
    pub(crate) fn take_request_from(&self, client: Client) -> Result<(), Error> {
        let Some(address) = client.address() else { return Ok(()) };
        let key = crate::limits::network(address.ip()).to_string();
        self.take_token(&self.core.requests, key.into(), self.settings().file_requests_per_address, "requests")
    }

    /// Whether one more request over HTTP may come from a user.
    pub(crate) fn take_request_of(&self, user: &str) -> Result<(), Error> {
        let key = format!("user {user}");
        self.take_token(&self.core.requests, key.into(), self.settings().file_requests_per_user, "requests")
    }

    fn take_token(&self, rates: &Keyed<Box<str>, Bucket>, key: Box<str>, rate: Rate, what: &str) -> Result<(), Error> {
        if rate.is_unlimited() {
            return Ok(());
        }
        let now = self.core.clock.now();
        let bucket = rates.get(key, |bucket| !bucket.is_full(now));
        bucket.take(rate, now).map_err(|wait| {
            Error::new(429, format!("too many {what}: try again in {:.1} s", wait.as_secs_f64().max(0.1)))
        })
    }
}

/// The folder that says what a user has; the id may hold anything.
fn owner_path(owner: &str) -> Path {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(owner);
    Path::from(format!("owners/{}", super::hash::hex(&digest[..16])))
}

/// What says that a file is its owner's.
pub(crate) fn mark(file: &StoredFile) -> Option<Path> {
    let folder = owner_path(file.owner.as_deref()?);
    Some(Path::from(format!("{folder}/{}-{}", file.upload, file.size)))
}
