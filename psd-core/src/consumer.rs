//! Endpoints: a path, default groups, hooks and the data kept for each connection.

use std::{
    any::{Any, TypeId, type_name},
    future::Future,
    pin::Pin,
    sync::Arc,
};

use crate::{Connection, Error, Handshake, Identity, routes::Routes};

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

    /// The groups a connection joins when it opens. Default: none.
    fn default_groups(connection: &Connection) -> Vec<String> {
        let _ = connection;
        Vec::new()
    }

    /// Runs before the first message is read. Default: nothing.
    ///
    /// # Errors
    /// An error closes the connection with its text: with 4403, after which clients stay away, or with 1011 if it is
    /// an internal one, a panic, or the handler timeout has passed.
    fn on_connect(connection: Connection, handshake: Handshake) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (connection, handshake);
        std::future::ready(Ok(()))
    }

    /// Runs when somebody has become the connection's identity, before the next message is handled. Default: nothing.
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

/// The endpoint of handlers that name none: `/ws`, no default groups, no hooks, no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultConsumer;

impl Consumer for DefaultConsumer {
    const PATH: &'static str = "/ws";
    type Session = ();
}

type Hook<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A [`Consumer`] as data: what the runtime needs of the type.
#[derive(Clone, Copy)]
pub struct ConsumerSpec {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) session: (TypeId, &'static str),
    pub(crate) new_session: fn() -> Box<dyn Any + Send>,
    pub(crate) default_groups: fn(&Connection) -> Vec<String>,
    pub(crate) on_connect: fn(Connection, Handshake) -> Hook<Result<(), Error>>,
    pub(crate) on_authenticated: fn(Connection, Identity) -> Hook<()>,
    pub(crate) on_disconnect: fn(Connection) -> Hook<()>,
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
            new_session: || Box::new(C::Session::default()),
            default_groups: C::default_groups,
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
}

pub(crate) type Endpoints = Vec<Arc<Endpoint>>;
