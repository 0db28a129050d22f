//! Endpoints: a path, default groups, hooks and the data kept for each connection.

use std::{
    any::{Any, TypeId, type_name},
    future::Future,
    pin::Pin,
    sync::Arc,
};

use crate::{
    Connection, Error, Handshake, Identity, Server, SlowConsumer, layer::Layers, metrics::EndpointMetrics,
    routes::Routes,
};

/// One endpoint of a server. Most programs never name one: handlers belong to [`DefaultConsumer`] at `/ws`.
///
/// `#[receive(consumer = Admin)]` puts a handler on another endpoint; naming it there (or in
/// [`ServerBuilder::consumer`](crate::ServerBuilder::consumer)) is all it takes to open the path.
///
/// ```
/// use psd_core::{Connection, Consumer, Error, Handshake};
///
/// struct Admin;
///
/// impl Consumer for Admin {
///     const PATH: &'static str = "/admin";
///     type Session = u32;
///
///     fn default_groups(_: &Connection) -> Vec<String> {
///         vec!["admins".into()]
///     }
///
///     async fn on_connect(connection: Connection, handshake: Handshake) -> Result<(), Error> {
///         println!("{} from {:?}", connection.id(), handshake.peer);
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a consumer",
    label = "expected a type that implements `psd_core::Consumer`",
    note = "implement `Consumer` for it: a `PATH`, a `Session` type, and hooks where you need them"
)]
pub trait Consumer: Send + Sync + 'static {
    /// Where clients connect, such as `/ws`. Two consumers cannot share a path.
    const PATH: &'static str;
    /// What handlers find in their [`Session`](crate::Session) parameter; `()` for nothing.
    type Session: Default + Send + 'static;
    /// Whether somebody must be authenticated when the connection opens. If nobody is, it is closed with 4401 before
    /// anything else happens: after the upgrade, since a browser does not show a page the HTTP status. Default: false.
    ///
    /// Later it may become anonymous, as when its token expires; guards then answer with 401.
    const REQUIRES_AUTH: bool = false;

    /// What becomes of publications for a client that reads too slowly, where they do not say. Default: its connection is
    /// closed with 4413.
    const SLOW_CONSUMER: SlowConsumer = SlowConsumer::Close;

    /// The groups a connection joins when it opens and it is known who opens it, less those that do not
    /// [admit](Self::admits) it. Default: none.
    fn default_groups(connection: &Connection) -> Vec<String> {
        let _ = connection;
        Vec::new()
    }

    /// Finds out who opens the connection, where the HTTP request says so in a way of the application's own, such as
    /// a session cookie. Runs only if the request brings no token (as a subprotocol entry, or as
    /// `Authorization: Bearer`). Default: nobody.
    ///
    /// A browser sends cookies with connections that other sites open, too: look at them only where foreign origins
    /// are refused. A token in the URL ends up in logs and histories: do not read one from there.
    ///
    /// # Errors
    /// As those of [`on_connect`](Self::on_connect).
    fn authenticate(
        server: &Server,
        handshake: &Handshake,
    ) -> impl Future<Output = Result<Option<Credential>, Error>> + Send {
        let _ = (server, handshake);
        std::future::ready(Ok(None))
    }

    /// Runs before the first message is read, when it is known who opens the connection. Default: nothing.
    ///
    /// # Errors
    /// An error closes the connection with its text: with 4401 if its code is 401, with 4429 if it is 429, after which
    /// clients come back later, with 1011 if it is 503, an internal one, a panic, or the handler timeout has passed,
    /// else with 4403, after which they stay away.
    fn on_connect(connection: Connection, handshake: Handshake) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (connection, handshake);
        std::future::ready(Ok(()))
    }

    /// Whether a connection may be in a group, given who is authenticated on it. Default: everybody may.
    ///
    /// Asked when the connection joins, which fails with code 403 if it may not, and about each of its groups whenever
    /// its identity or the rights of it change: after a login, a logout, the end of a token, or
    /// [`Server::refresh_identity`](crate::Server::refresh_identity). It then leaves the groups that it may no longer be
    /// in, at once and before anything else is published to them. Runs in place, possibly on several threads at once: it
    /// must take no time. A panic means no.
    ///
    /// ```
    /// # use psd_core::{Connection, Consumer, Identity};
    /// # struct Desk;
    /// impl Consumer for Desk {
    /// #   const PATH: &'static str = "/desk";
    /// #   type Session = ();
    ///     // …
    ///     fn admits(group: &str, identity: Option<&Identity>, _: &Connection) -> bool {
    ///         group != "staff" || identity.is_some_and(|identity| identity.in_user_group("staff"))
    ///     }
    /// }
    /// ```
    fn admits(group: &str, identity: Option<&Identity>, connection: &Connection) -> bool {
        let _ = (group, identity, connection);
        true
    }

    /// Runs when somebody has become the connection's identity, or its rights were read again, before the next message
    /// is handled. Default: nothing.
    fn on_authenticated(connection: Connection, identity: Identity) -> impl Future<Output = ()> + Send {
        let _ = (connection, identity);
        std::future::ready(())
    }

    /// Runs after the connection has gone and has left its groups; its identity and its
    /// [`Session`](crate::Session::of) are still there. Default: nothing.
    fn on_disconnect(connection: Connection) -> impl Future<Output = ()> + Send {
        let _ = connection;
        std::future::ready(())
    }
}

