//! Everything a handler may take and return.

use psd_core::Settings;
use psd_tests::Running;
use serde_json::{Value, json};

use crate::app::{server, server_with};

#[track_caller]
fn succeeded(answers: &[Value], replies: &[Value]) {
    let (ack, received) = answers.split_last().unwrap();
    assert!(ack.get("errorMessage").is_none(), "{ack}");
    assert_eq!(received, replies);
}

#[track_caller]
fn failed(answers: &[Value], text: &str, code: Option<i32>) {
    let [ack] = answers else { panic!("{answers:?}") };
    assert_eq!((ack["errorMessage"].as_str(), ack["errorCode"].as_i64()), (Some(text), code.map(i64::from)));
}

#[tokio::test]
async fn every_way_to_return() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    succeeded(&client.request("plain", json!({"number": 7})).await, &[json!({"text": "plain", "number": "7"})]);
    succeeded(&client.request("later", json!({"number": 8})).await, &[json!({"text": "later", "number": "8"})]);
    let answers = client.request("on-worker", json!({"number": 9})).await;
    assert!(answers[0]["text"].as_str().unwrap().starts_with("psd-worker-"), "{answers:?}");
    for (kind, replies) in [("reply", vec![json!({"text": "reply"})]), ("nothing", vec![])] {
        succeeded(&client.request("outcome", json!({"kind": kind})).await, &replies);
    }
    succeeded(&client.request("maybe", json!({"some": true})).await, &[json!({"text": "some"})]);
    succeeded(&client.request("maybe", json!({})).await, &[]);
    let items = [json!({"text": "item"}), json!({"text": "item", "number": "1"})];
    succeeded(&client.request("list", json!({"count": 2})).await, &items);
}

#[tokio::test]
async fn a_reply_carries_the_uuid_and_a_push_does_not() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    let answers = client.request("outcome", json!({"kind": "several"})).await;
    let replies = [json!({"text": "first", "number": "1"}), json!({"text": "second", "number": "2"})];
    succeeded(&answers, &replies);
    let push = client.push().await;
    assert_eq!(push, json!({"headers": {"messageType": "note"}, "body": {"text": "push"}}));
}

#[tokio::test]
async fn types_of_the_application_become_messages() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    let article = |title: &str| json!({"text": title, "number": "1", "parts": [{"name": "one"}]});
    succeeded(&client.request("derived", json!({})).await, &[article("sent"), article("returned")]);
}

#[tokio::test]
async fn errors_become_acks() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    failed(&client.request("outcome", json!({"kind": "coded"})).await, "not so", Some(422));
    failed(&client.request("outcome", json!({"kind": "x"})).await, "unknown kind x", None);
    failed(&client.request("outcome", json!({"kind": "std"})).await, "internal error", Some(500));
    failed(&client.request("bad-reply", json!({})).await, "internal error", Some(500));
    let running = Running::start(server_with(Settings::default().forward_exceptions(true)).0).await;
    let mut client = running.connect().await;
    failed(&client.request("outcome", json!({"kind": "anyhow"})).await, "outer: inner", Some(500));
    failed(&client.request("outcome", json!({"kind": "std"})).await, "invalid digit found in string", Some(500));
}

#[tokio::test]
async fn every_extractor() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    failed(&client.request("extract-all", json!({})).await, "authentication required", Some(401));
    let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "t-ann"})).await;
    failed(&client.answers(&uuid).await, "not permitted", Some(403));
    let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "t-bob", "retryCount": 3})).await;
    succeeded(&client.answers(&uuid).await, &[json!({"text": "bob extract-all true", "number": "3"})]);
    assert_eq!(probe.events(), ["session"]);
}

#[tokio::test]
async fn the_routing_table_can_be_seen() {
    let server = server().0.build().unwrap();
    let routes = server.routes();
    let route = routes.iter().find(|route| route.message.message_type == "extract-all").unwrap();
    assert_eq!((route.handler, route.path, route.requires_auth), ("extract_all", "/ws", true));
    assert!(route.location.file.ends_with("app.rs") && route.module.ends_with("app"), "{route:?}");
    assert!(routes.iter().any(|route| (route.path, route.handler) == ("/admin", "admin_ping")));
}
