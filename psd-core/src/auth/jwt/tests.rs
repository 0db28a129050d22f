use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{
    super::{
        Login, MemoryUsers, RefreshUse, Refreshed, RevokedSession, User,
        key::tests::{SECRET, pem, secret, token},
    },
    *,
};
use crate::Error;

const FAR: u64 = u32::MAX as u64;

fn users() -> MemoryUsers {
    MemoryUsers::new()
        .user(User::new(Identity::new("1", "ann")), "pw")
        .user(User::new(Identity::new("2", "ian")).active(false), "pw")
}

fn jwt() -> Jwt {
    Jwt::new(secret()).users(users())
}

async fn login(jwt: &Jwt) -> Login {
    jwt.login("ann", "pw").await.expect("memory does not fail").expect("it is her password")
}

/// A token of HS256 with these claims.
fn signed(claims: &Value) -> String {
    token(&json!({"alg": "HS256", "typ": "JWT"}), claims, &secret())
}

async fn refreshed(jwt: &Jwt, token: &str) -> Option<Login> {
    match jwt.refresh(token).await.expect("memory does not fail") {
        Refreshed::Login(login) => Some(login),
        Refreshed::Refused => None,
        Refreshed::Reused(session) => panic!("it was used before: {session:?}"),
    }
}

async fn is_good(jwt: &Jwt, token: &str) -> bool {
    match jwt.authenticate(token).await {
        Ok(_) => true,
        Err(error) => {
            assert!(!error.is_unavailable(), "{error}");
            false
        }
    }
}

#[tokio::test]
async fn what_it_issues_it_accepts() {
    let jwt = jwt();
    let login = login(&jwt).await;
    let identity = jwt.authenticate(&login.access).await.expect("the token is fresh");
    assert_eq!((identity.user_id(), identity.username()), ("1", "ann"));
    assert_eq!(identity.session_id(), login.identity.session_id());
    assert!(identity.expires_at().is_some() && identity.session_id().is_some());
    assert!(!is_good(&jwt, &login.refresh).await, "a refresh token is no access token");
    assert!(refreshed(&jwt, &login.access).await.is_none(), "nor the other way round");
    let again = refreshed(&jwt, &login.refresh).await.expect("it is fresh");
    assert_eq!(again.refresh, login.refresh, "it stays valid");
    assert_eq!(again.identity.session_id(), login.identity.session_id(), "it is the same session");
    assert!(is_good(&jwt, &again.access).await);
}

/// Django's simplejwt reads what we write.
#[tokio::test]
async fn the_claims_are_those_of_simplejwt() {
    let jwt = jwt().issued_by("us").issued_by("them").audience("app").access_lifetime(Duration::from_secs(60));
    let login = login(&jwt).await;
    for (token, token_type, lifetime) in [(login.access, "access", 60), (login.refresh, "refresh", 24 * 60 * 60)] {
        let claims = jwt.verify(&token).await.expect("it is fresh");
        let names: Vec<_> = claims.0.names().collect();
        assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "sid", "token_type", "user_id"]);
        assert_eq!((claims.text("token_type"), claims.text("user_id")), (Some(token_type), Some("1")));
        assert_eq!((claims.text("iss"), claims.text("aud")), (Some("us"), Some("app")));
        let time = |name| claims.get(name).and_then(Value::as_u64).expect("it is a whole number");
        assert_eq!(time("exp") - time("iat"), lifetime);
        assert_eq!(claims.text("jti").map(str::len), Some(32));
    }
}

#[tokio::test]
async fn claims_may_have_other_names() {
    let jwt = jwt().user_id_claim("uid").token_type_claim("kind").jti_claim("id");
    let login = login(&jwt).await;
    assert!(is_good(&jwt, &login.access).await && refreshed(&jwt, &login.refresh).await.is_some());
    let claims = jwt.verify(&login.access).await.expect("it is fresh").to_json();
    assert_eq!((&claims["uid"], &claims["kind"]), (&json!("1"), &json!("access")));
    assert!(claims["id"].is_string());
    assert!(!is_good(&super::tests::jwt(), &login.access).await);
    assert!(jwt.issuer().is_some());
    let untyped = jwt.without_token_type();
    assert!(is_good(&untyped, &login.access).await);
    assert!(untyped.issuer().is_none(), "its refresh tokens would be access tokens");
}

#[tokio::test]
async fn the_inactive_and_the_unknown_get_nothing() {
    for (name, password) in [("ian", "pw"), ("ann", "no"), ("nobody", "pw"), ("", "")] {
        assert!(jwt().login(name, password).await.expect("memory does not fail").is_none(), "{name}");
    }
    for (id, is_there) in [("1", true), ("2", false), ("3", false)] {
        assert_eq!(jwt().issue(id).await.expect("memory does not fail").is_some(), is_there, "{id}");
        let claims = |kind: &str| signed(&json!({"token_type": kind, "user_id": id, "exp": FAR, "jti": "x"}));
        assert_eq!(is_good(&jwt(), &claims("access")).await, is_there, "{id}");
        assert_eq!(refreshed(&jwt(), &claims("refresh")).await.is_some(), is_there, "{id}");
    }
}

