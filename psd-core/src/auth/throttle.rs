//! How many logins may fail.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::names;
use crate::Settings;

/// Buckets, and pairs of names and addresses, that are remembered; some 3 MB when full.
const CAPACITY: usize = if cfg!(test) { 1024 } else { 64 * 1024 };
/// Longer names are nobody's; they are not worth a normal form.
const MAX_NAME_BYTES: usize = 4096;

/// Limits failed logins for a user name and for an address.
///
/// Each has a bucket that a failure fills by one part and that runs empty over the window: with 10 failures in 5 minutes,
/// ten at once and then one every 30 seconds. Attempts that are turned away fill nothing, so a bucket never stays full
/// for longer than an attacker keeps trying; and an address from which somebody has logged in under a name has a bucket
/// of its own for that name, so that an attacker elsewhere cannot lock its owner out. Existing and unknown names are
/// treated alike. An attempt counts from its beginning, or many could be made at once.
#[derive(Debug)]
pub(crate) struct LoginThrottle {
    per_user: u32,
    per_address: u32,
    window: Duration,
    /// Names and addresses are kept as hashes that nobody else can compute.
    key: RandomState,
    /// Held for one attempt's look-ups and changes.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    buckets: HashMap<u64, Bucket>,
    /// Names with the addresses from which they have logged in, and when.
    familiar: HashMap<u64, Instant>,
}

/// How full it is, from 0 to 1, and when it was.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    level: f64,
    at: Instant,
}

/// A login that is under way; dropped, it counts as failed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt<'a> {
    throttle: &'a LoginThrottle,
    parts: [Option<Part>; 2],
    /// The name with the address, if that is known.
    pair: Option<u64>,
}

/// What an attempt has put into a bucket.
#[derive(Debug, Clone, Copy)]
struct Part {
    bucket: u64,
    amount: f64,
}

#[derive(Hash)]
enum Key<'a> {
    User(&'a str),
    Address(IpAddr),
    Pair(&'a str, IpAddr),
}

impl LoginThrottle {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            per_user: settings.login_failures_per_user,
            per_address: settings.login_failures_per_address,
            window: settings.login_window,
            key: RandomState::new(),
            state: Mutex::default(),
        }
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// After what time it may be tried again.
    pub(crate) fn begin(&self, username: &str, peer: Option<SocketAddr>) -> Result<Attempt<'_>, Duration> {
        // Every spelling under which a store may find the user is one name.
        let name = username.trim();
        let name = if name.len() > MAX_NAME_BYTES { name.to_owned() } else { names::key(name) };
        let address = peer.map(|peer| network(peer.ip()));
        let pair = address.map(|address| self.hash(Key::Pair(&name, address)));
        let now = Instant::now();
        let mut state = self.lock();
        let user = pair.filter(|pair| state.familiar.contains_key(pair));
        let user = user.unwrap_or_else(|| self.hash(Key::User(&name)));
        let part = |bucket, limit: u32| (limit > 0).then(|| Part { bucket, amount: 1.0 / f64::from(limit) });
        let address = address.map(|address| self.hash(Key::Address(address)));
        let parts = [part(user, self.per_user), address.and_then(|address| part(address, self.per_address))];
        let parts = if self.window.is_zero() { [None, None] } else { parts };
        let full = |part: &Part| {
            let excess = state.level(part.bucket, now, self.window) + part.amount - 1.0;
            // What adding up tenths leaves behind.
            (excess > 1e-6).then(|| self.window.mul_f64(excess))
        };
        if let Some(wait) = parts.iter().flatten().filter_map(full).max() {
            return Err(wait);
        }
        for part in parts.iter().flatten() {
            state.fill(part.bucket, part.amount, now, self.window);
        }
        Ok(Attempt { throttle: self, parts, pair })
    }

    fn hash(&self, key: Key<'_>) -> u64 {
        self.key.hash_one(key)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// It was right: it does not count, and its address is familiar from now on.
    pub(crate) fn succeeded(self) {
        if let Some(pair) = self.pair {
            let mut state = self.throttle.lock();
            if state.familiar.len() >= CAPACITY {
                forget_lower_half(&mut state.familiar, |at| *at);
            }
            state.familiar.insert(pair, Instant::now());
        }
        self.forgiven();
    }

    /// Whether it was right is not known: it does not count.
    pub(crate) fn forgiven(self) {
        let (mut state, now) = (self.throttle.lock(), Instant::now());
        for part in self.parts.iter().flatten() {
            state.fill(part.bucket, -part.amount, now, self.throttle.window);
        }
    }
}

impl State {
    fn level(&self, bucket: u64, now: Instant, window: Duration) -> f64 {
        self.buckets.get(&bucket).map_or(0.0, |bucket| bucket.level(now, window))
    }

    fn fill(&mut self, bucket: u64, amount: f64, now: Instant, window: Duration) {
        let level = (self.level(bucket, now, window) + amount).max(0.0);
        if level == 0.0 {
            self.buckets.remove(&bucket);
            return;
        }
        if self.buckets.len() >= CAPACITY && !self.buckets.contains_key(&bucket) {
            self.buckets.retain(|_, bucket| bucket.level(now, window) > 0.0);
            if self.buckets.len() >= CAPACITY {
                // The full ones stay: nobody is let in by filling many others a little. Bits rank as levels do, which are not
                // negative.
                forget_lower_half(&mut self.buckets, |bucket| bucket.level(now, window).to_bits());
            }
        }
        self.buckets.insert(bucket, Bucket { level, at: now });
    }
}

