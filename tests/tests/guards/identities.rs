//! Rights that change while their owner is connected, and what ends with them.

use std::sync::{Arc, atomic::Ordering};

use psd_core::Identity;
use psd_tests::{RawClient, Running, eventually};
use serde_json::json;

use crate::app::{pb, server};

fn staff(username: &str) -> Identity {
    let user_id = if username == "ann" { "1" } else { "2" };
    Identity::new(user_id, username).with_permissions(["pages.edit"]).with_user_groups(["staff"])
}

/// A client that has authenticated itself.
async fn connect(running: &Running, token: &str) -> RawClient {
    let mut client = running.connect().await;
    let uuid = client.send_with("join-group", json!({"name": "everybody"}), json!({"authHeader": token})).await;
    assert_eq!(client.answers(&uuid).await.len(), 1);
    client
}

/// The code that a guarded message is answered with; `None` for success.
async fn guarded(client: &mut RawClient) -> Option<i64> {
    client.request("guarded", json!({})).await[0]["errorCode"].as_i64()
}

async fn join(client: &mut RawClient, group: &str) -> Option<i64> {
    client.request("join-group", json!({"name": group})).await[0]["errorCode"].as_i64()
}

fn publish(running: &Running, group: &str) {
    running.server().broadcast(group, &pb::GuardNote { text: group.into() }).unwrap();
}

#[tokio::test]
async fn rights_are_read_again_on_every_connection_of_the_user() {
    let (builder, app) = server();
    let running = Running::start(builder).await;
    let (mut first, mut second) = (connect(&running, "t-ann").await, connect(&running, "t-ann").await);
    let mut other = connect(&running, "t-root").await;
    app.directory.set(Identity::new("1", "ann"));
    assert_eq!(guarded(&mut first).await, None, "rights are cached");
    assert_eq!(app.authentications.load(Ordering::SeqCst), 3);
    assert_eq!(running.server().refresh_identity("1").await.unwrap(), 2);
    assert_eq!((guarded(&mut first).await, guarded(&mut second).await), (Some(403), Some(403)));
    assert_eq!(guarded(&mut other).await, None);
    assert_eq!(app.authentications.load(Ordering::SeqCst), 5, "the consumer hears of it");
    app.directory.set(staff("ann"));
    assert_eq!(running.server().refresh_identity("1").await.unwrap(), 2);
    assert_eq!((guarded(&mut first).await, guarded(&mut second).await), (None, None));
    assert_eq!(running.server().refresh_identity("nobody").await.unwrap(), 0);
}

#[tokio::test]
async fn a_user_that_is_gone_becomes_anonymous_and_its_clients_know() {
    let (builder, app) = server();
    let running = Running::start(builder).await;
    let mut client = connect(&running, "t-ann").await;
    app.directory.remove("ann");
    assert_eq!(running.server().refresh_identity("1").await.unwrap(), 1);
    assert_eq!(client.push().await["headers"]["messageType"], "token-invalid");
    assert_eq!(guarded(&mut client).await, Some(401));
    assert_eq!(running.server().refresh_identity("1").await.unwrap(), 0, "it is on no connection now");
    let uuid = client.send_with("guarded", json!({}), json!({"authHeader": "t-ann"})).await;
    assert_eq!(client.answers(&uuid).await[0]["errorCode"], 401, "the same token is still the same");
}

#[tokio::test]
async fn rights_that_cannot_be_read_are_none_until_the_token_comes_again() {
    let (builder, app) = server();
    let running = Running::start(builder).await;
    let mut client = connect(&running, "t-ann").await;
    app.directory.break_down("ann");
    assert_eq!(running.server().refresh_identity("1").await.unwrap_err().code(), Some(503));
    assert_eq!(guarded(&mut client).await, Some(401));
    app.directory.set(staff("ann"));
    let uuid = client.send_with("guarded", json!({}), json!({"authHeader": "t-ann"})).await;
    assert!(client.answers(&uuid).await[0].get("errorCode").is_none(), "nobody told the client to drop it");
}

