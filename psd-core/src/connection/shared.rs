//! The state of a connection that its task, its handles and the hub share.

use std::{
    any::Any,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
};

use psd_proto::{
    ServerMessage,
    common::authentication::TokenInvalid,
    envelope::{Outgoing, RequestResult},
};

use super::{
    Batch, Connection, ConnectionId,
    deferred::Deferred,
    frame,
    gone::Gone,
    outbox::{Delivery, Outbox, Refused},
    socket::Socket,
};
use crate::{
    Error, Identity,
    codec::{Dialect, SharedMessage},
    consumer::Endpoint,
    continue_::panicked,
    into_message::IntoMessage,
    limits::ConnectionRates,
    metrics::Slowness,
    publication::{Policy, SlowConsumer},
    server::Server,
};

pub(crate) struct Shared {
    pub(crate) id: ConnectionId,
    pub(crate) server: Server,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) dialect: Dialect,
    pub(crate) peer: Option<SocketAddr>,
    pub(super) socket: Socket,
    pub(super) outbox: Outbox,
    /// Deferred work ends with it.
    pub(crate) gone: Gone,
    /// Guards token and identity, which change together; held for a clone or an assignment.
    authentication: Mutex<Authentication>,
    /// The highest number of the client's envelopes (v1).
    seen: AtomicU64,
    /// Counts changes of identity, so that the task notices them.
    authentication_changes: AtomicU32,
    /// Counts requests that a guard refused to somebody.
    refusals: AtomicU32,
    /// The groups the connection is in, sorted, since they are few; `None` once it has left for good, so that a late join cannot
    /// outlive it.
    groups: Mutex<Option<Vec<Arc<str>>>>,
    pub(super) deferred: Deferred,
    /// What the connection has left of the rates of messages.
    pub(crate) rates: ConnectionRates,
    /// How much deferred work still has to be acked.
    unfinished: AtomicUsize,
    /// How many deferred futures run, detached ones too.
    pub(crate) deferred_futures: AtomicUsize,
    /// The consumer's session; held while a handler reads or changes it.
    pub(crate) session: Mutex<Box<dyn Any + Send>>,
}

#[derive(Default)]
struct Authentication {
    /// The token last seen, good or bad: verified again only when it changes.
    token: Option<Box<str>>,
    identity: Option<Identity>,
}

/// Who is authenticated, and the token that proved it if one did.
pub(crate) struct Authenticated {
    pub(crate) token: Option<Box<str>>,
    pub(crate) identity: Identity,
}

impl Shared {
    pub(crate) fn new(
        id: ConnectionId,
        server: Server,
        endpoint: Arc<Endpoint>,
        socket: Socket,
        dialect: Dialect,
        peer: Option<SocketAddr>,
    ) -> Self {
        let outbox = Outbox::new(server.0.outboxes.clone());
        let session = Mutex::new((endpoint.spec.new_session)());
        Self {
            id,
            dialect,
            peer,
            socket,
            outbox,
            gone: Gone::default(),
            authentication: Mutex::default(),
            seen: AtomicU64::new(0),
            authentication_changes: AtomicU32::new(0),
            refusals: AtomicU32::new(0),
            deferred: Deferred::default(),
            rates: ConnectionRates::default(),
            unfinished: AtomicUsize::new(0),
            deferred_futures: AtomicUsize::new(0),
            groups: Mutex::new(Some(Vec::new())),
            session,
            server,
            endpoint,
        }
    }

    /// Writes the answer to the handshake before anything else.
    pub(crate) fn greet(&self, answer: Vec<u8>) {
        self.outbox.push_greeting(answer);
    }

    /// Encodes a message into the outbox; with `uuid` it is a reply, without a push.
    pub(crate) fn send<M: IntoMessage<Message: ServerMessage>>(
        &self,
        message: &M,
        uuid: Option<&str>,
    ) -> Result<(), Error> {
        self.send_with(&*message.to_message(), uuid, None)
    }

    /// Encodes a message into the outbox, in v1 together with the result of the request that it ends.
    pub(crate) fn send_with<M: ServerMessage>(
        &self,
        message: &M,
        uuid: Option<&str>,
        result: Option<RequestResult<'_>>,
    ) -> Result<(), Error> {
        self.send_as(message, &Outgoing { message_type: M::INFO.message_type, uuid, result, seen: 0 })
    }

    /// Encodes a message into the outbox with these headers.
    pub(super) fn send_as<M: ServerMessage>(&self, message: &M, outgoing: &Outgoing<'_>) -> Result<(), Error> {
        self.write(|buffer, seq| self.dialect.write_message(buffer, message, outgoing, seq))
    }

    /// Notes the number of an envelope that has come from the client.
    pub(crate) fn has_seen(&self, seq: u64) {
        // The connection's task alone writes it.
        if seq > self.seen.load(Ordering::Relaxed) {
            self.seen.store(seq, Ordering::Relaxed);
        }
    }

