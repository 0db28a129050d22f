//! The sync workers: threads on which handlers may block.

use std::{
    collections::VecDeque,
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::Error;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads and a bounded queue. The threads end when the pool is dropped and the queue is empty.
pub(crate) struct Workers {
    shared: Option<Arc<Shared>>,
}

struct Shared {
    /// Held to add or take one job.
    queue: Mutex<Queue>,
    available: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Places promised to jobs that come in a moment.
    reserved: usize,
    closed: bool,
}

impl Workers {
    /// Starts `threads` threads; 0 means that every job is refused.
    ///
    /// # Errors
    /// The operating system starts no thread.
    pub(crate) fn start(threads: usize, capacity: usize) -> std::io::Result<Self> {
        if threads == 0 {
            return Ok(Self { shared: None });
        }
        let shared = Arc::new(Shared { queue: Mutex::default(), available: Condvar::new(), capacity });
        let pool = Self { shared: Some(shared.clone()) };
        for number in 1..=threads {
            let shared = shared.clone();
            std::thread::Builder::new().name(format!("psd-worker-{number}")).spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.as_ref().map_or(0, |shared| shared.lock().jobs.len())
    }

    /// Promises a place for one job.
    ///
    /// # Errors
    /// Code 503: there are no workers, or too many jobs wait.
    pub(crate) fn reserve(&self) -> Result<Place, Error> {
        let Some(shared) = &self.shared else {
            return Err(Error::unavailable("the server runs no blocking work (`PSD_N_SYNC_WORKERS` is 0)"));
        };
        let mut queue = shared.lock();
        if queue.jobs.len() + queue.reserved >= shared.capacity {
            return Err(Error::unavailable("the server is busy: its queue for blocking work is full"));
        }
        queue.reserved += 1;
        Ok(Place(shared.clone()))
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.lock().closed = true;
            shared.available.notify_all();
        }
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").finish_non_exhaustive()
    }
}

/// A place in the queue; given back if no job takes it.
#[must_use]
pub(crate) struct Place(Arc<Shared>);

impl Place {
    pub(crate) fn submit(self, job: impl FnOnce() + Send + 'static) {
        #[cfg(feature = "test")]
        let job = crate::test::holding_time(job);
        self.0.lock().jobs.push_back(Box::new(job));
        self.0.available.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().reserved -= 1;
    }
}

impl Shared {
    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                // Jobs report their own panics; this keeps the thread if one does not.
                if std::panic::catch_unwind(AssertUnwindSafe(job)).is_err() {
                    tracing::error!("a job panicked on a sync worker");
                }
                queue = self.lock();
            } else if queue.closed {
                return;
            } else {
                queue = self.available.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn jobs_run_panics_do_not_cost_threads_and_the_queue_is_bounded() {
        let workers = Workers::start(1, 2).expect("a thread starts");
        let (go, wait) = mpsc::channel::<()>();
        let (done, results) = mpsc::channel();
        let (running, started) = mpsc::channel();
        workers.reserve().expect("empty").submit(move || {
            running.send(()).expect("the test listens");
            wait.recv().expect("the test sends");
            panic!("expected by the test");
        });
        started.recv().expect("the job runs");
        for number in 0..2 {
            let done = done.clone();
            workers.reserve().expect("two may wait").submit(move || done.send(number).expect("the test listens"));
        }
        assert_eq!(workers.reserve().err().and_then(|error| error.code()), Some(503));
        go.send(()).expect("the job waits");
        assert_eq!([results.recv(), results.recv()], [Ok(0), Ok(1)]);
        drop(workers.reserve().expect("all are done"));
        drop(workers.reserve().expect("an unused place is given back"));
    }

    #[test]
    fn without_threads_every_job_is_refused() {
        let workers = Workers::start(0, 2).expect("nothing starts");
        assert_eq!(workers.reserve().err().and_then(|error| error.code()), Some(503));
    }
}
