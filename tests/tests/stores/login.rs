//! Logins over the wire.

use psd_core::{
    Server, Settings, Unhandled,
    auth::{Jwt, UserStore},
};
use psd_tests::{RawClient, Running};
use serde_json::{Value, json};

use crate::fixture::{Db, django, own};

async fn start(users: impl UserStore, settings: Settings) -> Running {
    let jwt = Jwt::hs256("a secret of this test, long enough").unwrap().users(users);
    Running::start(Server::builder().settings(settings).unhandled(Unhandled::Allow).authenticator(jwt).login()).await
}

/// The reply to a login; its ack is a success whatever happens.
async fn login(client: &mut RawClient, username: &str, password: &str) -> Value {
    let mut answers = client.request("login", json!({"username": username, "password": password})).await;
    let ack = answers.pop().unwrap();
    assert_eq!((answers.len(), ack.get("errorCode")), (1, None), "{ack}");
    answers.remove(0)
}

fn refused() -> Value {
    json!({"errorText": "Invalid login details.", "errorCode": "login-error"})
}

#[tokio::test]
async fn a_login_authenticates_and_whatever_is_wrong_looks_the_same() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let running = start(django(&db).await, Settings::default()).await;
        let mut client = running.connect().await;
        for (username, password) in [
            ("ann", "wrong"),
            ("ann", ""),
            ("nobody", "ann's password"),
            ("ian", "ian's password"),
            ("una", ""),
            ("una", "!unusable"),
            ("", ""),
            ("a\0nn", "ann's password"),
            ("' OR 1=1 --", "' OR 1=1 --"),
            ("ann'; DELETE FROM auth_user; --", "x"),
        ] {
            assert_eq!(login(&mut client, username, password).await, refused(), "{username:?} {password:?}");
        }
        assert_eq!(client.request("verify-token", json!({})).await[0], json!({}), "nobody is authenticated");
        let token = login(&mut client, "Zoë Ωμέγα", "пароль 密码").await;
        assert!(token["token"].is_string() && token["refresh"].is_string(), "{token}");
        assert_eq!(client.request("verify-token", json!({})).await.len(), 1, "she is");
        assert!(login(&mut client, "sue", "sue's password").await["token"].is_string(), "a second login takes over");
    }
}

#[tokio::test]
async fn too_many_failures_for_a_name_are_turned_away_right_or_wrong_known_or_unknown() {
    let running = start(own(&Db::sqlite().await).await, Settings::default().login_failures_per_user(3)).await;
    let mut client = running.connect().await;
    for name in ["ann", "nobody"] {
        for _ in 0..3 {
            assert_eq!(login(&mut client, name, "wrong").await, refused());
        }
        for password in ["ann's password", "wrong"] {
            let answer = login(&mut client, name, password).await;
            assert_eq!(answer["errorCode"], "too-many-attempts", "{name} {answer}");
            let text = answer["errorText"].as_str().unwrap();
            assert!(text.starts_with("Too many logins failed. Try again in ") && text.ends_with(" seconds."), "{text}");
        }
    }
    assert_eq!(login(&mut client, "ANN", "ann's password").await["errorCode"], "too-many-attempts");
    assert!(login(&mut client, "sue", "sue's password").await["token"].is_string(), "others are not concerned");
}

#[tokio::test]
async fn too_many_failures_from_an_address_are_turned_away_on_every_connection() {
    let running = start(own(&Db::sqlite().await).await, Settings::default().login_failures_per_address(3)).await;
    for number in 0..3 {
        let mut client = running.connect().await;
        assert_eq!(login(&mut client, &format!("name {number}"), "wrong").await, refused());
    }
    let mut client = running.connect().await;
    assert_eq!(login(&mut client, "ann", "ann's password").await["errorCode"], "too-many-attempts");
}

/// Logins that are under way count already: nobody gets more guesses by making them at once.
#[tokio::test]
async fn guesses_made_at_once_are_counted() {
    let running = start(own(&Db::sqlite().await).await, Settings::default().login_failures_per_user(3)).await;
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let mut client = running.connect().await;
        guesses.spawn(async move { login(&mut client, "ann", "wrong").await["errorCode"].clone() });
    }
    let codes = guesses.join_all().await;
    assert_eq!(codes.iter().filter(|code| **code == "login-error").count(), 3, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "too-many-attempts").count(), 9, "{codes:?}");
}
