//! The server: built once, shared by everything that runs in it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Connection, ConnectionId, Error, Route, Settings,
    auth::{Authenticator, LoginThrottle, TokenIssuer},
    builder::ServerBuilder,
    connection::{OutboxLimits, Shared, frame::KICKED},
    consumer::Endpoints,
    dispatch,
    hub::Hub,
    into_message::IntoMessage,
    limits::{Admission, Places},
    metrics::Metrics,
    publication::{Publication, Publish},
    state::States,
    workers::Workers,
};
use psd_proto::ServerMessage;

/// Connections of one user whose rights are read at once: the user store has others to answer, too.
const REFRESHED_AT_ONCE: usize = 8;

/// A server, cheap to clone: what handlers reach by [`Connection::server`] and applications use from outside.
#[derive(Clone)]
pub struct Server(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) states: States,
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
    pub(crate) login_throttle: LoginThrottle,
    pub(crate) endpoints: Endpoints,
    pub(crate) hub: Hub,
    pub(crate) admission: Admission,
    /// Of sockets that are not WebSockets, or not yet.
    pub(crate) places: Arc<Places>,
    pub(crate) workers: Workers,
    pub(crate) deferred: Arc<Semaphore>,
    pub(crate) next_connection: AtomicU64,
    /// Counts how often rights were said to have changed, for tokens that are verified at that moment.
    pub(crate) rights_changes: AtomicU64,
    pub(crate) unknown_messages: AtomicU64,
    /// What may wait in each outbox.
    pub(crate) outboxes: Arc<OutboxLimits>,
    pub(crate) failed_accepts: AtomicU64,
    pub(crate) metrics: Metrics,
    /// Cancelled when the server is no longer ready: it will shut down.
    pub(crate) leaving: CancellationToken,
    /// Cancelled when the ports close and connections go.
    pub(crate) draining: CancellationToken,
    /// The same for whoever asks often: the token has a lock.
    pub(crate) is_draining: AtomicBool,
    /// Cancelled when what still runs is given up.
    pub(crate) halting: CancellationToken,
    /// Every connection's task, and work that was acked before it was done.
    pub(crate) connections: TaskTracker,
    pub(crate) router: axum::Router,
    #[cfg(feature = "files")]
    pub(crate) files: Option<Arc<crate::files::Core>>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::listener::tls::Tls>,
}

