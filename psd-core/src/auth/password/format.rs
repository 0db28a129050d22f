//! Stored passwords as text, in Django's formats.

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{Argon2Variant, Scheme, compute};

/// Longer ones are no passwords; Django's column has 128 characters.
const MAX_STORED_BYTES: usize = 512;
/// bcrypt gives 24 bytes, of which its format drops the last.
const BCRYPT_BYTES: usize = 23;

const UNPADDED_CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone);
const PADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new());
const UNPADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, UNPADDED_CONFIG);
/// Encoders of bcrypt leave whatever they like in the bits that mean nothing.
const BCRYPT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::BCRYPT, UNPADDED_CONFIG.with_decode_allow_trailing_bits(true));

/// A stored password: how it was made, with what salt, and what came out.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoredPassword {
    pub(crate) scheme: Scheme,
    /// The bytes that go into the computation.
    salt: Vec<u8>,
    digest: Vec<u8>,
}

impl StoredPassword {
    /// Reads one.
    ///
    /// # Errors
    /// Why it cannot be used, without a piece of it.
    pub(crate) fn parse(stored: &str) -> Result<Self, &'static str> {
        if stored.len() > MAX_STORED_BYTES {
            return Err("it is too long");
        }
        let (algorithm, rest) = stored.split_once('$').ok_or("it has no format that Django writes")?;
        let password = match algorithm {
            "pbkdf2_sha256" => pbkdf2(rest, 32, |iterations| Scheme::Pbkdf2Sha256 { iterations }),
            "pbkdf2_sha1" => pbkdf2(rest, 20, |iterations| Scheme::Pbkdf2Sha1 { iterations }),
            "argon2" => argon2(rest),
            "bcrypt_sha256" => bcrypt(rest, |cost| Scheme::BcryptSha256 { cost }),
            "bcrypt" => bcrypt(rest, |cost| Scheme::Bcrypt { cost }),
            "scrypt" => scrypt(rest),
            _ => return Err("its algorithm is none of those that are supported"),
        };
        let password = password.ok_or("its fields are not those of its algorithm")?;
        password.scheme.check()?;
        Ok(password)
    }

    /// Makes one from a password; it takes a moment.
    ///
    /// # Errors
    /// The scheme's cost is out of bounds.
    pub(super) fn make(scheme: Scheme, password: &[u8]) -> Result<Self, &'static str> {
        scheme.check()?;
        let (salt, length) = match scheme {
            Scheme::Bcrypt { .. } | Scheme::BcryptSha256 { .. } => (rand::random::<[u8; 16]>().to_vec(), BCRYPT_BYTES),
            Scheme::Pbkdf2Sha1 { .. } => (random_text(), 20),
            Scheme::Scrypt { .. } => (random_text(), 64),
            Scheme::Pbkdf2Sha256 { .. } | Scheme::Argon2 { .. } => (random_text(), 32),
        };
        let digest = compute::digest(&scheme, &salt, password, length)?.to_vec();
        Ok(Self { scheme, salt, digest })
    }

    /// Whether it was made from this password; it takes as long as making it.
    pub(super) fn verify(&self, password: &[u8]) -> Result<bool, &'static str> {
        let digest = compute::digest(&self.scheme, &self.salt, password, self.digest.len())?;
        Ok(compute::same(&digest, &self.digest))
    }

    /// The text to store.
    pub(super) fn encode(&self) -> String {
        let digest = PADDED.encode(&self.digest);
        let salt = String::from_utf8_lossy(&self.salt);
        match self.scheme {
            Scheme::Pbkdf2Sha256 { iterations } => format!("pbkdf2_sha256${iterations}${salt}${digest}"),
            Scheme::Pbkdf2Sha1 { iterations } => format!("pbkdf2_sha1${iterations}${salt}${digest}"),
            Scheme::Scrypt { n, r, p } => format!("scrypt${n}${salt}${r}${p}${digest}"),
            Scheme::BcryptSha256 { cost } => format!("bcrypt_sha256${}", self.encode_bcrypt(cost)),
            Scheme::Bcrypt { cost } => format!("bcrypt${}", self.encode_bcrypt(cost)),
            Scheme::Argon2 { variant, old, memory, passes, lanes } => {
                let variant = match variant {
                    Argon2Variant::Argon2id => "argon2id",
                    Argon2Variant::Argon2i => "argon2i",
                    Argon2Variant::Argon2d => "argon2d",
                };
                let version = if old { 16 } else { 19 };
                let (salt, digest) = (UNPADDED.encode(&self.salt), UNPADDED.encode(&self.digest));
                format!("argon2${variant}$v={version}$m={memory},t={passes},p={lanes}${salt}${digest}")
            }
        }
    }

    fn encode_bcrypt(&self, cost: u32) -> String {
        format!("$2b${cost:02}${}{}", BCRYPT.encode(&self.salt), BCRYPT.encode(&self.digest))
    }
}

