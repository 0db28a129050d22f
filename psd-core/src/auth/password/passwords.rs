//! Hashing on threads that may block, a bounded number at once.

use std::{fmt, sync::Arc};

use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::{Scheme, format::StoredPassword};
use crate::Error;

/// Longer passwords are refused before anything is computed.
pub const MAX_PASSWORD_BYTES: usize = 4096;

/// Makes and verifies stored passwords; cheap to clone, and clones share its limits.
///
/// A hash takes a tenth of a second or more, and Argon2 100 MiB while it lasts. So hashes are computed on tokio's
/// blocking threads, never on the event loop, as many at once as there are cores; a bounded number waits, and whoever
/// comes beyond that gets code 503. They do not run on the server's sync workers: a storm of logins must not hold up
/// the application's blocking handlers, and stores are used outside of servers too. A computation that has begun goes
/// on if its client leaves, and keeps its place until it is done.
#[derive(Clone)]
pub struct Passwords {
    preferred: Scheme,
    shared: Arc<Shared>,
}

struct Shared {
    /// Everybody who computes or waits holds a place.
    places: Semaphore,
    /// Whoever computes holds a turn.
    turns: Arc<Semaphore>,
    #[cfg(test)]
    on_compute: std::sync::OnceLock<Hook>,
}

#[cfg(test)]
type Hook = Box<dyn Fn(&Scheme) + Send + Sync>;

/// What came of verifying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Verdict {
    Wrong,
    /// It is right; `outdated` says that it should be stored anew.
    Right {
        outdated: bool,
    },
}

impl Passwords {
    /// Writes new passwords in the `preferred` way, such as [`Scheme::ARGON2ID`], and reads all others.
    #[must_use]
    pub fn new(preferred: Scheme) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { preferred, shared: Arc::new(Shared::new(cores, 256)) }
    }

    /// How many hashes are computed at once, and how many more may wait; one beyond them is an error with code 503.
    /// Default: as many as there are cores, and 256.
    ///
    /// Clones made before keep their own limits.
    #[must_use]
    pub fn limits(self, at_once: usize, waiting: usize) -> Self {
        Self { shared: Arc::new(Shared::new(at_once.max(1), waiting)), ..self }
    }

    /// How new passwords are stored.
    #[must_use]
    pub fn preferred(&self) -> Scheme {
        self.preferred
    }

    /// What to store for a password.
    ///
    /// # Errors
    /// Code 422 if the password is longer than [`MAX_PASSWORD_BYTES`]; 503 if too many wait.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(Error::new(422, format!("the password has more than {MAX_PASSWORD_BYTES} bytes")));
        }
        let (scheme, password) = (self.preferred, secret(password));
        let made = self.compute(scheme, move || StoredPassword::make(scheme, &password)).await?;
        made.map(|made| made.encode()).map_err(|reason| Error::internal(format!("cannot hash a password: {reason}")))
    }

    /// Whether a password is the stored one. What is stored and cannot be read is nobody's password.
    ///
    /// # Errors
    /// Code 503 if too many wait.
    pub async fn verify(&self, password: &str, stored: &str) -> Result<bool, Error> {
        let stored = StoredPassword::parse(stored).ok();
        Ok(self.judge(password, stored, self.preferred).await? != Verdict::Wrong)
    }

    /// As [`verify`](Self::verify), with the same work where nothing is stored: then that of the `decoy`.
    pub(crate) async fn judge(
        &self,
        password: &str,
        stored: Option<StoredPassword>,
        decoy: Scheme,
    ) -> Result<Verdict, Error> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Ok(Verdict::Wrong);
        }
        let Some(stored) = stored else {
            let password = secret(password);
            let _ = self.compute(decoy, move || StoredPassword::make(decoy, &password)).await?;
            return Ok(Verdict::Wrong);
        };
        let (scheme, password) = (stored.scheme, secret(password));
        match self.compute(scheme, move || stored.verify(&password)).await? {
            Ok(true) => Ok(Verdict::Right { outdated: scheme.is_weaker_than(&self.preferred) }),
            Ok(false) => Ok(Verdict::Wrong),
            Err(reason) => Err(Error::internal(format!("cannot verify a password: {reason}"))),
        }
    }

    /// Runs the one computation of a hash.
    async fn compute<T: Send + 'static>(
        &self,
        scheme: Scheme,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let shared = self.shared.clone();
        let _place = self.shared.places.try_acquire().map_err(|_| Error::unavailable("too many logins at once"))?;
        let turn = self.shared.turns.clone().acquire_owned().await;
        let run = move || {
            shared.before(&scheme);
            let computed = compute();
            drop(turn);
            computed
        };
        tokio::task::spawn_blocking(run).await.map_err(|_| Error::internal("the hash of a password was not computed"))
    }

    /// Calls this on the thread of each computation, before it.
    #[cfg(test)]
    pub(crate) fn on_compute(self, hook: impl Fn(&Scheme) + Send + Sync + 'static) -> Self {
        assert!(self.shared.on_compute.set(Box::new(hook)).is_ok(), "there is one hook");
        self
    }
}

