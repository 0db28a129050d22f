//! Where the public keys of an identity provider come from, and how they are kept fresh.

use std::{
    fmt,
    future::Future,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{Key, KeyError, TokenError, authenticator::BoxFuture, jwk};

/// How long a source may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// After an attempt, good or bad, the source is left alone for this long, whatever tokens come.
const PAUSE: Duration = Duration::from_secs(30);

/// The public keys of an identity provider: a JSON Web Key Set (RFC 7517), fixed or fetched.
///
/// Each key verifies tokens of the one algorithm that it names; an RSA key that names none those of RS256.
///
/// A fetched set is fetched again in the background when it is ten minutes old ([`refresh_every`](Self::refresh_every))
/// and a token comes; a token that names a key which is not in it waits for one fetch, at most every 30 seconds. While
/// the source does not answer, the keys that are there go on being used; while there are none, tokens cannot be verified
/// (code 503).
///
/// Clones share their keys.
#[derive(Clone)]
pub struct Jwks {
    inner: Arc<Inner>,
    refresh_every: Duration,
}

struct Inner {
    /// What fetches the set; `None` if it is fixed.
    source: Option<Source>,
    name: String,
    /// Replaced as a whole; held for a clone or an assignment.
    keys: RwLock<Option<Arc<[Key]>>>,
    /// Held to begin or end an attempt.
    attempt: Mutex<Attempt>,
    /// Counts attempts that have ended.
    ended: watch::Sender<u64>,
}

type Source = Box<dyn Fn() -> BoxFuture<'static, anyhow::Result<String>> + Send + Sync>;

#[derive(Default)]
struct Attempt {
    is_running: bool,
    last: Option<Instant>,
    last_good: Option<Instant>,
    /// Why the last one gave no keys.
    failure: Option<String>,
}

impl Jwks {
    /// A set that does not change.
    ///
    /// # Errors
    /// It is no key set, holds more than 32 keys, or none that verifies signatures of an [`Algorithm`](super::Algorithm).
    pub fn from_json(text: &str) -> Result<Self, KeyError> {
        let keys = jwk::parse(text)?;
        Ok(Self::new("a fixed key set".into(), None, Some(keys.into())))
    }

    /// A set in a file, which is read now and then again, as if it were fetched.
    ///
    /// # Errors
    /// The file cannot be read, or as [`from_json`](Self::from_json).
    pub fn file(path: impl Into<PathBuf>) -> Result<Self, KeyError> {
        let path = path.into();
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| KeyError::KeySet(format!("`{name}`: {error}")))?;
        let keys = jwk::parse(&text)?;
        let source: Source = Box::new(move || {
            let path = path.clone();
            Box::pin(async move { Ok(tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await??) })
        });
        let jwks = Self::new(name, Some(source), Some(keys.into()));
        let now = Instant::now();
        *jwks.inner.attempt() = Attempt { last: Some(now), last_good: Some(now), ..Attempt::default() };
        Ok(jwks)
    }

    /// A set at an `https://` address, such as the `jwks_uri` of OpenID Connect. The first token waits for it.
    ///
    /// At most 1 MiB is read, within ten seconds. Certificates are checked against Mozilla's roots. Plain `http://` is
    /// refused, but for this machine: whoever can change the answer could sign tokens.
    ///
    /// # Errors
    /// The address is not of that kind.
    #[cfg(feature = "jwks-url")]
    pub fn url(url: impl Into<String>) -> Result<Self, KeyError> {
        let url = url.into();
        super::jwks_url::check(&url)?;
        let name = url.clone();
        Ok(Self::named(name, move || super::jwks_url::fetch(url.clone())))
    }

    /// A set that the application fetches itself, as with an HTTP client that it has already; `name` is for the log.
    /// What the future gives is the set's JSON. It is dropped after ten seconds.
    pub fn fetched<F>(name: impl Into<String>, fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<String>> + Send + 'static,
    {
        Self::named(name.into(), fetch)
    }

    /// Sets how old a fetched set may be before it is fetched again. Default: ten minutes. Not below 30 seconds.
    #[must_use]
    pub fn refresh_every(mut self, interval: Duration) -> Self {
        self.refresh_every = interval.max(PAUSE);
        self
    }

    fn named<F>(name: String, fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<String>> + Send + 'static,
    {
        Self::new(name, Some(Box::new(move || Box::pin(fetch()))), None)
    }

    fn new(name: String, source: Option<Source>, keys: Option<Arc<[Key]>>) -> Self {
        let (keys, attempt) = (RwLock::new(keys), Mutex::default());
        let inner = Arc::new(Inner { source, name, keys, attempt, ended: watch::Sender::new(0) });
        Self { inner, refresh_every: Duration::from_secs(10 * 60) }
    }

    /// The keys that are there; waits only if there are none yet.
    ///
    /// # Errors
    /// The source gives none.
    pub(super) async fn keys(&self) -> Result<Arc<[Key]>, TokenError> {
        if let Some(keys) = self.inner.keys() {
            if self.inner.attempt().last_good.is_none_or(|last| last.elapsed() >= self.refresh_every) {
                self.begin();
            }
            return Ok(keys);
        }
        self.refetch().await;
        self.inner.keys().ok_or_else(|| {
            let failure = self.inner.attempt().failure.clone().unwrap_or_default();
            TokenError::unavailable(format!("the keys of {} are not there: {failure}", self.inner.name))
        })
    }

    /// Waits for newer keys; `None` if the source was asked a moment ago, or cannot be asked.
    pub(super) async fn refetch(&self) -> Option<Arc<[Key]>> {
        let mut ended = self.begin()?;
        let _ = ended.changed().await; // The sender lives as long as `self`.
        self.inner.keys()
    }

    /// Begins an attempt, or joins the one that runs; `None` while the source is left alone.
    fn begin(&self) -> Option<watch::Receiver<u64>> {
        let inner = &self.inner;
        inner.source.as_ref()?;
        let mut attempt = inner.attempt();
        if !attempt.is_running {
            if attempt.last.is_some_and(|last| last.elapsed() < PAUSE) {
                return None;
            }
            attempt.is_running = true;
            // A task of its own, so that the client whose token began it may go.
            tokio::spawn(inner.clone().fetch());
        }
        Some(inner.ended.subscribe())
    }
}

impl Inner {
    async fn fetch(self: Arc<Self>) {
        let ended = Ended(&self);
        let fetched = match &self.source {
            Some(source) => tokio::time::timeout(FETCH_TIMEOUT, source()).await,
            None => return,
        };
        let keys = match fetched {
            Ok(Ok(text)) => jwk::parse(&text).map_err(|error| error.to_string()),
            Ok(Err(error)) => Err(format!("{error:#}")),
            Err(_) => Err(format!("nothing came within {} s", FETCH_TIMEOUT.as_secs())),
        };
        match keys {
            Ok(keys) => {
                tracing::debug!(source = self.name, keys = keys.len(), "fetched the key set");
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys.into());
                self.attempt().last_good = Some(Instant::now());
            }
            Err(failure) => {
                tracing::error!(source = self.name, failure, "cannot fetch the key set");
                self.attempt().failure = Some(failure);
            }
        }
        drop(ended);
    }

    fn keys(&self) -> Option<Arc<[Key]>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn attempt(&self) -> MutexGuard<'_, Attempt> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends an attempt, even if its source panics.
struct Ended<'a>(&'a Inner);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut attempt = self.0.attempt();
        attempt.is_running = false;
        attempt.last = Some(Instant::now());
        drop(attempt);
        self.0.ended.send_modify(|count| *count += 1);
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks")
            .field("source", &self.inner.name)
            .field("keys", &self.inner.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