impl Server {
    /// Begins a server.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::new()
    }

    /// The routing table, sorted by path and message type.
    #[must_use]
    pub fn routes(&self) -> Vec<Route> {
        let mut routes: Vec<Route> =
            self.0.endpoints.iter().flat_map(|endpoint| endpoint.routes.iter().copied()).collect();
        routes.sort_by_key(|route| (route.path, route.message.message_type));
        routes
    }

    /// Sends a message to every member of a group; encoded once.
    ///
    /// # Errors
    /// The message has no JSON form: members that read the binary form have got it, and the error says how many others have
    /// not. Members that are gone or too slow are no error.
    pub fn broadcast<M: IntoMessage<Message: ServerMessage>>(&self, group: &str, message: &M) -> Result<(), Error> {
        let message = message.to_message();
        self.publish_to_group(group, &Publication::new(&*message), None)
    }

    /// Begins a publication that says what becomes of it where a client reads too slowly.
    pub fn publish<'a, M: IntoMessage<Message: ServerMessage>>(&'a self, message: &'a M) -> Publish<'a, M> {
        Publish::new(self, message)
    }

    /// Sends a message to every connection of a user on this server; returns how many there are. A connection belongs
    /// to the user that is authenticated on it at this moment, whatever endpoint it came by.
    ///
    /// # Errors
    /// The message has no JSON form: connections that read the binary form have got it, and the error says how many others
    /// have not.
    pub fn send_to_user<M: IntoMessage<Message: ServerMessage>>(
        &self,
        user_id: &str,
        message: &M,
    ) -> Result<usize, Error> {
        let message = message.to_message();
        self.publish_to_user(user_id, &Publication::new(&*message))
    }

    /// Sends a message to one connection; false if it is gone.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn send_to<M: IntoMessage<Message: ServerMessage>>(
        &self,
        connection: ConnectionId,
        message: &M,
    ) -> Result<bool, Error> {
        match self.hub().connection(connection) {
            Some(shared) => shared.send(message, None).map(|()| true),
            None => Ok(false),
        }
    }

    /// A connection by its id; `None` if it is gone.
    #[must_use]
    pub fn connection(&self, id: ConnectionId) -> Option<Connection> {
        self.hub().connection(id).map(Connection::new)
    }

    /// Every open connection at this moment, in no order.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        self.hub().connections().into_iter().map(Connection::new).collect()
    }

    /// The members of a group at this moment, in no order.
    #[must_use]
    pub fn members(&self, group: &str) -> Vec<ConnectionId> {
        self.hub().members(group)
    }

    /// How many members a group has at this moment.
    #[must_use]
    pub fn group_size(&self, group: &str) -> usize {
        self.hub().group_size(group)
    }

    /// Every group that has members at this moment, with their number, in no order.
    #[must_use]
    pub fn groups(&self) -> Vec<(Arc<str>, usize)> {
        self.hub().groups()
    }

    /// Closes every connection of a user with code 4403, after which clients stay away, once what waits for it is
    /// written; returns how many there were. Nothing more can be sent to them, and what runs for them ends with them.
    ///
    /// The user's tokens stay as good as they were: to keep somebody out, make the user inactive or revoke the tokens
    /// first. A token that is being verified at this moment is then refused.
    pub fn disconnect_user(&self, user_id: &str, reason: &str) -> usize {
        self.rights_change();
        let connections = self.hub().of_user(user_id);
        for connection in &connections {
            connection.close(KICKED, reason);
        }
        connections.len()
    }

    /// Reads the rights of a user again, on every connection where it is authenticated, as after a change of its
    /// permissions or groups; returns on how many. Messages that are handled meanwhile see the old rights; handlers that
    /// run go on.
    ///
    /// A user that is gone or no longer active becomes anonymous there, and its clients get `token-invalid`. Everywhere
    /// [`Consumer::admits`](crate::Consumer::admits) is asked about every group, and, unless nobody is left,
    /// [`Consumer::on_authenticated`](crate::Consumer::on_authenticated) runs again. Dropped early, it leaves some
    /// connections as they were.
    ///
    /// # Errors
    /// The rights of some connections could not be read, as when the database does not answer: they are anonymous until
    /// their token comes again. All connections have been seen to.
    pub async fn refresh_identity(&self, user_id: &str) -> Result<usize, Error> {
        let of_user = |shared: Arc<Shared>| match shared.authenticated() {
            Some(before) if before.identity.user_id() == user_id => Some(dispatch::refresh(shared, before)),
            _ => None,
        };
        self.rights_change();
        let refreshes: Vec<_> = self.hub().of_user(user_id).into_iter().filter_map(of_user).collect();
        let count = refreshes.len();
        let results: Vec<_> = futures_util::stream::iter(refreshes).buffer_unordered(REFRESHED_AT_ONCE).collect().await;
        results.into_iter().collect::<Result<(), Error>>().map(|()| count)
    }

    /// Makes every connection of a login session anonymous, and tells its client (`token-invalid`); returns how many
    /// there were. The session's tokens are another matter: [`TokenIssuer::revoke`](crate::auth::TokenIssuer::revoke).
    pub fn end_session(&self, user_id: &str, session_id: &str) -> usize {
        self.rights_change();
        let connections = self.hub().of_user(user_id);
        connections.iter().filter(|connection| connection.end_session(session_id)).count()
    }

    /// Ends the login session of a token, of access or refresh, as `revoke-token` does: its tokens are worth nothing
    /// from now on, and its connections are anonymous.
    ///
    /// # Errors
    /// The authenticator issues no tokens (code 500), or it could not be noted (code 503), and the token is still good.
    pub async fn revoke_token(&self, token: &str) -> Result<(), Error> {
        if let Some(session) = self.issuer()?.revoke(token).await? {
            self.end_session(&session.user_id, &session.session_id);
        }
        Ok(())
    }

    /// A value given to [`ServerBuilder::state`].
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.states.get()
    }

    /// How many messages of unknown types have come since the server was built.
    #[must_use]
    pub fn unknown_messages(&self) -> u64 {
        self.0.unknown_messages.load(Ordering::Relaxed)
    }

    /// How often the operating system gave no connection to a port that had one, such as for want of file descriptors.
    #[must_use]
    pub fn failed_accepts(&self) -> u64 {
        self.0.failed_accepts.load(Ordering::Relaxed)
    }

    /// How many publications were dropped, or replaced by later ones, because clients read too slowly; see
    /// [`Server::publish`].
    #[must_use]
    pub fn dropped_publications(&self) -> u64 {
        self.0.outboxes.dropped()
    }

    /// The settings it was built with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Delivers to every member of a group but one.
    pub(crate) fn publish_to_group(
        &self,
        group: &str,
        publication: &Publication<'_>,
        except: Option<ConnectionId>,
    ) -> Result<(), Error> {
        let delivered = self.hub().publish(group, publication, except);
        self.0.metrics.published(delivered.count);
        delivered.result
    }

    /// Delivers to every connection of a user.
    pub(crate) fn publish_to_user(&self, user_id: &str, publication: &Publication<'_>) -> Result<usize, Error> {
        let delivered = self.hub().publish_to_user(user_id, publication);
        self.0.metrics.published(delivered.count);
        delivered.result.map(|()| delivered.count)
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.0.hub
    }

    pub(crate) fn workers(&self) -> &Workers {
        &self.0.workers
    }

    pub(crate) fn login_throttle(&self) -> &LoginThrottle {
        &self.0.login_throttle
    }

    pub(crate) fn authenticator(&self) -> Option<&Arc<dyn Authenticator>> {
        self.0.authenticator.as_ref()
    }

    /// Says that rights have changed, before the connections concerned are looked for: each either is found, or sees it.
    fn rights_change(&self) {
        self.0.rights_changes.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn rights_changes(&self) -> u64 {
        self.0.rights_changes.load(Ordering::SeqCst)
    }

    /// Whoever issues tokens.
    pub(crate) fn issuer(&self) -> Result<&dyn TokenIssuer, Error> {
        let issuer = self.authenticator().and_then(|authenticator| authenticator.issuer());
        issuer.ok_or_else(|| Error::internal("the authenticator issues no tokens: give it a signing key and users"))
    }

    pub(crate) fn next_connection_id(&self) -> ConnectionId {
        ConnectionId(self.0.next_connection.fetch_add(1, Ordering::Relaxed))
    }

    /// A place for one `Continue::future` of a connection.
    pub(crate) fn deferred_place(&self, shared: &Arc<Shared>) -> Result<DeferredPlace, Error> {
        if !self.0.settings.run_async_worker {
            return Err(Error::unavailable("the server runs no deferred futures (`PSD_RUN_ASYNC_WORKER` is false)"));
        }
        let busy = |_| Error::unavailable("the server is busy: too many deferred futures are running");
        let own = OwnPlace::take(shared, self.0.settings.max_deferred_per_connection)?;
        Ok(DeferredPlace { _own: own, _permit: self.0.deferred.clone().try_acquire_owned().map_err(busy)? })
    }
}

/// One of the places for `Continue::future`, of its connection and of the server; free again when dropped.
pub(crate) struct DeferredPlace {
    _own: OwnPlace,
    _permit: OwnedSemaphorePermit,
}

/// So that one connection cannot take the places of all others.
struct OwnPlace(Arc<Shared>);

impl OwnPlace {
    fn take(shared: &Arc<Shared>, limit: usize) -> Result<Self, Error> {
        let place = Self(shared.clone());
        match shared.deferred_futures.fetch_add(1, Ordering::AcqRel) < limit {
            true => Ok(place),
            false => Err(Error::new(429, format!("a connection may have {limit} deferred futures running"))),
        }
    }
}

impl Drop for OwnPlace {
    fn drop(&mut self) {
        self.0.deferred_futures.fetch_sub(1, Ordering::AcqRel);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
