//! Hooks around every request: what is the same for all handlers, written once.

use std::{
    any::type_name,
    borrow::Cow,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
};

use crate::{
    Call, Error, Extract, RequestContext,
    continue_::{caught, panic_text},
};

/// Hooks around every request of a server, or of one consumer: audit logs, quotas, tenancy, metrics.
///
/// Given to [`ServerBuilder::layer`](crate::ServerBuilder::layer) or
/// [`ServerBuilder::consumer_layer`](crate::ServerBuilder::consumer_layer). Layers run in the order in which they were
/// added, those of the server before those of a consumer; [`after`](Self::after) runs in the opposite order. A hook
/// runs on the connection's task (`after` also on a worker) and must not block.
///
/// A request meets, in this order: the limit of a frame, its envelope, **`arrive`**, its token, **`identified`**, its handler's
/// guard, **`before`** and **`before_async`**, its body's decoding, a guard function, the handler, its ack, **`after`**. A hook
/// that is not implemented costs a call; without layers nothing is added to a request at all.
///
/// An audit log:
/// ```
/// use psd_core::{Layer, Outcome, RequestContext, Server};
///
/// struct Audit;
///
/// impl Layer for Audit {
///     fn after(&self, request: &RequestContext, outcome: &Outcome<'_>) {
///         let user = request.identity().map(|identity| identity.user_id().to_owned());
///         println!("{} by {user:?}: {outcome} after {:?}", request.headers().message_type, request.elapsed());
///     }
/// }
///
/// let builder = Server::builder().layer(Audit);
/// # drop(builder);
/// ```
///
/// A quota: so many requests of a user at once. What `before` attaches is dropped with the request.
/// ```
/// use std::{collections::HashMap, sync::{Arc, Mutex}};
/// use psd_core::{Error, Layer, RequestContext};
///
/// struct Quota {
///     running: Mutex<HashMap<String, Arc<()>>>,
///     limit: usize,
/// }
///
/// impl Layer for Quota {
///     fn before(&self, request: &RequestContext) -> Result<(), Error> {
///         let Some(identity) = request.identity() else { return Ok(()) };
///         let mut running = self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
///         running.retain(|_, requests| Arc::strong_count(requests) > 1);
///         let requests = running.entry(identity.user_id().to_owned()).or_default();
///         if Arc::strong_count(requests) > self.limit {
///             return Err(Error::new(429, "too many requests at once"));
///         }
///         request.attach(requests.clone());
///         Ok(())
///     }
/// }
/// ```
///
/// Tenancy: found out asynchronously, and taken by handlers as [`Extension<Tenant>`](Extension).
/// ```
/// use psd_core::{Error, Layer, LayerFuture, RequestContext};
///
/// #[derive(Clone)]
/// struct Tenant(String);
///
/// async fn tenant_of(user_id: &str) -> Result<Tenant, Error> {
///     // A query, perhaps.
///     Ok(Tenant(format!("tenant of {user_id}")))
/// }
///
/// struct Tenancy;
///
/// impl Layer for Tenancy {
///     fn before_async(&self, request: &RequestContext) -> Option<LayerFuture> {
///         let (identity, request) = (request.identity()?, request.clone());
///         Some(Box::pin(async move {
///             request.attach(tenant_of(identity.user_id()).await?);
///             Ok(())
///         }))
///     }
/// }
/// ```
pub trait Layer: Send + Sync + 'static {
    /// Runs first: before the request's token is verified and before anything is known about its caller but who the
    /// connection's identity was. The place for what keeps floods away. Runs for messages of unknown types, too.
    ///
    /// # Errors
    /// What the request is answered with; nothing else is done for it, but a new token that it brings is verified.
    fn arrive(&self, request: &RequestContext) -> Result<(), Error> {
        let _ = request;
        Ok(())
    }

    /// Runs when it is known who the caller is: behind the token that the request may have brought, before its handler's
    /// guard. Runs for messages of unknown types, too, but not for a request that is cancelled, or cannot be verified,
    /// before.
    ///
    /// # Errors
    /// What the request is answered with; nothing else is done for it.
    fn identified(&self, request: &RequestContext) -> Result<(), Error> {
        let _ = request;
        Ok(())
    }

    /// Runs when the guard has let the caller pass, before the body is decoded.
    ///
    /// # Errors
    /// What the request is answered with; neither further layers nor the handler run.
    fn before(&self, request: &RequestContext) -> Result<(), Error> {
        let _ = request;
        Ok(())
    }

    /// What of [`before`](Self::before) has to be awaited; `None` (the default) where there is nothing, and then nothing
    /// is allocated.
    ///
    /// The connection's next message waits for it, as for a handler, and the handler timeout holds for it. It is dropped
    /// when the client goes away, cancels the request, or its deadline has passed.
    fn before_async(&self, request: &RequestContext) -> Option<LayerFuture> {
        let _ = request;
        None
    }

    /// Runs exactly once for every request that has begun, whatever became of it, when its ack has been queued (if it
    /// asked for one). It runs even where [`arrive`](Self::arrive) or [`before`](Self::before) did not: a layer that has
    /// to know leaves a value by [`RequestContext::attach`].
    ///
    /// [`Detached`](crate::Continue::detached) work ends for layers when it begins, since that is when it is acked.
    fn after(&self, request: &RequestContext, outcome: &Outcome<'_>) {
        let _ = (request, outcome);
    }

    /// Whether it may ask how long a request takes.
    #[doc(hidden)]
    fn asks_for_time(&self) -> bool {
        true
    }
}

