//! Keys that sign and verify tokens. Only this module and `jwk` know the library behind them.

use std::{cell::RefCell, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{
    DecodingKey, EncodingKey, Header,
    errors::{Error as LibraryError, ErrorKind, Result as LibraryResult},
    jwk::{AlgorithmParameters, Jwk},
};
use psd_proto::envelope::LONGEST_TOKEN;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use super::entries::Entries;

/// A shorter secret could be guessed. RFC 7518, section 3.2 asks for as many bytes as the hash has; Django's
/// `SECRET_KEY` of 50 characters, which simplejwt signs with, has fewer for HS512, and is long enough.
const SHORTEST_SECRET: usize = 16;
/// RFC 7518, section 3.3.
const SHORTEST_MODULUS_BITS: usize = 2048;
const ED25519_BYTES: usize = 32;

/// How a token is signed (RFC 7518, section 3, and RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256: one secret signs and verifies.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSA (PKCS #1 v1.5) with SHA-256: a private key signs, a public one verifies.
    RS256,
    /// RSA (PKCS #1 v1.5) with SHA-384.
    RS384,
    /// RSA (PKCS #1 v1.5) with SHA-512.
    RS512,
    /// RSA (PSS) with SHA-256.
    PS256,
    /// RSA (PSS) with SHA-384.
    PS384,
    /// RSA (PSS) with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

/// A key that verifies tokens of one algorithm, and signs them if it is a secret or a private key.
///
/// A token is verified only with the algorithm of its key, whatever its header asks for.
///
/// ```
/// use psd_core::auth::{Algorithm, Key};
///
/// let key = Key::secret(Algorithm::HS256, "a secret of at least sixteen bytes")?.with_id("2026-11");
/// assert!(key.can_sign());
/// # Ok::<(), psd_core::auth::KeyError>(())
/// ```
#[derive(Clone)]
pub struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    verifying: DecodingKey,
    signing: Option<EncodingKey>,
}

/// A key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The secret is short enough to be guessed.
    #[error("the secret has {0} bytes: use at least {SHORTEST_SECRET} random ones")]
    ShortSecret(usize),
    /// A public key is no secret: whoever has it could sign tokens.
    #[error("the secret is a key in PEM form: give it to `Key::pem` with its algorithm")]
    PemAsSecret,
    /// The algorithm needs another kind of key.
    #[error("{algorithm} {needs}")]
    WrongKind {
        /// The algorithm.
        algorithm: Algorithm,
        /// What it needs.
        needs: &'static str,
    },
    /// It is no key, or not one that the algorithm can use.
    #[error("{algorithm} cannot use the key: {reason}")]
    Unusable {
        /// The algorithm.
        algorithm: Algorithm,
        /// What is wrong.
        reason: String,
    },
    /// The RSA key is short enough to be broken.
    #[error("the RSA key has {0} bits: at least {SHORTEST_MODULUS_BITS} are needed")]
    ShortModulus(usize),
    /// A key set that cannot be read, or holds nothing to verify signatures with.
    #[error("the key set is of no use: {0}")]
    KeySet(String),
}

/// Why a token was not verified.
#[derive(Debug)]
pub(super) enum Refused {
    /// No key has the id that it names; there may be a newer key set.
    UnknownKey,
    Bad(String),
}

impl Key {
    /// A shared secret of HS256, HS384 or HS512, such as Django's `SECRET_KEY`.
    ///
    /// # Errors
    /// It has fewer than 16 bytes, is a key in PEM form, or the algorithm is not one of these.
    pub fn secret(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = secret.as_ref();
        if algorithm.family() != Family::Hmac {
            return Err(KeyError::WrongKind { algorithm, needs: "needs a key pair: see `Key::pem`" });
        }
        if secret.len() < SHORTEST_SECRET {
            return Err(KeyError::ShortSecret(secret.len()));
        }
        if secret.trim_ascii_start().starts_with(b"-----BEGIN") {
            return Err(KeyError::PemAsSecret);
        }
        let signing = Some(EncodingKey::from_secret(secret));
        Ok(Self { id: None, algorithm, verifying: DecodingKey::from_secret(secret), signing })
    }

