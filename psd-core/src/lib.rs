//! Typed real-time applications over WebSocket.
//!
//! Handlers are plain functions under [`receive`]; the type of a handler's message, declared in a .proto file, is its
//! route. See the project's README for a tour and ARCHITECTURE.md for how a message travels.

pub mod auth;
mod builder;
mod call;
mod codec;
mod connection;
mod consumer;
mod continue_;
mod dispatch;
mod error;
mod extract;
mod guard;
mod hub;
pub mod into_message;
mod listener;
mod outcome;
mod publication;
mod receiver;
mod request;
mod routes;
mod server;
mod session;
mod settings;
mod state;
mod workers;

pub use auth::Identity;
pub use builder::{ServerBuilder, StartError};
pub use call::{Call, Invocation};
pub use connection::{Connection, ConnectionId, Handshake};
pub use consumer::{Consumer, ConsumerSpec, DefaultConsumer};
pub use continue_::Continue;
pub use error::Error;
pub use extract::{Extract, Requirement};
pub use guard::{Guard, Refusal};
pub use into_message::IntoMessage;
pub use listener::{Listening, ServeError};
pub use outcome::{Completion, IntoOutcome, kind};

pub use psd_macros::{IntoMessage, receive};
pub use psd_proto::{self as proto, ClientMessage, MessageInfo, Origin, Schema, ServerMessage, SourceLocation};
pub use receiver::{Mode, ReceiveFn, Receiver, RegisteredSchema};
pub use request::{Request, RequestHeaders};
pub use routes::{Route, Unhandled};
pub use server::Server;
pub use session::Session;
pub use settings::{Settings, SettingsError};
pub use state::State;

#[doc(hidden)]
pub use inventory;

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
