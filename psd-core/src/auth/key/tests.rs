use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::json;

use super::*;

pub(in crate::auth) const SECRET: &str = "a secret of at least sixteen bytes";

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../../../tests/keys/", $name, ".pem"))
    };
}
pub(in crate::auth) use pem;

pub(in crate::auth) fn secret() -> Key {
    Key::secret(Algorithm::HS256, SECRET).expect("it is long enough")
}

/// A token with any header and claims, signed as the key's algorithm is.
pub(in crate::auth) fn token(header: &Value, claims: &Value, key: &Key) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signing = key.signing.as_ref().expect("the test gives a private key");
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), signing, key.algorithm.into());
    format!("{message}.{}", signature.expect("it was checked"))
}

/// The public half of a key as key sets hold it.
pub(in crate::auth) fn jwk(key: &Key, more: Value) -> Value {
    let jwk = Jwk::from_decoding_key(&key.verifying, None).expect("it was checked");
    let mut jwk = serde_json::to_value(jwk).expect("it is JSON");
    for (name, value) in more.as_object().expect("it is an object") {
        jwk[name] = value.clone();
    }
    jwk
}

/// Each algorithm with its private key.
pub(in crate::auth) fn private_keys() -> Vec<Key> {
    // RSA keys take their time to be checked.
    static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
        let key = |algorithm: &Algorithm| match algorithm.family() {
            Family::Hmac => Key::secret(*algorithm, SECRET),
            Family::Rsa => Key::pem(*algorithm, pem!("rsa")),
            Family::Ec if *algorithm == Algorithm::ES256 => Key::pem(*algorithm, pem!("p256")),
            Family::Ec => Key::pem(*algorithm, pem!("p384")),
            Family::Ed => Key::pem(*algorithm, pem!("ed25519")),
        };
        Algorithm::ALL.iter().map(key).collect::<Result<_, _>>().expect("they are good keys")
    });
    KEYS.clone()
}

fn opened(token: &str, keys: &[Key]) -> Result<Map<String, Value>, String> {
    open(token, &[keys]).map(|claims| claims.to_json()).map_err(|refused| match refused {
        Refused::UnknownKey => "unknown key".into(),
        Refused::Bad(reason) => reason,
    })
}

#[test]
fn each_algorithm_verifies_what_it_signs_and_nothing_else() {
    let claims = json!({"a": 1});
    let claims = claims.as_object().expect("it is an object");
    let keys = private_keys();
    let tokens: Vec<_> = keys.iter().map(|key| key.sign(claims).expect("it can sign")).collect();
    for (at, key) in keys.iter().enumerate() {
        for (other, token) in tokens.iter().enumerate() {
            let result = opened(token, std::slice::from_ref(key));
            if at == other {
                assert_eq!(result.as_ref(), Ok(claims), "{key:?}");
            } else {
                assert_eq!(result.expect_err("another algorithm"), "its algorithm is not that of the key");
            }
        }
        let all = opened(&tokens[at], &keys);
        assert_eq!(all.as_ref(), Ok(claims), "among others: {key:?}");
    }
}

#[test]
fn a_public_key_verifies_and_does_not_sign() {
    for (algorithm, private, public) in [
        (Algorithm::RS256, pem!("rsa"), pem!("rsa-public")),
        (Algorithm::PS512, pem!("rsa-pkcs1"), pem!("rsa-public")),
        (Algorithm::ES256, pem!("p256"), pem!("p256-public")),
        (Algorithm::ES384, pem!("p384"), pem!("p384-public")),
        (Algorithm::EdDSA, pem!("ed25519"), pem!("ed25519-public")),
    ] {
        let private = Key::pem(algorithm, private).expect("it is a good key");
        let public = Key::pem(algorithm, public).expect("it is a good key");
        assert!(private.can_sign() && !public.can_sign(), "{algorithm}");
        let token = private.sign(&Map::new()).expect("it can sign");
        assert!(public.sign(&Map::new()).is_err());
        assert_eq!(opened(&token, &[public]), Ok(Map::new()), "{algorithm}");
    }
}

