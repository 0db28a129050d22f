//! One ack a request, replies in order.

use psd_tests::Running;
use serde_json::{Value, json};

use crate::app::server;

const CONNECTIONS: usize = 200;
const REQUESTS: usize = 100;

/// Every request is sent before any answer is read, by kinds that run in place, later, and on a worker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_connections_with_a_hundred_requests_each() {
    let running = Running::start(server().0).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut client = running.connect().await;
        tasks.spawn(async move {
            let mut expected = Vec::new();
            for number in 0..REQUESTS {
                let message_type = ["plain", "later", "plain", "on-worker", "plain"][number % 5];
                let uuid = client.send(message_type, json!({"number": number})).await;
                expected.push((uuid, number));
            }
            for (uuid, number) in expected {
                let reply = client.frame().await;
                assert_eq!(
                    (&reply["headers"]["uuid"], &reply["headers"]["messageType"]),
                    (&json!(uuid), &json!("note"))
                );
                let received = reply["body"].get("number").map_or("0", |number| number.as_str().unwrap());
                assert_eq!(received, number.to_string());
                let ack = client.frame().await;
                assert_eq!(ack["headers"], json!({"messageType": "ack", "uuid": uuid}));
                assert_eq!(ack["body"], json!({"uuid": uuid}));
            }
            // Nothing is left: the next thing the server says answers the next request.
            let last = client.send("maybe", json!({})).await;
            assert_eq!(client.frame().await["headers"]["uuid"], json!(last));
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
}

#[tokio::test]
async fn a_message_waits_for_the_one_before() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let (mut client, mut other) = (running.connect().await, running.connect().await);
    let first = client.send("wait-in-order", json!({"gate": "a"})).await;
    let second = client.send("plain", json!({"number": 2})).await;
    psd_tests::eventually("the first runs", || probe.waiting() == 1).await;
    other.request("open-gate", json!({"gate": "a"})).await;
    let uuids: Vec<Value> = [client.frame().await, client.frame().await, client.frame().await]
        .iter()
        .map(|frame| frame["headers"]["uuid"].clone())
        .collect();
    assert_eq!(uuids, [json!(first), json!(first), json!(second)]);
}

#[tokio::test]
async fn concurrent_handlers_run_beside_the_next_messages() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    let (first, second) =
        (client.send("wait", json!({"gate": "a"})).await, client.send("wait", json!({"gate": "b"})).await);
    client.request("open-gate", json!({"gate": "b"})).await;
    assert_eq!(client.answers(&second).await[0], json!({"text": "b"}));
    client.request("open-gate", json!({"gate": "a"})).await;
    assert_eq!(client.answers(&first).await[0], json!({"text": "a"}));
}

#[tokio::test]
async fn too_many_concurrent_handlers_make_the_next_message_wait() {
    let (builder, _) = crate::app::server_with(psd_core::Settings::default().max_concurrent(2));
    let running = Running::start(builder).await;
    let (mut client, mut other) = (running.connect().await, running.connect().await);
    let first = client.send("wait", json!({"gate": "a"})).await;
    client.send("wait", json!({"gate": "b"})).await;
    let third = client.send("plain", json!({"number": 3})).await;
    other.request("open-gate", json!({"gate": "a"})).await;
    let (reply, ack, next) = (client.frame().await, client.frame().await, client.frame().await);
    assert_eq!((&reply["headers"]["uuid"], &ack["headers"]["uuid"]), (&json!(first), &json!(first)));
    assert_eq!(next["headers"]["uuid"], json!(third));
}
