//! Tables whose keys are the program's own, looked up by what clients write.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A table of names that are known when the server starts. No client adds to it, so no client can make its look-ups slow,
/// and the hash need not be one with a secret.
pub(crate) type Names<V> = HashMap<&'static str, V, BuildHasherDefault<Fnv>>;

/// FNV-1a, 64 bits: for names, which are short.
#[derive(Debug)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of draft-eastlake-fnv.
    #[test]
    fn it_is_fnv() {
        for (text, expected) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            let mut hasher = Fnv::default();
            hasher.write(text.as_bytes());
            assert_eq!(hasher.finish(), expected, "{text}");
        }
    }
}
