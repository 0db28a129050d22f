//! The way in: ports, HTTP, the upgrade to a WebSocket, and the way out when the server shuts down.

mod accept;
mod admin;
mod drain;
mod http;
mod origin;
mod signal;
mod upgrade;

pub use accept::{Listening, ServeError};
pub(crate) use http::merge;
pub use origin::{AllowedOrigins, InvalidOrigin};
