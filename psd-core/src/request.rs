//! One request of a client: what its handler needs to answer it, and the promise of exactly one ack.

mod headers;
mod promise;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use axum::http::Extensions;
use psd_proto::{
    ServerMessage,
    envelope::{Envelope, Outgoing},
};
use tokio::time::Instant;
use tracing::Span;

pub use headers::RequestHeaders;
use promise::Promise;

use crate::{
    Connection, Error, Identity, Outcome, Route,
    call::Verdict,
    connection::Shared,
    continue_::conclude,
    into_message::IntoMessage,
    progress::Reports,
    routes::{RouteIndex, Routes},
};

/// A request that was accepted, as layers see it; cheap to clone.
#[derive(Clone)]
pub struct RequestContext(Arc<Inner>);

/// What everything but layers calls it.
pub(crate) type Request = RequestContext;

struct Inner {
    shared: Arc<Shared>,
    headers: RequestHeaders,
    route: Option<RouteIndex>,
    /// When the client no longer wants an answer (v1).
    deadline: Option<Instant>,
    /// What logs about it are found by.
    span: Span,
    /// When the server began with it, where somebody may ask.
    since: Option<Instant>,
    body_bytes: usize,
    promise: Promise,
    /// What layers attach, if they do; held for one change or one look.
    extensions: OnceLock<Mutex<Extensions>>,
}

impl RequestContext {
    /// The connection the request came by; what it sends carries the request's `uuid` until that is answered.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection::of_request(self.clone())
    }

    /// The request's headers.
    #[must_use]
    pub fn headers(&self) -> &RequestHeaders {
        &self.0.headers
    }

    /// The handler the request is for; `None` for a message of an unknown type.
    #[must_use]
    pub fn route(&self) -> Option<&Route> {
        self.route_in(&self.0.shared.endpoint.routes)
    }

    /// Who is authenticated on the connection at this moment.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.0.shared.identity()
    }

    /// The bytes of the request's body as they came, compressed if they were.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.0.body_bytes
    }

    /// How long ago the server began with the request.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Attaches a value to the request, for handlers ([`Extension`](crate::Extension)), for other layers, or to be dropped
    /// with it; returns the one of this type that it replaces.
    pub fn attach<T: Clone + Send + Sync + 'static>(&self, value: T) -> Option<T> {
        self.extensions().insert(value)
    }

    /// The value of this type that is attached to the request.
    #[must_use]
    pub fn attached<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.0.extensions.get().and_then(|extensions| locked(extensions).get::<T>().cloned())
    }
}

