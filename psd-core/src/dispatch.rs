//! From a frame to a handler: envelope, route, token, guard, and only then the body.

use std::{
    future::{Future, poll_fn},
    hash::{DefaultHasher, Hasher as _},
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::Poll,
    time::Duration,
};

use futures_util::FutureExt as _;
use psd_proto::{common::authentication::TokenInvalid, envelope::Envelope};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    Call, Error, Identity, Mode, Server,
    auth::TokenError,
    call::{Step, Verdict},
    codec::Raw,
    connection::{Authenticated, Control, Shared},
    continue_::{caught, panicked},
    guard,
    layer::LayerFuture,
    metrics::TokenFailure,
    request::{Duty, Request, shown},
    routes::Route,
};

/// How often a token is verified at most, while rights change all the time.
const VERIFICATIONS: usize = 3;

/// An envelope on its way to its handler.
pub(crate) struct Arrived {
    pub(crate) raw: Raw,
    /// When it came (v1, where deadlines count from there).
    pub(crate) at: Option<Instant>,
    /// Whether its token has been looked at.
    pub(crate) verified: bool,
    /// Whether it is answered already and only its token is of interest.
    pub(crate) cancelled: bool,
    /// Its request, once that has begun.
    pub(crate) duty: Option<Duty>,
    /// Whether the layers have let it pass.
    pub(crate) layered: bool,
    /// The digest of its uuid, once it has had to wait: a cancel need not read every message that waits.
    uuid: Option<u64>,
}

impl Arrived {
    pub(crate) fn new(raw: Raw, at: Option<Instant>) -> Self {
        Self { raw, at, verified: false, cancelled: false, duty: None, layered: false, uuid: None }
    }
}

/// What became of an envelope.
pub(crate) enum Begun {
    /// It is answered, or goes on elsewhere.
    Done,
    /// v1 itself said something.
    Control(Control),
    /// It was no envelope; the reason is for the client.
    Unreadable(String),
    /// The connection's next message waits for this.
    Running(Running),
    /// This runs beside the connection's next messages.
    Concurrent(Running),
}

/// Something the connection's task has to await.
pub(crate) enum Running {
    Handler {
        duty: Option<Duty>,
        future: Pin<Box<dyn Future<Output = Verdict> + Send>>,
    },
    /// The message is dispatched again when its layers have let it pass.
    Layers {
        future: LayerFuture,
        arrived: Option<Arrived>,
    },
    /// The message is dispatched again when its token is verified.
    Verification {
        future: Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>,
        arrived: Option<Arrived>,
    },
    Hook(Pin<Box<dyn Future<Output = Result<(), Box<Error>>> + Send>>),
}

impl Running {
    /// The request whose deadline holds for it.
    pub(crate) fn request(&self) -> Option<&Request> {
        match self {
            Self::Handler { duty, .. } | Self::Layers { arrived: Some(Arrived { duty, .. }), .. } => {
                duty.as_ref().map(Duty::request)
            }
            _ => None,
        }
    }
}

/// Begins a message. Never inlined, so that a profile of one message has a place to begin.
#[inline(never)]
pub(crate) fn begin(shared: &Arc<Shared>, mut arrived: Arrived) -> Begun {
    let envelope = match shared.dialect.read_envelope(&arrived.raw) {
        Ok(envelope) => envelope,
        Err(error) => return Begun::Unreadable(error.to_string()),
    };
    shared.has_seen(envelope.seq);
    if let Some(control) = Control::of(shared, &envelope) {
        return Begun::Control(control);
    }
    if !arrived.cancelled && arrived.duty.is_none() {
        let duty = Duty::new(Request::new(shared.clone(), &envelope, arrived.at));
        match shared.endpoint.layers.arrive(duty.request()) {
            Ok(()) => arrived.duty = Some(duty),
            Err(error) => {
                duty.fail(&error);
                arrived.cancelled = true;
            }
        }
    }
    if !arrived.verified
        && let Some(token) = envelope.auth_header.as_deref()
        && !shared.knows_token(token)
    {
        let future = Box::pin(verify(shared.clone(), token.to_owned()));
        shared.rates.wait();
        arrived.verified = true;
        return Begun::Running(Running::Verification { future, arrived: Some(arrived) });
    }
    let Some(duty) = arrived.duty.take() else { return Begun::Done };
    match handle(shared, &envelope, duty, arrived.layered) {
        Handled::Begun(begun) => begun,
        Handled::Waits(duty, future) => {
            let arrived = Arrived { duty: Some(duty), layered: true, ..arrived };
            Begun::Running(Running::Layers { future, arrived: Some(arrived) })
        }
    }
}

