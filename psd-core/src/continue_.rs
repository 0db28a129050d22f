//! Handlers that answer later.

use std::{fmt, future::Future, panic::AssertUnwindSafe, pin::Pin, time::Duration};

use futures_util::FutureExt as _;
use tokio::sync::oneshot;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument as _;

use crate::{
    Error, IntoOutcome,
    call::Verdict,
    connection::{Cancellation, Unfinished},
    outcome::Completion,
    request::Request,
};

/// Work that goes on after a handler has returned, so that the connection's next message need not wait for it.
///
/// What the work returns is treated like a handler's outcome: replies carry the request's `uuid`, and the ack comes at
/// the end. The work is cancelled when the connection goes away, unless it is [`detached`](Self::detached). Not the
/// handler timeout holds for it but a longer one, [`deferred_timeout`](crate::Settings::deferred_timeout); none holds
/// for detached work, nor for a blocking job that has begun.
///
/// [`Progress`](crate::Progress), taken as a handler's parameter, tells the client how far the work has come, and the work
/// whether anybody still waits for it. Blocking jobs of one connection take turns with those of others.
///
/// ```
/// # use psd_core::Continue;
/// let later = Continue::blocking(|| std::thread::available_parallelism().map(|_| ()));
/// let soon = Continue::future(async { tokio::task::yield_now().await });
/// # drop((later, soon));
/// ```
#[must_use = "the work is done only if the handler returns it"]
pub struct Continue {
    work: Work,
    detached: bool,
}

type Deferred = Pin<Box<dyn Future<Output = Verdict> + Send>>;

enum Work {
    Blocking(Box<dyn FnOnce(&Request) -> Verdict + Send>),
    Future(Box<dyn FnOnce(Request) -> Deferred + Send>),
}

