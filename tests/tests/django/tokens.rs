//! Tokens of either side, valid and not.

use psd_core::auth::{Authenticator as _, Jwt, Refreshed};
use serde_json::{Value, json};

use crate::project::{Project, projects};

/// Whom we take the bearer of an access token for, and whom simplejwt does.
async fn both(project: &Project, jwt: &Jwt, token: &str) -> (Option<String>, Option<String>) {
    let ours = jwt.authenticate(token).await.ok().map(|identity| identity.user_id().to_owned());
    (ours, project.ask_text("accepts", json!({"token": token})))
}

/// The token that we give for a refresh token, and whether simplejwt gives one.
async fn both_refresh(project: &Project, jwt: &Jwt, token: &str) -> (Option<String>, Option<String>) {
    let issuer = jwt.issuer().unwrap();
    let ours = match issuer.refresh(token).await.unwrap() {
        Refreshed::Login(login) => Some(login.access),
        _ => None,
    };
    (ours, project.ask_text("refreshes", json!({"token": token})))
}

#[tokio::test]
async fn tokens_of_either_side_are_good_on_the_other() {
    for project in projects() {
        let key = project.ask_text("create", json!({"name": "ann", "password": "right"}));
        let jwt = project.jwt().await;
        let login = jwt.issuer().unwrap().login("ann", "right").await.unwrap().unwrap();
        let access = project.ask_text("access", json!({"name": "ann"})).unwrap();
        let refresh = project.ask_text("refresh", json!({"name": "ann"})).unwrap();
        for token in [&access, &login.access] {
            assert_eq!(both(project, &jwt, token).await, (key.clone(), key.clone()), "{}", project.name);
            assert_eq!(both_refresh(project, &jwt, token).await, (None, None), "an access token is no refresh token");
        }
        for token in [&refresh, &login.refresh] {
            assert_eq!(both(project, &jwt, token).await, (None, None), "a refresh token is no access token");
            let (ours, theirs) = both_refresh(project, &jwt, token).await;
            for token in [ours.unwrap(), theirs.unwrap()] {
                assert_eq!(both(project, &jwt, &token).await, (key.clone(), key.clone()), "{}", project.name);
            }
        }
        project.ask("change", json!({"name": "ann", "is_active": false}));
        assert_eq!(both(project, &jwt, &access).await, (None, None), "{}: inactive", project.name);
        assert_eq!(both_refresh(project, &jwt, &refresh).await, (None, None), "{}: inactive", project.name);
        assert!(jwt.issuer().unwrap().login("ann", "right").await.unwrap().is_none());
        project.ask("delete", json!({"name": "ann"}));
        assert_eq!(both(project, &jwt, &access).await, (None, None), "{}: deleted", project.name);
    }
}

#[tokio::test]
async fn a_refresh_token_works_through_the_socket() {
    for project in projects() {
        let key = project.ask_text("create", json!({"name": "fay"}));
        let refresh = project.ask_text("refresh", json!({"name": "fay"}));
        let running = project.serve().await;
        let mut client = running.connect().await;
        let answers = client.request("refresh-token", json!({"refreshToken": refresh})).await;
        assert_eq!(project.ask_text("accepts", json!({"token": answers[0]["token"]})), key, "{}", project.name);
        assert!(client.request("read-page", json!({})).await[0].get("errorCode").is_none(), "authenticated at once");
        project.ask("delete", json!({"name": "fay"}));
    }
}

