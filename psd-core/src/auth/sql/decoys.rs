//! What to compute for users who do not exist.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::super::password::{Scheme, StoredPassword};

/// How long a sample is taken for the truth: logins store passwords anew.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// The schemes in which passwords are stored, as far as a sample shows.
///
/// A database may hold passwords of several schemes, which take different times. If every unknown name took the time of
/// the preferred scheme, an attacker could tell users whose passwords are old. So an unknown name gets the scheme of
/// some user, always the same one: names that exist and names that do not are spread over the times alike.
pub(super) struct Decoys {
    /// Chooses for a name; nobody else can tell what.
    key: RandomState,
    /// Held to read or replace the sample.
    sample: Mutex<Sample>,
}

#[derive(Default)]
struct Sample {
    schemes: Vec<Scheme>,
    taken: Option<Instant>,
}

impl Decoys {
    pub(super) fn new() -> Self {
        Self { key: RandomState::new(), sample: Mutex::default() }
    }

    /// Whether a new sample is due; only one caller is told so.
    pub(super) fn is_due(&self) -> bool {
        let mut sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        let due = sample.taken.is_none_or(|taken| taken.elapsed() >= FRESH);
        if due {
            sample.taken = Some(Instant::now());
        }
        due
    }

    /// Learns from passwords as they are stored.
    pub(super) fn learn<'a>(&self, stored: impl IntoIterator<Item = &'a str>) {
        let schemes =
            stored.into_iter().filter_map(|stored| Some(StoredPassword::parse(stored).ok()?.scheme)).collect();
        self.sample.lock().unwrap_or_else(PoisonError::into_inner).schemes = schemes;
    }

    /// The scheme for a name that has no password; `preferred` if nobody has one.
    pub(super) fn choose(&self, name: &str, preferred: Scheme) -> Scheme {
        let sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sample.schemes.len().max(1) as u64;
        let at = usize::try_from(self.key.hash_one(name) % count).unwrap_or(0);
        sample.schemes.get(at).copied().unwrap_or(preferred)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_spread_like_the_known_ones_and_keep_their_place() {
        let decoys = Decoys::new();
        assert_eq!(decoys.choose("ann", Scheme::ARGON2ID), Scheme::ARGON2ID);
        assert!(decoys.is_due() && !decoys.is_due());
        let stored = |iterations: u32| format!("pbkdf2_sha1${iterations}$s${}=", "A".repeat(27));
        decoys.learn(["!", "", &stored(1), &stored(2)]);
        let choose = |number: u32| decoys.choose(&number.to_string(), Scheme::ARGON2ID);
        for iterations in [1, 2] {
            assert!((0..1000).any(|number| choose(number) == Scheme::Pbkdf2Sha1 { iterations }));
        }
        assert!((0..1000).all(|number| choose(number) == choose(number)));
    }
}
