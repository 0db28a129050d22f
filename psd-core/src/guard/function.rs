//! Guards of the application: functions that see the message and anything a handler may take.

use std::{fmt, future::Future};

use psd_proto::ClientMessage;

use super::refused;
use crate::{
    Call, Error, Extract, IntoOutcome,
    auth::BoxFuture,
    call::{Invocation, Step},
    dispatch,
    extract::Requirement,
    request::Request,
};

/// A function that `#[receive(guard = path)]` may name: it takes the message by reference, then up to six things that a
/// handler may take too, and returns a [`Decision`]. It may be `async`.
///
/// It is asked once `auth`, permissions and groups have let the caller pass and the body is decoded, before the
/// handler. It decides about superusers like about everybody else. `guard` does not imply `auth`; a guard that takes
/// [`Identity`](crate::Identity) refuses whoever is not authenticated, with code 401. A plain function must take no
/// time; an `async` one has, together with its handler, the handler's time.
///
/// ```
/// use psd_core::{Error, Identity, State, receive};
/// # mod pb { pub use psd_core::proto::common::sfiles::*; }
/// # #[derive(Clone)] struct Files;
/// # impl Files { async fn owner(&self, _: &str) -> anyhow::Result<String> { Ok(String::new()) } }
///
/// async fn owns_file(message: &pb::DeleteFile, caller: Identity, State(files): State<Files>) -> Result<(), Error> {
///     let file = message.file.as_ref().ok_or_else(|| Error::new(422, "no file is named"))?;
///     if files.owner(&file.id).await? == caller.user_id() {
///         return Ok(());
///     }
///     Err(Error::new(403, "the file is somebody else's"))
/// }
///
/// #[receive(guard = owns_file)]
/// async fn delete_file(message: pb::DeleteFile, State(files): State<Files>) -> Result<(), Error> {
/// #   let _ = (message, files);
///     // …
///     Ok(())
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "this function is not a guard of `{M}`",
    label = "expected `fn(&{M}, …) -> Result<(), Error>`, or `async fn`",
    note = "a guard takes the message by reference, then what a handler may take (`Identity`, `Option<Identity>`, `Connection`, `State<T>`, …), and returns `bool` or `Result<(), E>`"
)]
pub trait GuardFn<'m, M, Parameters, Kind>: Send + 'static {
    /// Decides about one message.
    #[doc(hidden)]
    fn check(self, message: &'m M, parameters: Parameters) -> BoxFuture<'m, Result<(), Error>>;
}

/// What a guard function returns: `true` or `Ok(())` lets the caller pass.
///
/// `false`, and an error without a code, refuse with 403; an [`Error`] with a code keeps it. Any other error means that
/// the guard itself failed: the caller gets code 500, the log all of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a guard decides",
    label = "a guard returns `bool` or `Result<(), E>`"
)]
pub trait Decision {
    /// What the request is refused with, if it is.
    #[doc(hidden)]
    fn decide(self) -> Result<(), Error>;
}

impl Decision for bool {
    fn decide(self) -> Result<(), Error> {
        if self { Ok(()) } else { Err(Error::forbidden()) }
    }
}

impl<E> Decision for Result<(), E>
where
    Error: From<E>,
{
    fn decide(self) -> Result<(), Error> {
        self.map_err(|error| {
            let error = Error::from(error);
            match (error.code(), error.source()) {
                (None, None) => Error::new(403, error.message()),
                _ => error,
            }
        })
    }
}

/// What a guard function returns, as it is written: at once, or as an `async fn`. `Kind` keeps the two apart.
#[doc(hidden)]
pub trait Answer<'m, Kind> {
    fn answer(self) -> BoxFuture<'m, Result<(), Error>>;
}

/// The kinds of answer.
#[doc(hidden)]
pub(crate) mod kind {
    #[derive(Debug)]
    pub struct Now;
    #[derive(Debug)]
    pub struct Later;
}

impl<D: Decision> Answer<'_, kind::Now> for D {
    fn answer(self) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(std::future::ready(self.decide()))
    }
}

impl<'m, F> Answer<'m, kind::Later> for F
where
    F: Future<Output: Decision> + Send + 'm,
{
    fn answer(self) -> BoxFuture<'m, Result<(), Error>> {
        Box::pin(async move { self.await.decide() })
    }
}

