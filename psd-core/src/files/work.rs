//! What takes a core or waits for a disk: on a few threads at a time, so that cores are left for what is short.
//!
//! There may be hundreds of uploads. A thread for each of them would get a core as often as one that answers messages, and
//! keep it for some milliseconds.

use std::{num::NonZero, thread};

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::Error;

/// Bytes of a step, some 40 µs.
const STEP: usize = 64 * 1024;

/// How many wait for a disk at the same time: enough for it to synchronise several files at once.
const WAITING: usize = 4;

/// Bytes in steps, between which whoever waits for the core has it.
pub(crate) fn steps(chunks: &[Bytes]) -> impl Iterator<Item = &[u8]> {
    chunks.iter().flat_map(|chunk| chunk.chunks(STEP)).inspect(|_| thread::yield_now())
}

/// Places for the work of a server's files, on the runtime's threads that may block. Whoever waits for one has it in turn;
/// whoever gives up leaves it to the next, though the thread goes on.
pub(crate) struct Work {
    busy: Semaphore,
    waiting: Semaphore,
}

impl Work {
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self { busy: Semaphore::new((cores / 2).max(1)), waiting: Semaphore::new(WAITING) }
    }

    /// Hashes, or writes what the system keeps in memory at first: half as many at a time as there are cores.
    pub(crate) async fn busy<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let _place = self.busy.acquire().await?;
        Ok(tokio::task::spawn_blocking(work).await?)
    }

    /// Opens, synchronises, renames, removes.
    pub(crate) async fn wait<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let _place = self.waiting.acquire().await?;
        Ok(tokio::task::spawn_blocking(work).await?)
    }
}
