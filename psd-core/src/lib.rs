//! Typed real-time applications over WebSocket.
//!
//! Handlers are plain functions under [`receive`]; the type of a handler's message, declared in a .proto file, is its
//! route. There is no list of handlers: linking one into the program registers it.
//!
//! ```no_run
//! use psd_core::{Connection, Error, Identity, Server, Settings, State, auth::StaticTokens, receive};
//!
//! mod pb {
//!     // What `psd_build::compile` generated in build.rs: `psd_core::include_messages!();`
//!     # pub use psd_core::proto::common::sfiles::{UploadDone, UploadEnd};
//! }
//!
//! #[derive(Clone)]
//! struct Room(String);
//!
//! #[receive(permissions = ["files.add_file"])]
//! async fn upload_end(_: pb::UploadEnd, connection: Connection, State(room): State<Room>) -> Result<pb::UploadDone, Error> {
//!     let done = pb::UploadDone::default();
//!     connection.broadcast_others(&room.0, &done)?; // to the members of a group
//!     Ok(done) // the reply
//! }
//!
//! #[tokio::main]
//! async fn main() -> anyhow::Result<()> {
//!     let ann = Identity::new("1", "ann").with_permissions(["files.add_file"]);
//!     Server::builder()
//!         .settings(Settings::from_env()?)
//!         .authenticator(StaticTokens::new().token("secret", ann))
//!         .state(Room("files".into()))
//!         .serve("127.0.0.1:8000")
//!         .await?;
//!     Ok(())
//! }
//! ```
//!
//! | to | see |
//! | --- | --- |
//! | write a handler: options, parameters, return types | [`receive`], [`Extract`], [`IntoOutcome`], [`Continue`] |
//! | say what becomes of publications for slow clients | [`Server::publish`], [`SlowConsumer`] |
//! | tell how far long work has come | [`Progress`] |
//! | send, group and publish | [`Connection`], [`Server`] |
//! | send types of your own | [`IntoMessage`](derive@IntoMessage) |
//! | know who calls, and guard handlers | [`auth`], [`Identity`], [`Guard`] |
//! | do something around every request | [`Layer`] |
//! | open several endpoints, with hooks and data for each connection | [`Consumer`], [`Session`] |
//! | start, mount into an axum application, and shut down | [`ServerBuilder`], [`Server::into_router`], [`Listening`] |
//! | take and serve files | the module `files`, behind the feature of that name |
//! | set limits | [`Settings`] |
//! | test all of that, in memory and in virtual time | the module `test`, behind the feature of that name |
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `sqlite` | [`auth::SqlUsers`] and [`auth::DjangoUsers`] over SQLite, which is compiled in |
//! | `postgres` | the same over PostgreSQL; for an encrypted connection switch on one of sqlx's features `tls-…` too |
//! | `passwords` | [`auth::password`] alone; the other two bring it |
//! | `jwks-url` | [`auth::Jwks`] from an `https://` address |
//! | `files` | the module `files`: uploads by tus and over the socket, downloads |
//! | `s3` | the same in S3 and what speaks like it: `files::object_store::aws` |
//! | `test` | the module `test`: connections in memory, in virtual time |
//! | `tls` | TLS on the server's own ports: [`Settings::tls_certificate`] |
//!
//! The project's README is a tour, ARCHITECTURE.md says how a message travels, docs/PROTOCOL.md what the wire carries.

pub mod auth;
mod builder;
mod call;
mod codec;
mod connection;
mod consumer;
mod continue_;
mod dispatch;
mod error;
mod explore;
mod extract;
#[cfg(feature = "files")]
pub mod files;
mod guard;
mod hash;
mod hub;
pub mod into_message;
mod layer;
mod limits;
mod listener;
mod metrics;
mod outcome;
mod pages;
mod progress;
mod publication;
mod receiver;
mod request;
mod routes;
mod server;
mod session;
mod settings;
mod state;
#[cfg(feature = "test")]
pub mod test;
mod trace_context;
mod workers;

pub use auth::Identity;
pub use builder::{ServerBuilder, StartError};
pub use call::Call;
pub use connection::{Connection, ConnectionId, Handshake};
pub use consumer::{Consumer, Credential, DefaultConsumer};
pub use continue_::Continue;
pub use error::Error;
pub use extract::{Extract, Requirement};
pub use guard::{Decision, Guard, GuardFn, GuardFunction, Refusal};
pub use into_message::IntoMessage;
pub use layer::{Extension, Layer, LayerFuture, Outcome};
pub use limits::{PerType, Rate};
#[cfg(feature = "tls")]
pub use listener::TlsError;
pub use listener::{
    AllowedOrigins, ForwardedHeader, InvalidNetwork, InvalidOrigin, Listening, ServeError, TrustedProxies,
};
pub use metrics::Metric;
pub use outcome::IntoOutcome;
pub use pages::with_security_headers;
pub use progress::Progress;
pub use psd_macros::{IntoMessage, receive};
pub use psd_proto::{self as proto, ClientMessage, MessageInfo, Origin, Schema, ServerMessage, SourceLocation};
pub use publication::{Publish, SlowConsumer};
pub use receiver::Mode;
pub use request::{RequestContext, RequestHeaders};
pub use routes::{Route, Unhandled};
pub use server::Server;
pub use session::Session;
pub use settings::{Settings, SettingsError};
pub use state::State;

// What the macros' expansions name, and the signatures behind them; nobody else should.
#[doc(hidden)]
pub use {
    call::Invocation,
    consumer::ConsumerSpec,
    guard::function::{Guarded, requirements as guard_requirements},
    inventory,
    outcome::{Completion, kind},
    receiver::{Limits, ReceiveFn, Receiver, RegisteredSchema},
};

/// Includes the messages that `psd_build` generated in `build.rs`, and registers their schema.
///
/// ```text
/// mod pb {
///     psd_core::include_messages!();
/// }
/// ```
#[macro_export]
macro_rules! include_messages {
    () => {
        include!(concat!(env!("OUT_DIR"), "/psd/messages.rs"));
        $crate::inventory::submit! { $crate::RegisteredSchema(&SCHEMA) }
    };
}

/// The examples in the macros' documentation, which can only be compiled here.
#[cfg(doctest)]
mod macro_documentation {
    #[doc = include_str!("../../psd-macros/docs/receive.md")]
    struct Receive;
    #[doc = include_str!("../../psd-macros/docs/into_message.md")]
    struct IntoMessage;
}