/// What a guard function takes behind the message.
#[doc(hidden)]
pub trait Parameters: Sized + Send + 'static {
    fn extract(call: &Call<'_>) -> Result<Self, Error>;
    fn requirements() -> Vec<Requirement>;
}

macro_rules! parameters {
    ($($name:ident)*) => {
        #[allow(unused_variables, reason = "a guard may take nothing but the message")]
        impl<$($name: Extract + Send + 'static),*> Parameters for ($($name,)*) {
            fn extract(call: &Call<'_>) -> Result<Self, Error> {
                Ok(($($name::extract(call)?,)*))
            }

            fn requirements() -> Vec<Requirement> {
                vec![$($name::requirement()),*]
            }
        }

        impl<'m, M, G, R, Kind, $($name),*> GuardFn<'m, M, ($($name,)*), Kind> for G
        where
            M: 'm,
            G: FnOnce(&'m M, $($name),*) -> R + Send + 'static,
            R: Answer<'m, Kind>,
        {
            #[allow(non_snake_case, reason = "the types' names name the values")]
            fn check(self, message: &'m M, parameters: ($($name,)*)) -> BoxFuture<'m, Result<(), Error>> {
                let ($($name,)*) = parameters;
                self(message, $($name),*).answer()
            }
        }
    };
}

parameters!();
parameters!(A);
parameters!(A B);
parameters!(A B C);
parameters!(A B C D);
parameters!(A B C D E);
parameters!(A B C D E F);

/// What a guard function's parameters need.
#[doc(hidden)]
pub fn requirements<M, G, P, Kind>(_: G) -> Vec<Requirement>
where
    G: for<'m> GuardFn<'m, M, P, Kind>,
    P: Parameters,
{
    P::requirements()
}

type Check<M> = Box<dyn for<'m> FnOnce(&'m M) -> BoxFuture<'m, Result<(), Error>> + Send>;

/// A call whose guard function is still to be asked: how its handler goes on afterwards.
#[doc(hidden)]
#[must_use]
pub struct Guarded<M> {
    request: Request,
    message: M,
    check: Check<M>,
}

impl<M: ClientMessage> Guarded<M> {
    pub(crate) fn new<G, P, Kind>(call: &Call<'_>, guard: G, message: M) -> Result<Self, Error>
    where
        G: for<'m> GuardFn<'m, M, P, Kind>,
        P: Parameters,
    {
        let parameters = P::extract(call)?;
        let check: Check<M> = Box::new(move |message| guard.check(message, parameters));
        Ok(Self { request: call.request().clone(), message, check })
    }

    /// The outcome of a plain function, which runs in place.
    pub fn ready<T, Kind>(self, handler: impl FnOnce(M) -> T + Send + 'static) -> Invocation
    where
        T: IntoOutcome<Kind>,
    {
        Invocation(Step::Future(Box::pin(async move {
            let (request, message) = self.pass().await?;
            handler(message).respond(&request)
        })))
    }

    /// The outcome of an `async fn`.
    pub fn future<F, Kind>(self, handler: impl FnOnce(M) -> F + Send + 'static) -> Invocation
    where
        F: Future + Send + 'static,
        F::Output: IntoOutcome<Kind>,
    {
        Invocation(Step::Future(Box::pin(async move {
            let (request, message) = self.pass().await?;
            handler(message).await.respond(&request)
        })))
    }

    /// The outcome of a blocking function, which a sync worker is to run.
    pub fn blocking<T, Kind>(self, handler: impl FnOnce(M) -> T + Send + 'static) -> Invocation
    where
        T: IntoOutcome<Kind>,
    {
        Invocation(Step::Future(Box::pin(async move {
            let (request, message) = self.pass().await?;
            let job = {
                let request = request.clone();
                Box::new(move || handler(message).respond(&request))
            };
            dispatch::submit(&request, job)?.await
        })))
    }

    /// Asks the guard.
    async fn pass(self) -> Result<(Request, M), Error> {
        let Self { request, message, check } = self;
        match check(&message).await {
            Ok(()) => Ok((request, message)),
            Err(error) => {
                if error.source().is_none() {
                    refused(&request, None, &error);
                }
                Err(error)
            }
        }
    }
}

impl<M> fmt::Debug for Guarded<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("request", &self.request).finish_non_exhaustive()
    }
}
