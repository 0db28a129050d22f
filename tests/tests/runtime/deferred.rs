//! `Continue`.

use std::time::Duration;

use psd_core::{
    Settings,
    test::{Dialect, TestServer},
};
use psd_tests::{Running, eventually};
use serde_json::json;

use crate::app::{pb, server, server_with};

#[tokio::test]
async fn the_ack_comes_at_the_end_and_nobody_waits_for_it() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    let uuid = client.send("hang-deferred", json!({})).await;
    let answers = client.request("plain", json!({"number": 1})).await;
    assert_eq!(answers.len(), 2, "the next message is answered meanwhile");
    probe.gate("deferred").add_permits(1);
    assert_eq!(client.answers(&uuid).await, [json!({"uuid": uuid})]);
}

#[tokio::test]
async fn detached_work_is_acked_at_once_and_outlives_its_connection() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    let answers = client.request("hang-deferred", json!({"detached": true})).await;
    assert!(answers[0].get("errorMessage").is_none(), "{answers:?}");
    client.close().await;
    eventually("the connection is gone", || running.server().connections().is_empty()).await;
    assert_eq!(probe.waiting(), 1);
    probe.gate("deferred").add_permits(1);
    eventually("the work went on", || probe.events() == ["deferred work went on"]).await;
}

#[tokio::test]
async fn what_cannot_run_is_refused() {
    let (builder, _) = server_with(Settings::default().run_async_worker(false));
    let running = Running::start(builder).await;
    let answers = running.connect().await.request("hang-deferred", json!({})).await;
    assert_eq!(answers[0]["errorCode"], 503);

    let (builder, _) = server_with(Settings::default().max_deferred(1));
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    client.send("hang-deferred", json!({})).await;
    let answers = client.request("hang-deferred", json!({})).await;
    assert_eq!(answers[0]["errorMessage"], "the server is busy: too many deferred futures are running");
    assert_eq!(client.request("hang-deferred", json!({"detached": true})).await[0]["errorCode"], 503);

    // One connection does not take the places of the others.
    let (builder, _) = server_with(Settings::default().max_deferred_per_connection(1));
    let running = Running::start(builder).await;
    let (mut greedy, mut modest) = (running.connect().await, running.connect().await);
    greedy.request("hang-deferred", json!({"detached": true})).await;
    let answers = greedy.request("hang-deferred", json!({"detached": true})).await;
    assert_eq!(answers[0]["errorMessage"], "a connection may have 1 deferred futures running");
    assert_eq!(modest.request("hang-deferred", json!({"detached": true})).await[0].get("errorCode"), None);
}

#[tokio::test]
async fn work_that_never_ends_is_dropped_and_acked() {
    let (builder, probe) = server_with(Settings::default().deferred_timeout(std::time::Duration::from_millis(50)));
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    let answers = client.request("hang-deferred", json!({})).await;
    assert_eq!(answers[0]["errorCode"], 408);
    assert_eq!(answers[0]["errorMessage"], "the work did not finish within 0.05 s");
    eventually("it is dropped", || probe.waiting() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_outlives_its_handler_is_no_reply_behind_the_ack() {
    for dialect in [Dialect::Classic, Dialect::V1Json, Dialect::V1Proto] {
        for replies in [false, true] {
            let (builder, probe) = server();
            let server = TestServer::start(builder);
            let client = server.client().dialect(dialect).connect().await;
            client.send(pb::Outlive { gate: "g".into(), replies }).await;
            let progress = client.take_pushes().await;
            assert_eq!(progress.len(), 2, "begun and done");
            // Long enough for another report.
            tokio::time::sleep(Duration::from_secs(1)).await;
            probe.gate("g").add_permits(1);
            let mut late = client.take_pushes().await;
            while late.is_empty() {
                late = client.take_pushes().await;
            }
            let seen: Vec<_> = late.iter().map(|late| (late.message_type(), late.uuid())).collect();
            assert_eq!(seen, [("note", None)], "{dialect:?}");
        }
    }
}