/// What a password hash is made of must not be in a log.
impl fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredPassword").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// `iterations$salt$hash`
fn pbkdf2(rest: &str, length: usize, scheme: fn(u32) -> Scheme) -> Option<StoredPassword> {
    let [iterations, salt, digest] = fields(rest)?;
    let digest = PADDED.decode(digest).ok().filter(|digest| digest.len() == length)?;
    Some(StoredPassword { scheme: scheme(number(iterations)?), salt: salt.into(), digest })
}

/// `n$salt$r$p$hash`
fn scrypt(rest: &str) -> Option<StoredPassword> {
    let [n, salt, r, p, digest] = fields(rest)?;
    let digest = PADDED.decode(digest).ok().filter(|digest| digest.len() == 64)?;
    Some(StoredPassword {
        scheme: Scheme::Scrypt { n: number(n)?, r: number(r)?, p: number(p)? },
        salt: salt.into(),
        digest,
    })
}

/// `$2b$cost$` and 22 characters of salt, 31 of hash, without anything between
fn bcrypt(rest: &str, scheme: fn(u32) -> Scheme) -> Option<StoredPassword> {
    let ["", "2a" | "2b" | "2y", cost, rest] = fields(rest)? else { return None };
    let (salt, digest) = rest.split_at_checked(22).filter(|(_, digest)| digest.len() == 31)?;
    let salt = BCRYPT.decode(salt).ok().filter(|salt| salt.len() == 16)?;
    let digest = BCRYPT.decode(digest).ok().filter(|digest| digest.len() == BCRYPT_BYTES)?;
    Some(StoredPassword { scheme: scheme(number(cost)?), salt, digest })
}

