//! What a connection's task awaits: a handler, the verification of a token, or a hook.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep};

use super::Shared;
use crate::{
    Error,
    continue_::panicked,
    dispatch::{self, Arrived, Running},
};

/// What runs on behalf of the connection: a handler, the verification of a token, or a hook.
pub(super) struct Active {
    running: Running,
    deadline: Option<Pin<Box<Sleep>>>,
    is_new: bool,
}

/// What came of it.
pub(super) enum End {
    Concluded,
    /// The token was verified, or the layers have let it pass; the message goes on.
    Again(Arrived),
    /// Whose the token is could not be found out, or a layer refused; the message ends.
    Failed(Arrived, Error),
    /// `on_connect` refused.
    Refused(Box<Error>),
}

impl Active {
    pub(super) fn handler(running: Running) -> Self {
        Self { running, deadline: None, is_new: true }
    }

    pub(super) fn hook(future: Pin<Box<dyn Future<Output = Result<(), Box<Error>>> + Send>>) -> Self {
        Self::handler(Running::Hook(future))
    }
}

impl Future for Active {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End> {
        let this = &mut *self;
        let polled = match &mut this.running {
            Running::Handler { future, duty } => {
                let _span = duty.as_ref().map(|duty| duty.request().span().enter());
                guarded(future, context).map(Ended::Handler)
            }
            Running::Layers { future, .. } => guarded(future, context).map(Ended::Layers),
            Running::Verification { future, .. } => guarded(future, context).map(Ended::Verification),
            Running::Hook(future) => guarded(future, context).map(Ended::Hook),
        };
        let Poll::Ready(ended) = polled else { return this.poll_deadline(context) };
        Poll::Ready(match ended {
            Ended::Handler(verdict) => {
                if let Running::Handler { duty, .. } = &mut this.running
                    && let Some(duty) = duty.take()
                {
                    duty.conclude(verdict.unwrap_or_else(Err));
                }
                End::Concluded
            }
            Ended::Layers(result) | Ended::Verification(result) => {
                let (Running::Layers { arrived, .. } | Running::Verification { arrived, .. }) = &mut this.running
                else {
                    return Poll::Ready(End::Concluded);
                };
                match (arrived.take(), result.unwrap_or_else(Err)) {
                    (Some(arrived), Ok(())) => End::Again(arrived),
                    (Some(arrived), Err(error)) => End::Failed(arrived, error),
                    (None, _) => End::Concluded,
                }
            }
            Ended::Hook(Ok(Ok(()))) => End::Concluded,
            Ended::Hook(Ok(Err(error))) => End::Refused(error),
            Ended::Hook(Err(error)) => {
                tracing::error!(%error, "a consumer's hook panicked");
                End::Concluded
            }
        })
    }
}

enum Ended {
    Handler(Result<crate::call::Verdict, Error>),
    Layers(Result<Result<(), Error>, Error>),
    Verification(Result<Result<(), Error>, Error>),
    Hook(Result<Result<(), Box<Error>>, Error>),
}

impl Active {
    /// Whether it is the request with this uuid.
    pub(super) fn is_of(&self, uuid: &str) -> bool {
        self.running.request().is_some_and(|request| request.uuid() == Some(uuid))
    }

    /// Ends the request with this uuid with the result 499 if it is this one. Whether nothing is left to be awaited: the
    /// verification of its token goes on.
    pub(super) fn cancel(&mut self, shared: &Arc<Shared>, uuid: &str) -> bool {
        if let Running::Verification { arrived: waiting, .. } = &mut self.running {
            waiting.take_if(|arrived| dispatch::cancel(shared, arrived, uuid, dispatch::digest(uuid)));
            return false;
        }
        let Some(request) = self.running.request().filter(|request| request.uuid() == Some(uuid)) else { return false };
        request.give_up(&Error::cancelled());
        true
    }

    /// Ends the request that runs, or waits for its token.
    pub(super) fn give_up(mut self, shared: &Arc<Shared>, error: &Error) {
        match &mut self.running {
            Running::Handler { duty, .. } => duty.take().into_iter().for_each(|duty| duty.fail(error)),
            Running::Layers { arrived, .. } | Running::Verification { arrived, .. } => {
                arrived.take().into_iter().for_each(|arrived| dispatch::fail(shared, arrived, error));
            }
            Running::Hook(_) => {}
        }
    }

    /// The timer is made only for what does not end at once; most handlers do.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<End> {
        let Some(request) = self.running.request() else { return Poll::Pending };
        let timeout = request.timeout();
        if std::mem::take(&mut self.is_new) {
            let own = (!timeout.is_zero()).then(|| Instant::now() + timeout);
            let earliest = own.into_iter().chain(request.deadline()).min();
            self.deadline = earliest.map(|deadline| Box::pin(tokio::time::sleep_until(deadline)));
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            let error = match request.deadline() {
                Some(deadline) if deadline <= Instant::now() => Error::deadline(),
                _ => Error::new(408, format!("the handler did not finish within {} s", timeout.as_secs_f64())),
            };
            request.give_up(&error);
            return Poll::Ready(End::Concluded);
        }
        Poll::Pending
    }
}

/// What a future holds is the application's, and may panic when it is dropped before its end.
impl Drop for Active {
    fn drop(&mut self) {
        let nothing = Running::Hook(Box::pin(std::future::pending()));
        let running = std::mem::replace(&mut self.running, nothing);
        if let Err(panic) = std::panic::catch_unwind(AssertUnwindSafe(|| drop(running))) {
            tracing::error!(error = %panicked(&*panic), "what a handler or hook held panicked when it was dropped");
        }
    }
}

/// Polls what may panic; a panic becomes an error.
fn guarded<T>(
    future: &mut Pin<Box<dyn Future<Output = T> + Send>>,
    context: &mut Context<'_>,
) -> Poll<Result<T, Error>> {
    match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panicked(&*panic))),
    }
}
