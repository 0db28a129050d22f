//! Passwords: the formats that Django stores them in, and how they are hashed without stopping the server.
//!
//! A stored password is a line of text that says how it was made: `pbkdf2_sha256$1000000$salt$hash`. All formats of
//! Django that are worth reading are read: `argon2`, `pbkdf2_sha256`, `pbkdf2_sha1`, `bcrypt_sha256`, `bcrypt` and
//! `scrypt`. New ones are written by [`Passwords`], in a format that a Django reads too.

mod compute;
mod format;
mod passwords;
mod scheme;

pub use passwords::{MAX_PASSWORD_BYTES, Passwords};
pub use scheme::{Argon2Variant, Scheme};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use {compute::fingerprint, format::StoredPassword, passwords::Verdict};