#[tokio::test]
async fn bad_tokens_are_refused() {
    let claims = json!({"token_type": "access", "user_id": 1, "exp": FAR, "iat": 1, "jti": "x"});
    assert!(is_good(&jwt(), &signed(&claims)).await, "user_id as a number");
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        signed(&claims)
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().expect("it is an object").remove(name);
        signed(&claims)
    };
    assert!(is_good(&jwt(), &without("iat")).await);
    assert!(is_good(&jwt().without_token_type(), &without("jti")).await, "it is no token of simplejwt's");
    let other = |algorithm, secret: &str| Key::secret(algorithm, secret).expect("it is long enough");
    let past = SystemTime::now() - Duration::from_secs(1);
    let past = super::super::claims::seconds(past);
    for (bad, expected) in [
        (
            token(&json!({"alg": "HS256"}), &claims, &other(Algorithm::HS256, "another secret of that length")),
            "signature",
        ),
        (token(&json!({"alg": "HS384"}), &claims, &other(Algorithm::HS384, SECRET)), "algorithm"),
        (token(&json!({"alg": "HS256"}), &claims, &other(Algorithm::HS384, SECRET)), "signature"),
        (token(&json!({"alg": "none"}), &claims, &secret()), "header"),
        (without("exp"), "`exp`"),
        (without("token_type"), "no access token"),
        (without("jti"), "`jti`"),
        (without("user_id"), "`user_id`"),
        (with("exp", past.into()), "expired"),
        (with("nbf", FAR.into()), "not yet valid"),
        (with("iat", FAR.into()), "not yet valid"),
        (with("token_type", "refresh".into()), "no access token"),
        (with("token_type", json!(["access"])), "no access token"),
        (with("user_id", 2.into()), "gone or not active"),
        (with("user_id", 3.into()), "gone or not active"),
        (with("user_id", "' OR 1=1 --".into()), "gone or not active"),
        (with("user_id", true.into()), "`user_id`"),
        (with("aud", "somebody".into()), "audience"),
        (signed(&json!([1])), "entry"),
        (String::new(), "three parts"),
        ("a.b.c".into(), "header"),
        ("....".into(), "header"),
        ("x".repeat(100_000), "100000 bytes"),
        (signed(&json!({"x": "y".repeat(100_000)})), "bytes"),
    ] {
        let error = jwt().authenticate(&bad).await.expect_err("it is bad");
        assert!(!error.is_unavailable() && error.to_string().contains(expected), "{expected}: {error}\n{bad:.80}");
    }
    let refresh = |exp: u64| json!({"token_type": "refresh", "user_id": 1, "exp": exp, "jti": "x"});
    let forged =
        token(&json!({"alg": "HS256"}), &refresh(FAR), &other(Algorithm::HS256, "another secret of that length"));
    for worthless in [forged, signed(&refresh(past)), "x".repeat(100_000), String::new()] {
        assert!(refreshed(&jwt(), &worthless).await.is_none());
        assert_eq!(jwt().revoke(&worthless).await.expect("it is no failure"), None);
    }
    let tolerant = jwt().leeway(Duration::from_secs(60));
    let identity = tolerant.authenticate(&with("exp", past.into())).await.expect("clocks may differ");
    assert!(identity.expires_at().expect("it expires") > SystemTime::now(), "the leeway counts for connections too");
}

#[tokio::test]
async fn no_time_is_too_long() {
    let jwt = jwt().access_lifetime(Duration::MAX).refresh_lifetime(Duration::MAX).leeway(Duration::MAX);
    let jwt = jwt.rotate_refresh_tokens();
    let login = login(&jwt).await;
    assert!(is_good(&jwt, &login.access).await && refreshed(&jwt, &login.refresh).await.is_some());
    for exp in [json!(i64::MAX), json!(9.2e18), json!(u64::MAX), json!(1e300)] {
        let claims =
            |kind: &str| signed(&json!({"token_type": kind, "user_id": "1", "exp": exp, "jti": exp.to_string()}));
        assert!(is_good(&jwt, &claims("access")).await, "{exp}");
        assert!(refreshed(&jwt, &claims("refresh")).await.is_some(), "{exp}");
        assert!(jwt.revoke(&claims("access")).await.expect("memory does not fail").is_some(), "{exp}");
        assert!(!is_good(&jwt, &claims("access")).await, "{exp}");
    }
}