/// The public key of RS256 is known to everybody; an attacker signs with it as if it were a secret.
#[test]
fn a_public_key_is_no_secret() {
    let public = Key::pem(Algorithm::RS256, pem!("rsa-public")).expect("it is a good key");
    let jwk = jwk(&public, json!({}));
    let modulus = BASE64.decode(jwk["n"].as_str().expect("it is RSA")).expect("it is base64");
    let der = public.verifying.try_get_as_bytes().expect("it is DER").to_vec();
    let pem = pem!("rsa-public");
    for stolen in [pem.as_bytes(), pem.trim().as_bytes(), &modulus, &der, jwk.to_string().as_bytes()] {
        let signing = Some(EncodingKey::from_secret(stolen));
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let forged =
                Key { id: None, algorithm, verifying: DecodingKey::from_secret(stolen), signing: signing.clone() };
            for header in [json!({"alg": algorithm.to_string()}), json!({"alg": "RS256"})] {
                let token = token(&header, &json!({"exp": 4_102_444_800_u64}), &forged);
                assert!(opened(&token, std::slice::from_ref(&public)).is_err(), "{header}");
                assert!(opened(&token, &[public.clone(), secret()]).is_err(), "{header}");
            }
        }
    }
}

#[test]
fn unsigned_tokens_are_refused() {
    let keys = private_keys();
    for alg in ["none", "None", "NONE", "nOnE", "", "HS1", "hs256", "ES512", "dir"] {
        let signed = token(&json!({"alg": alg, "typ": "JWT"}), &json!({"exp": 4_102_444_800_u64}), &secret());
        let (message, _) = signed.rsplit_once('.').expect("it has three parts");
        for token in [signed.clone(), format!("{message}."), message.to_owned(), format!("{message}.AA")] {
            assert!(opened(&token, &keys).is_err(), "{alg}: {token}");
        }
    }
    let unnamed = token(&json!({"typ": "JWT"}), &json!({}), &secret());
    assert!(opened(&unnamed, &keys).is_err(), "it names no algorithm");
}

#[test]
fn a_token_is_whole() {
    let key = secret();
    let token = key.sign(json!({"exp": 1}).as_object().expect("it is an object")).expect("it can sign");
    assert!(opened(&token, std::slice::from_ref(&key)).is_ok());
    for length in 0..token.len() {
        assert!(opened(&token[..length], std::slice::from_ref(&key)).is_err(), "cut at {length}");
        let mut changed = token.clone().into_bytes();
        changed[length] = if changed[length] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("it is ASCII");
        // The last character holds bits that mean nothing, which must be zero.
        assert!(opened(&changed, std::slice::from_ref(&key)).is_err(), "changed at {length}");
    }
    for more in [".", ".x", "=", " ", "\n", "A"] {
        assert!(opened(&format!("{token}{more}"), std::slice::from_ref(&key)).is_err(), "{more:?} behind it");
        assert!(opened(&format!("{more}{token}"), std::slice::from_ref(&key)).is_err(), "{more:?} before it");
    }
}

#[test]
fn a_long_token_is_not_looked_at() {
    let key = secret();
    let long = token(&json!({"alg": "HS256"}), &json!({"x": "y".repeat(100_000)}), &key);
    let refused = opened(&long, &[key]).expect_err("it is too long");
    assert_eq!(refused, format!("it has {} bytes; 16384 are allowed", long.len()));
}

#[test]
fn what_a_header_demands_must_be_known() {
    let header = json!({"alg": "HS256", "crit": ["exp"]});
    let token = token(&header, &json!({"exp": 1}), &secret());
    assert!(opened(&token, &[secret()]).expect_err("it demands").contains("`crit`"));
}

