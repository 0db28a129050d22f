//! The call of one handler: what `#[receive]` takes the parameters from and gives the outcome to.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use psd_proto::{ClientMessage, envelope::Body};

use crate::{
    Connection, Error, Extract, GuardFn, Identity, IntoOutcome,
    connection::Shared,
    guard::function::{Guarded, Parameters},
    outcome::Completion,
    request::{Request, RequestHeaders},
};

/// A request that has passed its guard and whose body is not decoded yet; see [`Extract`].
pub struct Call<'a> {
    request: &'a Request,
    body: Body<'a>,
    /// Bytes that the body may have when it is decompressed.
    max_bytes: usize,
}

impl<'a> Call<'a> {
    pub(crate) fn new(request: &'a Request, body: Body<'a>, max_bytes: usize) -> Self {
        Self { request, body, max_bytes }
    }

    /// The connection the request came by; what it sends carries the request's `uuid`.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection::of_request(self.request.clone())
    }

    /// Who is authenticated.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.shared().identity()
    }

    /// The request's headers.
    #[must_use]
    pub fn headers(&self) -> &RequestHeaders {
        self.request.headers()
    }

    /// Takes another extractor.
    ///
    /// # Errors
    /// As that extractor says.
    pub fn extract<E: Extract>(&self) -> Result<E, Error> {
        E::extract(self)
    }

    /// Decodes the body.
    ///
    /// # Errors
    /// Code 400, naming the field and the reason.
    #[doc(hidden)]
    pub fn message<M: ClientMessage>(&self) -> Result<M, Error> {
        let shared = self.shared();
        let settings = shared.server.settings();
        shared.dialect.read_body(self.body, settings.json_depth, self.max_bytes)
    }

    /// Lets a guard function of the application decide before the handler runs.
    ///
    /// # Errors
    /// One of the guard's parameters cannot be taken.
    #[doc(hidden)]
    pub fn guarded<M, G, P, Kind>(&self, guard: G, message: M) -> Result<Guarded<M>, Error>
    where
        M: ClientMessage,
        G: for<'m> GuardFn<'m, M, P, Kind>,
        P: Parameters,
    {
        Guarded::new(self, guard, message)
    }

    /// The outcome of a plain function, which has run.
    #[doc(hidden)]
    pub fn ready<T: IntoOutcome<Kind>, Kind>(&self, outcome: T) -> Invocation {
        Invocation(Step::Ready(outcome.respond(self.request)))
    }

    /// The outcome of an `async fn`, which the connection's task is to await.
    #[doc(hidden)]
    pub fn future<F, Kind>(&self, future: F) -> Invocation
    where
        F: Future + Send + 'static,
        F::Output: IntoOutcome<Kind>,
    {
        let request = self.request.clone();
        Invocation(Step::Future(Box::pin(async move { future.await.respond(&request) })))
    }

    /// The outcome of a blocking function, which a sync worker is to run.
    #[doc(hidden)]
    pub fn blocking<T, Kind>(&self, job: impl FnOnce() -> T + Send + 'static) -> Invocation
    where
        T: IntoOutcome<Kind>,
    {
        let request = self.request.clone();
        Invocation(Step::Blocking(Box::new(move || job().respond(&request))))
    }

    pub(crate) fn request(&self) -> &Request {
        self.request
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        self.request.shared()
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("headers", self.headers()).finish_non_exhaustive()
    }
}

/// How a handler goes on after its parameters were taken.
#[doc(hidden)]
#[must_use]
pub struct Invocation(pub(crate) Step);

pub(crate) type Verdict = Result<Completion, Error>;

pub(crate) enum Step {
    Ready(Verdict),
    Future(Pin<Box<dyn Future<Output = Verdict> + Send>>),
    Blocking(Box<dyn FnOnce() -> Verdict + Send>),
}

impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Step::Ready(_) => "Ready",
            Step::Future(_) => "Future",
            Step::Blocking(_) => "Blocking",
        })
    }
}