impl Bucket {
    fn level(&self, now: Instant, window: Duration) -> f64 {
        let emptied = now.saturating_duration_since(self.at).as_secs_f64() / window.as_secs_f64();
        (self.level - emptied).max(0.0)
    }
}

/// Removes half of the entries, those that rank lowest.
fn forget_lower_half<V, R: Ord + Copy>(entries: &mut HashMap<u64, V>, rank: impl Fn(&V) -> R) {
    let mut ranked: Vec<_> = entries.iter().map(|(key, value)| (rank(value), *key)).collect();
    let half = ranked.len() / 2;
    ranked.select_nth_unstable(half);
    for (_, key) in &ranked[..half] {
        entries.remove(key);
    }
}

/// What counts as one address: whoever has an IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Option<SocketAddr> {
        Some(SocketAddr::new(text.parse().expect("it is an address"), 1))
    }

    fn throttle(per_user: u32, per_address: u32) -> LoginThrottle {
        let settings = Settings::default().login_failures_per_user(per_user).login_failures_per_address(per_address);
        LoginThrottle::new(&settings.login_window(Duration::from_secs(100)))
    }

    /// How many of ten logins fail before they are turned away.
    fn failures(throttle: &LoginThrottle, name: &str, address: &str) -> usize {
        (0..10).filter(|_| throttle.begin(name, peer(address)).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_has_so_many_failures_and_gets_them_back_little_by_little() {
        let throttle = throttle(4, 0);
        assert_eq!(failures(&throttle, "ann", "127.0.0.1"), 4);
        let wait = throttle.begin("ann", peer("127.0.0.1")).expect_err("it is full");
        assert_eq!(wait.as_secs(), 25);
        assert_eq!(failures(&throttle, "bob", "127.0.0.1"), 4, "each name has its own");
        for spelling in ["ANN", "\u{ff21}nn", " ann\t", "ann"] {
            assert_eq!(failures(&throttle, spelling, "127.0.0.2"), 0, "{spelling}");
        }
        tokio::time::advance(Duration::from_secs(26)).await;
        assert_eq!(failures(&throttle, "ann", "127.0.0.1"), 1, "what was turned away did not count");
        tokio::time::advance(Duration::from_secs(200)).await;
        assert_eq!(failures(&throttle, "ann", "127.0.0.1"), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_so_many_failures_whatever_the_names() {
        let throttle = throttle(0, 4);
        assert_eq!((0..10).filter(|n| throttle.begin(&n.to_string(), peer("127.0.0.1")).is_ok()).count(), 4);
        assert_eq!(failures(&throttle, "ann", "::ffff:127.0.0.1"), 0, "it is the same address");
        assert_eq!(failures(&throttle, "ann", "127.0.0.2"), 4);
        assert_eq!(failures(&throttle, "ann", "2001:db8::1"), 4);
        assert_eq!(failures(&throttle, "ann", "2001:db8::2:3"), 0, "it is the same network");
        assert_eq!(failures(&throttle, "ann", "2001:db8:0:1::1"), 4);
        assert!(throttle.begin("ann", None).is_ok(), "without an address there is no limit for it");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_logged_in_is_not_locked_out_from_elsewhere() {
        let throttle = throttle(2, 0);
        throttle.begin("ann", peer("127.0.0.1")).expect("nothing failed yet").succeeded();
        assert_eq!(failures(&throttle, "ann", "127.0.0.2"), 2);
        assert_eq!(failures(&throttle, "ann", "127.0.0.3"), 0);
        for _ in 0..10 {
            throttle.begin("Ann", peer("127.0.0.1")).expect("she is known there").succeeded();
        }
        assert_eq!(failures(&throttle, "ann", "127.0.0.1"), 2, "but there too not everything may be tried");
    }

    #[tokio::test(start_paused = true)]
    async fn what_did_not_fail_does_not_count() {
        let throttle = throttle(2, 2);
        for _ in 0..10 {
            throttle.begin("ann", peer("127.0.0.1")).expect("nothing failed").forgiven();
        }
        let [first, second] = [(); 2].map(|()| throttle.begin("ann", None).expect("two at once"));
        assert!(throttle.begin("ann", None).is_err(), "what is under way counts");
        first.forgiven();
        drop(second);
        drop(throttle.begin("ann", None).expect("one did not fail"));
        assert!(throttle.begin("ann", None).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn no_limit_is_no_limit() {
        assert_eq!(failures(&throttle(0, 0), "ann", "127.0.0.1"), 10);
        let settings = Settings::default().login_failures_per_user(1).login_window(Duration::ZERO);
        assert_eq!(failures(&LoginThrottle::new(&settings), "ann", "127.0.0.1"), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_full_buckets_are_kept() {
        let throttle = throttle(2, 0);
        assert_eq!(failures(&throttle, "ann", "127.0.0.1"), 2);
        for number in 0..2 * CAPACITY {
            drop(throttle.begin(&format!("name {number}"), None));
        }
        assert!(throttle.lock().buckets.len() <= CAPACITY);
        assert!(throttle.begin("ann", None).is_err());
        for number in 0..2 * CAPACITY {
            throttle.begin(&format!("other {number}"), peer("127.0.0.1")).expect("it is the first").succeeded();
        }
        assert!(throttle.lock().familiar.len() <= CAPACITY);
    }
}
