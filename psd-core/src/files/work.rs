//! What takes a core or waits for a disk: on a few threads of its own, which stand behind those that answer messages.
//!
//! There may be hundreds of uploads. A thread for each of them would get a core as often as one that answers messages, and
//! keep it for some milliseconds.

use std::{io, num::NonZero, sync::Arc, thread};

use bytes::Bytes;
use tokio::{
    runtime::{Builder, Runtime},
    sync::{Semaphore, oneshot},
};

use crate::Error;

/// Bytes of a step, some 40 µs.
const STEP: usize = 64 * 1024;

/// How many wait for a disk at the same time: enough for it to synchronise several files at once.
const WAITING: usize = 4;

/// How much nicer the threads are than the process: where everybody wants a core they get a tenth of what others do.
#[cfg(any(target_os = "android", target_os = "linux"))]
const NICER: i32 = 10;

/// Bytes in steps, between which whoever waits for the core has it.
pub(crate) fn steps(chunks: &[Bytes]) -> impl Iterator<Item = &[u8]> {
    chunks.iter().flat_map(|chunk| chunk.chunks(STEP)).inspect(|_| thread::yield_now())
}

/// Places for the work of a server's files, and the threads that do it. Whoever waits for a place has it in turn. Work that
/// nobody waits for any more keeps its place to its end, so that a disk that hangs does not fill the memory with work.
pub(crate) struct Work {
    busy: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// `None` while it is dropped.
    threads: Option<Runtime>,
}

impl Work {
    /// # Errors
    /// The system has no room for it.
    pub(crate) fn new() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let busy = (cores / 2).max(1);
        let threads = Builder::new_current_thread()
            .max_blocking_threads(busy + WAITING)
            .thread_name("psd-files")
            .on_thread_start(stand_behind)
            .build()?;
        let [busy, waiting] = [busy, WAITING].map(|places| Arc::new(Semaphore::new(places)));
        Ok(Self { busy, waiting, threads: Some(threads) })
    }

    /// Hashes, or writes what the system keeps in memory at first: half as many at a time as there are cores.
    pub(crate) async fn busy<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        self.run(&self.busy, work).await
    }

    /// Opens, synchronises, renames, removes.
    pub(crate) async fn wait<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        self.run(&self.waiting, work).await
    }

    async fn run<T: Send + 'static>(
        &self,
        places: &Arc<Semaphore>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = places.clone().acquire_owned().await?;
        let threads = self.threads.as_ref().ok_or_else(Error::shutting_down)?;
        let (sender, result) = oneshot::channel();
        let job = move || {
            let result = work();
            drop(place);
            let _ = sender.send(result); // Or nobody waits for it any more.
        };
        #[cfg(feature = "test")]
        let job = crate::test::holding_time(job);
        drop(threads.spawn_blocking(job));
        // It ends without one where the work panics.
        Ok(result.await?)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background(); // It may be dropped by a task, which must not wait.
        }
    }
}

/// Lets this thread have a core when those that answer messages do not want it. Where the system does not let it, it has one
/// as they do.
fn stand_behind() {
    // The system calls it the priority of a process, and keeps it for each thread.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    if let Ok(nice) = rustix::process::getpriority_process(None) {
        let _ = rustix::process::setpriority_process(None, (nice + NICER).min(19));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_goes_on_after_a_panic_and_may_be_dropped_by_a_task() {
        let work = Work::new().expect("the system gives threads");
        let panicked: Result<(), Error> = work.busy(|| panic!("expected by the test")).await;
        assert!(panicked.is_err());
        assert_eq!(work.wait(|| 1).await.ok(), Some(1));
        drop(work);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_threads_stand_behind_others() {
        let nice = || rustix::process::getpriority_process(None);
        let ours = nice().expect("a thread has a priority");
        let work = Work::new().expect("the system gives threads");
        let theirs = work.busy(nice).await.expect("it does not panic");
        assert_eq!(theirs, Ok((ours + NICER).min(19)));
        assert_eq!(nice(), Ok(ours));
    }
}