#[tokio::test]
async fn a_refresh_that_comes_late_changes_nothing() {
    let (builder, app) = server();
    let running = Running::start(builder).await;
    let mut client = connect(&running, "t-ann").await;
    let gate = app.directory.delay(staff("ann"));
    let server = running.server().clone();
    let refresh = tokio::spawn(async move { server.refresh_identity("1").await.unwrap() });
    // Meanwhile somebody else logs in on the connection.
    let uuid = client.send_with("guarded", json!({}), json!({"authHeader": "t-bob"})).await;
    assert_eq!(client.answers(&uuid).await[0]["errorCode"], 403);
    gate.add_permits(1);
    assert_eq!(refresh.await.unwrap(), 1, "it began with ann");
    assert_eq!(guarded(&mut client).await, Some(403), "it is bob's connection");
    assert_eq!(running.server().refresh_identity("2").await.unwrap(), 1);
}

/// While a token is verified its connection is nobody's, and is not found when rights change.
#[tokio::test]
async fn rights_that_change_while_a_token_is_verified_are_read_once_more() {
    let (builder, app) = server();
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    let gate = app.directory.delay(staff("ann"));
    let uuid = client.send_with("guarded", json!({}), json!({"authHeader": "t-ann"})).await;
    // Held here, by the directory, and by the verification that waits.
    eventually("the token is being verified", || Arc::strong_count(&gate) == 3).await;
    app.directory.set(Identity::new("1", "ann"));
    assert_eq!(running.server().refresh_identity("1").await.unwrap(), 0, "it is nobody's yet");
    gate.add_permits(1);
    assert_eq!(client.answers(&uuid).await[0]["errorCode"], 403, "what the verification had read is old");
}

#[tokio::test]
async fn a_membership_ends_with_the_right_to_it() {
    let (builder, app) = server();
    app.directory.set(staff("ann"));
    app.directory.set(staff("bob"));
    let running = Running::start(builder).await;
    let (mut ann, mut bob) = (connect(&running, "t-ann").await, connect(&running, "t-bob").await);
    assert_eq!((join(&mut ann, "staff").await, join(&mut bob, "staff").await), (None, None));
    app.directory.set(Identity::new("1", "ann"));
    running.server().refresh_identity("1").await.unwrap();
    publish(&running, "staff");
    publish(&running, "everybody");
    assert_eq!(ann.push().await["body"]["text"], "everybody", "ann is out of `staff`");
    assert_eq!(bob.push().await["body"]["text"], "staff");
    assert_eq!(running.server().group_size("staff"), 1);
    assert_eq!(join(&mut ann, "staff").await, Some(403), "and does not get in again");
}

#[tokio::test]
async fn memberships_end_with_a_logout_another_login_or_the_token() {
    let (builder, app) = server();
    app.directory.set(staff("ann"));
    let running = Running::start(builder).await;
    for (message, headers) in [
        ("log-out", json!({})),
        ("read-page", json!({"authHeader": "t-bob"})),
        ("read-page", json!({"authHeader": "x"})),
    ] {
        let mut client = connect(&running, "t-ann").await;
        assert_eq!((join(&mut client, "staff").await, join(&mut client, "ann").await), (None, None));
        let uuid = client.send_with(message, json!({"owner": "everybody"}), headers).await;
        client.answers(&uuid).await;
        let server = running.server();
        assert_eq!((server.group_size("staff"), server.group_size("ann")), (0, 0), "after {message}");
        assert_eq!(server.group_size("everybody"), 1);
        client.close().await;
        eventually("it has left", || server.group_size("everybody") == 0).await;
    }
}

#[tokio::test]
async fn default_groups_are_those_of_whoever_connects() {
    let (builder, app) = server();
    app.directory.set(staff("ann"));
    let running = Running::start(builder).await;
    let _anonymous = connect(&running, "x").await;
    let url = format!("ws://{}/ws", running.address());
    let _bob = psd_tests::connect(&url, Some("psd.v1.json, psd.token.t-bob")).await;
    let _ann = psd_tests::connect(&url, Some("psd.v1.json, psd.token.t-ann")).await;
    let server = running.server();
    eventually("all have joined", || server.group_size("lobby") == 3).await;
    eventually("staff only", || server.group_size("staff") == 1).await;
}

#[tokio::test]
async fn a_rule_that_panics_admits_nobody() {
    let running = Running::start(server().0).await;
    let mut client = connect(&running, "t-ann").await;
    assert_eq!(join(&mut client, "trap").await, Some(403));
    assert_eq!(join(&mut client, "ann").await, None);
}