impl Default for Passwords {
    /// Argon2id, as Django writes it.
    fn default() -> Self {
        Self::new(Scheme::ARGON2ID)
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("preferred", &self.preferred).finish_non_exhaustive()
    }
}

impl Shared {
    fn new(at_once: usize, waiting: usize) -> Self {
        Self {
            places: Semaphore::new(at_once.saturating_add(waiting).min(Semaphore::MAX_PERMITS)),
            turns: Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS))),
            #[cfg(test)]
            on_compute: std::sync::OnceLock::new(),
        }
    }

    #[cfg_attr(not(test), allow(clippy::unused_self))]
    fn before(&self, _scheme: &Scheme) {
        #[cfg(test)]
        if let Some(hook) = self.on_compute.get() {
            hook(_scheme);
        }
    }
}

/// A copy for another thread, wiped when it is done.
fn secret(password: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};

    use super::*;

    const CHEAP: Scheme = Scheme::Pbkdf2Sha256 { iterations: 2 };

    #[tokio::test]
    async fn it_verifies_what_it_made() {
        let passwords = Passwords::new(CHEAP);
        let stored = passwords.hash("secret").await.expect("nobody else waits");
        assert_ne!(stored, passwords.hash("secret").await.expect("nobody else waits"), "salts differ");
        for (password, right) in [("secret", true), ("Secret", false), ("", false)] {
            assert_eq!(passwords.verify(password, &stored).await.ok(), Some(right), "{password:?}");
        }
        for unusable in ["", "!", "!secret", "secret", "pbkdf2_sha256$1$x$"] {
            assert_eq!(passwords.verify("secret", unusable).await.ok(), Some(false), "{unusable}");
        }
        let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
        assert_eq!(passwords.verify(&long, &stored).await.ok(), Some(false));
        assert_eq!(passwords.hash(&long).await.err().and_then(|error| error.code()), Some(422));
    }

    /// Compares the work, not the clock: whatever there is to verify, one hash is computed.
    #[tokio::test]
    async fn an_unknown_user_costs_as_much_as_a_wrong_password() {
        let (computed, count) = mpsc::channel();
        let passwords = Passwords::new(CHEAP).on_compute(move |scheme| computed.send(*scheme).expect("it is counted"));
        let stored = StoredPassword::make(CHEAP, b"secret").expect("the cost is in bounds");
        assert_eq!(passwords.judge("wrong", Some(stored.clone()), CHEAP).await.ok(), Some(Verdict::Wrong));
        assert_eq!(count.try_iter().collect::<Vec<_>>(), [CHEAP]);
        assert_eq!(passwords.judge("wrong", None, CHEAP).await.ok(), Some(Verdict::Wrong));
        assert_eq!(count.try_iter().collect::<Vec<_>>(), [CHEAP]);
        let right = Verdict::Right { outdated: false };
        assert_eq!(passwords.judge("secret", Some(stored), CHEAP).await.ok(), Some(right));
        assert_eq!(count.try_iter().collect::<Vec<_>>(), [CHEAP]);
    }

    /// A runtime of one thread goes on while hashes are computed; so many at once, so many wait, the next is refused.
    #[tokio::test(flavor = "current_thread")]
    async fn the_event_loop_goes_on_and_the_queue_is_bounded() {
        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let (go, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let passwords = Passwords::new(CHEAP).limits(1, 1).on_compute(move |_| {
            started.send(()).expect("the test listens");
            wait.lock().expect("no computation panics").recv().expect("the test lets it go on");
        });
        let hash = |passwords: Passwords| tokio::spawn(async move { passwords.hash("secret").await });
        let first = hash(passwords.clone());
        starts.recv().await.expect("the first one computes");
        let second = hash(passwords.clone());
        // This thread is free, or nothing here would happen: the second one takes the last place, the third finds none.
        tokio::task::yield_now().await;
        assert_eq!(passwords.hash("secret").await.err().and_then(|error| error.code()), Some(503));
        assert!(!first.is_finished() && !second.is_finished() && starts.try_recv().is_err());
        go.send(()).expect("the first one waits");
        assert!(first.await.expect("it does not panic").is_ok());
        starts.recv().await.expect("it is the turn of the second one");
        go.send(()).expect("the second one waits");
        assert!(second.await.expect("it does not panic").is_ok());
    }
}