/// What [`Layer::before_async`] returns.
pub type LayerFuture = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// How a request ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// It was done.
    Done,
    /// It failed, or was refused, with this error.
    Failed(&'a Error),
    /// Its client went away before it was done; the handler was dropped.
    Gone,
}

impl Outcome<'_> {
    /// `ok`, the error's code, or `gone`; `error` for an error without a code.
    pub(crate) fn label(&self) -> Cow<'static, str> {
        match self {
            Self::Done => "ok".into(),
            Self::Failed(error) => error.code().map_or("error".into(), |code| code.to_string().into()),
            Self::Gone => "gone".into(),
        }
    }
}

impl fmt::Display for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Gone => f.write_str("the client has gone"),
        }
    }
}

/// A value that a layer has attached to the request, cloned for a handler.
///
/// A request without it is answered as an internal error; take `Option<Extension<T>>` where it may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<T>(pub T);

impl<T: Clone + Send + Sync + 'static> Extract for Extension<T> {
    fn extract(call: &Call<'_>) -> Result<Self, Error> {
        let missing = || Error::internal(format!("no layer has attached a `{}`", type_name::<T>()));
        call.request().attached().map(Self).ok_or_else(missing)
    }
}

impl<T: Clone + Send + Sync + 'static> Extract for Option<Extension<T>> {
    fn extract(call: &Call<'_>) -> Result<Self, Error> {
        Ok(call.request().attached().map(Extension))
    }
}

/// The layers of one endpoint, in order.
#[derive(Clone, Default)]
pub(crate) struct Layers {
    layers: Arc<[Arc<dyn Layer>]>,
    /// Whether one of them may ask how long a request takes.
    pub(crate) ask_for_time: bool,
}

impl Layers {
    fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// # Errors
    /// The first layer that refuses, or panics.
    pub(crate) fn arrive(&self, request: &RequestContext) -> Result<(), Error> {
        self.each(|layer| layer.arrive(request))
    }

    /// # Errors
    /// The first layer that refuses, or panics.
    pub(crate) fn identified(&self, request: &RequestContext) -> Result<(), Error> {
        self.each(|layer| layer.identified(request))
    }

    fn each(&self, hook: impl Fn(&dyn Layer) -> Result<(), Error>) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        caught(|| self.layers.iter().try_for_each(|layer| hook(&**layer)))
    }

    /// Every `before` up to the first that has to be awaited, and then what is left to be awaited.
    ///
    /// # Errors
    /// The first layer that refuses, or panics.
    pub(crate) fn before(&self, request: &RequestContext) -> Result<Option<LayerFuture>, Error> {
        if self.is_empty() {
            return Ok(None);
        }
        caught(|| self.before_from(0, request))
    }

    fn before_from(&self, first: usize, request: &RequestContext) -> Result<Option<LayerFuture>, Error> {
        for (index, layer) in self.layers.iter().enumerate().skip(first) {
            layer.before(request)?;
            let Some(future) = layer.before_async(request) else { continue };
            if index + 1 == self.layers.len() {
                return Ok(Some(future));
            }
            let (layers, request) = (self.clone(), request.clone());
            return Ok(Some(Box::pin(async move {
                future.await?;
                match layers.before_from(index + 1, &request)? {
                    Some(rest) => rest.await,
                    None => Ok(()),
                }
            })));
        }
        Ok(None)
    }

    /// Every `after`, whether or not one panics.
    pub(crate) fn after(&self, request: &RequestContext, outcome: &Outcome<'_>) {
        for layer in self.layers.iter().rev() {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| layer.after(request, outcome))) {
                tracing::error!(panic = panic_text(&*panic), "a layer panicked after a request");
            }
        }
    }
}

impl FromIterator<Arc<dyn Layer>> for Layers {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Layer>>>(layers: I) -> Self {
        let layers: Arc<[Arc<dyn Layer>]> = layers.into_iter().collect();
        let ask_for_time = layers.iter().any(|layer| layer.asks_for_time());
        Self { layers, ask_for_time }
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Layers").field(&self.layers.len()).finish()
    }
}
