//! What keeps floods away: rates of messages and of connections.

mod admission;
mod keyed;
mod messages;
mod per_type;
mod places;
mod rate;

pub(crate) use admission::{Admission, Admitted, Paid, Refused, Visiting};
pub(crate) use messages::{ConnectionRates, MessageRates};
pub use per_type::PerType;
pub(crate) use places::{Doing, Place, Places};
pub use rate::Rate;
pub(crate) use rate::{Bucket, Clock};
#[cfg(feature = "files")]
pub(crate) use {admission::network, keyed::Keyed};
