//! Tokens that are no longer good although they have not expired.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use super::authenticator::BoxFuture;
use crate::Error;

/// Remembers which tokens and login sessions were revoked, and which refresh tokens were used.
///
/// [`Jwt`](super::Jwt) asks it when it verifies a token, not for each message. It is told *ids*: the `jti` of a token,
/// or the `sid` of a login session, which every token that came of one login carries. Both are random, so one set holds
/// them together. Ids come from tokens whose signature is good, at most 16 KiB long.
///
/// Built in: [`MemoryDenyList`]. An implementation over a database lets several processes share it and keeps it over a
/// restart; errors of it make tokens unverifiable (code 503), never good.
pub trait DenyList: Send + Sync + 'static {
    /// Whether one of these ids is denied.
    fn is_denied<'a>(&'a self, ids: &'a [&'a str]) -> BoxFuture<'a, Result<bool, Error>>;

    /// Denies an id. After `until` every token with it has expired, and it may be forgotten.
    fn deny<'a>(&'a self, id: &'a str, until: SystemTime) -> BoxFuture<'a, Result<(), Error>>;

    /// Notes that a session's refresh token with this number is used, in one step: of two that come at once with the
    /// same number exactly one is the first. Numbers of a session go up. After `until` the session may be forgotten.
    ///
    /// Called only where refresh tokens are rotated.
    fn use_up<'a>(
        &'a self,
        session: &'a str,
        number: u64,
        until: SystemTime,
    ) -> BoxFuture<'a, Result<RefreshUse, Error>>;
}

/// What is known of a refresh token that comes to be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshUse {
    /// It was not used before.
    First,
    /// It is the last one of its session that was used, for the first time at this time.
    Again(SystemTime),
    /// A later one of its session was used already.
    Outdated,
}

/// A deny list in memory: of one process, and empty after a restart. Clones share it.
///
/// What has expired is forgotten. When it is full it refuses to take more (code 503), since forgetting something would
/// make a revoked token good again.
#[derive(Clone)]
pub struct MemoryDenyList {
    capacity: usize,
    /// Held for a look-up or a change.
    entries: Arc<Mutex<Entries>>,
}

#[derive(Default)]
struct Entries {
    denied: HashMap<Arc<str>, SystemTime>,
    used: HashMap<Arc<str>, Used>,
    /// What may be forgotten when; each entry of the maps has exactly one place here.
    expiries: BTreeSet<(SystemTime, Kind, Arc<str>)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Denied,
    Used,
}

struct Used {
    number: u64,
    at: SystemTime,
    until: SystemTime,
}

impl MemoryDenyList {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self { capacity: 1_000_000, entries: Arc::default() }
    }

    /// Sets how many ids and sessions it holds. Default: a million, some 200 MB when full.
    #[must_use]
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deny_now(&self, id: &str, until: SystemTime) -> Result<(), Error> {
        let mut entries = self.entries();
        let (id, before) = match entries.denied.get_key_value(id) {
            Some((id, before)) => (id.clone(), Some(*before)),
            None => (self.make_room(&mut entries, id)?, None),
        };
        let until = before.map_or(until, |before| before.max(until));
        entries.denied.insert(id.clone(), until);
        entries.expire(Kind::Denied, id, before, until);
        Ok(())
    }

    fn use_up_now(&self, session: &str, number: u64, until: SystemTime) -> Result<RefreshUse, Error> {
        let mut entries = self.entries();
        let (session, before) = match entries.used.get_key_value(session) {
            Some((_, used)) if number == used.number => return Ok(RefreshUse::Again(used.at)),
            Some((_, used)) if number < used.number => return Ok(RefreshUse::Outdated),
            Some((session, used)) => (session.clone(), Some(used.until)),
            None => (self.make_room(&mut entries, session)?, None),
        };
        entries.used.insert(session.clone(), Used { number, at: SystemTime::now(), until });
        entries.expire(Kind::Used, session, before, until);
        Ok(RefreshUse::First)
    }

    /// Forgets what has expired.
    ///
    /// # Errors
    /// It is full of what has not.
    fn make_room(&self, entries: &mut Entries, key: &str) -> Result<Arc<str>, Error> {
        entries.forget_expired(SystemTime::now());
        if entries.expiries.len() >= self.capacity {
            tracing::error!(
                capacity = self.capacity,
                "the deny list is full: raise `MemoryDenyList::capacity`, or keep it in a database"
            );
            return Err(Error::unavailable("tokens cannot be revoked now"));
        }
        Ok(key.into())
    }
}

