//! How long to wait before the next attempt to connect.

use std::time::Duration;

/// The first retry comes within this time: most breaks are short, and a user notices nothing.
const QUICK: Duration = Duration::from_millis(250);
/// The least wait of a later retry.
const LEAST: Duration = Duration::from_millis(500);
/// The most that a wait grows to.
const MOST: Duration = Duration::from_secs(20);

/// Counts failed attempts, and spreads the retries of many clients over time ("full jitter").
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The number of this retry, from one, and the wait before it.
    ///
    /// `spread` leaves the quick retry out: the server said that it is restarting or overloaded, so every client retries
    /// at this moment.
    pub(crate) fn next(&mut self, spread: bool) -> (u32, Duration) {
        if spread {
            self.failures = self.failures.max(1);
        }
        let delay = delay(self.failures, rand::random());
        self.failures = self.failures.saturating_add(1);
        (self.failures, delay)
    }

    /// Starts again: the connection held.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The wait after so many failures; `unit` is a random number of `0..1`.
fn delay(failures: u32, unit: f64) -> Duration {
    if failures == 0 {
        return QUICK.mul_f64(unit);
    }
    let ceiling = LEAST.saturating_mul(1 << failures.min(16)).min(MOST);
    LEAST + (ceiling - LEAST).mul_f64(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failures: u32, shortest: u64, longest: u64) {
        assert_eq!(delay(failures, 0.0), Duration::from_millis(shortest));
        assert_eq!(delay(failures, 1.0), Duration::from_millis(longest));
    }

    #[test]
    fn the_first_retry_is_quick_and_the_rest_grow_to_twenty_seconds() {
        check(0, 0, 250);
        check(1, 500, 1_000);
        check(2, 500, 2_000);
        check(3, 500, 4_000);
        check(5, 500, 16_000);
        check(6, 500, 20_000);
        check(u32::MAX, 500, 20_000);
    }

    #[test]
    fn a_restarting_server_gets_no_quick_retry() {
        let mut backoff = Backoff::default();
        let (retry, delay) = backoff.next(true);
        assert_eq!(retry, 2);
        assert!(delay >= LEAST, "{delay:?}");
        backoff.reset();
        let (retry, delay) = backoff.next(false);
        assert_eq!(retry, 1);
        assert!(delay <= QUICK, "{delay:?}");
    }
}