#[tokio::test]
async fn a_rotated_refresh_token_is_good_once() {
    let jwt = jwt().reuse_grace(Duration::ZERO);
    let first = login(&jwt).await;
    let second = refreshed(&jwt, &first.refresh).await.expect("it is fresh");
    assert_ne!(second.refresh, first.refresh);
    let third = refreshed(&jwt, &second.refresh).await.expect("it is fresh");
    assert_eq!(third.identity.session_id(), first.identity.session_id());
    let other = login(&jwt).await;
    // Somebody has kept the second one.
    let session = match jwt.refresh(&second.refresh).await.expect("memory does not fail") {
        Refreshed::Reused(session) => session,
        other => panic!("it was used before: {other:?}"),
    };
    assert_eq!((session.user_id.as_str(), Some(session.session_id.as_str())), ("1", first.identity.session_id()));
    for login in [&first, &second, &third] {
        assert!(!is_good(&jwt, &login.access).await, "the session is over");
        assert!(refreshed(&jwt, &login.refresh).await.is_none());
    }
    assert!(is_good(&jwt, &other.access).await && refreshed(&jwt, &other.refresh).await.is_some());
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again() {
    let jwt = jwt().rotate_refresh_tokens();
    let first = login(&jwt).await;
    let lost = refreshed(&jwt, &first.refresh).await.expect("it is fresh");
    let again = refreshed(&jwt, &first.refresh).await.expect("it was used a moment ago");
    assert!(refreshed(&jwt, &again.refresh).await.is_some());
    assert!(refreshed(&jwt, &lost.refresh).await.is_some(), "both are the same step, and in time");
    // From here on the first one is not a retry any more, however soon it comes.
    assert!(matches!(jwt.refresh(&first.refresh).await, Ok(Refreshed::Reused(_))));
    assert!(!is_good(&jwt, &again.access).await);
}

#[tokio::test]
async fn tokens_of_simplejwt_are_rotated_too() {
    let jwt = jwt().reuse_grace(Duration::ZERO);
    let foreign = |jti: &str| signed(&json!({"token_type": "refresh", "user_id": "1", "exp": FAR, "jti": jti}));
    let first = refreshed(&jwt, &foreign("a")).await.expect("it is fresh");
    assert_eq!(first.identity.session_id(), Some("a"));
    assert!(refreshed(&jwt, &first.refresh).await.is_some());
    assert!(matches!(jwt.refresh(&foreign("a")).await, Ok(Refreshed::Reused(_))));
    assert!(refreshed(&jwt, &foreign("b")).await.is_some(), "each is a session by itself");
    let nameless = signed(&json!({"token_type": "refresh", "user_id": "1", "exp": FAR}));
    assert!(refreshed(&jwt, &nameless).await.is_none(), "it could be used for ever");
}

#[tokio::test]
async fn revoking_one_token_ends_its_session() {
    for is_access in [true, false] {
        let jwt = jwt();
        let (mine, other) = (login(&jwt).await, login(&jwt).await);
        let again = refreshed(&jwt, &mine.refresh).await.expect("it is fresh");
        let token = if is_access { &again.access } else { &mine.refresh };
        let session = RevokedSession {
            user_id: "1".into(),
            session_id: mine.identity.session_id().expect("it has one").to_owned(),
        };
        assert_eq!(jwt.revoke(token).await.expect("memory does not fail"), Some(session));
        for token in [&mine.access, &again.access] {
            assert!(!is_good(&jwt, token).await);
            assert_eq!(jwt.revoke(token).await.expect("memory does not fail"), None, "it is worth nothing already");
        }
        assert!(refreshed(&jwt, &mine.refresh).await.is_none());
        assert!(is_good(&jwt, &other.access).await && refreshed(&jwt, &other.refresh).await.is_some());
    }
}

/// Whoever was authenticated without a token has the rights of the store, too.
#[tokio::test]
async fn an_identity_without_a_token_is_looked_up_again() {
    let (end, jwt) = (SystemTime::now() + Duration::from_secs(60), jwt());
    let cached = |id: &str| Identity::new(id, "x").with_permissions(["a.b"]).expiring_at(end).with_session_id("s");
    let ann = jwt.refresh_identity(&cached("1"), None).await.expect("she is there");
    assert_eq!((ann.username(), ann.has_permission("a.b")), ("ann", false));
    assert_eq!((ann.expires_at(), ann.session_id()), (Some(end), Some("s")), "the session is the application's");
    for gone in ["2", "3"] {
        let error = jwt.refresh_identity(&cached(gone), None).await.expect_err("inactive, or unknown");
        assert!(!error.is_unavailable(), "{error}");
    }
    let without_store = Jwt::new(secret());
    assert_eq!(without_store.refresh_identity(&cached("3"), None).await, Ok(cached("3")));
    let error = jwt.refresh_identity(&cached("1"), Some("nonsense")).await.expect_err("the token counts");
    assert!(error.to_string().contains("three parts"), "{error}");
}

/// Counts, and can be broken.
#[derive(Clone, Default)]
struct Broken(Arc<AtomicUsize>);

impl DenyList for Broken {
    fn is_denied<'a>(&'a self, _: &'a [&'a str]) -> BoxFuture<'a, Result<bool, Error>> {
        let is_broken = self.0.load(Ordering::SeqCst) == 1;
        Box::pin(async move { if is_broken { Err(Error::text("it sleeps")) } else { Ok(false) } })
    }

    fn deny<'a>(&'a self, _: &'a str, _: SystemTime) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Err(Error::text("it sleeps")) })
    }

    fn use_up<'a>(&'a self, _: &'a str, _: u64, _: SystemTime) -> BoxFuture<'a, Result<RefreshUse, Error>> {
        Box::pin(async { Err(Error::text("it sleeps")) })
    }
}