impl RequestContext {
    /// `arrived` is when the envelope came, where that is known to matter.
    pub(crate) fn new(shared: Arc<Shared>, envelope: &Envelope<'_>, arrived: Option<Instant>) -> Self {
        let deadline = match envelope.deadline_ms {
            0 => None,
            milliseconds => {
                let limit = Duration::from_millis(milliseconds.into());
                Some(arrived.unwrap_or_else(Instant::now) + limit)
            }
        };
        let routes = &shared.endpoint.routes;
        let route = routes.find(&envelope.message_type);
        let known = route.and_then(|route| routes.at(route)).map(|route| route.message.message_type);
        let headers = RequestHeaders::of(envelope, known);
        let span = headers.span();
        let is_timed =
            shared.server.0.metrics.counts_requests || shared.endpoint.layers.ask_for_time || !span.is_disabled();
        let since = is_timed.then(|| arrived.unwrap_or_else(Instant::now));
        Self(Arc::new(Inner {
            deadline,
            span,
            since,
            body_bytes: envelope.body.size(),
            promise: Promise::new(headers.ack),
            extensions: OnceLock::new(),
            headers,
            route,
            shared,
        }))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// The handler the request is for, in the table of its endpoint.
    pub(crate) fn route_in<'a>(&self, routes: &'a Routes) -> Option<&'a Route> {
        routes.at(self.0.route?)
    }

    pub(crate) fn uuid(&self) -> Option<&str> {
        self.0.headers.uuid.as_deref()
    }

    /// When the client no longer wants an answer.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// How long its handler may take; zero is without end.
    pub(crate) fn timeout(&self) -> Duration {
        self.route().map_or(self.0.shared.server.settings().handler_timeout, |route| route.timeout)
    }

    /// What is attached, to be changed; [`attached`](Self::attached) is for a look.
    pub(crate) fn extensions(&self) -> MutexGuard<'_, Extensions> {
        locked(self.0.extensions.get_or_init(Mutex::default))
    }

    /// Sends a reply that more may follow.
    pub(crate) fn reply<M: IntoMessage<Message: ServerMessage>>(&self, message: &M) -> Result<(), Error> {
        self.send(&*message.to_message())
    }

    /// Sends a reply without a result, unless the request has been given up. Once it is answered nothing is a reply any more,
    /// and what is sent carries no `uuid`. Both are looked at while the outbox is held: whoever ends a request queues its ack
    /// later, so nothing with its `uuid` can come behind it.
    fn send<M: ServerMessage>(&self, message: &M) -> Result<(), Error> {
        let Inner { shared, promise, .. } = &*self.0;
        let mut is_late = false;
        let sent = shared.write(|buffer, seq| {
            is_late = promise.is_given_up();
            if is_late {
                return Err(Error::cancelled()); // Leaves nothing in the outbox.
            }
            let uuid = self.uuid().filter(|_| !promise.is_answered());
            let outgoing = Outgoing { message_type: M::INFO.message_type, uuid, result: None, seen: 0 };
            shared.dialect.write_message(buffer, message, &outgoing, seq)
        });
        if is_late { Ok(()) } else { sent }
    }

    /// Sends the reply that ends the request: in v1 it carries the result, and no ack follows. A function of its own, so that
    /// profiles can tell it apart.
    #[inline(never)]
    pub(crate) fn reply_last<M: ServerMessage>(&self, message: &M) -> Result<(), Error> {
        if self.0.promise.is_given_up() {
            return Ok(());
        }
        let shared = &self.0.shared;
        if !(shared.dialect.is_v1() && self.0.promise.claim_ack()) {
            return self.send(message);
        }
        let sent = shared.send_with(message, self.uuid(), Some(Ok(())));
        if let Err(error) = &sent
            && self.0.promise.return_ack()
        {
            self.acknowledge(Err(error));
        }
        sent
    }

    /// Ends the request with an error while something may still work on it.
    pub(crate) fn give_up(&self, error: &Error) {
        self.abandon();
        self.finish(Err(error));
    }

    /// Sends no more replies: the request is about to end early.
    pub(crate) fn abandon(&self) {
        self.0.promise.give_up();
    }

    /// Its work outlives the ack, and the connection.
    pub(crate) fn detach(&self) {
        self.0.promise.detach();
    }

    /// Whether nobody waits for its work any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        let promise = &self.0.promise;
        !promise.is_detached() && (promise.is_given_up() || self.0.shared.has_gone())
    }

    /// Ends the request: sends the ack if one was asked for and none was sent, and tells the layers. Only the first call
    /// does anything but log.
    pub(crate) fn finish(&self, result: Result<(), &Error>) {
        if let Err(error) = result {
            self.log(error);
        }
        let end = self.0.promise.end();
        // Detached work is acked first and ends later.
        if !(end.is_first && self.0.promise.is_detached()) {
            self.end_reports(result);
        }
        if end.acks {
            self.acknowledge(result);
        }
        if end.is_first {
            self.ended(&result.map_or_else(Outcome::Failed, |()| Outcome::Done));
        }
    }

    /// Says that the work has ended, to a client that was told how far it had come.
    fn end_reports(&self, result: Result<(), &Error>) {
        if let Some(reports) = self.attached::<Reports>() {
            let settings = self.0.shared.server.settings();
            reports.end(self, result.err().map(|error| (settings.text_for_client(error), error.code())));
        }
    }

    /// Ends the request without an ack, since nobody is there to get it.
    fn vanish(&self) {
        if self.0.promise.end().is_first {
            self.ended(&Outcome::Gone);
        }
    }

    /// Tells whoever wants to know how the request ended.
    fn ended(&self, outcome: &Outcome<'_>) {
        let Inner { shared, headers, span, .. } = &*self.0;
        shared.endpoint.layers.after(self, outcome);
        if shared.server.0.metrics.counts_requests {
            shared.endpoint.metrics.requests.ended(&headers.message_type, outcome, self.elapsed());
        }
        if !span.is_disabled() {
            span.record("outcome", &*outcome.label());
            span.record("duration_ms", self.elapsed().as_secs_f64() * 1000.0);
            if let Some(identity) = shared.identity() {
                span.record("user", identity.user_id());
            }
            span.in_scope(|| tracing::debug!("the request has ended"));
        }
    }

    /// What logs about the request are found by.
    pub(crate) fn span(&self) -> &Span {
        &self.0.span
    }

    fn acknowledge(&self, result: Result<(), &Error>) {
        let shared = &self.0.shared;
        // Written before the outbox is locked, since the formatter is the application's.
        let error = result.err().map(|error| (shared.server.settings().text_for_client(error), error.code()));
        let result = error.as_ref().map_or(Ok(()), |(text, code)| Err((text.as_str(), *code)));
        let written = shared.write(|buffer, seq| {
            shared.dialect.write_ack(buffer, self.uuid(), result, seq);
            Ok(())
        });
        if let Err(error) = written {
            tracing::debug!(connection = %shared.id, uuid = self.uuid(), %error, "an ack found no client");
        }
    }

    /// Internal errors are the operator's business, all others the client's.
    fn log(&self, error: &Error) {
        let (connection, uuid, message) = (self.0.shared.id, self.uuid(), &self.0.headers.message_type);
        match error.source() {
            Some(source) => {
                tracing::error!(%connection, uuid, message = shown(message), error = ?source, "a handler failed")
            }
            None => tracing::debug!(%connection, uuid, message = shown(message), %error, "a request was refused"),
        }
    }
}

fn locked(extensions: &Mutex<Extensions>) -> MutexGuard<'_, Extensions> {
    extensions.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The duty to end a request. Dropped without having done so, it ends it for a client that has gone.
pub(crate) struct Duty {
    request: Request,
    /// Whether it is done, or has become somebody else's.
    is_over: bool,
}

impl Duty {
    pub(crate) fn new(request: Request) -> Self {
        Self { request, is_over: false }
    }

    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// Ends the request with what its handler came to, or hands the duty on to `Continue`.
    pub(crate) fn conclude(mut self, verdict: Verdict) {
        self.is_over = true;
        conclude(&self.request, verdict);
    }

    /// Ends the request with an error.
    pub(crate) fn fail(mut self, error: &Error) {
        self.is_over = true;
        self.request.give_up(error);
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        if !self.is_over {
            self.request.vanish();
        }
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext").field("headers", self.headers()).finish_non_exhaustive()
    }
}

/// What a client sent, as it may be sent back or logged: short, and on one line.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        match character {
            _ if count == 80 => {
                shown.push('…');
                break;
            }
            _ if character.is_control() => shown.extend(character.escape_debug()),
            _ => shown.push(character),
        }
    }
    shown
}
