//! Slow readers, shutting down, being thrown out.

use std::time::Duration;

use psd_core::Settings;
use psd_tests::{DEADLINE, Running, Seen, eventually};
use serde_json::json;

use crate::app::{server, server_with};

#[tokio::test]
async fn a_slow_consumer_is_closed_and_nobody_else_notices() {
    // However long the healthy one takes here: nobody waits for the other to take its close frame until it is gone.
    let settings = Settings::default().outbox_bytes(1024 * 1024).close_timeout(DEADLINE * 10);
    let running = Running::start(server_with(settings).0).await;
    let (mut slow, mut healthy) = (running.connect().await, running.connect().await);
    for client in [&mut slow, &mut healthy] {
        client.request("join", json!({"group": "g"})).await;
    }
    let text = "x".repeat(100_000);
    // The kernel's own buffers come first; `slow` reads nothing.
    for number in 0..200 {
        running.server().broadcast("g", &crate::app::note(text.clone(), number)).unwrap();
        assert_eq!(healthy.push().await["body"]["text"], json!(text));
    }
    assert_eq!(running.server().group_size("g"), 2, "a slow consumer has time to read its close frame");
    loop {
        match slow.see().await {
            Seen::Frame(_) => {}
            Seen::Closed(code, reason) => {
                assert_eq!((code, &*reason), (4413, "slow consumer"));
                break;
            }
            Seen::Lost => panic!("no close frame"),
        }
    }
    drop(slow);
    eventually("it leaves", || running.server().group_size("g") == 1).await;
}

#[tokio::test]
async fn a_client_that_reads_gets_more_than_its_outbox_holds() {
    let (builder, _) = server_with(Settings::default().outbox_bytes(1024 * 1024));
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    let uuid = client.send("flood", json!({"count": 20, "size": 50_000})).await;
    for number in 0..20 {
        let expected = if number == 0 { json!(null) } else { json!(number.to_string()) };
        assert_eq!(client.push().await["body"]["number"], expected);
    }
    assert_eq!(client.answers(&uuid).await.len(), 1);
}

#[tokio::test]
async fn a_client_that_stops_reading_is_closed_even_if_its_outbox_is_not_full() {
    let settings = Settings::default()
        .outbox_bytes(1 << 30)
        .write_timeout(Duration::from_millis(200))
        .close_timeout(Duration::from_millis(200));
    let running = Running::start(server_with(settings).0).await;
    let mut stalled = running.connect().await;
    stalled.request("join", json!({"group": "g"})).await;
    let mut healthy = running.connect().await;
    healthy.request("join", json!({"group": "g"})).await;
    // More than the kernel's own buffers hold.
    let text = "x".repeat(1 << 20);
    for number in 0..16 {
        running.server().broadcast("g", &crate::app::note(text.clone(), number)).unwrap();
        assert_eq!(healthy.push().await["body"]["text"], json!(text));
    }
    eventually("it is gone", || running.server().group_size("g") == 1).await;
    assert_eq!(healthy.request("plain", json!({})).await.len(), 2);
    drop(stalled);
}

#[tokio::test]
async fn a_handler_may_close_its_connection() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    client.request("plain", json!({})).await;
    client.send("kick", json!({})).await;
    assert_eq!(client.see().await, Seen::Closed(4403, "thrown out".into()));
}

#[tokio::test]
async fn a_user_can_be_disconnected_everywhere() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    let uuid = client.send_with("plain", json!({}), json!({"authHeader": "t-ann"})).await;
    client.answers(&uuid).await;
    assert_eq!(running.server().disconnect_user("1", "bye"), 1);
    assert_eq!(client.see().await, Seen::Closed(4403, "bye".into()));
    eventually("it is gone", || running.server().disconnect_user("1", "bye") == 0).await;
}

#[tokio::test]
async fn shutting_down_lets_handlers_finish_and_says_so() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let (mut idle, mut busy) = (running.connect().await, running.connect().await);
    idle.request("plain", json!({})).await;
    let uuid = busy.send("wait-in-order", json!({"gate": "a"})).await;
    eventually("it runs", || probe.waiting() == 1).await;
    running.server().shut_down();
    assert_eq!(idle.see().await, Seen::Closed(1012, "the server is restarting".into()));
    probe.gate("a").add_permits(1);
    assert_eq!(busy.answers(&uuid).await.len(), 2);
    assert_eq!(busy.see().await, Seen::Closed(1012, "the server is restarting".into()));
}

#[tokio::test]
async fn shutting_down_waits_only_so_long() {
    let (builder, probe) = server_with(Settings::default().drain_timeout(Duration::from_millis(100)));
    let listening = builder.listen("127.0.0.1:0").await.unwrap();
    let (address, server) = (listening.local_addr(), listening.server().clone());
    let run = tokio::spawn(listening.run());
    let mut client = psd_tests::RawClient::connect(&format!("ws://{address}/ws")).await;
    client.send("hang", json!({})).await;
    eventually("it runs", || probe.waiting() == 1).await;
    server.shut_down();
    tokio::time::timeout(psd_tests::DEADLINE, run).await.unwrap().unwrap();
    assert_eq!(probe.waiting(), 0);
}

#[tokio::test]
async fn shutting_down_waits_for_deferred_work() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let (mut client, mut idle) = (running.connect().await, running.connect().await);
    let uuid = client.send("hang-deferred", json!({})).await;
    eventually("the work runs", || probe.waiting() == 1).await;
    running.server().shut_down();
    assert!(matches!(idle.see().await, Seen::Closed(1012, _)));
    probe.gate("deferred").add_permits(1);
    assert_eq!(client.answers(&uuid).await, [json!({"uuid": uuid})]);
    assert!(matches!(client.see().await, Seen::Closed(1012, _)));
}
