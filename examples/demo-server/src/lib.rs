//! The application that the recorded conversations of the classic protocol were made against.
//!
//! Runnable on its own, so that clients of any language can be run against it (`cargo run -p demo-server --bin
//! demo-server -- --port 8821`), and a library, so that tests can start it in their own process.

mod consumer;
mod handlers;
mod types;
mod users;

/// The messages of proto/demo.proto.
pub mod pb {
    #![allow(missing_docs)]
    psd_core::include_messages!();
}

use psd_core::{Server, ServerBuilder, Settings};

pub use users::jwt;

/// The server, ready to listen.
pub fn server(settings: Settings) -> ServerBuilder {
    Server::builder()
        .settings(settings.exception_formatter(handlers::format_exception))
        .authenticator(users::jwt())
        .login()
        .state(handlers::Sequence::default())
}