    /// A private or public key in PEM form. A private one also signs.
    ///
    /// Private keys are PKCS #8 (`BEGIN PRIVATE KEY`), RSA ones also PKCS #1; public keys are `BEGIN PUBLIC KEY`.
    ///
    /// # Errors
    /// It is no such key, not one of the algorithm, or an RSA key of fewer than 2048 bits.
    pub fn pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let pem = pem.as_ref();
        let unusable = |error: LibraryError| KeyError::Unusable { algorithm, reason: pem_reason(pem, &error) };
        let is_private = contains(pem, b"PRIVATE KEY-----");
        let read = |private: fn(&[u8]) -> LibraryResult<EncodingKey>,
                    public: fn(&[u8]) -> LibraryResult<DecodingKey>| {
            if !is_private {
                return Ok((None, public(pem)?));
            }
            let signing = private(pem)?;
            let public = Jwk::from_encoding_key(&signing, algorithm.into())?;
            Ok((Some(signing), DecodingKey::from_jwk(&public)?))
        };
        let (signing, verifying) = match algorithm.family() {
            Family::Hmac => return Err(KeyError::WrongKind { algorithm, needs: "needs a secret: see `Key::secret`" }),
            Family::Rsa => read(EncodingKey::from_rsa_pem, DecodingKey::from_rsa_pem),
            Family::Ec => read(EncodingKey::from_ec_pem, DecodingKey::from_ec_pem),
            Family::Ed => read(EncodingKey::from_ed_pem, DecodingKey::from_ed_pem),
        }
        .map_err(unusable)?;
        Self { id: None, algorithm, verifying, signing }.checked()
    }

    /// Sets the key's id, `kid`: tokens that it signs name it, and tokens that name another key are not tried with it.
    /// A key without an id is tried for every token.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The key's id, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The algorithm of the tokens that it verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether it is a secret or a private key.
    #[must_use]
    pub fn can_sign(&self) -> bool {
        self.signing.is_some()
    }

    /// A public key of a key set.
    pub(super) fn public(id: Option<String>, algorithm: Algorithm, verifying: DecodingKey) -> Result<Self, KeyError> {
        Self { id, algorithm, verifying, signing: None }.checked()
    }

    /// Tries the key, since the library notices some mistakes only when it is used.
    fn checked(self) -> Result<Self, KeyError> {
        let unusable = |error: LibraryError| KeyError::Unusable { algorithm: self.algorithm, reason: reason(&error) };
        // Before anything else: the library would panic at a shorter one.
        if self.algorithm.family() == Family::Ed
            && self.verifying.try_get_as_bytes().is_ok_and(|bytes| bytes.len() != ED25519_BYTES)
        {
            let reason = "it is not an Ed25519 key".into();
            return Err(KeyError::Unusable { algorithm: self.algorithm, reason });
        }
        let public = Jwk::from_decoding_key(&self.verifying, Some(self.algorithm.into())).map_err(unusable)?;
        if let AlgorithmParameters::RSA(parameters) = &public.algorithm {
            let bits = parameters.n.len() * 3 / 4 * 8;
            if bits < SHORTEST_MODULUS_BITS {
                return Err(KeyError::ShortModulus(bits));
            }
        }
        match &self.signing {
            Some(signing) => {
                let signature = jsonwebtoken::crypto::sign(b"", signing, self.algorithm.into()).map_err(unusable)?;
                jsonwebtoken::crypto::verify(&signature, b"", &self.verifying, self.algorithm.into())
            }
            None => jsonwebtoken::crypto::verify("", b"", &self.verifying, self.algorithm.into()),
        }
        .map_err(unusable)?;
        Ok(self)
    }

    /// Whether signing takes so long that it does not belong on the event loop.
    pub(super) fn signs_slowly(&self) -> bool {
        self.algorithm.family() == Family::Rsa
    }

    /// Signs claims.
    pub(super) fn sign(&self, claims: &Map<String, Value>) -> Result<String, crate::Error> {
        let Some(signing) = &self.signing else { return Err(crate::Error::internal("the key is a public one")) };
        let header = Header { kid: self.id.clone(), ..Header::new(self.algorithm.into()) };
        Ok(jsonwebtoken::encode(&header, claims, signing)?)
    }
}

