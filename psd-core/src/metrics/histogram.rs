//! How often something was how large.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts in ranges, whose upper bounds are given and belong to them; beyond the last is one more.
#[derive(Debug)]
pub(super) struct Histogram<const N: usize> {
    bounds: &'static [f64; N],
    counts: [AtomicU64; N],
    beyond: AtomicU64,
    /// Of everything that was counted, in a unit that is whole.
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    pub(super) fn new(bounds: &'static [f64; N]) -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Self { bounds, counts, beyond: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    /// Counts a value, and adds it in the unit of the sum.
    pub(super) fn observe(&self, value: f64, to_sum: u64) {
        let range = self.bounds.partition_point(|bound| *bound < value);
        self.counts.get(range).unwrap_or(&self.beyond).fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(to_sum, Ordering::Relaxed);
    }

    /// Each bound with how many were not above it; then how many there were, and their sum.
    pub(super) fn read(&self) -> (Vec<(f64, u64)>, u64, u64) {
        let mut below = 0;
        let counts = self.bounds.iter().zip(&self.counts);
        let ranges = counts.map(|(bound, count)| {
            below += count.load(Ordering::Relaxed);
            (*bound, below)
        });
        let ranges: Vec<_> = ranges.collect();
        (ranges, below + self.beyond.load(Ordering::Relaxed), self.sum.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_their_ranges_and_ranges_add_up() {
        let histogram = Histogram::new(&[1.0, 10.0]);
        for value in [0_u32, 1, 2, 10, 11, 1000] {
            histogram.observe(value.into(), value.into());
        }
        assert_eq!(histogram.read(), (vec![(1.0, 2), (10.0, 4)], 6, 1024));
    }
}
