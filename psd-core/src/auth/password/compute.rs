//! The computations; the only module that names the crates behind them.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Argon2Variant, Scheme};

/// Computes what a password becomes with a salt, `length` bytes of it. It takes a moment: that is its purpose.
///
/// # Errors
/// The scheme has a cost that its algorithm does not know; none that passes [`Scheme::check`] has.
pub(super) fn digest(
    scheme: &Scheme,
    salt: &[u8],
    password: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let mut digest = Zeroizing::new(vec![0; length]);
    match *scheme {
        Scheme::Pbkdf2Sha256 { iterations } => {
            pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, iterations, &mut digest);
        }
        Scheme::Pbkdf2Sha1 { iterations } => {
            pbkdf2::pbkdf2_hmac::<sha1::Sha1>(password, salt, iterations, &mut digest);
        }
        Scheme::Bcrypt { cost } => bcrypt(cost, salt, password, &mut digest)?,
        Scheme::BcryptSha256 { cost } => bcrypt(cost, salt, &hexadecimal_sha256(password), &mut digest)?,
        Scheme::Scrypt { n, r, p } => {
            let log_n = u8::try_from(n.ilog2()).map_err(|_| "its cost is out of bounds")?;
            let params = scrypt::Params::new(log_n, r, p).map_err(|_| "scrypt does not know its cost")?;
            scrypt::scrypt(password, salt, &params, &mut digest).map_err(|_| "scrypt does not know its length")?;
        }
        Scheme::Argon2 { variant, old, memory, passes, lanes } => {
            let algorithm = match variant {
                Argon2Variant::Argon2id => argon2::Algorithm::Argon2id,
                Argon2Variant::Argon2i => argon2::Algorithm::Argon2i,
                Argon2Variant::Argon2d => argon2::Algorithm::Argon2d,
            };
            let version = if old { argon2::Version::V0x10 } else { argon2::Version::V0x13 };
            let params = argon2::Params::new(memory, passes, lanes, Some(length));
            let params = params.map_err(|_| "Argon2 does not know its cost")?;
            let argon2 = argon2::Argon2::new(algorithm, version, params);
            argon2.hash_password_into(password, salt, &mut digest).map_err(|_| "Argon2 does not know its salt")?;
        }
    }
    Ok(digest)
}

/// A short text that stands for one of any length, and does not tell it.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn fingerprint(text: &str) -> String {
    hexadecimal_sha256(text.as_bytes()).iter().copied().map(char::from).collect()
}

/// Compares in a time that depends on the lengths alone.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

fn bcrypt(cost: u32, salt: &[u8], password: &[u8], digest: &mut [u8]) -> Result<(), &'static str> {
    let salt = salt.try_into().map_err(|_| "bcrypt takes a salt of 16 bytes")?;
    if cost >= 32 {
        return Err("its cost is out of bounds");
    }
    // A zero ends the password, and what is beyond 72 bytes does not count.
    let mut key = Zeroizing::new(Vec::with_capacity(72));
    key.extend_from_slice(password.get(..72).unwrap_or(password));
    if key.len() < 72 {
        key.push(0);
    }
    let full = Zeroizing::new(bcrypt::bcrypt(cost, salt, &key));
    digest.copy_from_slice(full.get(..digest.len()).ok_or("bcrypt gives 24 bytes")?);
    Ok(())
}

fn hexadecimal_sha256(password: &[u8]) -> Zeroizing<Vec<u8>> {
    use sha2::Digest as _;

    let digest = sha2::Sha256::digest(password);
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
    Zeroizing::new(digest.iter().flat_map(digits).collect())
}