/// The claims of a token that one of the keys has signed. What they say is not looked at.
pub(super) fn open(token: &str, keys: &[&[Key]]) -> Result<Entries, Refused> {
    let bad = |reason: &str| Err(Refused::Bad(reason.into()));
    // Before anything is decoded: no honest token is longer.
    if token.len() > LONGEST_TOKEN {
        return Err(Refused::Bad(format!("it has {} bytes; {LONGEST_TOKEN} are allowed", token.len())));
    }
    let Some((message, signature)) = token.rsplit_once('.') else { return bad(NOT_THREE_PARTS) };
    let Some((header, claims)) = message.rsplit_once('.') else { return bad(NOT_THREE_PARTS) };
    LAST_HEADER.with_borrow_mut(|last| {
        let header =
            last.read(header).map_err(|reason| Refused::Bad(format!("its header cannot be read: {reason}")))?;
        verify(message, signature, header, keys)
    })?;
    let mut json = Vec::with_capacity(claims.len());
    BASE64.decode_vec(claims, &mut json).map_err(|_| Refused::Bad(NOT_BASE64.into()))?;
    let json = str::from_utf8(&json).map_err(|_| Refused::Bad(NOT_JSON.into()))?;
    serde_json::from_str(json).map_err(|error| Refused::Bad(json_reason(&error).into()))
}

/// Checks that one of the keys has signed a message with this header.
fn verify(message: &str, signature: &str, header: &TokenHeader, keys: &[&[Key]]) -> Result<(), Refused> {
    let bad = |reason: &str| Err(Refused::Bad(reason.into()));
    if header.crit.is_some() {
        return bad("its header demands something that is not known here (`crit`)");
    }
    let keys = || keys.iter().copied().flatten();
    let named = header.kid.as_deref();
    let is_known = named.is_none_or(|id| keys().any(|key| key.id.as_deref() == Some(id)));
    let mut fitting = keys()
        .filter(|key| named.is_none() || key.id.is_none() || key.id.as_deref() == named)
        .filter(|key| jsonwebtoken::Algorithm::from(key.algorithm) == header.alg)
        .peekable();
    let has_fitting = fitting.peek().is_some();
    for key in fitting {
        match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.verifying, header.alg) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => return Err(Refused::Bad(reason(&error))),
        }
    }
    match (is_known, has_fitting) {
        (false, _) => Err(Refused::UnknownKey),
        (true, true) => bad("its signature is not of a key that is known here"),
        (true, false) => bad("its algorithm is not that of the key"),
    }
}

/// What matters of a token's header (RFC 7515, section 4.1).
#[derive(Deserialize)]
struct TokenHeader {
    alg: jsonwebtoken::Algorithm,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

thread_local! {
    /// Nearly all tokens of a server have the same header.
    static LAST_HEADER: RefCell<LastHeader> = RefCell::default();
}

/// The header that was read last, with its text in base64.
#[derive(Default)]
struct LastHeader(Option<(Box<str>, TokenHeader)>);

impl LastHeader {
    /// Reads a header, unless it is the last one.
    fn read(&mut self, text: &str) -> Result<&TokenHeader, &'static str> {
        let header = match self.0.take() {
            Some(last) if *last.0 == *text => last,
            _ => {
                let json = BASE64.decode(text).map_err(|_| NOT_BASE64)?;
                (text.into(), serde_json::from_slice(&json).map_err(|error| json_reason(&error))?)
            }
        };
        Ok(&self.0.insert(header).1)
    }
}