#[test]
fn a_token_may_name_its_key() {
    let key = |secret: &str| Key::secret(Algorithm::HS256, secret).expect("it is long enough");
    let (new, old, nameless) =
        (key("the new secret, long").with_id("new"), key("the old secret, long").with_id("old"), secret());
    let keys = [new.clone(), old.clone(), nameless.clone()];
    for key in &keys {
        assert!(opened(&key.sign(&Map::new()).expect("it can sign"), &keys).is_ok(), "{key:?}");
        let anonymous = token(&json!({"alg": "HS256"}), &json!({}), key);
        assert!(opened(&anonymous, &keys).is_ok(), "without a name each is tried: {key:?}");
    }
    let named = |id: &str, key: &Key| token(&json!({"alg": "HS256", "kid": id}), &json!({}), key);
    assert!(opened(&named("old", &new), &keys).is_err(), "it names another");
    assert!(opened(&named("other", &nameless), &keys).is_ok(), "a key without a name is tried for every token");
    assert_eq!(opened(&named("other", &new), &keys), Err("unknown key".into()));
    assert_eq!(opened(&named("other", &new), &[new.clone(), old]), Err("unknown key".into()));
    assert!(opened(&named("new", &new), &[]).is_err());
}

#[test]
fn unusable_keys() {
    #[track_caller]
    fn check(result: Result<Key, KeyError>, expected: &str) {
        assert_eq!(result.expect_err("it is of no use").to_string(), expected);
    }
    let pem = |algorithm, pem: &str| Key::pem(algorithm, pem);
    check(Key::secret(Algorithm::HS256, "short"), "the secret has 5 bytes: use at least 16 random ones");
    check(Key::secret(Algorithm::RS256, SECRET), "RS256 needs a key pair: see `Key::pem`");
    check(
        Key::secret(Algorithm::HS256, pem!("rsa-public")),
        "the secret is a key in PEM form: give it to `Key::pem` with its algorithm",
    );
    check(pem(Algorithm::HS256, pem!("rsa")), "HS256 needs a secret: see `Key::secret`");
    check(pem(Algorithm::RS256, pem!("rsa-1024")), "the RSA key has 1024 bits: at least 2048 are needed");
    let other = "it is not a key of that kind in a known format";
    check(pem(Algorithm::RS256, pem!("p256")), &format!("RS256 cannot use the key: {other}"));
    check(pem(Algorithm::ES256, pem!("rsa-public")), &format!("ES256 cannot use the key: {other}"));
    check(pem(Algorithm::EdDSA, pem!("p256-public")), &format!("EdDSA cannot use the key: {other}"));
    check(pem(Algorithm::RS256, "nonsense"), &format!("RS256 cannot use the key: {other}"));
    check(pem(Algorithm::ES256, pem!("p384")), "ES256 cannot use the key: it is not a key of its curve");
    check(pem(Algorithm::ES384, pem!("p256-public")), "ES384 cannot use the key: it is not a key of its curve");
    for (algorithm, text) in [
        (Algorithm::ES384, pem!("p521")),
        (Algorithm::EdDSA, pem!("ed448-public")),
        (Algorithm::ES256, pem!("p256-sec1")),
        (Algorithm::RS256, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ] {
        assert!(matches!(Key::pem(algorithm, text), Err(KeyError::Unusable { .. })), "{algorithm}\n{text}");
    }
    let error = pem(Algorithm::ES256, pem!("p256-sec1")).expect_err("it is SEC 1").to_string();
    assert!(error.contains("openssl pkcs8 -topk8"), "{error}");
}

#[test]
fn names_of_algorithms() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.to_string().parse(), Ok(*algorithm));
    }
    let error = "none".parse::<Algorithm>().expect_err("it is none");
    assert!(error.starts_with("`none` is no algorithm: use one of HS256, "), "{error}");
}

#[test]
fn a_key_is_not_shown() {
    for key in private_keys() {
        let shown = format!("{key:?} {:#?}", key.clone().with_id("k"));
        assert!(shown.contains("can_sign: true") && shown.len() < 300, "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}
