//! The ways to hash a password, and what they cost.

/// An algorithm with its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// Argon2 of version 1.3, or of the old version 1.0.
    Argon2 {
        /// Which of its variants.
        variant: Argon2Variant,
        /// Whether it is of version 1.0, which nobody should write any more.
        old: bool,
        /// Memory in KiB.
        memory: u32,
        /// Passes over the memory.
        passes: u32,
        /// Lanes; a part of the result, not of how fast it is computed here.
        lanes: u32,
    },
    /// scrypt.
    Scrypt {
        /// How much memory and work: a power of two.
        n: u32,
        /// The size of a block, in 128 bytes.
        r: u32,
        /// How many times.
        p: u32,
    },
    /// bcrypt of the password's SHA-256 in hexadecimal digits, so that all of a long password counts.
    BcryptSha256 {
        /// The binary logarithm of the number of rounds.
        cost: u32,
    },
    /// bcrypt, for which only the first 72 bytes of a password count.
    Bcrypt {
        /// The binary logarithm of the number of rounds.
        cost: u32,
    },
    /// PBKDF2 with HMAC-SHA-256: what Django uses unless told otherwise.
    Pbkdf2Sha256 {
        /// Rounds.
        iterations: u32,
    },
    /// PBKDF2 with HMAC-SHA-1.
    Pbkdf2Sha1 {
        /// Rounds.
        iterations: u32,
    },
}

/// The variants of Argon2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Argon2Variant {
    /// Resists both kinds of attack; the one to use.
    Argon2id,
    /// Resists attackers who watch the memory.
    Argon2i,
    /// Resists attackers with much hardware.
    Argon2d,
}

impl Scheme {
    /// Argon2id as Django writes it: 100 MiB, two passes, eight lanes.
    pub const ARGON2ID: Self =
        Self::Argon2 { variant: Argon2Variant::Argon2id, old: false, memory: 100 * 1024, passes: 2, lanes: 8 };

    /// What Django 5.2, the present long-term release, writes unless told otherwise. Every Django reads it, without a
    /// package beside it.
    pub const PBKDF2_SHA256: Self = Self::Pbkdf2Sha256 { iterations: 1_000_000 };

    /// Whether a password stored like this should be stored anew in the `preferred` way: it is of a weaker kind, or of
    /// the same and cheaper. What is as strong or stronger stays as it is: nothing is ever weakened.
    #[must_use]
    pub fn is_weaker_than(&self, preferred: &Self) -> bool {
        (self.rank(), self.work()) < (preferred.rank(), preferred.work())
    }

    /// The order of strength of the kinds.
    fn rank(&self) -> u8 {
        match self {
            Self::Pbkdf2Sha1 { .. } => 0,
            Self::Pbkdf2Sha256 { .. } => 1,
            Self::Bcrypt { .. } => 2,
            Self::BcryptSha256 { .. } => 3,
            Self::Scrypt { .. } => 4,
            Self::Argon2 { variant: Argon2Variant::Argon2id, old: false, .. } => 6,
            Self::Argon2 { .. } => 5,
        }
    }

    /// How much there is to compute, in a unit of each kind's own.
    fn work(&self) -> u64 {
        match *self {
            Self::Pbkdf2Sha1 { iterations } | Self::Pbkdf2Sha256 { iterations } => iterations.into(),
            Self::Bcrypt { cost } | Self::BcryptSha256 { cost } => cost.into(),
            Self::Scrypt { n, r, p } => u64::from(n).saturating_mul(r.into()).saturating_mul(p.into()),
            Self::Argon2 { memory, passes, .. } => u64::from(memory).saturating_mul(passes.into()),
        }
    }

    /// Refuses what cannot be computed, and what would take minutes or all memory: a stored password may be broken, or
    /// written by somebody who wants to stop the server.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let fits = match *self {
            Self::Pbkdf2Sha1 { iterations } | Self::Pbkdf2Sha256 { iterations } => {
                (1..=20_000_000).contains(&iterations)
            }
            Self::Bcrypt { cost } | Self::BcryptSha256 { cost } => (4..=16).contains(&cost),
            Self::Scrypt { n, r, p } => {
                let memory = u64::from(n).saturating_mul(r.into());
                n.is_power_of_two() && n > 1 && r > 0 && p > 0 && memory <= 1 << 23 && self.work() <= 1 << 25
            }
            Self::Argon2 { memory, passes, lanes, .. } => {
                (1..=255).contains(&lanes)
                    && (8 * lanes..=1 << 20).contains(&memory)
                    && passes > 0
                    && self.work() <= 1 << 23
            }
        };
        if fits { Ok(()) } else { Err("its cost is out of bounds") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argon2id(memory: u32, passes: u32) -> Scheme {
        Scheme::Argon2 { variant: Argon2Variant::Argon2id, old: false, memory, passes, lanes: 1 }
    }

    #[test]
    fn nothing_is_ever_weakened() {
        let pbkdf2 = |iterations| Scheme::Pbkdf2Sha256 { iterations };
        for (stored, preferred, weaker) in [
            (pbkdf2(600_000), Scheme::PBKDF2_SHA256, true),
            (pbkdf2(2_000_000), Scheme::PBKDF2_SHA256, false),
            (Scheme::Pbkdf2Sha1 { iterations: 2_000_000 }, Scheme::PBKDF2_SHA256, true),
            (Scheme::PBKDF2_SHA256, Scheme::ARGON2ID, true),
            (Scheme::ARGON2ID, Scheme::PBKDF2_SHA256, false),
            (Scheme::ARGON2ID, Scheme::ARGON2ID, false),
            (argon2id(512, 2), Scheme::ARGON2ID, true),
            (argon2id(200 * 1024, 1), Scheme::ARGON2ID, false),
            (Scheme::Bcrypt { cost: 12 }, Scheme::BcryptSha256 { cost: 10 }, true),
        ] {
            assert_eq!(stored.is_weaker_than(&preferred), weaker, "{stored:?} {preferred:?}");
        }
    }

    #[test]
    fn hostile_costs_are_refused() {
        for (scheme, fits) in [
            (Scheme::ARGON2ID, true),
            (Scheme::PBKDF2_SHA256, true),
            (Scheme::Scrypt { n: 1 << 14, r: 8, p: 5 }, true),
            (Scheme::BcryptSha256 { cost: 12 }, true),
            (Scheme::Pbkdf2Sha256 { iterations: 0 }, false),
            (Scheme::Pbkdf2Sha256 { iterations: u32::MAX }, false),
            (Scheme::Bcrypt { cost: 31 }, false),
            (Scheme::Bcrypt { cost: 3 }, false),
            (Scheme::Scrypt { n: 1000, r: 8, p: 1 }, false),
            (Scheme::Scrypt { n: 1 << 31, r: 8, p: 1 }, false),
            (Scheme::Scrypt { n: 2, r: u32::MAX, p: u32::MAX }, false),
            (Scheme::Scrypt { n: 2, r: 0, p: 1 }, false),
            (argon2id(u32::MAX, 1), false),
            (argon2id(1024, u32::MAX), false),
            (argon2id(1024, 0), false),
            (argon2id(7, 1), false),
        ] {
            assert_eq!(scheme.check().is_ok(), fits, "{scheme:?}");
        }
    }
}