/// Ends a message that goes no further.
pub(crate) fn fail(shared: &Arc<Shared>, mut arrived: Arrived, error: &Error) {
    if let Some(duty) = arrived.duty.take() {
        duty.fail(error);
    } else if !arrived.cancelled
        && let Ok(envelope) = shared.dialect.read_envelope(&arrived.raw)
    {
        Request::new(shared.clone(), &envelope, arrived.at).finish(Err(error));
    }
}

/// What v1 itself says in an envelope that would have to wait, and need not. Of any other its name is noted.
pub(crate) fn control(shared: &Shared, arrived: &mut Arrived) -> Option<Control> {
    if !shared.dialect.is_v1() {
        return None;
    }
    let envelope = shared.dialect.read_envelope(&arrived.raw).ok()?;
    let control = Control::of(shared, &envelope).filter(|control| !control.takes_turn());
    let digest = digest(envelope.uuid.as_deref().unwrap_or_default());
    arrived.uuid = Some(digest);
    control
}

/// What a uuid hashes to.
pub(crate) fn digest(uuid: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(uuid.as_bytes());
    hasher.finish()
}

/// Answers a message that waits to be begun with 499, if it is the request with this uuid. Whether it can be forgotten:
/// one that brings a new token has its turn for that, since its client does not repeat it.
pub(crate) fn cancel(shared: &Arc<Shared>, arrived: &mut Arrived, uuid: &str, digest: u64) -> bool {
    if arrived.cancelled || arrived.uuid.is_some_and(|own| own != digest) {
        return false;
    }
    match shared.dialect.read_envelope(&arrived.raw) {
        Ok(envelope) if envelope.uuid.as_deref() == Some(uuid) => {
            match arrived.duty.take() {
                Some(duty) => duty.fail(&Error::cancelled()),
                None => Request::new(shared.clone(), &envelope, arrived.at).finish(Err(&Error::cancelled())),
            }
            let token = envelope.auth_header.as_deref();
            let brings_token = !arrived.verified && token.is_some_and(|token| !shared.knows_token(token));
            arrived.cancelled = true;
            !brings_token
        }
        _ => false,
    }
}

/// How far a request has come.
enum Handled {
    Begun(Begun),
    /// Its layers let it wait.
    Waits(Duty, LayerFuture),
}

fn handle(shared: &Arc<Shared>, envelope: &Envelope<'_>, duty: Duty, is_layered: bool) -> Handled {
    let refuse = |duty: Duty, error: Error| {
        duty.fail(&error);
        Handled::Begun(Begun::Done)
    };
    let request = duty.request();
    if !is_layered && let Err(error) = shared.endpoint.layers.identified(request) {
        return refuse(duty, error);
    }
    if request.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
        return refuse(duty, Error::deadline());
    }
    let Some(route) = request.route_in(&shared.endpoint.routes) else {
        shared.server.0.unknown_messages.fetch_add(1, Ordering::Relaxed);
        let text = format!("unknown message type `{}`", shown(&envelope.message_type));
        return refuse(duty, Error::new(404, text));
    };
    let bytes = request.body_bytes();
    if bytes > route.max_bytes {
        let text = format!("the body has {bytes} bytes; {} are allowed", route.max_bytes);
        return refuse(duty, Error::new(413, text));
    }
    if let Err(refusal) = shared.judge(|identity| route.guard.check(route.requires_auth, identity)) {
        let error = refusal.into();
        guard::refused(request, Some(refusal), &error);
        return refuse(duty, error);
    }
    if !is_layered {
        match shared.endpoint.layers.before(request) {
            Ok(None) => {}
            Ok(Some(future)) => return Handled::Waits(duty, future),
            Err(error) => return refuse(duty, error),
        }
    }
    let call = || (route.receive)(&mut Call::new(request, envelope.body, route.max_bytes));
    let called = request.span().in_scope(|| caught(call));
    match called.map(|invocation| invocation.0) {
        Ok(Step::Ready(verdict)) => {
            duty.conclude(verdict);
            Handled::Begun(Begun::Done)
        }
        Ok(Step::Future(future)) => running(route, Running::Handler { duty: Some(duty), future }),
        Ok(Step::Blocking(job)) => match submit(request, job) {
            Ok(future) => running(route, Running::Handler { duty: Some(duty), future }),
            Err(error) => refuse(duty, error),
        },
        Err(error) => refuse(duty, error),
    }
}

fn running(route: &Route, running: Running) -> Handled {
    Handled::Begun(match route.mode {
        Mode::Concurrent => Begun::Concurrent(running),
        _ => Begun::Running(running),
    })
}

pub(crate) type Job = Box<dyn FnOnce() -> Verdict + Send>;

