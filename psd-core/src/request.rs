//! One request of a client: what its handler needs to answer it, and the promise of exactly one ack.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::http::Extensions;
use psd_proto::{
    ServerMessage,
    envelope::{Envelope, Outgoing},
};
use tokio::time::Instant;
use tracing::{Span, field::Empty};

use crate::{
    Error, Outcome, Route, call::Verdict, codec::owned, connection::Shared, continue_::conclude, explore::step,
    into_message::IntoMessage, progress::Reports, trace_context,
};

/// A request that was accepted; cheap to clone.
#[derive(Clone)]
pub struct Request(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    headers: RequestHeaders,
    /// When the client no longer wants an answer (v1).
    deadline: Option<Instant>,
    /// What logs about it are found by.
    span: Span,
    /// When the server began with it, where somebody may ask.
    since: Option<Instant>,
    body_bytes: usize,
    promise: Promise,
    /// What layers attach; held for one change or one look.
    extensions: Mutex<Extensions>,
}

/// The headers of a request, as its client wrote them.
///
/// The token is not among them: handlers see who is authenticated, never by what secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestHeaders {
    /// The route.
    pub message_type: Box<str>,
    /// What the client calls this request; replies and the ack carry it.
    pub uuid: Option<Box<str>>,
    /// When the event happened, by the client's clock. Browsers write milliseconds, Flutter seconds; told apart by
    /// size.
    pub event_time: Option<SystemTime>,
    /// When the message was sent, by the client's clock.
    pub local_time: Option<SystemTime>,
    /// Whether the client asked for an ack.
    pub ack: bool,
    /// How often the client sent this message before.
    pub retry_count: u32,
    /// The version of the application's contract that the client speaks; 0 if it does not say.
    pub api_version: u32,
    /// The W3C trace context of the request (v1): a `traceparent`, if the client sent one that is well formed.
    pub traceparent: Option<Box<str>>,
}

impl RequestHeaders {
    /// The trace that the request belongs to, in 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        trace_context::parse(self.traceparent.as_deref()?).map(|(trace, _)| trace)
    }

    /// The span of the client that the request was sent in, in 16 hexadecimal digits.
    #[must_use]
    pub fn parent_id(&self) -> Option<&str> {
        trace_context::parse(self.traceparent.as_deref()?).map(|(_, parent)| parent)
    }

    /// A span for everything that is done for the request; costs a look at a flag where nobody wants it.
    fn span(&self) -> Span {
        tracing::debug_span!(
            "request",
            message_type = %shown(&self.message_type),
            uuid = self.uuid.as_deref().map(shown),
            trace_id = self.trace_id(),
            parent_id = self.parent_id(),
            user = Empty,
            outcome = Empty,
            duration_ms = Empty,
        )
    }
}

