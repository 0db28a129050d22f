//! Guard functions of the application.

use psd_tests::{RawClient, Running};
use serde_json::{Value, json};

use crate::app::server;

/// The answers to one message that comes with a token.
async fn ask(client: &mut RawClient, token: &str, message_type: &str, owner: &str) -> Vec<Value> {
    let uuid = client.send_with(message_type, json!({"owner": owner}), json!({"authHeader": token})).await;
    client.answers(&uuid).await
}

#[track_caller]
fn refused(answers: &[Value], code: i32, text: &str) {
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!((&answers[0]["errorCode"], &answers[0]["errorMessage"]), (&json!(code), &json!(text)));
}

#[track_caller]
fn passed(answers: &[Value], text: &str) {
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert_eq!(answers[0]["text"], text);
    assert!(answers[1].get("errorCode").is_none(), "{answers:?}");
}

#[tokio::test]
async fn a_guard_sees_identity_message_and_state() {
    let (builder, app) = server();
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    passed(&ask(&mut client, "t-ann", "edit-page", "ann").await, "ann edits ann");
    refused(&ask(&mut client, "t-ann", "edit-page", "bob").await, 403, "the page is somebody else's");
    app.locked.lock("ann");
    refused(&ask(&mut client, "t-ann", "edit-page", "ann").await, 423, "the page is locked");
}

#[tokio::test]
async fn the_other_rules_come_first_and_the_body_is_decoded_between() {
    let (builder, app) = server();
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    app.locked.lock("ann");
    refused(&ask(&mut client, "t-bob", "edit-page", "ann").await, 403, "not permitted");
    let uuid = client.send_with("edit-page", json!({"owner": 5}), json!({"authHeader": "t-ann"})).await;
    assert_eq!(client.answers(&uuid).await[0]["errorCode"], 400);
}

#[tokio::test]
async fn a_superuser_passes_the_rules_but_is_asked_by_the_function() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    passed(&ask(&mut client, "t-root", "edit-page", "root").await, "root edits root");
    refused(&ask(&mut client, "t-root", "edit-page", "ann").await, 403, "the page is somebody else's");
}

#[tokio::test]
async fn a_guard_that_fails_is_an_internal_error() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    refused(&ask(&mut client, "t-ann", "edit-page", "broken").await, 500, "internal error");
    refused(&ask(&mut client, "t-ann", "print-page", "nobody").await, 500, "internal error");
    refused(&ask(&mut client, "t-ann", "print-page", "everybody").await, 500, "internal error");
    passed(&ask(&mut client, "t-ann", "read-page", "ann").await, "the page of ann");
}

#[tokio::test]
async fn a_guard_stands_without_auth() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    passed(&client.request("read-page", json!({"owner": "everybody"})).await, "the page of everybody");
    refused(&client.request("read-page", json!({"owner": "ann"})).await, 403, "not permitted");
    passed(&ask(&mut client, "t-bob", "read-page", "ann").await, "the page of ann");
}

#[tokio::test]
async fn every_kind_of_handler_is_guarded() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    let answers = ask(&mut client, "t-ann", "print-page", "ann").await;
    assert!(answers[0]["text"].as_str().unwrap().starts_with("ann on psd"), "not on a worker: {answers:?}");
    passed(&ask(&mut client, "t-ann", "watch-page", "ann").await, "ann");
}
