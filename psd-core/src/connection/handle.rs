//! What handlers and applications hold of a connection.

use std::{fmt, net::SocketAddr, sync::Arc};

use axum::http::{HeaderMap, Uri};
use psd_proto::ServerMessage;

use super::Shared;
use crate::{Error, Identity, into_message::IntoMessage, publication::Publication, request::Request, server::Server};

/// The connection of one client: send to it, put it into groups, see who is authenticated.
///
/// Cheap to clone. Taken as a handler's parameter it knows the request: [`send`](Self::send) then replies to it.
#[derive(Clone)]
pub struct Connection {
    pub(crate) shared: Arc<Shared>,
    request: Option<Request>,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, request: None }
    }

    pub(crate) fn of_request(request: Request) -> Self {
        Self { shared: request.shared().clone(), request: Some(request) }
    }

    /// What tells this connection from every other of this server process.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.shared.id
    }

    /// The server it is connected to.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.shared.server
    }

    /// The client's address, where the listener or a [trusted proxy](crate::Settings::trusted_proxies) knows it; its port
    /// is 0 where the proxy did not say it.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.shared.peer
    }

    /// Sends a message to the client. Inside a handler it is a reply: it carries the request's `uuid`.
    ///
    /// Returns as soon as the message is queued; messages of one connection arrive in the order of sending. A reply to a
    /// request that was given up meanwhile (its deadline has passed, its client cancelled it) is dropped: the ack was its end.
    /// What a task sends that outlives its handler, after the ack, is no reply any more and carries no `uuid`; what
    /// [`Continue`](crate::Continue) does for the request still does.
    ///
    /// # Errors
    /// The connection is closed, the client reads too slowly (it is being disconnected), or the message has no JSON
    /// form, such as a `Timestamp` out of range.
    pub fn send<M: IntoMessage<Message: ServerMessage>>(&self, message: &M) -> Result<(), Error> {
        match &self.request {
            Some(request) => request.reply(message),
            None => self.shared.send(message, None),
        }
    }

    /// Sends a message that belongs to no request: without `uuid`.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn push<M: IntoMessage<Message: ServerMessage>>(&self, message: &M) -> Result<(), Error> {
        self.shared.send(message, None)
    }

    /// Sends a message to every member of a group; encoded once. This connection need not be a member.
    ///
    /// # Errors
    /// The message has no JSON form: members that read the binary form have got it, and the error says how many others have
    /// not. Members that are gone or too slow are no error.
    pub fn broadcast<M: IntoMessage<Message: ServerMessage>>(&self, group: &str, message: &M) -> Result<(), Error> {
        self.server().broadcast(group, message)
    }

    /// Like [`broadcast`](Self::broadcast), to everybody but this connection.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast).
    pub fn broadcast_others<M: IntoMessage<Message: ServerMessage>>(
        &self,
        group: &str,
        message: &M,
    ) -> Result<(), Error> {
        let message = message.to_message();
        self.server().publish_to_group(group, &Publication::new(&*message), Some(self.id()))
    }

    /// How many publications were dropped, or replaced by later ones, because this client read too slowly; see
    /// [`Server::publish`].
    #[must_use]
    pub fn dropped_publications(&self) -> u64 {
        self.shared.outbox.dropped()
    }

    /// Puts the connection into a group; nothing happens if it is in it already. It leaves when it closes.
    ///
    /// # Errors
    /// An empty name or one over 256 bytes (code 422), or too many groups (code 429).
    pub fn join(&self, group: &str) -> Result<(), Error> {
        self.shared.join(group)
    }

    /// Takes the connection out of a group; nothing happens if it is not in it.
    pub fn leave(&self, group: &str) {
        self.shared.leave(group);
    }

    /// The groups the connection is in, in no order.
    #[must_use]
    pub fn groups(&self) -> Vec<Arc<str>> {
        self.shared.groups()
    }

    /// Who is authenticated on the connection.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.shared.identity()
    }

    /// Makes somebody the connection's identity at once, as a login does. The same token arriving later in an
    /// envelope is then simply the current one; tokens are not verified here.
    pub fn authenticate(&self, token: &str, identity: Identity) {
        self.shared.authenticate(Some(token), Some(identity));
    }

    /// The token that is the connection's current one, good or bad.
    pub(crate) fn token(&self) -> Option<String> {
        self.shared.token()
    }

    /// Makes the connection anonymous.
    pub fn deauthenticate(&self) {
        self.shared.authenticate(None, None);
    }

    /// Closes the connection once everything queued before is written; 4400 to 4403 tell clients not to reconnect by
    /// themselves. A reason beyond 123 bytes is cut.
    pub fn close(&self, code: u16, reason: &str) {
        self.shared.close(code, reason);
    }

    /// Whether the connection is closing or closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Waits until the connection is gone. Cancellation safe.
    pub async fn closed(&self) {
        self.shared.gone.token().cancelled().await;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id())
            .field("identity", &self.identity())
            .field("socket", &self.shared.socket)
            .finish_non_exhaustive()
    }
}

/// Tells connections of one server process apart; never used again in the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub(crate) u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The HTTP request that opened a connection; seen by [`Consumer::authenticate`](crate::Consumer::authenticate) and
/// [`Consumer::on_connect`](crate::Consumer::on_connect).
pub struct Handshake {
    /// The request's target.
    pub uri: Uri,
    /// The request's header fields.
    pub headers: HeaderMap,
    /// The client's address, where the listener or a [trusted proxy](crate::Settings::trusted_proxies) knows it; its port
    /// is 0 where the proxy did not say it.
    pub peer: Option<SocketAddr>,
    /// Whether the client's connection is encrypted, here or, as it says, at a trusted proxy.
    pub is_secure: bool,
}

/// Header fields and query may hold cookies and tokens, and are not shown.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("path", &self.uri.path()).field("peer", &self.peer).finish_non_exhaustive()
    }
}