impl Continue {
    /// Goes on on a sync worker, where blocking is allowed.
    ///
    /// Without workers (`PSD_N_SYNC_WORKERS=0`) or with their queue full the request is answered with code 503. A
    /// running job cannot be cancelled; one that still waits when its connection goes away is dropped.
    pub fn blocking<T, Kind>(job: impl FnOnce() -> T + Send + 'static) -> Self
    where
        T: IntoOutcome<Kind>,
    {
        Self { work: Work::Blocking(Box::new(move |request| job().respond(request))), detached: false }
    }

    /// Goes on as a future beside the connection's other work.
    ///
    /// With `PSD_RUN_ASYNC_WORKER=false`, or too many futures running, the request is answered with code 503.
    pub fn future<T, Kind>(future: impl Future<Output = T> + Send + 'static) -> Self
    where
        T: IntoOutcome<Kind>,
    {
        let start = move |request: Request| {
            let deferred: Deferred = Box::pin(async move { future.await.respond(&request) });
            deferred
        };
        Self { work: Work::Future(Box::new(start)), detached: false }
    }

    /// Ends the request at once with a successful ack and lets the work outlive the connection; an error is logged.
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    pub(crate) fn start(self, request: Request) {
        let result = self.launch(&request);
        if let Err(error) = result {
            request.finish(Err(&error));
        }
    }

    fn launch(self, request: &Request) -> Result<(), Error> {
        let server = &request.shared().server;
        let detached = self.detached;
        let pending = |request: &Request| {
            if detached {
                request.detach();
                request.finish(Ok(()));
            }
            let unfinished = (!detached).then(|| request.shared().clone().defer());
            let tracked = detached.then(|| server.0.connections.token());
            Pending { request: Some(request.clone()), _unfinished: unfinished, _tracked: tracked }
        };
        match self.work {
            Work::Blocking(job) => {
                let place = server.workers().reserve(request.shared().id)?;
                let (request, pending) = (request.clone(), pending(request));
                if detached {
                    place.submit(move || pending.conclude(request.span().in_scope(|| caught(|| job(&request)))));
                } else {
                    let (sender, receiver) = oneshot::channel();
                    let (cancellation, asking) = (cancellation(&request), request.clone());
                    place.submit(move || {
                        if !sender.is_closed() {
                            let _ = sender.send(request.span().in_scope(|| caught(|| job(&request)))); // Its client may have given it up.
                        }
                    });
                    let work =
                        async { receiver.await.unwrap_or_else(|_| Err(Error::unavailable("the work was dropped"))) };
                    tokio::spawn(cancellable(asking, work, cancellation, pending, (), Duration::ZERO));
                }
            }
            Work::Future(start) => {
                let place = server.deferred_place(request.shared())?;
                let pending = pending(request);
                let work = AssertUnwindSafe(start(request.clone()).instrument(request.span().clone())).catch_unwind();
                let work = work.map(|end| end.unwrap_or_else(|panic| Err(panicked(&*panic))));
                if detached {
                    tokio::spawn(async move {
                        pending.conclude(work.await);
                        drop(place);
                    });
                } else {
                    let cancellation = cancellation(request);
                    let timeout = server.settings().deferred_timeout;
                    tokio::spawn(cancellable(request.clone(), work, cancellation, pending, place, timeout));
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Continue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Continue").field("detached", &self.detached).finish_non_exhaustive()
    }
}

/// Made before anything else is read: the next thing may be that the client cancels it.
fn cancellation(request: &Request) -> Cancellation {
    Cancellation::new(request.shared(), request.uuid())
}

/// Runs deferred work until it ends, its client has gone or has cancelled it, or its deadline has passed: the client's, or
/// `timeout` where that is not zero.
async fn cancellable<P>(
    request: Request,
    work: impl Future<Output = Verdict>,
    cancellation: Cancellation,
    pending: Pending,
    place: P,
    timeout: Duration,
) {
    let client_deadline = async {
        match request.deadline() {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    let own_deadline = async {
        match timeout.is_zero() {
            false => tokio::time::sleep(timeout).await,
            true => std::future::pending().await,
        }
    };
    let end = tokio::select! {
        // What has ended is answered with how it ended, whatever came in the same moment.
        biased;
        end = work => end,
        () = cancellation.cancelled() => given_up(&request, Error::cancelled()),
        () = request.shared().server.0.halting.cancelled() => given_up(&request, Error::shutting_down()),
        () = client_deadline => given_up(&request, Error::deadline()),
        () = own_deadline => {
            let text = format!("the work did not finish within {} s", timeout.as_secs_f64());
            given_up(&request, Error::new(408, text))
        }
    };
    drop(cancellation); // Its uuid may come again when the ack has.
    pending.conclude(end);
    drop(place);
}

fn given_up(request: &Request, error: Error) -> Verdict {
    request.abandon();
    Err(error)
}

/// A request whose ack is somebody else's duty: acked even if that somebody is dropped.
struct Pending {
    request: Option<Request>,
    /// Keeps a connection open while the server shuts down; dropped after the ack was sent.
    _unfinished: Option<Unfinished>,
    /// Keeps a server from going while work is not done whose client was told that it is.
    _tracked: Option<TaskTrackerToken>,
}

impl Pending {
    fn conclude(mut self, verdict: Verdict) {
        if let Some(request) = self.request.take() {
            conclude(&request, verdict);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(request) = &self.request {
            request.finish(Err(&Error::unavailable("the work was dropped")));
        }
    }
}

/// Ends a request with what its handler, or its deferred work, came to.
pub(crate) fn conclude(request: &Request, verdict: Verdict) {
    match verdict {
        Ok(Completion::Done) => request.finish(Ok(())),
        Ok(Completion::Continue(later)) => later.start(request.clone()),
        Err(error) => request.finish(Err(&error)),
    }
}

/// Calls what may panic; a panic becomes an error.
pub(crate) fn caught<T>(call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    std::panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| Err(panicked(&*panic)))
}

/// The error for a panic's payload.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    Error::internal(format!("panic: {}", panic_text(panic)))
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "unknown",
    }
}
