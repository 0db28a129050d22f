//! JSON Web Key Sets (RFC 7517) as identity providers publish them.

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use super::{Algorithm, Key, KeyError};

/// A set with more keys is not read: a token that names none is tried with each.
const MOST_KEYS: usize = 32;

/// The keys of a set that verify signatures here.
///
/// A set may hold keys for other purposes or of algorithms of the future; they are passed over, and so are shared
/// secrets, which nobody publishes.
pub(super) fn parse(text: &str) -> Result<Vec<Key>, KeyError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_str(text)
        .map_err(|_| KeyError::KeySet("it is no JSON object with a list of `keys`".into()))?;
    if set.keys.len() > MOST_KEYS {
        return Err(KeyError::KeySet(format!("it holds {} keys; {MOST_KEYS} are allowed", set.keys.len())));
    }
    let total = set.keys.len();
    let keys: Vec<Key> = set.keys.into_iter().filter_map(read).collect();
    if keys.is_empty() {
        return Err(KeyError::KeySet(format!("none of its {total} keys verifies signatures of a known algorithm")));
    }
    Ok(keys)
}

fn read(key: Value) -> Option<Key> {
    let id = key.get("kid").and_then(Value::as_str).map(str::to_owned);
    let passed_over = |reason: &str| {
        tracing::debug!(kid = id.as_deref(), reason, "a key of a key set is passed over");
        None
    };
    let Ok(jwk) = serde_json::from_value::<Jwk>(key) else { return passed_over("it cannot be read") };
    let is_for_signatures = match (&jwk.common.public_key_use, &jwk.common.key_operations) {
        (Some(purpose), _) if *purpose != PublicKeyUse::Signature => false,
        (_, Some(operations)) => operations.contains(&KeyOperations::Verify),
        _ => true,
    };
    if !is_for_signatures {
        return passed_over("it is not for signatures");
    }
    let Some(algorithm) = algorithm(&jwk) else { return passed_over("its algorithm is not known") };
    let key = match DecodingKey::from_jwk(&jwk) {
        Ok(verifying) => Key::public(id.clone(), algorithm, verifying),
        Err(_) => return passed_over("it cannot be read"),
    };
    key.map_or_else(|error| passed_over(&error.to_string()), Some)
}

/// The one algorithm of a key: the one it names, if it is one of its kind. An RSA key that names none is taken for
/// RS256, which OpenID Connect makes the default.
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    let named = match jwk.common.key_algorithm {
        Some(named) => Some(named.to_string().parse::<Algorithm>().ok()?),
        None => None,
    };
    let of_its_kind: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(parameters) => match parameters.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(parameters) if parameters.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        _ => &[],
    };
    match named {
        Some(named) => of_its_kind.contains(&named).then_some(named),
        None => of_its_kind.first().copied(),
    }
}
