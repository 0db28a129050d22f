//! Counters for each value of a label.

use std::{
    fmt,
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering},
};

/// A label whose values are all known.
pub(crate) trait Label: Copy {
    /// The values, as they are written.
    const NAMES: &'static [&'static str];

    fn index(self) -> usize;
}

/// One counter a value.
pub(crate) struct Counts<L> {
    counts: Box<[AtomicU64]>,
    label: PhantomData<fn(L)>,
}

impl<L: Label> Counts<L> {
    pub(crate) fn new() -> Self {
        Self { counts: L::NAMES.iter().map(|_| AtomicU64::new(0)).collect(), label: PhantomData }
    }

    pub(crate) fn add(&self, label: L) {
        if let Some(count) = self.counts.get(label.index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The values of the label and their counts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        L::NAMES.iter().copied().zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

impl<L: Label> fmt::Debug for Counts<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
