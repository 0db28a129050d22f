//! One client's connection: its handle for handlers, and everything behind it.

mod active;
mod alarm;
mod batch;
mod bell;
mod control;
mod deferred;
mod expiry;
mod farewell;
pub(crate) mod frame;
mod gone;
mod handle;
mod inbox;
mod lane;
mod opening;
mod outbox;
mod pulse;
#[cfg(test)]
mod random;
mod reader;
mod shared;
mod socket;
mod task;
mod uploads;

pub(crate) use batch::Batch;
pub(crate) use control::Control;
pub(crate) use deferred::Cancellation;
pub use handle::{Connection, ConnectionId, Handshake};
pub(crate) use outbox::Limits as OutboxLimits;
pub(crate) use reader::receive_at_once;
pub(crate) use shared::{Authenticated, Shared, Unfinished};
pub(crate) use socket::Socket;
pub(crate) use task::run;
#[cfg(feature = "files")]
pub(crate) use uploads::Upload;