/// What proves who opens a connection; see [`Consumer::authenticate`].
#[derive(Clone)]
pub enum Credential {
    /// A token, for the server's authenticator. A bad one is answered with `token-invalid`.
    Token(String),
    /// Somebody whom the application has authenticated itself.
    Identity(Identity),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token(…)"),
            Self::Identity(identity) => f.debug_tuple("Identity").field(identity).finish(),
        }
    }
}

/// The endpoint of handlers that name none: `/ws`, no default groups, no hooks, no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultConsumer;

impl Consumer for DefaultConsumer {
    const PATH: &'static str = "/ws";
    type Session = ();
}

type Hook<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

type Authenticate = for<'a> fn(&'a Server, &'a Handshake) -> Hook<'a, Result<Option<Credential>, Error>>;

/// A [`Consumer`] as data: what the runtime needs of the type.
#[derive(Clone, Copy)]
pub struct ConsumerSpec {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) session: (TypeId, &'static str),
    pub(crate) slow_consumer: SlowConsumer,
    pub(crate) new_session: fn() -> Box<dyn Any + Send>,
    pub(crate) default_groups: fn(&Connection) -> Vec<String>,
    pub(crate) admits: fn(&str, Option<&Identity>, &Connection) -> bool,
    pub(crate) requires_auth: bool,
    pub(crate) authenticate: Authenticate,
    pub(crate) on_connect: fn(Connection, Handshake) -> Hook<'static, Result<(), Error>>,
    pub(crate) on_authenticated: fn(Connection, Identity) -> Hook<'static, ()>,
    pub(crate) on_disconnect: fn(Connection) -> Hook<'static, ()>,
}

impl ConsumerSpec {
    /// The data of a consumer.
    #[must_use]
    pub fn of<C: Consumer>() -> Self {
        Self {
            id: TypeId::of::<C>(),
            name: type_name::<C>(),
            path: C::PATH,
            session: (TypeId::of::<C::Session>(), type_name::<C::Session>()),
            slow_consumer: C::SLOW_CONSUMER,
            new_session: || Box::new(C::Session::default()),
            default_groups: C::default_groups,
            admits: C::admits,
            requires_auth: C::REQUIRES_AUTH,
            authenticate: |server, handshake| Box::pin(C::authenticate(server, handshake)),
            on_connect: |connection, handshake| Box::pin(C::on_connect(connection, handshake)),
            on_authenticated: |connection, identity| Box::pin(C::on_authenticated(connection, identity)),
            on_disconnect: |connection| Box::pin(C::on_disconnect(connection)),
        }
    }
}

impl std::fmt::Debug for ConsumerSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsumerSpec").field("name", &self.name).field("path", &self.path).finish_non_exhaustive()
    }
}

/// A consumer with its routes, as connections use it.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) spec: ConsumerSpec,
    pub(crate) routes: Routes,
    pub(crate) metrics: EndpointMetrics,
    pub(crate) layers: Layers,
}

pub(crate) type Endpoints = Vec<Arc<Endpoint>>;