    /// The highest number that has come from the client.
    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Writes what `encode` appends as one frame.
    pub(crate) fn write(&self, encode: impl FnOnce(&mut Vec<u8>, &mut u64) -> Result<(), Error>) -> Result<(), Error> {
        self.outbox.push(&self.socket, self.dialect.opcode(), encode).map_err(|refused| match refused {
            Refused::Encode(error) => error,
            Refused::Closed => Error::unavailable("the connection is closed"),
            Refused::SlowConsumer => self.slow_consumer(),
        })
    }

    /// Delivers a publication that many connections share, in this one's dialect, as its policy says or else the consumer's.
    /// A connection that cannot take it is closing by itself.
    #[inline]
    pub(crate) fn deliver(self: &Arc<Self>, message: &SharedMessage, policy: Option<&Policy>, batch: &mut Batch) {
        let delivery = Delivery { message, batch: batch.number() };
        let closes = match policy {
            None => self.endpoint.spec.slow_consumer == SlowConsumer::Close,
            Some(policy) => *policy == Policy::Close,
        };
        let queued = if closes {
            self.outbox.push_shared(&self.socket, delivery)
        } else {
            let policy = policy.unwrap_or_else(|| Policy::of(self.endpoint.spec.slow_consumer));
            self.outbox.push_droppable(&self.socket, delivery, policy)
        };
        match queued {
            Ok(true) => batch.add(self),
            Err(Refused::SlowConsumer) => drop(self.slow_consumer()),
            Ok(false) | Err(Refused::Closed | Refused::Encode(())) => {}
        }
    }

    /// Writes what the client takes at once, in place of the connection's task.
    #[inline]
    pub(super) fn write_out(&self) {
        self.outbox.write_out(&self.socket);
    }

    pub(crate) fn close(&self, code: u16, reason: &str) {
        self.outbox.close(code, reason);
    }

    /// Bytes that wait for the client.
    pub(crate) fn held_bytes(&self) -> usize {
        self.outbox.held_bytes()
    }

    /// Lets the task look around, as when the server begins to shut down.
    pub(crate) fn nudge(&self) {
        self.outbox.wake();
    }

    /// Ends the connection without ceremony.
    pub(crate) fn kill(&self) {
        self.outbox.abandon(frame::GOING_AWAY);
        self.gone.go();
        self.outbox.wake();
    }

    /// Whether the connection has gone away.
    pub(crate) fn has_gone(&self) -> bool {
        self.gone.has_gone()
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.has_gone() || self.outbox.closing().is_some()
    }

    pub(crate) fn identity(&self) -> Option<Identity> {
        lock(&self.authentication).identity.clone()
    }

    /// What a rule says of whoever is authenticated.
    pub(crate) fn judge<R>(&self, rule: impl FnOnce(Option<&Identity>) -> R) -> R {
        rule(lock(&self.authentication).identity.as_ref())
    }

    /// Who is authenticated, and by what.
    pub(crate) fn authenticated(&self) -> Option<Authenticated> {
        let authentication = lock(&self.authentication);
        Some(Authenticated { token: authentication.token.clone(), identity: authentication.identity.clone()? })
    }

    /// Whether the token is the one that was seen last.
    pub(crate) fn knows_token(&self, token: &str) -> bool {
        lock(&self.authentication).token.as_deref() == Some(token)
    }

    /// The token that was seen last, good or bad.
    pub(super) fn token(&self) -> Option<String> {
        lock(&self.authentication).token.as_deref().map(str::to_owned)
    }

    /// Makes somebody, or nobody, the connection's identity; `token` becomes the current one if given.
    pub(crate) fn authenticate(self: &Arc<Self>, token: Option<&str>, identity: Option<Identity>) {
        let mut authentication = lock(&self.authentication);
        if let Some(token) = token {
            authentication.token = Some(token.into());
        }
        self.change_identity(authentication, identity);
    }

    /// Replaces token and identity after the rights of `before` were read again; false if it is no longer the
    /// connection's, and then nothing changes.
    pub(crate) fn reauthenticate(
        self: &Arc<Self>,
        before: &Authenticated,
        token: Option<&str>,
        identity: Option<Identity>,
    ) -> bool {
        let mut authentication = lock(&self.authentication);
        if authentication.token != before.token || authentication.identity.as_ref() != Some(&before.identity) {
            return false;
        }
        authentication.token = token.map(Into::into);
        self.change_identity(authentication, identity);
        true
    }

    /// Makes nobody the connection's identity if it is one of this login session, and tells the client.
    pub(crate) fn end_session(self: &Arc<Self>, session: &str) -> bool {
        let authentication = lock(&self.authentication);
        let is_its = authentication.identity.as_ref().is_some_and(|it| it.session_id() == Some(session));
        if is_its {
            self.change_identity(authentication, None);
            let _ = self.send(&TokenInvalid::default(), None);
        }
        is_its
    }

