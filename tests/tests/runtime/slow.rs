//! What becomes of publications for clients that read too slowly.

use psd_core::{
    Settings, SlowConsumer,
    test::{Dialect, Received, TestServer},
};
use psd_tests::{RawClient, Running, Seen};
use serde_json::json;

use crate::app::{note, pb, server_with};

/// More than the system's buffers of two sockets hold, in notes of this size.
const COUNT: i64 = 400;
const SIZE: usize = 64 * 1024;

/// A server whose outboxes hold a megabyte, and a client that reads nothing yet.
async fn slow_client() -> (Running, RawClient) {
    let settings = Settings::default().outbox_bytes(1 << 20).droppable_messages(4);
    let running = Running::start(server_with(settings).0).await;
    let mut client = running.connect().await;
    client.request("join", json!({"group": "g"})).await;
    (running, client)
}

/// The numbers of the notes that have come, in their order, until the one of the end.
async fn numbers(client: &mut RawClient) -> Vec<i64> {
    let mut numbers = Vec::new();
    loop {
        let body = client.push().await["body"].clone();
        // 64 bits are a string in JSON.
        let number: i64 = body.get("number").map_or(0, |number| number.as_str().unwrap().parse().unwrap());
        if number < 0 {
            return numbers;
        }
        numbers.push(number);
    }
}

fn publish(running: &Running, how: impl Fn(&psd_core::Server, &pb::Note, i64)) {
    let text = "x".repeat(SIZE);
    for number in 0..COUNT {
        how(running.server(), &note(text.clone(), number), number);
    }
}

/// What an operator sees of what waits.
fn waiting(running: &Running) -> f64 {
    let metrics = running.server().metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix("psd_outbox_bytes_max "));
    line.expect("it is counted").parse().expect("it is a number")
}

fn end(running: &Running) {
    running.server().publish(&note("", -1)).latest("end").to_group("g").unwrap();
}

#[tokio::test]
async fn by_default_the_connection_is_closed() {
    let (running, mut client) = slow_client().await;
    publish(&running, |server, note, _| server.publish(note).to_group("g").unwrap());
    loop {
        match client.see().await {
            Seen::Frame(_) => {}
            other => return assert_eq!(other, Seen::Closed(4413, "slow consumer".into())),
        }
    }
}

#[tokio::test]
async fn the_oldest_is_dropped() {
    let (running, mut client) = slow_client().await;
    publish(&running, |server, note, _| server.publish(note).drop_oldest().to_group("g").unwrap());
    let dropped = running.server().dropped_publications();
    assert!(dropped > 0);
    assert_eq!(running.server().connections()[0].dropped_publications(), dropped);
    assert!(waiting(&running) >= 4.0 * SIZE as f64, "what may be dropped waits as well");
    let uuid = client.send("plain", json!({})).await;
    assert_eq!(client.answers(&uuid).await.len(), 2, "replies are not dropped");
    end(&running);
    let seen = numbers(&mut client).await;
    assert!(seen.is_sorted());
    assert_eq!(seen.last(), Some(&(COUNT - 1)), "the newest has come");
    assert_eq!(seen.len() as u64, COUNT as u64 - dropped);
}

#[tokio::test]
async fn the_newest_is_dropped() {
    let (running, mut client) = slow_client().await;
    let policy = SlowConsumer::DropNewest;
    publish(&running, |server, note, _| server.publish(note).slow_consumer(policy).to_group("g").unwrap());
    let dropped = running.server().dropped_publications();
    assert!(dropped > 0);
    end(&running);
    let seen = numbers(&mut client).await;
    assert!(seen.is_sorted() && !seen.contains(&(COUNT - 1)), "{seen:?}");
}

