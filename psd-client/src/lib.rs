//! A typed client for psd servers.
//!
//! Messages come from the same .proto files as the server's; the build script is the same too, except that the generated
//! code names this crate: `"rust": {"runtime": "::psd_client::proto"}` in fps_config.json.
//!
//! ```no_run
//! use psd_client::{Client, Error, proto::common::authentication::{Login, LoginToken, TokenInvalid}};
//!
//! # async fn example() -> Result<(), Error> {
//! let client = Client::connect("ws://127.0.0.1:8000/ws").await?;
//!
//! // One reply of a type …
//! let login = Login { username: "alice".into(), password: "secret".into() };
//! let token: LoginToken = client.fetch(&login).await?;
//! client.set_token(Some(&token.token));
//!
//! // … or only the news that the server is done: `Error::Refused` if it would not …
//! client.send(&login).await?;
//!
//! // … and what comes unasked.
//! let mut invalid = client.subscribe::<TokenInvalid>();
//! while let Some(message) = invalid.next().await {
//!     println!("log in again: {:?}", message?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The connection keeps itself alive and connects again when it breaks; [`Client`] says what that means for requests,
//! [`Client::state`] shows it, and [`Builder`] has every limit and timeout with its default. All queues are bounded, and
//! every future may be dropped at any time.
//!
//! The wire is docs/PROTOCOL.md: v1 in binary or JSON, or the classic dialect, whichever the server speaks; see
//! [`Builder::dialect`].
//!
//! `wss` URLs need the feature `tls` and `Builder::connect_over(Tls::system()?)`.
//!
//! Below the types there is a raw level for tools: [`Client::send_raw`] and [`Client::envelopes`], and
//! [`Builder::trace`] below that.

mod backoff;
mod body;
mod builder;
mod client;
mod connection;
mod dialect;
mod envelope;
mod error;
mod inbox;
mod opening;
mod queue;
mod socket;
mod subscription;
#[cfg(feature = "tls")]
mod tls;
mod trace;
mod transport;
mod uuid;

pub use builder::Builder;
pub use client::Client;
pub use connection::State;
pub use dialect::Dialect;
pub use envelope::{Body, Envelope, Outcome};
pub use error::{Disconnect, Error};
pub use psd_proto as proto;
pub use subscription::{Envelopes, Subscription};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};
pub use trace::{Direction, Payload, Trace};
pub use transport::{Address, Tcp, Transport};

/// Includes the messages that the build script generated.
///
/// ```text
/// mod pb {
///     psd_client::include_messages!();
/// }
/// ```
#[macro_export]
macro_rules! include_messages {
    () => {
        include!(concat!(env!("OUT_DIR"), "/psd/messages.rs"));
    };
}
