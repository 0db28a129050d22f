//! What is counted of files.

use std::{future::Future, sync::atomic::AtomicU64, time::Instant};

use super::{
    Counts, StorageOperation, UploadFailure, UploadInterruption, add, count::Label as _, histogram::Histogram,
    requests::DURATIONS,
};
use crate::Error;

/// What a server with files counts.
#[derive(Debug)]
pub(crate) struct FileMetrics {
    pub(super) begun: AtomicU64,
    pub(super) done: AtomicU64,
    pub(super) failed: Counts<UploadFailure>,
    pub(super) interrupted: Counts<UploadInterruption>,
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) sweeps: AtomicU64,
    pub(super) swept: AtomicU64,
    pub(super) storage: Box<[Histogram<{ DURATIONS.len() }>]>,
}

impl FileMetrics {
    pub(crate) fn new() -> Self {
        Self {
            begun: AtomicU64::new(0),
            done: AtomicU64::new(0),
            failed: Counts::new(),
            interrupted: Counts::new(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            sweeps: AtomicU64::new(0),
            swept: AtomicU64::new(0),
            storage: StorageOperation::NAMES.iter().map(|_| Histogram::new(&DURATIONS)).collect(),
        }
    }

    pub(crate) fn begun(&self) {
        add(&self.begun, 1);
    }

    pub(crate) fn done(&self) {
        add(&self.done, 1);
    }

    pub(crate) fn failed(&self, failure: UploadFailure) {
        self.failed.add(failure);
    }

    /// A request about an upload ended early; somebody may go on with it.
    pub(crate) fn interrupted(&self, error: &Error) {
        self.interrupted.add(UploadInterruption::of(error));
    }

    pub(crate) fn received(&self, bytes: usize) {
        add(&self.received, bytes as u64);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        add(&self.sent, bytes as u64);
    }

    /// So many uploads were removed or gone on with.
    pub(crate) fn swept(&self, uploads: usize) {
        add(&self.sweeps, 1);
        add(&self.swept, uploads as u64);
    }

    /// Times what the storage does.
    pub(crate) async fn timed<T>(&self, operation: StorageOperation, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let result = work.await;
        let took = began.elapsed();
        if let Some(histogram) = self.storage.get(operation.index()) {
            histogram.observe(took.as_secs_f64(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
        result
    }
}

impl UploadFailure {
    pub(crate) fn of(error: &Error) -> Self {
        match error.code() {
            Some(409) => Self::KeyTaken,
            Some(413) => Self::TooLarge,
            Some(415) => Self::Type,
            Some(429) => Self::Rate,
            Some(503) => Self::Unavailable,
            Some(507) => Self::Full,
            Some(500..) => Self::Internal,
            _ if error.source().is_some() => Self::Internal,
            _ => Self::Refused,
        }
    }
}

impl UploadInterruption {
    fn of(error: &Error) -> Self {
        match error.code() {
            Some(400) => Self::Broken,
            Some(408) => Self::Idle,
            Some(409) => Self::Offset,
            Some(413) => Self::TooLarge,
            Some(423) => Self::TakenOver,
            Some(460) => Self::Checksum,
            Some(503) => Self::Unavailable,
            _ => Self::Other,
        }
    }
}