const NOT_THREE_PARTS: &str = "it does not have three parts";
const NOT_BASE64: &str = "it is not base64url";
const NOT_JSON: &str = "it is not JSON";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Hmac,
    Rsa,
    Ec,
    Ed,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: &'static [Self] = &[
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// Whether its key is a shared secret, not a key pair.
    #[must_use]
    pub fn is_symmetric(self) -> bool {
        self.family() == Family::Hmac
    }

    fn family(self) -> Family {
        match self {
            Self::HS256 | Self::HS384 | Self::HS512 => Family::Hmac,
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => Family::Rsa,
            Self::ES256 | Self::ES384 => Family::Ec,
            Self::EdDSA => Family::Ed,
        }
    }
}

/// The name that stands in the header of tokens, such as `HS256`.
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::str::FromStr for Algorithm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.to_string() == name).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(Self::to_string).collect();
            format!("`{name}` is no algorithm: use one of {}", known.join(", "))
        })
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::HS256 => Self::HS256,
            Algorithm::HS384 => Self::HS384,
            Algorithm::HS512 => Self::HS512,
            Algorithm::RS256 => Self::RS256,
            Algorithm::RS384 => Self::RS384,
            Algorithm::RS512 => Self::RS512,
            Algorithm::PS256 => Self::PS256,
            Algorithm::PS384 => Self::PS384,
            Algorithm::PS512 => Self::PS512,
            Algorithm::ES256 => Self::ES256,
            Algorithm::ES384 => Self::ES384,
            Algorithm::EdDSA => Self::EdDSA,
        }
    }
}

impl From<Algorithm> for jsonwebtoken::jwk::KeyAlgorithm {
    fn from(algorithm: Algorithm) -> Self {
        jsonwebtoken::Algorithm::from(algorithm).into()
    }
}

/// Shows neither secret nor private key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .field("can_sign", &self.can_sign())
            .finish_non_exhaustive()
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// What is wrong with a key in PEM form, and the way out.
fn pem_reason(pem: &[u8], error: &LibraryError) -> String {
    let hint = if contains(pem, b"BEGIN EC PRIVATE KEY") {
        "; convert it: `openssl pkcs8 -topk8 -nocrypt -in old.pem -out new.pem`"
    } else if contains(pem, b"BEGIN CERTIFICATE") {
        "; take the key out of the certificate: `openssl x509 -pubkey -noout -in certificate.pem`"
    } else if contains(pem, b"ENCRYPTED PRIVATE KEY") {
        "; it is encrypted: `openssl pkcs8 -in old.pem -out new.pem` decrypts it"
    } else {
        ""
    };
    format!("{}{hint}", reason(error))
}

/// An error of the library in words; those of parsers quote what they read, and a token's content is not for the log.
fn reason(error: &LibraryError) -> String {
    match error.kind() {
        ErrorKind::InvalidToken => NOT_THREE_PARTS.into(),
        ErrorKind::InvalidSignature => "its signature is wrong".into(),
        ErrorKind::InvalidEcdsaKey | ErrorKind::InvalidEddsaKey => "it is not a key of its curve".into(),
        ErrorKind::InvalidRsaKey(_) => "it is no RSA key".into(),
        ErrorKind::InvalidKeyFormat => "it is not a key of that kind in a known format".into(),
        ErrorKind::Base64(_) => NOT_BASE64.into(),
        ErrorKind::Json(error) => json_reason(error).into(),
        ErrorKind::Utf8(_) => "it is not UTF-8".into(),
        _ => error.to_string(),
    }
}

fn json_reason(error: &serde_json::Error) -> &'static str {
    if error.is_data() { "an entry is missing or has a value that is not known" } else { NOT_JSON }
}

#[cfg(test)]
pub(super) mod tests;
