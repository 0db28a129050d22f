//! The JSON codec: proto3 JSON, read leniently and written strictly, straight between text and prost's structs.
//!
//! [`read`] and [`write()`] are the way in. [`Reader`] and [`Writer`] are the tools beneath, for whoever reads or writes
//! JSON that is no message (envelopes do). The rest is what generated code is made of: per message a [`JsonMessage`],
//! per enum a [`JsonEnum`]; [`JsonValue`] and [`Codec`] say how a Rust type is spelt.
//!
//! The rules are those of <https://protobuf.dev/programming-guides/json/>.

mod any;
mod base64;
mod codec;
mod enumeration;
mod error;
mod key;
mod message;
mod number;
mod options;
mod reader;
mod scan;
mod skim;
mod text;
mod well_known;
mod writer;

pub use any::{AnyType, AnyTypes};
pub use codec::{Codec, Enum, JsonValue, Map, Null, Optional, Plain, Repeated, Wrapper};
pub use enumeration::JsonEnum;
pub use error::Error;
pub use key::MapKey;
pub use message::{FieldReader, JsonMessage, read, read_message, write};
pub use options::{Names, ReadOptions, WriteOptions};
pub use reader::{Kind, Reader};
pub(crate) use scan::plain_end;
pub(crate) use skim::skim_at;
pub use writer::{Name, Start, Writer};

#[doc(inline)]
pub use crate::__json_name as name;

/// What reading and writing JSON returns.
pub type Result<T> = std::result::Result<T, Error>;
