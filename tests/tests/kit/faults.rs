use std::time::Duration;

use psd_core::{
    Settings,
    proto::common::socket_api::ProtocolError,
    test::{Dialect, TestServer},
};
use tokio::time::Instant;

use crate::app::{note, pb, server, server_with};

fn join(group: &str) -> pb::Join {
    pb::Join { group: group.into() }
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_without_a_word_leaves_the_groups() {
    let (builder, probe) = server();
    let server = TestServer::start(builder);
    let client = server.connect().await;
    client.send(join("room")).await;
    let hanging = client.send(pb::Hang {});
    client.settle().await;
    assert_eq!((server.server().group_size("room"), probe.waiting()), (1, 1));
    client.disconnect().await;
    assert_eq!((server.server().group_size("room"), probe.waiting()), (0, 0), "the handler is dropped");
    drop(hanging);

    let tab = server.connect().await;
    let connection = tab.connection();
    drop(tab);
    connection.closed().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_twice_is_handled_twice() {
    let server = TestServer::start(server().0);
    for dialect in [Dialect::V1Proto, Dialect::Classic] {
        let client = server.client().dialect(dialect).connect().await;
        client.send(join("room")).await;
        client.duplicate_next();
        client.send(pb::Say { group: "room".into(), text: "hi".into(), others: false }).await;
        assert_eq!(client.expect_push::<pb::Note>().await, note("hi", 0));
        assert_eq!(client.expect_push::<pb::Note>().await, note("hi", 0));
        client.expect_no_push().await;
        client.send(pb::Leave { group: "room".into() }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_network_takes_its_time_and_keeps_the_order() {
    let server = TestServer::start(server().0);
    let client = server.connect().await;
    let began = Instant::now();
    client.delay(Duration::from_secs(2));
    let (first, second) = (client.send(pb::Later { number: 1 }), client.send(pb::Plain { number: 2 }));
    second.await;
    assert!(first.is_answered());
    assert_eq!(began.elapsed().as_secs(), 2);
    client.delay(Duration::ZERO);
    client.send(pb::Plain { number: 3 }).await;
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_reads_nothing_is_a_slow_consumer_and_nobody_else_is() {
    let server = TestServer::start(server_with(Settings::default().outbox_bytes(200_000)).0);
    let (slow, fast) = (server.connect().await, server.connect().await);
    for client in [&slow, &fast] {
        client.send(join("room")).await;
    }
    slow.pause_reading();
    for number in 0..100 {
        server.server().broadcast("room", &note("x".repeat(4096), number)).unwrap();
        assert_eq!(fast.expect_push::<pb::Note>().await.number, number);
    }
    slow.resume_reading();
    slow.expect_close(4413).await;
    fast.send(pb::Plain { number: 1 }).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_pauses_for_a_moment_misses_nothing() {
    let server = TestServer::start(server().0);
    let client = server.connect().await;
    client.pause_reading();
    let flood = client.send(pb::Flood { count: 100, size: 2000 });
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!flood.is_answered());
    client.resume_reading();
    for number in 0..100 {
        assert_eq!(client.expect_push::<pb::Note>().await.number, number);
    }
    flood.await;
}

#[tokio::test(start_paused = true)]
async fn malformed_frames_and_envelopes() {
    let server = TestServer::start(server().0);
    let client = server.client().dialect(Dialect::Classic).connect().await;
    client.send_text("{");
    client.send_binary(b"x");
    client.expect_push::<ProtocolError>().await;
    client.expect_push::<ProtocolError>().await;
    client.send_text(r#"{"headers": {"messageType": "plain", "uuid": "own", "ack": true}, "body": {"number": 3}}"#);
    client.settle().await;
    let answers = client.take_pushes().await;
    let seen: Vec<_> = answers.iter().map(|answer| (answer.message_type(), answer.uuid())).collect();
    assert_eq!(seen, [("note", Some("own")), ("ack", Some("own"))]);
    client.send_bytes(b"\x81\x05hello"); // Not masked.
    client.expect_close(1002).await;

    let half = server.connect().await;
    half.send_bytes(b"\x82\xfe\x10");
    half.disconnect().await;
}