impl Entries {
    fn expire(&mut self, kind: Kind, key: Arc<str>, before: Option<SystemTime>, until: SystemTime) {
        if let Some(before) = before {
            self.expiries.remove(&(before, kind, key.clone()));
        }
        self.expiries.insert((until, kind, key));
    }

    fn forget_expired(&mut self, now: SystemTime) {
        while self.expiries.first().is_some_and(|(until, ..)| *until < now) {
            match self.expiries.pop_first() {
                Some((_, Kind::Denied, id)) => drop(self.denied.remove(&id)),
                Some((_, Kind::Used, session)) => drop(self.used.remove(&session)),
                None => {}
            }
        }
    }
}

impl DenyList for MemoryDenyList {
    fn is_denied<'a>(&'a self, ids: &'a [&'a str]) -> BoxFuture<'a, Result<bool, Error>> {
        let entries = self.entries();
        let is_denied = ids.iter().any(|id| entries.denied.contains_key(*id));
        Box::pin(std::future::ready(Ok(is_denied)))
    }

    fn deny<'a>(&'a self, id: &'a str, until: SystemTime) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(self.deny_now(id, until)))
    }

    fn use_up<'a>(
        &'a self,
        session: &'a str,
        number: u64,
        until: SystemTime,
    ) -> BoxFuture<'a, Result<RefreshUse, Error>> {
        Box::pin(std::future::ready(self.use_up_now(session, number, until)))
    }
}

impl Default for MemoryDenyList {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryDenyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries().expiries.len();
        f.debug_struct("MemoryDenyList").field("capacity", &self.capacity).field("entries", &entries).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> SystemTime {
        SystemTime::now() + Duration::from_secs(1000)
    }

    fn past() -> SystemTime {
        SystemTime::now() - Duration::from_secs(1)
    }

    async fn is_denied(list: &MemoryDenyList, ids: &[&str]) -> bool {
        list.is_denied(ids).await.expect("memory does not fail")
    }

    #[tokio::test]
    async fn what_is_denied_stays_denied() {
        let list = MemoryDenyList::new();
        list.deny("a", soon()).await.expect("there is room");
        list.deny("a", past()).await.expect("it is there already");
        list.deny("b", soon()).await.expect("there is room");
        assert!(is_denied(&list, &["x", "a"]).await, "an earlier end does not shorten it");
        assert!(is_denied(&list.clone(), &["b"]).await, "clones share it");
        assert!(!is_denied(&list, &["x", ""]).await);
        assert!(!is_denied(&list, &[]).await);
    }

    #[tokio::test]
    async fn a_refresh_token_is_first_once() {
        let list = MemoryDenyList::new();
        let before = SystemTime::now();
        let used = async |session, number| list.use_up(session, number, soon()).await.expect("there is room");
        assert_eq!(used("s", 3).await, RefreshUse::First);
        assert!(matches!(used("s", 3).await, RefreshUse::Again(at) if at >= before));
        assert_eq!(used("s", 4).await, RefreshUse::First);
        assert_eq!(used("s", 3).await, RefreshUse::Outdated);
        assert_eq!(used("t", 3).await, RefreshUse::First, "each session counts for itself");
        assert!(!is_denied(&list, &["s"]).await, "used is not denied");
    }

    #[tokio::test]
    async fn a_full_list_forgets_only_what_has_expired() {
        let list = MemoryDenyList::new().capacity(2);
        list.deny("old", past()).await.expect("there is room");
        list.use_up("s", 0, soon()).await.expect("there is room");
        list.deny("a", soon()).await.expect("the old one made room");
        assert_eq!(list.deny("b", soon()).await.expect_err("it is full").code(), Some(503));
        assert_eq!(list.use_up("t", 0, soon()).await.expect_err("it is full").code(), Some(503));
        list.deny("a", soon()).await.expect("it is there already");
        assert_eq!(list.use_up("s", 1, soon()).await.expect("it is there already"), RefreshUse::First);
        assert!(is_denied(&list, &["a"]).await);
        assert!(!is_denied(&list, &["old"]).await);
    }
}
