//! Handlers that panic, hang or lose their client.

use std::time::Duration;

use psd_core::Settings;
use psd_tests::{Running, eventually};
use serde_json::json;

use crate::app::{server, server_with};

#[tokio::test]
async fn a_panic_is_acked_and_ends_nothing() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    let cases = [
        ("panic-plain", json!({})),
        ("panic-later", json!({})),
        ("panic-on-worker", json!({})),
        ("panic-concurrent", json!({})),
        ("panic-extract", json!({})),
        ("panic-deferred", json!({"blocking": false})),
        ("panic-deferred", json!({"blocking": true})),
    ];
    for (message_type, body) in cases.into_iter().cycle().take(28) {
        let answers = client.request(message_type, body).await;
        assert_eq!(answers.len(), 1, "{message_type}");
        assert_eq!((&answers[0]["errorMessage"], &answers[0]["errorCode"]), (&json!("internal error"), &json!(500)));
        assert_eq!(client.request("plain", json!({})).await.len(), 2, "the connection works on");
    }
}

#[tokio::test]
async fn a_handler_that_never_finishes_holds_up_nobody_else() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut stuck = running.connect().await;
    stuck.send("hang", json!({})).await;
    eventually("the handler runs", || probe.waiting() == 1).await;
    for _ in 0..20 {
        let mut other = running.connect().await;
        for number in 0..20 {
            assert_eq!(other.request("later", json!({"number": number})).await.len(), 2);
        }
    }
    assert_eq!(probe.waiting(), 1);
}

#[tokio::test]
async fn a_deadline_ends_a_handler_and_the_next_message_is_handled() {
    let (builder, probe) = server_with(Settings::default().handler_timeout(Duration::from_millis(50)));
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    for message_type in ["hang", "hang-concurrent"] {
        let answers = client.request(message_type, json!({})).await;
        assert_eq!(answers[0]["errorCode"], 408);
        assert_eq!(answers[0]["errorMessage"], "the handler did not finish within 0.05 s");
    }
    eventually("the handlers are dropped", || probe.waiting() == 0).await;
    assert_eq!(client.request("plain", json!({})).await.len(), 2);
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_handlers() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    for close_properly in [true, false] {
        let mut client = running.connect().await;
        for message_type in ["hang-concurrent", "hang-deferred", "hang"] {
            client.send(message_type, json!({})).await;
        }
        eventually("three handlers run", || probe.waiting() == 3).await;
        if close_properly {
            client.close().await
        } else {
            drop(client)
        }
        eventually("all are dropped", || probe.waiting() == 0).await;
        eventually("the connection is forgotten", || running.server().connections().is_empty()).await;
    }
    assert_eq!(probe.events(), Vec::<String>::new());
}

#[tokio::test]
async fn a_client_that_only_stops_sending_is_noticed_too() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    client.send("hang", json!({})).await;
    eventually("the handler runs", || probe.waiting() == 1).await;
    client.send("plain", json!({"number": 1})).await;
    drop(client);
    eventually("it is dropped", || probe.waiting() == 0).await;
}

#[tokio::test]
async fn a_handler_that_panics_when_it_is_dropped_takes_nothing_with_it() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    for _ in 0..2 {
        assert_eq!(client.request("bomb", json!({})).await[0]["errorCode"], 408);
    }
    assert_eq!(client.request("plain", json!({})).await.len(), 2);
}
