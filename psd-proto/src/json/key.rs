//! Keys of maps: strings in JSON, whatever they are in the contract.

use super::{Writer, number};

/// A type that keys a map.
pub trait MapKey: Ord {
    /// What a key must be, for errors.
    const EXPECTED: &'static str;

    /// The key that a member's name stands for.
    fn from_text(text: &str) -> Option<Self>
    where
        Self: Sized;

    /// Writes the key, in quotes.
    fn write_key(&self, writer: &mut Writer<'_>);
}

impl MapKey for String {
    const EXPECTED: &'static str = "a string";

    #[inline]
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    #[inline]
    fn write_key(&self, writer: &mut Writer<'_>) {
        writer.string(self);
    }
}

impl MapKey for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn write_key(&self, writer: &mut Writer<'_>) {
        writer.raw(if *self { "\"true\"" } else { "\"false\"" });
    }
}

macro_rules! integer {
    ($($type:ident $as:ident $expected:literal)*) => {$(
        impl MapKey for $type {
            const EXPECTED: &'static str = $expected;

            fn from_text(text: &str) -> Option<Self> {
                number::integer_key(text)
            }

            fn write_key(&self, writer: &mut Writer<'_>) {
                // 64-bit integers are written in quotes anyway.
                writer.$as((*self).into());
            }
        }
    )*};
}

integer! {
    i32 i64 "an integer of 32 bits"
    i64 i64 "an integer of 64 bits"
    u32 u64 "a non-negative integer of 32 bits"
    u64 u64 "a non-negative integer of 64 bits"
}
