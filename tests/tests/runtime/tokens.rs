//! What a token does to a connection.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use psd_core::{
    Identity, Server, Settings, Unhandled,
    auth::{Authenticator, BoxFuture, StaticTokens, TokenError},
};
use psd_tests::{RawClient, Running};
use serde_json::{Value, json};

use crate::app::{Probe, server};

#[tokio::test]
async fn a_bad_token_is_said_first_and_the_message_handled_on_its_merits() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    let invalid = json!({"headers": {"messageType": "token-invalid"}, "body": {}});
    let uuid = client.send_with("plain", json!({}), json!({"authHeader": "nonsense"})).await;
    assert_eq!(client.frame().await, invalid);
    assert_eq!(client.answers(&uuid).await.len(), 2);
    // The same one again is not looked at again.
    let uuid = client.send_with("plain", json!({}), json!({"authHeader": "nonsense"})).await;
    assert_eq!(client.frame().await["headers"]["uuid"], json!(uuid));
    client.frame().await;
    let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "worse"})).await;
    assert_eq!(client.frame().await, invalid);
    assert_eq!(client.answers(&uuid).await[0]["errorCode"], 401);
}

/// Cannot say anything about the first token that it sees.
struct Slow {
    awake: AtomicBool,
    tokens: StaticTokens,
}

impl Authenticator for Slow {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>> {
        if self.awake.swap(true, Ordering::Relaxed) {
            return self.tokens.authenticate(token);
        }
        Box::pin(async { Err(TokenError::unavailable("the database sleeps")) })
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_verified_now_is_not_invalid() {
    let tokens = StaticTokens::new().token("t", Identity::new("1", "ann").with_permissions(["app.view"]));
    let builder = Server::builder()
        .authenticator(Slow { awake: AtomicBool::new(false), tokens })
        .unhandled(Unhandled::Allow)
        .state(Probe::default());
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "t"})).await;
    let ack = client.frame().await;
    assert_eq!((&ack["headers"]["uuid"], &ack["body"]["errorCode"]), (&json!(uuid), &json!(503)), "{ack}");
    let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "t"})).await;
    assert_eq!(client.answers(&uuid).await.len(), 2, "the same token is looked at again");
}

#[tokio::test]
async fn an_identity_stays_until_another_token_comes() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "t-bob"})).await;
    assert_eq!(client.answers(&uuid).await.len(), 2);
    assert_eq!(client.request("extract-all", json!({})).await.len(), 2, "no token at all changes nothing");
    let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "t-ann"})).await;
    assert_eq!(client.answers(&uuid).await[0]["errorCode"], 403);
    let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "bad"})).await;
    assert_eq!(client.answers(&uuid).await[0]["errorCode"], 401);
}

/// A server that knows a token which is good for `lifetime` from now, and another that is good for ever.
async fn start_with_expiring(lifetime: Duration, grace: Duration) -> Running {
    let identity = Identity::new("1", "ann").with_permissions(["app.view"]);
    let expiring = identity.clone().expiring_at(SystemTime::now() + lifetime);
    let builder = Server::builder()
        .settings(Settings::default().token_grace(grace))
        .authenticator(StaticTokens::new().token("t", expiring).token("next", identity))
        .unhandled(Unhandled::Allow)
        .state(Probe::default());
    Running::start(builder).await
}

#[tokio::test]
async fn an_identity_expires_while_connected() {
    let running = start_with_expiring(Duration::from_millis(1500), Duration::from_secs(3600)).await;
    let mut client = running.connect().await;
    let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "t"})).await;
    client.answers(&uuid).await;
    assert_eq!(client.push().await, json!({"headers": {"messageType": "token-invalid"}, "body": {}}));
    let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "t"})).await;
    assert_eq!(client.answers(&uuid).await[0]["errorCode"], 401);
    assert_eq!(running.server().disconnect_user("1", "x"), 0);
}

/// A v1 client with the token that expires, which has just been told so.
async fn expired(running: &Running) -> (RawClient, Value) {
    let offer = [("Sec-WebSocket-Protocol", "psd.v1.json, psd.token.t")];
    let mut client = running.connect_with("/ws", &offer).await;
    assert_eq!(client.frame().await["headers"]["messageType"], "psd.welcome");
    let told = client.frame().await;
    assert_eq!(told["headers"], json!({"messageType": "token-invalid"}));
    (client, told["body"].clone())
}

async fn code(client: &mut RawClient, headers: Value) -> Value {
    client.send_with("extract-all", json!({}), headers).await;
    let answer = client.frame().await;
    assert!(answer["headers"]["result"].is_object(), "{answer}");
    answer["headers"]["result"]["errorCode"].clone()
}

#[tokio::test]
async fn a_v1_client_keeps_its_identity_for_the_grace() {
    let running = start_with_expiring(Duration::from_secs(1), Duration::from_secs(3600)).await;
    let (mut client, told) = expired(&running).await;
    let grace = told["graceMs"].as_u64().unwrap();
    assert!(grace > 3_000_000 && grace <= 3_600_000, "{told}");
    assert_eq!(code(&mut client, json!({})).await, Value::Null, "it is still ann");
    assert_eq!(code(&mut client, json!({"authHeader": "t"})).await, Value::Null, "the same token is not looked at");
    assert_eq!(code(&mut client, json!({"authHeader": "next"})).await, Value::Null);
    assert!(running.server().connections()[0].identity().unwrap().expires_at().is_none(), "the grace is over");

    let (mut client, _) = expired(&running).await;
    client.send_with("extract-all", json!({}), json!({"authHeader": "nonsense"})).await;
    let bad = client.frame().await;
    assert_eq!((&bad["headers"]["messageType"], &bad["body"]), (&json!("token-invalid"), &json!({})), "{bad}");
    assert_eq!(client.frame().await["headers"]["result"]["errorCode"], 401, "a bad token ends it at once");
}

#[tokio::test]
async fn the_grace_ends() {
    let running = start_with_expiring(Duration::from_secs(1), Duration::from_millis(300)).await;
    let (mut client, told) = expired(&running).await;
    // A busy machine may have come too late for the grace.
    if told != json!({}) {
        let over = client.frame().await;
        assert_eq!((&over["headers"]["messageType"], &over["body"]), (&json!("token-invalid"), &json!({})), "{over}");
    }
    assert_eq!(code(&mut client, json!({"authHeader": "t"})).await, 401, "the same token is not looked at");
    assert_eq!(code(&mut client, json!({"authHeader": "next"})).await, Value::Null);
}

#[tokio::test]
async fn without_grace_v1_is_as_classic() {
    let running = start_with_expiring(Duration::from_secs(1), Duration::ZERO).await;
    let (mut client, told) = expired(&running).await;
    assert_eq!(told, json!({}));
    assert_eq!(code(&mut client, json!({})).await, 401);
}

#[tokio::test]
async fn a_second_login_on_a_connection_becomes_the_second() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    for (token, id) in [("t-ann", "1"), ("t-bob", "2"), ("t-ann", "1")] {
        client.send_with("plain", json!({}), json!({"authHeader": token})).await;
        client.frame().await;
        client.frame().await;
        assert_eq!(running.server().connections()[0].identity().unwrap().user_id(), id);
        let reached = ["1", "2"].map(|user| running.server().send_to_user(user, &crate::app::note("x", 0)).unwrap());
        assert_eq!(reached, if id == "1" { [1, 0] } else { [0, 1] }, "nobody is left behind as the first");
        client.push().await;
    }
}