impl Request {
    /// `arrived` is when the envelope came, where that is known to matter.
    pub(crate) fn new(shared: Arc<Shared>, envelope: &Envelope<'_>, arrived: Option<Instant>) -> Self {
        let deadline = match envelope.deadline_ms {
            0 => None,
            milliseconds => {
                let limit = Duration::from_millis(milliseconds.into());
                Some(arrived.unwrap_or_else(Instant::now) + limit)
            }
        };
        let headers = RequestHeaders {
            message_type: envelope.message_type.as_ref().into(),
            uuid: owned(envelope.uuid.as_ref()),
            event_time: envelope.event_time.and_then(time),
            local_time: envelope.local_time.and_then(time),
            ack: envelope.ack,
            retry_count: envelope.retry_count,
            api_version: envelope.api_version,
            traceparent: owned(envelope.traceparent.as_ref().filter(|text| trace_context::parse(text).is_some())),
        };
        let span = headers.span();
        let is_timed =
            shared.server.0.metrics.counts_requests || !shared.endpoint.layers.is_empty() || !span.is_disabled();
        let since = is_timed.then(|| arrived.unwrap_or_else(Instant::now));
        Self(Arc::new(Inner {
            deadline,
            span,
            since,
            body_bytes: envelope.body.size(),
            promise: Promise::new(headers.ack),
            extensions: Mutex::default(),
            headers,
            shared,
        }))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(crate) fn headers(&self) -> &RequestHeaders {
        &self.0.headers
    }

    pub(crate) fn uuid(&self) -> Option<&str> {
        self.0.headers.uuid.as_deref()
    }

    /// When the client no longer wants an answer.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// The handler it is for, if there is one.
    pub(crate) fn route(&self) -> Option<&Route> {
        self.0.shared.endpoint.routes.get(&self.0.headers.message_type)
    }

    /// How long its handler may take; zero is without end.
    pub(crate) fn timeout(&self) -> Duration {
        self.route().map_or(self.0.shared.server.settings().handler_timeout, |route| route.timeout)
    }

    pub(crate) fn body_bytes(&self) -> usize {
        self.0.body_bytes
    }

    /// How long ago the server began with it; zero where no layer could ask.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub(crate) fn extensions(&self) -> MutexGuard<'_, Extensions> {
        self.0.extensions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a reply that more may follow.
    pub(crate) fn reply<M: IntoMessage<Message: ServerMessage>>(&self, message: &M) -> Result<(), Error> {
        self.send(&*message.to_message())
    }

    /// Sends a reply without a result, unless the request has been given up. That is looked at while the outbox is held:
    /// whoever gives a request up queues its ack later, so nothing can come behind it.
    fn send<M: ServerMessage>(&self, message: &M) -> Result<(), Error> {
        let Inner { shared, promise, .. } = &*self.0;
        let outgoing = Outgoing { message_type: M::INFO.message_type, uuid: self.uuid(), result: None, seen: 0 };
        let mut is_late = false;
        let sent = shared.write(|buffer, seq| {
            is_late = promise.is_given_up();
            match is_late {
                true => Err(Error::cancelled()), // Leaves nothing in the outbox.
                false => shared.dialect.write_message(buffer, message, &outgoing, seq),
            }
        });
        if is_late { Ok(()) } else { sent }
    }

    /// Sends the reply that ends the request: in v1 it carries the result, and no ack follows.
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
        !promise.is_detached() && (promise.is_given_up() || self.0.shared.gone.is_cancelled())
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
        let reports = self.extensions().get::<Reports>().cloned();
        if let Some(reports) = reports {
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

/// How far a request is: flags, each of which is set once (and the first perhaps taken back).
struct Promise(AtomicU8);

impl Promise {
    /// The ack has been sent, or is nobody's to send.
    const ACKED: u8 = 1;
    /// It has ended.
    const ENDED: u8 = 2;
    /// Its deadline has passed or its client cancelled it: what still comes of its work on a thread is dropped.
    const GIVEN_UP: u8 = 4;
    /// Its work outlives its ack.
    const DETACHED: u8 = 8;

    fn new(wants_ack: bool) -> Self {
        Self(AtomicU8::new(if wants_ack { 0 } else { Self::ACKED }))
    }

    fn set(&self, flags: u8) -> u8 {
        step();
        self.0.fetch_or(flags, Ordering::AcqRel)
    }

    /// Whether the caller is the one who sends the ack.
    fn claim_ack(&self) -> bool {
        self.set(Self::ACKED) & Self::ACKED == 0
    }

    /// Gives a claimed ack back. Whether the caller must send it after all: the request has ended meanwhile, and whoever
    /// ended it left the ack to the caller.
    fn return_ack(&self) -> bool {
        step();
        let before = self.0.fetch_and(!Self::ACKED, Ordering::AcqRel);
        before & Self::ENDED != 0 && self.claim_ack()
    }

    fn end(&self) -> End {
        let before = self.set(Self::ENDED | Self::ACKED);
        End { is_first: before & Self::ENDED == 0, acks: before & Self::ACKED == 0 }
    }

    fn detach(&self) {
        self.set(Self::DETACHED);
    }

    fn is_detached(&self) -> bool {
        self.0.load(Ordering::Acquire) & Self::DETACHED != 0
    }

    fn give_up(&self) {
        self.set(Self::GIVEN_UP);
    }

    fn is_given_up(&self) -> bool {
        self.0.load(Ordering::Acquire) & Self::GIVEN_UP != 0
    }
}

/// What is left to whoever ends a request.
struct End {
    is_first: bool,
    acks: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("headers", self.headers()).finish_non_exhaustive()
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

/// Takes milliseconds and seconds since 1970: no clock of seconds reaches 10^11 before the year 5138.
fn time(value: f64) -> Option<SystemTime> {
    let seconds = if value >= 1e11 { value / 1000.0 } else { value };
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::explore;

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_396_112);
        assert_eq!(time(1_795_396_112_000.0), Some(expected));
        assert_eq!(time(1_795_396_112.0), Some(expected));
        assert_eq!(time(-1.0), None);
        assert_eq!(time(f64::NAN), None);
        assert_eq!(time(1e300), None);
    }

    /// A worker sends the reply that carries the result, and fails to; meanwhile the deadline passes. Whatever comes first,
    /// there is one ack and one end.
    #[test]
    fn there_is_one_ack_in_every_order() {
        for fails in [false, true] {
            let runs = explore(|| {
                let promise = Arc::new(Promise::new(true));
                let (acks, ends) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicU8::new(0)));
                let finish = {
                    let (promise, acks, ends) = (promise.clone(), acks.clone(), ends.clone());
                    move || {
                        let end = promise.end();
                        acks.fetch_add(end.acks.into(), Ordering::SeqCst);
                        ends.fetch_add(end.is_first.into(), Ordering::SeqCst);
                    }
                };
                let worker = {
                    let (promise, acks, finish) = (promise.clone(), acks.clone(), finish.clone());
                    move || {
                        if promise.claim_ack() {
                            let owes = fails && promise.return_ack();
                            acks.fetch_add((owes || !fails).into(), Ordering::SeqCst);
                        }
                        finish();
                    }
                };
                let deadline = {
                    let finish = finish.clone();
                    move || {
                        promise.give_up();
                        finish();
                    }
                };
                let threads: Vec<Box<dyn FnOnce() + Send>> = vec![Box::new(worker), Box::new(deadline)];
                let check = move || assert_eq!((acks.load(Ordering::SeqCst), ends.load(Ordering::SeqCst)), (1, 1));
                (threads, Box::new(check))
            });
            assert!(runs >= 10, "{runs} interleavings");
        }
    }
}
