//! What uploads are called.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Names an upload: 128 random bits, in hexadecimal. Nobody guesses it, and it is safe in any path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UploadId(u128);

impl UploadId {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Text that names no upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an upload is named by 32 hexadecimal digits")]
pub struct InvalidUploadId;

/// Only the one spelling that is written.
impl FromStr for UploadId {
    type Err = InvalidUploadId;

    fn from_str(text: &str) -> Result<Self, InvalidUploadId> {
        let is_digit = |letter: u8| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter);
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(InvalidUploadId);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| InvalidUploadId)
    }
}

impl TryFrom<String> for UploadId {
    type Error = InvalidUploadId;

    fn try_from(text: String) -> Result<Self, InvalidUploadId> {
        text.parse()
    }
}

impl From<UploadId> for String {
    fn from(id: UploadId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_alone() {
        let id = UploadId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(UploadId(10).to_string(), "0000000000000000000000000000000a");
        for wrong in ["", "a", "../../../../../../../etc/passwd0", "0000000000000000000000000000000A"] {
            assert_eq!(wrong.parse::<UploadId>(), Err(InvalidUploadId), "{wrong}");
        }
    }
}