/// Runs a blocking handler on a sync worker; the connection's task awaits it.
pub(crate) fn submit(request: &Request, job: Job) -> Result<Pin<Box<dyn Future<Output = Verdict> + Send>>, Error> {
    let place = request.shared().server.workers().reserve(request.shared().id)?;
    let (shared, span) = (request.shared().clone(), request.span().clone());
    let (sender, receiver) = oneshot::channel();
    place.submit(move || {
        // Its deadline may have passed, or its client cancelled it, while it waited in the queue.
        if !shared.has_gone() && !sender.is_closed() {
            let _ = sender.send(span.in_scope(|| caught(job))); // Or while it ran.
        }
    });
    Ok(Box::pin(async move { receiver.await.unwrap_or_else(|_| Err(Error::unavailable("the work was dropped"))) }))
}

/// What a future comes to within a time limit, of which zero is none; `None` if it is late, and then it is dropped.
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    // A timer is made only for what does not end at once; most does.
    match poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
        Poll::Ready(value) => Some(value),
        Poll::Pending if limit.is_zero() => Some(future.await),
        Poll::Pending => tokio::time::timeout(limit, future).await.ok(),
    }
}

/// Makes the bearer of a token the connection's identity, or nobody if the token is bad.
///
/// If that cannot be found out, because the authenticator says so, panics or takes too long, the connection is nobody's either,
/// and the token is verified again when it comes again.
///
/// # Errors
/// What the message that the token came with is answered with.
pub(crate) async fn verify(shared: Arc<Shared>, token: String) -> Result<(), Error> {
    for _ in 0..VERIFICATIONS {
        let rights = shared.server.rights_changes();
        let is_somebody = verify_once(&shared, &token).await?;
        // Whoever changed rights meanwhile may not have found this connection among those of the user.
        if !is_somebody || shared.server.rights_changes() == rights {
            break;
        }
    }
    Ok(())
}

/// Whether somebody is authenticated.
async fn verify_once(shared: &Arc<Shared>, token: &str) -> Result<bool, Error> {
    let attempt = async {
        match shared.server.authenticator() {
            Some(authenticator) => authenticator.authenticate(token).await,
            None => Err("this server has no authenticator".into()),
        }
    };
    match attempted(&shared.server, attempt).await.inspect_err(|_| shared.forget_identity())? {
        Ok(identity) => {
            shared.authenticate(Some(token), Some(identity));
            Ok(true)
        }
        Err(reason) if reason.is_unavailable() => {
            shared.server.0.metrics.refused_tokens.add(TokenFailure::Unavailable);
            tracing::error!(connection = %shared.id, %reason, "a token cannot be verified");
            shared.forget_identity();
            Err(Error::unavailable("the token cannot be verified now"))
        }
        Err(reason) => {
            shared.server.0.metrics.refused_tokens.add(TokenFailure::Refused);
            tracing::debug!(connection = %shared.id, %reason, "a token was refused");
            let _ = shared.send(&TokenInvalid::default(), None);
            shared.authenticate(Some(token), None);
            Ok(false)
        }
    }
}

/// Reads the rights of the connection's identity again; a user that is gone or no longer active becomes nobody, and its
/// client gets `token-invalid`. Nothing happens if somebody else becomes the identity meanwhile.
///
/// # Errors
/// The rights cannot be read. The connection is nobody's then, as in [`verify`].
pub(crate) async fn refresh(shared: Arc<Shared>, before: Authenticated) -> Result<(), Error> {
    let Authenticated { token, identity } = &before;
    let token = token.as_deref();
    let attempt = async {
        match shared.server.authenticator() {
            Some(authenticator) => authenticator.refresh_identity(identity, token).await,
            None => Ok(identity.clone()),
        }
    };
    let forget = || {
        shared.reauthenticate(&before, None, None);
    };
    match attempted(&shared.server, attempt).await.inspect_err(|_| forget())? {
        Ok(identity) => {
            shared.reauthenticate(&before, token, Some(identity));
        }
        Err(reason) if reason.is_unavailable() => {
            tracing::error!(connection = %shared.id, %reason, "the rights of an identity cannot be read");
            forget();
            return Err(Error::unavailable("the rights cannot be read now"));
        }
        Err(reason) => {
            tracing::debug!(connection = %shared.id, %reason, "an identity was refused when its rights were read again");
            if shared.reauthenticate(&before, token, None) {
                let _ = shared.send(&TokenInvalid::default(), None);
            }
        }
    }
    Ok(())
}

/// What an authenticator answers, in the time of a handler and whether it panics or not.
pub(crate) async fn attempted(
    server: &Server,
    attempt: impl Future<Output = Result<Identity, TokenError>>,
) -> Result<Result<Identity, TokenError>, Error> {
    let attempt = AssertUnwindSafe(attempt).catch_unwind();
    match within(server.settings().handler_timeout, attempt).await {
        Some(answer) => answer.map_err(|panic| panicked(&*panic)),
        None => Err(Error::unavailable("the token could not be verified in time")),
    }
}
