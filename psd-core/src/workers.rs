//! The sync workers: threads on which handlers may block.
//!
//! Connections take turns: however many jobs one has queued, the next of another runs after one of its.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::{ConnectionId, Error};

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads and a bounded queue. The threads end when the pool is dropped and the queue is empty.
pub(crate) struct Workers {
    shared: Option<Arc<Shared>>,
}

struct Shared {
    /// Held to add or take one job.
    queue: Mutex<Queue>,
    available: Condvar,
    limits: Limits,
}

/// How many jobs may wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) all: usize,
    pub(crate) per_connection: usize,
}

#[derive(Default)]
struct Queue {
    /// The lines of the connections that have jobs or promised places.
    lines: HashMap<ConnectionId, Line>,
    /// The connections that have jobs, in the order of their turns.
    turns: VecDeque<ConnectionId>,
    /// Jobs and promised places of all connections.
    taken: usize,
    closed: bool,
}

#[derive(Default)]
struct Line {
    jobs: VecDeque<Job>,
    /// Places promised to jobs that come in a moment.
    reserved: usize,
}

impl Workers {
    /// Starts `threads` threads; 0 means that every job is refused.
    ///
    /// # Errors
    /// The operating system starts no thread.
    pub(crate) fn start(threads: usize, limits: Limits) -> std::io::Result<Self> {
        if threads == 0 {
            return Ok(Self { shared: None });
        }
        let shared = Arc::new(Shared { queue: Mutex::default(), available: Condvar::new(), limits });
        let pool = Self { shared: Some(shared.clone()) };
        for number in 1..=threads {
            let shared = shared.clone();
            std::thread::Builder::new().name(format!("psd-worker-{number}")).spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.as_ref().map_or(0, |shared| shared.lock().waiting())
    }

    /// Promises a place for one job of a connection.
    ///
    /// # Errors
    /// Code 503: there are no workers, or too many jobs wait, in all or of this connection.
    pub(crate) fn reserve(&self, connection: ConnectionId) -> Result<Place, Error> {
        let Some(shared) = &self.shared else {
            return Err(Error::unavailable("the server runs no blocking work (`PSD_N_SYNC_WORKERS` is 0)"));
        };
        let mut queue = shared.lock();
        if queue.taken >= shared.limits.all {
            return Err(Error::unavailable("the server is busy: its queue for blocking work is full"));
        }
        if queue.lines.get(&connection).is_some_and(|line| line.taken() >= shared.limits.per_connection) {
            return Err(Error::unavailable("too much blocking work of this connection waits"));
        }
        queue.lines.entry(connection).or_default().reserved += 1;
        queue.taken += 1;
        Ok(Place { shared: shared.clone(), connection })
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
pub(crate) struct Place {
    shared: Arc<Shared>,
    connection: ConnectionId,
}

impl Place {
    pub(crate) fn submit(self, job: impl FnOnce() + Send + 'static) {
        #[cfg(feature = "test")]
        let job = crate::test::holding_time(job);
        self.shared.lock().add(self.connection, Box::new(job));
        self.shared.available.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.lock().give_back(self.connection);
    }
}

impl Line {
    fn taken(&self) -> usize {
        self.jobs.len() + self.reserved
    }
}

impl Queue {
    fn waiting(&self) -> usize {
        self.lines.values().map(|line| line.jobs.len()).sum()
    }

    /// Adds a job beside the place that was promised for it.
    fn add(&mut self, connection: ConnectionId, job: Job) {
        let line = self.lines.entry(connection).or_default();
        if line.jobs.is_empty() {
            self.turns.push_back(connection);
        }
        line.jobs.push_back(job);
        self.taken += 1;
    }

    fn give_back(&mut self, connection: ConnectionId) {
        self.taken -= 1;
        if let Some(line) = self.lines.get_mut(&connection) {
            line.reserved -= 1;
            if line.taken() == 0 {
                self.lines.remove(&connection);
            }
        }
    }

    /// The next job of the connection whose turn it is.
    fn next(&mut self) -> Option<Job> {
        let connection = self.turns.pop_front()?;
        let line = self.lines.get_mut(&connection)?;
        let job = line.jobs.pop_front()?;
        self.taken -= 1;
        if !line.jobs.is_empty() {
            self.turns.push_back(connection);
        } else if line.reserved == 0 {
            self.lines.remove(&connection);
        }
        Some(job)
    }
}

impl Shared {
    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.next() {
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
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    const ANN: ConnectionId = ConnectionId(1);
    const BOB: ConnectionId = ConnectionId(2);

    /// One worker that is kept busy until the sender is used, and then panics.
    fn busy(limits: Limits) -> (Workers, Sender<()>) {
        let workers = Workers::start(1, limits).expect("a thread starts");
        let (go, wait) = mpsc::channel::<()>();
        let (running, started) = mpsc::channel();
        workers.reserve(ANN).expect("empty").submit(move || {
            running.send(()).expect("the test listens");
            wait.recv().expect("the test sends");
            panic!("expected by the test");
        });
        started.recv().expect("the job runs");
        (workers, go)
    }

    fn submit(workers: &Workers, connection: ConnectionId, name: &'static str, done: &Sender<&'static str>) {
        let done = done.clone();
        workers.reserve(connection).expect("there is room").submit(move || done.send(name).expect("the test listens"));
    }

    fn take(results: &Receiver<&'static str>, count: usize) -> Vec<&'static str> {
        (0..count).map(|_| results.recv().expect("the worker lives")).collect()
    }

    #[track_caller]
    fn refused(workers: &Workers, connection: ConnectionId) {
        assert_eq!(workers.reserve(connection).err().and_then(|error| error.code()), Some(503));
    }

    #[test]
    fn jobs_run_panics_do_not_cost_threads_and_the_queue_is_bounded() {
        let (workers, go) = busy(Limits { all: 2, per_connection: 2 });
        let (done, results) = mpsc::channel();
        submit(&workers, ANN, "one", &done);
        submit(&workers, ANN, "two", &done);
        refused(&workers, BOB);
        go.send(()).expect("the job waits");
        assert_eq!(take(&results, 2), ["one", "two"]);
        for _ in 0..3 {
            drop(workers.reserve(ANN).expect("an unused place is given back"));
        }
        assert!(workers.shared.as_ref().is_some_and(|shared| shared.lock().lines.is_empty()), "nothing is remembered");
    }

    #[test]
    fn connections_take_turns() {
        let (workers, go) = busy(Limits { all: 100, per_connection: 100 });
        let (done, results) = mpsc::channel();
        for name in ["ann 1", "ann 2", "ann 3", "ann 4"] {
            submit(&workers, ANN, name, &done);
        }
        for name in ["bob 1", "bob 2"] {
            submit(&workers, BOB, name, &done);
        }
        submit(&workers, ConnectionId(3), "eve 1", &done);
        go.send(()).expect("the job waits");
        assert_eq!(take(&results, 7), ["ann 1", "bob 1", "eve 1", "ann 2", "bob 2", "ann 3", "ann 4"]);
    }

    #[test]
    fn one_connection_cannot_fill_the_queue() {
        let (workers, go) = busy(Limits { all: 100, per_connection: 2 });
        let (done, results) = mpsc::channel();
        submit(&workers, ANN, "ann 1", &done);
        let promised = workers.reserve(ANN).expect("there is room");
        refused(&workers, ANN);
        submit(&workers, BOB, "bob 1", &done);
        drop(promised);
        submit(&workers, ANN, "ann 2", &done);
        go.send(()).expect("the job waits");
        assert_eq!(take(&results, 3), ["ann 1", "bob 1", "ann 2"]);
    }

    #[test]
    fn without_threads_every_job_is_refused() {
        refused(&Workers::start(0, Limits { all: 2, per_connection: 2 }).expect("nothing starts"), ANN);
    }
}
