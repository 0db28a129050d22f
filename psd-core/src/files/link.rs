//! Links that are good for a while, for whoever has them.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use object_store::{ObjectStoreExt as _, PutMode, PutOptions, PutPayload, path::Path};
use sha2::Sha256;

use super::{FileService, storage::failed, stored::now};
use crate::Error;

impl FileService {
    /// A path of this server that a file can be fetched by, without a token, for some time.
    ///
    /// Signed by HMAC-SHA-256 with a key that is in the storage, so that every server with this storage takes it. It
    /// cannot be taken back but by deleting the file.
    ///
    /// # Errors
    /// The storage does not answer (code 503).
    pub async fn link(&self, key: &str, good_for: Duration) -> Result<String, Error> {
        let expires = now().saturating_add(good_for.as_secs());
        let signature = self.signature(key, expires).await?.finalize().into_bytes();
        Ok(format!("{}?expires={expires}&signature={}", self.url(key), URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Whether a link's query is good for a file; `None` if it is no link's.
    ///
    /// # Errors
    /// Code 403: it was signed for something else, by somebody else, or has expired.
    pub(crate) async fn check_link(&self, key: &str, query: &str) -> Result<Option<u64>, Error> {
        let (mut expires, mut signature) = (None, None);
        for pair in query.split('&') {
            match pair.split_once('=') {
                Some(("expires", value)) => expires = value.parse::<u64>().ok(),
                Some(("signature", value)) => signature = Some(value),
                _ => {}
            }
        }
        let Some(signature) = signature else { return Ok(None) };
        let refused = || Error::new(403, "the link is not good for this file");
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| refused())?;
        let expires = expires.ok_or_else(refused)?;
        // In constant time.
        self.signature(key, expires).await?.verify_slice(&signature).map_err(|_| refused())?;
        match expires.checked_sub(now()) {
            Some(left @ 1..) => Ok(Some(left)),
            _ => Err(Error::new(403, "the link has expired")),
        }
    }

    async fn signature(&self, key: &str, expires: u64) -> Result<Hmac<Sha256>, Error> {
        let secret = self.core.key.get_or_try_init(|| self.read_key()).await?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| Error::internal("the key has no length"))?;
        mac.update(format!("psd file link\n{key}\n{expires}").as_bytes());
        Ok(mac)
    }

    /// The key of this storage; whoever comes first makes it.
    async fn read_key(&self) -> Result<[u8; 32], Error> {
        let path = Path::from("key");
        let new: [u8; 32] = rand::random();
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.core.objects().put_opts(&path, PutPayload::from(new.to_vec()), options).await {
            Ok(_) => return Ok(new),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {}
            Err(error) => return Err(failed(&path, error)),
        }
        let bytes = self.core.objects().get_range(&path, 0..32).await.map_err(|error| failed(&path, error))?;
        let broken = || Error::internal("the object `key` of the storage has not 32 bytes: delete it");
        bytes.as_ref().try_into().map_err(|_| broken())
    }
}
