//! What becomes of publications for clients that read too slowly.

use psd_core::{Settings, SlowConsumer};
use psd_tests::{RawClient, Running, Seen};
use serde_json::json;

use crate::app::{note, server_with};

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

fn publish(running: &Running, how: impl Fn(&psd_core::Server, &crate::app::pb::Note, i64)) {
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