/// What is changed of a good token's claims, how it is signed, and whether it is still good.
const TOKENS: &[(&str, &str, bool)] = &[
    ("nothing", r#"{}"#, true),
    ("the key as a number, as older simplejwt writes it", r#"{"claims": {"user_id": "number"}}"#, true),
    ("other claims", r#"{"claims": {"name": "ann", "roles": ["x", {"y": null}]}}"#, true),
    ("an issuer that nobody asks for", r#"{"claims": {"iss": "elsewhere"}}"#, true),
    ("a name for the key", r#"{"headers": {"kid": "any"}}"#, true),
    ("expired", r#"{"claims": {"exp": -1}}"#, false),
    ("expired long ago", r#"{"claims": {"exp": -100000000}}"#, false),
    ("no end", r#"{"without": "exp"}"#, false),
    ("an end that is a text", r#"{"claims": {"exp": "soon"}}"#, false),
    ("not yet valid", r#"{"claims": {"nbf": 3600}}"#, false),
    ("of the future", r#"{"claims": {"iat": 3600}}"#, false),
    ("a refresh token", r#"{"claims": {"token_type": "refresh"}}"#, false),
    ("another type", r#"{"claims": {"token_type": "sliding"}}"#, false),
    ("no type", r#"{"without": "token_type"}"#, false),
    ("no name of its own", r#"{"without": "jti"}"#, false),
    ("no user", r#"{"without": "user_id"}"#, false),
    ("a user that is not there", r#"{"claims": {"user_id": "987654321"}}"#, false),
    ("a user that is no key", r#"{"claims": {"user_id": "1 OR 1=1"}}"#, false),
    ("a user that is nothing", r#"{"claims": {"user_id": null}}"#, false),
    ("another secret", r#"{"key": "another secret of a good length, 0123456789"}"#, false),
    ("HS384", r#"{"algorithm": "HS384"}"#, false),
    ("HS512", r#"{"algorithm": "HS512"}"#, false),
    ("no signature", r#"{"algorithm": "none"}"#, false),
];

#[tokio::test]
async fn what_simplejwt_refuses_is_refused_and_what_it_takes_is_taken() {
    for project in projects() {
        let key = project.ask_text("create", json!({"name": "tom"})).unwrap();
        let jwt = project.jwt().await;
        for &(what, change, is_good) in TOKENS {
            let mut change: Value = serde_json::from_str(change).unwrap();
            let mut claims = json!({"token_type": "access", "exp": 300, "iat": 0, "jti": "0123", "user_id": key});
            for (name, value) in change["claims"].as_object().into_iter().flatten() {
                claims[name] = value.clone();
            }
            if claims["user_id"] == "number" {
                // A UUID is always a text.
                claims["user_id"] = key.parse::<u64>().map_or(json!(key), |number| json!(number));
            }
            let options = change.as_object_mut().unwrap();
            options.remove("claims");
            if let Some(name) = options.remove("without") {
                claims.as_object_mut().unwrap().remove(name.as_str().unwrap());
            }
            options.insert("claims".into(), claims);
            let token = project.ask_text("sign", change).unwrap();
            let expected = is_good.then(|| key.clone());
            let (ours, theirs) = both(project, &jwt, &token).await;
            assert_eq!(theirs, expected, "{}: Django, {what}", project.name);
            assert_eq!(ours, expected, "{}: ours, {what}", project.name);
        }
        project.ask("delete", json!({"name": "tom"}));
    }
}

/// The one difference, on purpose: RFC 7519 (section 4.1.3) wants a token refused that is for somebody else, and simplejwt
/// looks only if it is told an audience.
#[tokio::test]
async fn a_token_for_somebody_else_is_taken_by_simplejwt_alone() {
    let project = projects()[0];
    let key = project.ask_text("create", json!({"name": "aud"})).unwrap();
    let claims = json!({"token_type": "access", "exp": 300, "jti": "0123", "user_id": key, "aud": "elsewhere"});
    let token = project.ask_text("sign", json!({"claims": claims})).unwrap();
    assert_eq!(both(project, &project.jwt().await, &token).await, (None, Some(key.clone())));
    let jwt = project.jwt().await.audience("elsewhere");
    assert_eq!(both(project, &jwt, &token).await, (Some(key.clone()), Some(key)));
    project.ask("delete", json!({"name": "aud"}));
}

#[tokio::test]
async fn broken_tokens_are_refused() {
    let project = projects()[0];
    let key = project.ask_text("create", json!({"name": "eve"})).unwrap();
    let jwt = project.jwt().await;
    let good = project.ask_text("access", json!({"name": "eve"})).unwrap();
    assert_eq!(both(project, &jwt, &good).await, (Some(key.clone()), Some(key)));
    let (head, rest) = good.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    for bad in [
        good[..good.len() - 5].to_owned(),
        format!("{head}.{claims}."),
        format!("{head}.{claims}"),
        format!("{head}..{signature}"),
        format!("{head}.{claims}.{signature}.{signature}"),
        format!("{good}{}", "A".repeat(100_000)),
        format!("{head}.{}.{signature}", "A".repeat(100_000)),
        format!(" {good}"),
        format!("Bearer {good}"),
        good.to_uppercase(),
        "null".into(),
        "🔑".into(),
    ] {
        assert_eq!(both(project, &jwt, &bad).await, (None, None), "{bad:.80}");
    }
    project.ask("delete", json!({"name": "eve"}));
}
