use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{
    super::{
        Algorithm, Authenticator as _, Jwt,
        key::tests::{jwk, pem, private_keys, secret, token},
    },
    *,
};

fn set(keys: &[Value]) -> String {
    json!({"keys": keys}).to_string()
}

fn algorithms(keys: &[Value]) -> Result<Vec<(Option<String>, Algorithm)>, String> {
    let jwks = Jwks::from_json(&set(keys)).map_err(|error| error.to_string())?;
    let keys = jwks.inner.keys().expect("they are there");
    Ok(keys.iter().map(|key| (key.id().map(str::to_owned), key.algorithm())).collect())
}

#[test]
fn each_key_is_for_one_algorithm() {
    let rsa = Key::pem(Algorithm::RS256, pem!("rsa-public")).expect("it is a good key");
    let p256 = Key::pem(Algorithm::ES256, pem!("p256-public")).expect("it is a good key");
    let p384 = Key::pem(Algorithm::ES384, pem!("p384-public")).expect("it is a good key");
    let ed = Key::pem(Algorithm::EdDSA, pem!("ed25519-public")).expect("it is a good key");
    let short = Key::pem(Algorithm::RS256, pem!("rsa-1024")).expect_err("it is short").to_string();
    assert!(short.contains("1024"));
    let good = [
        jwk(&rsa, json!({"kid": "a"})),
        jwk(&rsa, json!({"kid": "b", "alg": "PS512", "use": "sig"})),
        jwk(&p256, json!({"kid": "c", "key_ops": ["verify"]})),
        jwk(&p384, json!({"alg": "ES384"})),
        jwk(&ed, json!({"kid": "e", "alg": "EdDSA", "unknown": {"x": 1}})),
    ];
    let expected = [
        (Some("a".into()), Algorithm::RS256),
        (Some("b".into()), Algorithm::PS512),
        (Some("c".into()), Algorithm::ES256),
        (None, Algorithm::ES384),
        (Some("e".into()), Algorithm::EdDSA),
    ];
    assert_eq!(algorithms(&good), Ok(expected.to_vec()));

    let oct = json!({"kty": "oct", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQ", "alg": "HS256"});
    let passed_over = [
        oct,
        jwk(&rsa, json!({"use": "enc"})),
        jwk(&rsa, json!({"alg": "RSA-OAEP"})),
        jwk(&rsa, json!({"alg": "HS256"})),
        jwk(&rsa, json!({"alg": "ES256"})),
        jwk(&rsa, json!({"alg": "none"})),
        jwk(&rsa, json!({"key_ops": ["sign"]})),
        jwk(&rsa, json!({"n": "AQAB"})),
        jwk(&rsa, json!({"n": "*"})),
        jwk(&p256, json!({"crv": "P-384"})),
        jwk(&p256, json!({"crv": "secp256k1"})),
        jwk(&p256, json!({"x": "AAAA"})),
        jwk(&ed, json!({"x": "AAAA"})),
        jwk(&ed, json!({"crv": "X25519"})),
        json!({"kty": "future"}),
        json!({}),
        json!(null),
        json!("key"),
    ];
    for key in &passed_over {
        let error = algorithms(std::slice::from_ref(key)).expect_err("it is passed over");
        assert!(error.ends_with("none of its 1 keys verifies signatures of a known algorithm"), "{key}: {error}");
    }
    let mixed: Vec<_> = passed_over.into_iter().chain(good).collect();
    assert_eq!(algorithms(&mixed), Ok(expected.to_vec()));
    let many: Vec<_> = std::iter::repeat_n(jwk(&rsa, json!({})), 33).collect();
    assert_eq!(algorithms(&many), Err("the key set is of no use: it holds 33 keys; 32 are allowed".into()));
}

#[test]
fn what_is_no_key_set() {
    for text in ["", "[]", "{}", "{\"keys\": {}}", "<html>", "{\"keys\": []}"] {
        assert!(Jwks::from_json(text).is_err(), "{text}");
    }
}

/// A provider whose answer the test sets.
#[derive(Default)]
struct Provider {
    answer: Mutex<Option<String>>,
    asked: AtomicUsize,
}

impl Provider {
    fn jwt(self: &Arc<Self>) -> Jwt {
        let provider = self.clone();
        let keys = Jwks::fetched("the test", move || {
            provider.asked.fetch_add(1, Ordering::SeqCst);
            let answer = provider.answer.lock().expect("no test panics with it").clone();
            async move { answer.ok_or_else(|| anyhow::anyhow!("it is down")) }
        });
        Jwt::external(keys)
    }

    fn publish(&self, keys: &[Key]) {
        let keys: Vec<_> = keys.iter().map(|key| jwk(key, json!({"kid": key.id()}))).collect();
        *self.answer.lock().expect("no test panics with it") = Some(set(&keys));
    }

    fn down(&self) {
        *self.answer.lock().expect("no test panics with it") = None;
    }

    #[track_caller]
    fn was_asked(&self, times: usize) {
        assert_eq!(self.asked.load(Ordering::SeqCst), times);
    }
}

fn keys() -> (Key, Key) {
    let old = Key::pem(Algorithm::ES256, pem!("p256")).expect("it is a good key").with_id("old");
    let new = Key::pem(Algorithm::EdDSA, pem!("ed25519")).expect("it is a good key").with_id("new");
    (old, new)
}

fn signed(key: &Key) -> String {
    let header = json!({"alg": key.algorithm().to_string(), "kid": key.id()});
    token(&header, &json!({"sub": "7", "exp": 4_102_444_800_u64}), key)
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_there_is_fetched_once() {
    let (provider, (old, new)) = (Arc::new(Provider::default()), keys());
    provider.publish(std::slice::from_ref(&old));
    let jwt = provider.jwt();
    assert_eq!(jwt.authenticate(&signed(&old)).await.expect("it is known").user_id(), "7");
    provider.was_asked(1);
    // A flood of unknown keys asks nobody.
    for _ in 0..100 {
        let error = jwt.authenticate(&signed(&new)).await.expect_err("it is not known");
        assert!(!error.is_unavailable() && error.to_string() == "it names a key that is not known here");
    }
    provider.was_asked(1);
    provider.publish(&[new.clone(), old.clone()]);
    pass(30).await;
    let (first, second) = tokio::join!(jwt.verify(&NEW), jwt.verify(&NEW));
    assert!(first.is_ok() && second.is_ok(), "both wait for the same fetch");
    provider.was_asked(2);
    assert!(jwt.authenticate(&signed(&old)).await.is_ok());
    provider.was_asked(2);
}

static NEW: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| signed(&keys().1));

#[tokio::test(start_paused = true)]
async fn keys_outlive_their_provider_and_are_refreshed_in_the_background() {
    let (provider, (old, new)) = (Arc::new(Provider::default()), keys());
    let jwt = provider.jwt();
    let error = jwt.authenticate(&signed(&old)).await.expect_err("it is down");
    assert!(error.is_unavailable(), "{error}");
    assert_eq!(error.to_string(), "the keys of the test are not there: it is down");
    assert!(jwt.authenticate(&signed(&old)).await.expect_err("it is left alone").is_unavailable());
    provider.was_asked(1);

    provider.publish(std::slice::from_ref(&old));
    pass(30).await;
    assert!(jwt.authenticate(&signed(&old)).await.is_ok());
    provider.was_asked(2);
    provider.down();
    pass(600).await;
    for _ in 0..3 {
        assert!(jwt.authenticate(&signed(&old)).await.is_ok(), "nobody waits for the refresh");
        tokio::task::yield_now().await;
    }
    provider.was_asked(3);
    provider.publish(&[]);
    pass(30).await;
    assert!(jwt.authenticate(&signed(&old)).await.is_ok());
    tokio::task::yield_now().await;
    provider.was_asked(4);
    assert!(jwt.authenticate(&signed(&old)).await.is_ok(), "an empty set is no set");

    // What is no longer published is no longer accepted.
    provider.publish(std::slice::from_ref(&new));
    pass(30).await;
    let _ = jwt.authenticate(&signed(&old)).await;
    tokio::task::yield_now().await;
    provider.was_asked(5);
    assert!(jwt.authenticate(&signed(&old)).await.is_err());
    assert!(jwt.authenticate(&signed(&new)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_or_panics_is_given_up() {
    let (old, _) = keys();
    let hanging = Jwt::external(Jwks::fetched("hanging", std::future::pending));
    assert!(hanging.authenticate(&signed(&old)).await.expect_err("nothing comes").is_unavailable());
    let panicking = Jwt::external(Jwks::fetched("panicking", || async { panic!("expected by the test") }));
    assert!(panicking.authenticate(&signed(&old)).await.expect_err("nothing comes").is_unavailable());
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_again() {
    let (old, new) = keys();
    let path = std::env::temp_dir().join(format!("psd-jwks-{:016x}.json", rand::random::<u64>()));
    let write = |key: &Key| std::fs::write(&path, set(&[jwk(key, json!({"kid": key.id()}))])).expect("it is writable");
    assert!(Jwks::file(&path).expect_err("it is not there").to_string().contains("psd-jwks-"));
    write(&old);
    let jwt = Jwt::external(Jwks::file(&path).expect("it is there"));
    assert!(jwt.authenticate(&signed(&old)).await.is_ok());
    write(&new);
    assert!(jwt.authenticate(&signed(&new)).await.is_err(), "it was read a moment ago");
    pass(30).await;
    assert!(jwt.authenticate(&signed(&new)).await.is_ok());
    std::fs::remove_file(&path).expect("it is there");
}

#[tokio::test]
async fn a_shared_secret_does_not_become_a_public_key() {
    let all: Vec<_> = private_keys().into_iter().filter(|key| !key.algorithm().is_symmetric()).collect();
    let set = set(&all.iter().map(|key| jwk(key, json!({"alg": key.algorithm().to_string()}))).collect::<Vec<_>>());
    let jwt = Jwt::external(Jwks::from_json(&set).expect("they are good keys"));
    let claims = json!({"sub": "7", "exp": 4_102_444_800_u64});
    for key in &all {
        let token = token(&json!({"alg": key.algorithm().to_string()}), &claims, key);
        assert!(jwt.authenticate(&token).await.is_ok(), "{key:?}");
    }
    let forged = token(&json!({"alg": "HS256"}), &claims, &secret());
    assert!(jwt.authenticate(&forged).await.is_err());
    assert!(jwt.issuer().is_none());
}