#[tokio::test]
async fn a_deny_list_that_does_not_answer_makes_no_token_good() {
    let list = Broken::default();
    let jwt = jwt().deny_list(list.clone()).rotate_refresh_tokens();
    let login = login(&jwt).await;
    assert!(is_good(&jwt, &login.access).await);
    assert!(jwt.refresh(&login.refresh).await.is_err());
    assert!(jwt.revoke(&login.access).await.is_err());
    list.0.store(1, Ordering::SeqCst);
    assert!(jwt.authenticate(&login.access).await.expect_err("it cannot be told").is_unavailable());
    assert_eq!(jwt.refresh(&login.refresh).await.expect_err("it cannot be told").code(), Some(503));
    assert_eq!(jwt.revoke(&login.access).await.expect_err("it cannot be told").code(), Some(503));
}

#[tokio::test]
async fn keys_are_exchanged_without_logging_anybody_out() {
    let old = || Key::secret(Algorithm::HS256, "the secret until now").expect("it is long enough");
    let new = || Key::pem(Algorithm::EdDSA, pem!("ed25519")).expect("it is a good key").with_id("2026-11");
    let before = Jwt::new(old()).users(users());
    let between = Jwt::new(new()).accept(old()).users(users());
    let after = Jwt::new(new()).users(users());
    let (early, late) = (login(&before).await, login(&between).await);
    assert!(is_good(&between, &early.access).await && is_good(&between, &late.access).await);
    assert!(!is_good(&before, &late.access).await && !is_good(&after, &early.access).await);
    let renewed = refreshed(&between, &early.refresh).await.expect("the old key is accepted");
    assert!(is_good(&after, &renewed.access).await, "it signs with the new one");
}

#[tokio::test]
async fn an_rsa_key_signs_beside_the_event_loop() {
    let jwt = Jwt::new(Key::pem(Algorithm::RS256, pem!("rsa")).expect("it is a good key")).users(users());
    assert!(is_good(&jwt, &login(&jwt).await.access).await);
}

#[tokio::test]
async fn an_identity_providers_claims_say_who_somebody_is() {
    let jwt = Jwt::external(Jwks::from_json(&json!({"keys": [jwk()]}).to_string()).expect("it is a good key"))
        .issued_by("https://id")
        .audience("chat")
        .claims(|claims| {
            let id = claims.text("sub").ok_or("it has no `sub`")?;
            Ok(Identity::new(id, claims.text("name").unwrap_or(id)).with_permissions(claims.texts("scope")))
        });
    let key = Key::pem(Algorithm::ES256, pem!("p256")).expect("it is a good key");
    let with = |name: &str, value: Value| {
        let mut claims =
            json!({"sub": "7", "name": "Ann", "scope": "read write", "iss": "https://id", "aud": ["chat"], "exp": FAR});
        claims[name] = value;
        token(&json!({"alg": "ES256"}), &claims, &key)
    };
    let identity = jwt.authenticate(&with("x", json!(1))).await.expect("it is good");
    assert_eq!((identity.user_id(), identity.username()), ("7", "Ann"));
    assert!(identity.has_permission("write") && !identity.has_permission("read write"));
    assert!(identity.expires_at().is_some());
    for bad in [with("iss", json!("https://evil")), with("aud", json!("other")), with("sub", json!(null))] {
        assert!(!is_good(&jwt, &bad).await);
    }
    assert!(jwt.issuer().is_none());
    assert!(jwt.issue_for(identity).await.is_err(), "there is no key that signs");
    assert!(!format!("{jwt:?}").contains("users"), "{jwt:?}");
}

fn jwk() -> Value {
    let public = Key::pem(Algorithm::ES256, pem!("p256-public")).expect("it is a good key");
    super::super::key::tests::jwk(&public, json!({}))
}
