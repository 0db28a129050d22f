//! How much in how much time: rates, and the buckets that measure them.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use crate::explore::step;

/// So much in so much time, such as ten messages a second.
///
/// It is measured by a token bucket, which holds as many tokens as the rate says and is filled evenly: `600/m` allows ten
/// a second in the long run, and six hundred at once after a minute of silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    per: Duration,
}

impl Rate {
    /// No limit.
    pub const UNLIMITED: Self = Self { count: 0, per: Duration::ZERO };

    /// So much in a second; 0 is [`UNLIMITED`](Self::UNLIMITED).
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        Self { count, per: Duration::from_secs(1) }
    }

    /// So much in a minute; 0 is [`UNLIMITED`](Self::UNLIMITED).
    #[must_use]
    pub const fn per_minute(count: u32) -> Self {
        Self { count, per: Duration::from_secs(60) }
    }

    /// So much in an hour; 0 is [`UNLIMITED`](Self::UNLIMITED).
    #[must_use]
    pub const fn per_hour(count: u32) -> Self {
        Self { count, per: Duration::from_secs(3600) }
    }

    /// Whether it limits nothing.
    #[must_use]
    pub const fn is_unlimited(self) -> bool {
        self.count == 0
    }

    /// The nanoseconds in which a token comes, and in which a bucket is full.
    fn nanoseconds(self) -> (u64, u64) {
        let per = u64::try_from(self.per.as_nanos()).unwrap_or(u64::MAX);
        ((per / u64::from(self.count.max(1))).max(1), per)
    }
}

/// Reads `10/s`, `600/m`, `5000/h` or `off`.
impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "a rate such as `10/s`, `600/m` or `5000/h`, or `off`";
        if text == "off" {
            return Ok(Self::UNLIMITED);
        }
        let (count, unit) = text.split_once('/').ok_or(EXPECTED)?;
        match (count.trim().parse().map_err(|_| EXPECTED)?, unit.trim()) {
            (0, _) => Err(EXPECTED),
            (count, "s") => Ok(Self::per_second(count)),
            (count, "m") => Ok(Self::per_minute(count)),
            (count, "h") => Ok(Self::per_hour(count)),
            _ => Err(EXPECTED),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.count, self.per.as_secs()) {
            (0, _) => f.write_str("off"),
            (count, 60) => write!(f, "{count}/m"),
            (count, 3600) => write!(f, "{count}/h"),
            (count, _) => write!(f, "{count}/s"),
        }
    }
}

/// A token bucket in one number: the moment at which it is full, in nanoseconds of the caller's clock.
#[derive(Debug, Default)]
pub(crate) struct Bucket(AtomicU64);

impl Bucket {
    /// Takes a token.
    ///
    /// # Errors
    /// How long it takes until there is one.
    pub(crate) fn take(&self, rate: Rate, now: u64) -> Result<(), Duration> {
        if rate.is_unlimited() {
            return Ok(());
        }
        let (interval, capacity) = rate.nanoseconds();
        step();
        let mut full = self.0.load(Ordering::Relaxed);
        loop {
            let later = full.max(now).saturating_add(interval);
            let over = (later - now).saturating_sub(capacity);
            if over > 0 {
                return Err(Duration::from_nanos(over));
            }
            step();
            match self.0.compare_exchange(full, later, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(changed) => full = changed,
            }
        }
    }

    /// Whether forgetting it would give nobody a token.
    pub(crate) fn is_full(&self, now: u64) -> bool {
        self.0.load(Ordering::Relaxed) <= now
    }
}

/// Nanoseconds since some moment, in tokio's time.
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicUsize};

    use super::*;
    use crate::explore::explore;

    const SECOND: u64 = 1_000_000_000;

    #[track_caller]
    fn check(text: &str, expected: Result<Rate, ()>) {
        assert_eq!(text.parse::<Rate>().map_err(|_| ()), expected, "{text}");
    }

    #[test]
    fn rates_are_read_and_written() {
        check("10/s", Ok(Rate::per_second(10)));
        check("600 / m", Ok(Rate::per_minute(600)));
        check("5000/h", Ok(Rate::per_hour(5000)));
        check("off", Ok(Rate::UNLIMITED));
        for wrong in ["", "10", "0/s", "-1/s", "10/d", "10/s/s", "ten/s", "99999999999/s"] {
            check(wrong, Err(()));
        }
        for text in ["10/s", "600/m", "5000/h", "off"] {
            assert_eq!(text.parse::<Rate>().map(|rate| rate.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_bucket_starts_full_and_is_filled_evenly() {
        let (bucket, rate) = (Bucket::default(), Rate::per_second(4));
        let now = 7 * SECOND;
        for _ in 0..4 {
            assert_eq!(bucket.take(rate, now), Ok(()));
        }
        assert_eq!(bucket.take(rate, now), Err(Duration::from_millis(250)));
        assert_eq!(bucket.take(rate, now + SECOND / 4), Ok(()));
        assert_eq!(bucket.take(rate, now + SECOND / 4), Err(Duration::from_millis(250)));
        assert!(!bucket.is_full(now + SECOND));
        assert!(bucket.is_full(now + 2 * SECOND), "what was refused costs nothing");
        for _ in 0..4 {
            assert_eq!(bucket.take(rate, now + 9 * SECOND), Ok(()), "it holds no more than it holds");
        }
        assert!(bucket.take(rate, now + 9 * SECOND).is_err());
    }

    #[test]
    fn the_ends_of_time_do_no_harm() {
        for rate in [Rate::per_second(1), Rate::per_hour(u32::MAX), Rate::per_second(u32::MAX)] {
            let bucket = Bucket::default();
            let _ = bucket.take(rate, u64::MAX);
            let _ = bucket.take(rate, 0);
        }
        assert_eq!(Bucket::default().take(Rate::UNLIMITED, 0), Ok(()));
    }

    /// However three takers come between each other, two tokens are two tokens.
    #[test]
    fn takers_share_what_there_is() {
        let runs = explore(|| {
            let (bucket, taken) = (Arc::new(Bucket::default()), Arc::new(AtomicUsize::new(0)));
            let threads = (0..3).map(|_| {
                let (bucket, taken) = (bucket.clone(), taken.clone());
                Box::new(move || {
                    let took = bucket.take(Rate::per_second(2), SECOND).is_ok();
                    taken.fetch_add(usize::from(took), Ordering::Relaxed);
                }) as Box<dyn FnOnce() + Send>
            });
            (threads.collect(), Box::new(move || assert_eq!(taken.load(Ordering::Relaxed), 2)))
        });
        assert!(runs > 50, "{runs} interleavings");
    }
}
