//! What a token does to a connection.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use psd_core::{
    Identity, Server, Unhandled,
    auth::{Authenticator, BoxFuture, StaticTokens, TokenError},
};
use psd_tests::Running;
use serde_json::json;

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

#[tokio::test]
async fn an_identity_expires_while_connected() {
    let soon = SystemTime::now() + Duration::from_millis(1500);
    let identity = Identity::new("1", "ann").with_permissions(["app.view"]).expiring_at(soon);
    let builder = Server::builder()
        .authenticator(StaticTokens::new().token("t", identity))
        .unhandled(Unhandled::Allow)
        .state(Probe::default());
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "t"})).await;
    client.answers(&uuid).await;
    assert_eq!(client.push().await, json!({"headers": {"messageType": "token-invalid"}, "body": {}}));
    let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "t"})).await;
    assert_eq!(client.answers(&uuid).await[0]["errorCode"], 401);
    assert_eq!(running.server().disconnect_user("1", "x"), 0);
}