    fn change_identity(
        self: &Arc<Self>,
        mut authentication: MutexGuard<'_, Authentication>,
        identity: Option<Identity>,
    ) {
        if self.has_gone() {
            return; // `end` has taken the identity out of the hub, or is about to.
        }
        let before = std::mem::replace(&mut authentication.identity, identity.clone());
        self.server.hub().move_user(self, before.as_ref(), identity.as_ref());
        drop(authentication);
        // Before the groups are looked at, so that a join that runs now looks again.
        self.authentication_changes.fetch_add(1, Ordering::AcqRel);
        for group in self.groups() {
            if !self.admits(&group) {
                tracing::debug!(connection = %self.id, %group, "left a group that its identity may not be in");
                self.leave(&group);
            }
        }
        self.outbox.wake();
    }

    /// Whether the consumer lets the connection be in a group, whoever it is now.
    fn admits(self: &Arc<Self>, group: &str) -> bool {
        let identity = self.identity();
        let admits = || (self.endpoint.spec.admits)(group, identity.as_ref(), &Connection::new(self.clone()));
        catch_unwind(AssertUnwindSafe(admits)).unwrap_or_else(|panic| {
            let error = panicked(&*panic);
            tracing::error!(connection = %self.id, %error, "`Consumer::admits` panicked");
            false
        })
    }

    /// Makes nobody the connection's identity; the token that was seen last is verified again if it comes again.
    pub(crate) fn forget_identity(self: &Arc<Self>) {
        lock(&self.authentication).token = None;
        self.authenticate(None, None);
    }

    pub(crate) fn authentication_changes(&self) -> u32 {
        self.authentication_changes.load(Ordering::Acquire)
    }

    /// Counts one more refusal; how many there are.
    pub(crate) fn count_refusal(&self) -> u32 {
        self.refusals.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Counts deferred work until what is returned is dropped.
    pub(crate) fn defer(self: Arc<Self>) -> Unfinished {
        self.unfinished.fetch_add(1, Ordering::AcqRel);
        Unfinished(self)
    }

    /// Whether deferred work still has to be acked.
    pub(super) fn has_deferred(&self) -> bool {
        self.unfinished.load(Ordering::Acquire) > 0
    }

    pub(crate) fn join(self: &Arc<Self>, group: &str) -> Result<(), Error> {
        check_group(group)?;
        let changes = self.authentication_changes();
        if !self.admits(group) {
            return Err(Error::forbidden());
        }
        self.enter(group)?;
        // Whoever changed the identity meanwhile may have looked at the groups before this one was among them.
        if self.authentication_changes() != changes && !self.admits(group) {
            self.leave(group);
            return Err(Error::forbidden());
        }
        Ok(())
    }

    fn enter(self: &Arc<Self>, group: &str) -> Result<(), Error> {
        let mut groups = lock(&self.groups);
        let Some(groups) = groups.as_mut() else { return Ok(()) };
        let Err(place) = find(groups, group) else { return Ok(()) };
        let limit = self.server.settings().groups_per_connection;
        if groups.len() >= limit {
            return Err(Error::new(429, format!("a connection may be in {limit} groups")));
        }
        groups.insert(place, self.server.hub().join(group, self));
        Ok(())
    }

    pub(crate) fn leave(&self, group: &str) {
        let mut groups = lock(&self.groups);
        let Some(groups) = groups.as_mut() else { return };
        if let Ok(place) = find(groups, group) {
            groups.remove(place);
            self.server.hub().leave(group, self.id);
        }
    }

    pub(crate) fn groups(&self) -> Vec<Arc<str>> {
        lock(&self.groups).iter().flatten().cloned().collect()
    }

    /// Leaves everything but the socket; what comes later changes nothing.
    pub(super) fn end(self: &Arc<Self>) {
        let Some(groups) = lock(&self.groups).take() else { return };
        self.outbox.abandon(frame::NORMAL);
        self.gone.go();
        for group in groups {
            self.server.hub().leave(&group, self.id);
        }
        // It stays with the connection: `on_disconnect` may ask who has gone.
        let identity = self.identity();
        self.server.hub().move_user(self, identity.as_ref(), None);
        self.server.hub().remove(self.id);
    }

    fn slow_consumer(&self) -> Error {
        self.server.0.metrics.slow_consumers.add(Slowness::Full);
        tracing::warn!(connection = %self.id, "slow consumer: the client reads too slowly and is disconnected");
        Error::unavailable("the client reads too slowly")
    }
}

/// Deferred work that was not acked yet.
pub(crate) struct Unfinished(Arc<Shared>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.unfinished.fetch_sub(1, Ordering::AcqRel);
        if self.0.server.is_draining() {
            self.0.outbox.wake(); // The connection may be what waits for it.
        }
    }
}

/// The place of a group, or the one that it would have.
fn find(groups: &[Arc<str>], group: &str) -> Result<usize, usize> {
    groups.binary_search_by(|other| (**other).cmp(group))
}

/// Any UTF-8 up to 256 bytes names a group.
pub(crate) fn check_group(group: &str) -> Result<(), Error> {
    match group.len() {
        0 => Err(Error::new(422, "the group's name is empty")),
        1..=256 => Ok(()),
        length => Err(Error::new(422, format!("the group's name has {length} bytes; 256 are allowed"))),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
