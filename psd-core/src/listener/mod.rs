//! The way in: ports, HTTP, the upgrade to a WebSocket, and the way out when the server shuts down.

mod accept;
mod admin;
mod client;
mod door;
mod drain;
mod handshake;
mod http;
mod origin;
mod proxy_protocol;
mod signal;
#[cfg(feature = "tls")]
pub(crate) mod tls;
mod token_endpoint;
mod trust;
#[cfg(unix)]
mod unix;
mod upgrade;
mod visit;
#[cfg(feature = "files")]
mod wire;

pub use accept::{Listening, ServeError};
pub use client::ForwardedHeader;
#[cfg(feature = "test")]
pub(crate) use http::Site;
pub(crate) use http::merge;
pub use origin::{AllowedOrigins, InvalidOrigin};
#[cfg(feature = "tls")]
pub use tls::TlsError;
pub(crate) use token_endpoint::TokenEndpoint;
pub use trust::{InvalidNetwork, TrustedProxies};
#[cfg(feature = "files")]
pub(crate) use {
    client::Client,
    upgrade::{bearer, is_handshake, offered_token, take_over},
    wire::Wire,
};
