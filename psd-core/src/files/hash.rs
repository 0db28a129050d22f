//! Digests: of the whole file, over restarts, and of one chunk, as a client declares it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, digest::common::hazmat::SerializableState};
use subtle::ConstantTimeEq as _;

use crate::Error;

/// The SHA-256 of a file as far as it has come, in a form that outlives the process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct HashState {
    /// Bytes that are in it.
    pub(crate) offset: u64,
    /// Base64; empty at the beginning.
    state: String,
}

impl HashState {
    pub(crate) fn of(hash: &Sha256, offset: u64) -> Self {
        Self { offset, state: STANDARD.encode(hash.serialize()) }
    }

    /// The hash to go on with, and from where; from the beginning if it cannot be used for a file of `length` bytes, which
    /// another version of the program may have written.
    pub(crate) fn restore(&self, length: u64) -> (Sha256, u64) {
        let restored = || {
            let bytes = STANDARD.decode(&self.state).ok()?;
            Sha256::deserialize(bytes.as_slice().try_into().ok()?).ok()
        };
        match restored() {
            Some(hash) if self.offset <= length => (hash, self.offset),
            _ => (Sha256::new(), 0),
        }
    }
}

/// The digests of `Upload-Checksum`, in the order in which they are offered.
pub(crate) const ALGORITHMS: &str = "sha1,sha256,md5,crc32";

/// What a client says a chunk's digest is, and the digest of what has come.
pub(crate) struct Checksum {
    expected: Vec<u8>,
    running: Running,
}

enum Running {
    Sha1(Sha1),
    Sha256(Sha256),
    Md5(md5::Md5),
    Crc32(crc32fast::Hasher),
}

impl Checksum {
    /// Reads `<algorithm> <base64>`.
    ///
    /// # Errors
    /// Code 400: another algorithm, or no digest of this one.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let (algorithm, digest) = text.trim().split_once(' ').unwrap_or((text, ""));
        let (running, length) = match algorithm {
            "sha1" => (Running::Sha1(Sha1::new()), 20),
            "sha256" => (Running::Sha256(Sha256::new()), 32),
            "md5" => (Running::Md5(md5::Md5::new()), 16),
            "crc32" => (Running::Crc32(crc32fast::Hasher::new()), 4),
            _ => return Err(Error::new(400, format!("the checksum's algorithm is none of {ALGORITHMS}"))),
        };
        match STANDARD.decode(digest.trim()) {
            Ok(expected) if expected.len() == length => Ok(Self { expected, running }),
            _ => Err(Error::new(400, format!("the checksum is no {algorithm} digest in base64"))),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.running {
            Running::Sha1(hash) => hash.update(bytes),
            Running::Sha256(hash) => hash.update(bytes),
            Running::Md5(hash) => hash.update(bytes),
            Running::Crc32(hash) => hash.update(bytes),
        }
    }

    /// Whether what has come is what was declared.
    pub(crate) fn matches(self) -> bool {
        let digest = match self.running {
            Running::Sha1(hash) => hash.finalize().to_vec(),
            Running::Sha256(hash) => hash.finalize().to_vec(),
            Running::Md5(hash) => hash.finalize().to_vec(),
            Running::Crc32(hash) => hash.finalize().to_be_bytes().to_vec(),
        };
        digest.ct_eq(&self.expected).into()
    }
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_outlives_its_process() {
        let mut hash = Sha256::new();
        hash.update(b"hello ");
        let state = HashState::of(&hash, 6);
        let (mut restored, offset) = state.restore(100);
        assert_eq!(offset, 6);
        restored.update(b"world");
        assert_eq!(restored.finalize(), Sha256::digest(b"hello world"));
        assert_eq!(state.restore(5).1, 0, "the file is shorter than that");
        assert_eq!(HashState { offset: 6, state: "?".into() }.restore(100).1, 0);
    }

    #[test]
    fn checksums() {
        for (declared, expected) in [
            ("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=", true),
            ("sha256 LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", true),
            ("md5 XUFAKrxLKna5cZ2REBfFkg==", true),
            ("crc32 NhCmhg==", true),
            ("crc32 NhCmhw==", false),
            ("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=", false),
        ] {
            let mut checksum = Checksum::parse(declared).expect("it is well formed");
            checksum.update(b"hel");
            checksum.update(b"lo");
            assert_eq!(checksum.matches(), expected, "{declared}");
        }
        for wrong in ["", "sha1", "sha1 ", "sha1 AAAA", "sha512 AAAA", "sha1  qvTGHdzF6KLavt4PO0gs2a6pQ00"] {
            assert_eq!(Checksum::parse(wrong).err().and_then(|error| error.code()), Some(400), "{wrong}");
        }
    }
}