/// `argon2id$v=19$m=102400,t=2,p=8$salt$hash`; `v` is missing in version 1.0
fn argon2(rest: &str) -> Option<StoredPassword> {
    let (variant, rest) = rest.split_once('$')?;
    let variant = match variant {
        "argon2id" => Argon2Variant::Argon2id,
        "argon2i" => Argon2Variant::Argon2i,
        "argon2d" => Argon2Variant::Argon2d,
        _ => return None,
    };
    let (old, rest) = match rest.strip_prefix("v=").map(|rest| rest.split_once('$')) {
        Some(Some(("19", rest))) => (false, rest),
        Some(Some(("16", rest))) => (true, rest),
        Some(_) => return None,
        None => (true, rest),
    };
    let [costs, salt, digest] = fields(rest)?;
    let mut costs = costs.split(',');
    let mut cost = |name| number(costs.next()?.strip_prefix(name)?);
    let (memory, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
    costs.next().is_none().then_some(())?;
    let salt = UNPADDED.decode(salt).ok().filter(|salt| (8..=64).contains(&salt.len()))?;
    let digest = UNPADDED.decode(digest).ok().filter(|digest| (16..=64).contains(&digest.len()))?;
    Some(StoredPassword { scheme: Scheme::Argon2 { variant, old, memory, passes, lanes }, salt, digest })
}

/// Exactly as many fields as are wanted.
fn fields<const N: usize>(text: &str) -> Option<[&str; N]> {
    let mut fields = text.split('$');
    let mut wanted = [""; N];
    for field in &mut wanted {
        *field = fields.next()?;
    }
    fields.next().is_none().then_some(wanted)
}

/// A number as it is written: `parse` alone would take a sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A salt of 22 letters and digits, 130 bits, as Django makes it.
fn random_text() -> Vec<u8> {
    use rand::distr::{Alphanumeric, SampleString as _};

    Alphanumeric.sample_string(&mut rand::rng(), 22).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Django 5.2 and the packages it names, with few rounds; the password is `pässword`.
    const FROM_DJANGO: &[&str] = &[
        "pbkdf2_sha256$7$seasalt2seasalt2seasal$YjdqOSzzTGaXTAPXKeEweW2/CPKQ7wX0XIky3UBqvuw=",
        "pbkdf2_sha1$7$seasalt2$YGPKhqKgMnWKjCp73D0ml3RFr6A=",
        "argon2$argon2id$v=19$m=64,t=1,p=2$c2Vhc2FsdDJzZWFzYWx0MnNlYXNhbA$fEtrZngouPHH71LhNnZlWpXIz3K2DiXw9tACUMQ0ka8",
        "bcrypt_sha256$$2b$04$L1qV5Ty5oz6m6GZby9rKSe6wn0CXeeT6jdsB6AzeoWJZn8steW2TO",
        "bcrypt$$2b$04$ze83iw5xIwYobe.MrnGs1ulnkBHe80dNIOqpFp4kzofjmpvjbwveu",
        "scrypt$16$seasalt$8$2$hxvqC7R59DMMOBZKSdPpxu7FjshRlTA8EEpNU+hgNQ13q+NKr/du1hi1VdV5UE/FOeye+JOv3igg78A0GhmnYQ==",
        "argon2$argon2i$v=16$m=64,t=1,p=2$c2Vhc2FsdDI$72J9azIojKY8j97pSW1idA",
        "argon2$argon2i$m=64,t=1,p=2$c2Vhc2FsdDI$72J9azIojKY8j97pSW1idA",
        "argon2$argon2i$v=19$m=64,t=1,p=2$c2Vhc2FsdDI$I7w5oyubRyvm7/U+Y3iI9g",
    ];

    #[test]
    fn what_django_stored_is_read() {
        for stored in FROM_DJANGO {
            let password = StoredPassword::parse(stored).unwrap_or_else(|reason| panic!("{stored}: {reason}"));
            assert_eq!(password.verify("pässword".as_bytes()), Ok(true), "{stored}");
            assert_eq!(password.verify(b"passwort"), Ok(false), "{stored}");
            assert_eq!(password.verify(b""), Ok(false), "{stored}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let argon2 = |variant, old| Scheme::Argon2 { variant, old, memory: 64, passes: 1, lanes: 2 };
        for scheme in [
            argon2(Argon2Variant::Argon2id, false),
            argon2(Argon2Variant::Argon2i, true),
            argon2(Argon2Variant::Argon2d, false),
            Scheme::Scrypt { n: 16, r: 8, p: 2 },
            Scheme::BcryptSha256 { cost: 4 },
            Scheme::Bcrypt { cost: 4 },
            Scheme::Pbkdf2Sha256 { iterations: 3 },
            Scheme::Pbkdf2Sha1 { iterations: 3 },
        ] {
            let made = StoredPassword::make(scheme, b"secret").expect("the cost is in bounds");
            let stored = made.encode();
            assert!(stored.len() <= 128, "Django's column has 128 characters: {stored}");
            let read = StoredPassword::parse(&stored).expect("it was written by us");
            assert_eq!(read.scheme, scheme);
            assert!(read == made, "{stored}");
            assert_eq!(read.verify(b"secret"), Ok(true));
            assert_eq!(read.verify(b"Secret"), Ok(false));
        }
    }

    #[test]
    fn of_a_long_password_everything_counts_but_for_bcrypt() {
        let (short, long) = ("x".repeat(72), "x".repeat(73));
        for (scheme, counts) in [(Scheme::BcryptSha256 { cost: 4 }, true), (Scheme::Bcrypt { cost: 4 }, false)] {
            let made = StoredPassword::make(scheme, short.as_bytes()).expect("the cost is in bounds");
            assert_eq!(made.verify(long.as_bytes()), Ok(!counts), "{scheme:?}");
        }
    }

    #[test]
    fn what_is_broken_is_no_password() {
        let good = [
            StoredPassword::make(Scheme::Pbkdf2Sha256 { iterations: 1 }, b""),
            StoredPassword::make(Scheme::Bcrypt { cost: 4 }, b""),
            StoredPassword::make(Scheme::Scrypt { n: 2, r: 1, p: 1 }, b""),
            StoredPassword::make(
                Scheme::Argon2 { variant: Argon2Variant::Argon2id, old: false, memory: 8, passes: 1, lanes: 1 },
                b"",
            ),
        ];
        for good in good {
            let good = good.expect("the cost is in bounds").encode();
            // A shorter hash of Argon2 may be another one, but it is none of the same password.
            let opens = |stored: &str| StoredPassword::parse(stored).is_ok_and(|read| read.verify(b"") == Ok(true));
            assert!(opens(&good));
            for end in 0..good.len() {
                assert!(!opens(&good[..end]), "{}", &good[..end]);
            }
            assert!(!opens(&format!("{good}$")) && !opens(&format!("{good}A")));
        }
        for broken in [
            "",
            "!",
            "!aBcDeF",
            "$",
            "secret",
            "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
            "pbkdf2_sha256$1$salt$",
            "pbkdf2_sha256$-1$salt$AAAA",
            "pbkdf2_sha256$+1$c$tFVRvOBZbQpxWzzTVVXhFZVNKYCjGWJKwqHaTXGlmtI=",
            "pbkdf2_sha256$99999999999$c$tFVRvOBZbQpxWzzTVVXhFZVNKYCjGWJKwqHaTXGlmtI=",
            "argon2$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "argon2$argon2id$v=19$m=8,t=1,p=1,x=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "argon2$argon2id$v=20$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "argon2$argon2id$v=19$m=8,t=1,p=1$$",
            "bcrypt$$2b$99$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcde",
            "bcrypt$$2b$04$äbcdefghijklmnopqrstuabcdefghijklmnopqrstuvwxyzabcde",
        ] {
            assert!(StoredPassword::parse(broken).is_err(), "{broken}");
        }
        assert!(StoredPassword::parse(&format!("pbkdf2_sha256$1${}$AAAA", "x".repeat(100_000))).is_err());
    }

    #[test]
    fn a_hash_is_not_in_a_log() {
        let made = StoredPassword::make(Scheme::Pbkdf2Sha256 { iterations: 1 }, b"x").expect("it is in bounds");
        assert_eq!(format!("{made:?}"), "StoredPassword { scheme: Pbkdf2Sha256 { iterations: 1 }, .. }");
    }
}