#[tokio::test]
async fn of_each_key_the_latest_comes() {
    let (running, mut client) = slow_client().await;
    publish(&running, |server, note, number| {
        server.publish(note).latest(&(number % 3).to_string()).to_group("g").unwrap();
    });
    end(&running);
    let seen = numbers(&mut client).await;
    assert!((seen.len() as i64) < COUNT);
    for key in 0..3 {
        let last = seen.iter().rfind(|number| *number % 3 == key);
        assert_eq!(last, (COUNT - 3..COUNT).find(|number| number % 3 == key).as_ref(), "key {key}");
    }
}

const DIALECTS: [Dialect; 3] = [Dialect::Classic, Dialect::V1Json, Dialect::V1Proto];

/// What a client hears that reads nothing while it is told twenty notes, of which each fills its outbox's way; with a reply
/// between. The numbers of the notes, in the order of their coming.
async fn heard(dialect: Dialect, how: impl Fn(&psd_core::Server, &pb::Note, i64)) -> Vec<i64> {
    let server = TestServer::start(server_with(Settings::default().outbox_bytes(1 << 20).droppable_messages(4)).0);
    let client = server.client().dialect(dialect).connect().await;
    client.send(pb::Join { group: "g".into() }).await;
    client.pause_reading();
    let count = 20;
    for number in 0..count {
        how(server.server(), &note("x".repeat(20_000), number), number);
    }
    let plain = client.send(pb::Plain { number: 1 });
    client.resume_reading();
    let mut replies = plain.outcome().await.expect("replies are not dropped");
    assert_eq!(replies.len(), 1);
    let dropped = usize::try_from(server.server().dropped_publications()).unwrap();
    assert!(dropped > 0);
    let mut notes = Vec::new();
    let patience = tokio::time::Instant::now() + psd_tests::DEADLINE;
    while notes.len() + dropped < count as usize {
        assert!(tokio::time::Instant::now() < patience, "{} came, {dropped} were dropped", notes.len());
        notes.extend(client.take_pushes().await);
    }
    client.expect_no_push().await;
    let numbers = notes.iter().map(|note| note.read::<pb::Note>().unwrap().number).collect();
    // What was dropped has no number, and what came has every one. The first was that of the ack of `join`.
    replies.append(&mut notes);
    let mut seqs: Vec<u64> = replies.iter().map(Received::seq).collect();
    seqs.sort_unstable();
    let expected: Vec<u64> = match dialect {
        Dialect::Classic => vec![0; seqs.len()],
        _ => (2..).take(seqs.len()).collect(),
    };
    assert_eq!(seqs, expected, "{dialect:?}");
    numbers
}

#[tokio::test(start_paused = true)]
async fn every_policy_holds_in_every_dialect() {
    for dialect in DIALECTS {
        let oldest = heard(dialect, |server, note, _| server.publish(note).drop_oldest().to_group("g").unwrap()).await;
        assert_eq!(oldest, [0, 16, 17, 18, 19], "{dialect:?}");
        let newest = heard(dialect, |server, note, _| server.publish(note).drop_newest().to_group("g").unwrap()).await;
        assert_eq!(newest, [0, 1, 2, 3, 4], "{dialect:?}");
        let latest = heard(dialect, |server, note, number| {
            server.publish(note).latest(&(number % 3).to_string()).to_group("g").unwrap();
        });
        assert_eq!(latest.await, [0, 19, 17, 18], "{dialect:?}: each in the place of its key");
    }
}

#[tokio::test(start_paused = true)]
async fn by_default_a_client_of_every_dialect_is_closed() {
    for dialect in DIALECTS {
        let server = TestServer::start(server_with(Settings::default().outbox_bytes(200_000)).0);
        let client = server.client().dialect(dialect).connect().await;
        client.send(pb::Join { group: "g".into() }).await;
        client.pause_reading();
        for number in 0..20 {
            server.server().broadcast("g", &note("x".repeat(20_000), number)).unwrap();
        }
        client.resume_reading();
        client.expect_close(4413).await;
        assert_eq!(server.server().dropped_publications(), 0);
    }
}
