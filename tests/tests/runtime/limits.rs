//! Rates, sizes and numbers, and what exceeding them does. No test takes as long as an hour.

use psd_core::{PerType, Rate, Settings};
use psd_tests::{RawClient, Running, Seen, eventually};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite;

use crate::app::{server, server_with};

/// The code of a request's ack; 0 for success.
async fn code(client: &mut RawClient, message_type: &str, body: Value) -> i64 {
    let answers = client.request(message_type, body).await;
    answers.last().unwrap().get("errorCode").map_or(0, |code| code.as_i64().unwrap())
}

/// Sends a token, so that the connection is its bearer's.
async fn login(client: &mut RawClient, token: &str) {
    let uuid = client.send_with("plain", json!({}), json!({"authHeader": token})).await;
    client.answers(&uuid).await;
}

#[tokio::test]
async fn a_connection_sends_so_many_and_its_neighbour_too() {
    let running = Running::start(server_with(Settings::default().messages_per_connection(Rate::per_hour(3))).0).await;
    for _ in 0..2 {
        let mut client = running.connect().await;
        for _ in 0..3 {
            assert_eq!(code(&mut client, "plain", json!({})).await, 0);
        }
        let answers = client.request("plain", json!({})).await;
        assert_eq!((answers.len(), &answers[0]["errorCode"]), (1, &json!(429)));
        let text = answers[0]["errorMessage"].as_str().unwrap();
        assert!(text.starts_with("too many messages: try again in 1"), "{text}");
        // What nobody knows is no way around it.
        assert_eq!(code(&mut client, "nobody-knows", json!({})).await, 429);
    }
}

#[tokio::test]
async fn a_client_that_does_not_listen_is_closed() {
    let settings =
        Settings::default().messages_per_connection(Rate::per_hour(1)).refusals_per_connection(Rate::per_hour(5));
    let running = Running::start(server_with(settings).0).await;
    let mut client = running.connect().await;
    assert_eq!(code(&mut client, "plain", json!({})).await, 0);
    for _ in 0..5 {
        assert_eq!(code(&mut client, "plain", json!({})).await, 429);
    }
    client.send("plain", json!({})).await;
    assert_eq!(client.see().await, Seen::Closed(4429, "too many messages".into()));
}

#[tokio::test]
async fn a_user_sends_so_many_over_all_connections() {
    let running = Running::start(server_with(Settings::default().messages_per_user(Rate::per_hour(4))).0).await;
    let (mut first, mut second) = (running.connect().await, running.connect().await);
    // The message that brings the token is still nobody's.
    login(&mut first, "t-ann").await;
    login(&mut second, "t-ann").await;
    for expected in [0, 0, 429] {
        for client in [&mut first, &mut second] {
            assert_eq!(code(client, "plain", json!({})).await, expected);
        }
    }
    // Nor does another connection help; other users are not concerned.
    let mut third = running.connect().await;
    login(&mut third, "t-ann").await;
    assert_eq!(code(&mut third, "plain", json!({})).await, 429);
    let mut bob = running.connect().await;
    login(&mut bob, "t-bob").await;
    assert_eq!(code(&mut bob, "plain", json!({})).await, 0);
}

#[tokio::test]
async fn a_message_type_has_a_rate_of_its_own() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    for expected in [0, 0, 429, 429] {
        assert_eq!(code(&mut client, "limited", json!({"text": "x"})).await, expected);
        assert_eq!(code(&mut client, "plain", json!({})).await, 0, "others are not concerned");
    }
    assert_eq!(code(&mut running.connect().await, "limited", json!({})).await, 0, "nor are other connections");
    // Of a user it is one rate, whatever the connection.
    for expected in [0, 0, 429] {
        let mut client = running.connect().await;
        login(&mut client, "t-ann").await;
        assert_eq!(code(&mut client, "limited", json!({})).await, expected);
    }
}

#[tokio::test]
async fn settings_go_before_what_a_handler_says() {
    let settings = Settings::default()
        .message_rates(PerType::new().with("limited", Rate::UNLIMITED).with("plain", Rate::per_hour(1)))
        .message_bytes(PerType::new().with("limited", 1000));
    let running = Running::start(server_with(settings).0).await;
    let mut client = running.connect().await;
    for _ in 0..5 {
        assert_eq!(code(&mut client, "limited", json!({"text": "x".repeat(900)})).await, 0);
    }
    assert_eq!(code(&mut client, "plain", json!({})).await, 0);
    assert_eq!(code(&mut client, "plain", json!({})).await, 429);
}

#[tokio::test]
async fn limits_of_messages_that_nobody_receives_are_a_mistake() {
    let settings = Settings::default()
        .message_rates(PerType::new().with("limitd", Rate::per_hour(1)))
        .message_bytes(PerType::new().with("plain", 10).with("plian", 10));
    let error = server_with(settings).0.build().unwrap_err();
    let way_out = "which no handler receives: correct the message type, or remove it";
    let expected = [
        format!("`PSD_MESSAGE_RATES` limits `limitd`, {way_out}"),
        format!("`PSD_MESSAGE_BYTES` limits `plian`, {way_out}"),
    ];
    assert_eq!(error.problems(), expected);
}

#[tokio::test]
async fn a_body_may_have_so_many_bytes() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    // `{"text":""}` is eleven of them.
    assert_eq!(code(&mut client, "limited", json!({"text": "x".repeat(89)})).await, 0);
    let answers = client.request("limited", json!({"text": "x".repeat(90)})).await;
    assert_eq!(answers[0]["errorCode"], 413);
    assert_eq!(answers[0]["errorMessage"], "the body has 101 bytes; 100 are allowed");
}

#[tokio::test]
async fn a_handler_has_a_time_of_its_own() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    assert_eq!(code(&mut client, "brief", json!({})).await, 0);
    let answers = client.request("brief", json!({"hang": true})).await;
    assert_eq!(answers[0]["errorMessage"], "the handler did not finish within 0.02 s");
    eventually("it is dropped", || probe.waiting() == 0).await;
}

/// The status of a refused handshake, and whether it says when to come back.
async fn refusal(running: &Running) -> (u16, bool) {
    let connecting = tokio_tungstenite::connect_async(format!("ws://{}/ws", running.address()));
    match connecting.await.unwrap_err() {
        tungstenite::Error::Http(response) => {
            (response.status().as_u16(), response.headers().contains_key("retry-after"))
        }
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_full_server_says_so_and_lets_the_next_in_when_one_leaves() {
    let running = Running::start(server_with(Settings::default().max_connections(2)).0).await;
    let (mut first, second) = (running.connect().await, running.connect().await);
    assert_eq!(refusal(&running).await, (503, true));
    assert_eq!(code(&mut first, "plain", json!({})).await, 0, "those inside are not concerned");
    drop(second);
    eventually("one has left", || running.server().connections().len() == 1).await;
    // The hub forgets it a moment before it is no longer counted.
    let deadline = tokio::time::Instant::now() + psd_tests::DEADLINE;
    while tokio_tungstenite::connect_async(format!("ws://{}/ws", running.address())).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "never let in");
    }
}

#[tokio::test]
async fn an_address_may_have_so_many_connections_and_handshakes() {
    let running = Running::start(server_with(Settings::default().connections_per_address(1)).0).await;
    let _first = running.connect().await;
    assert_eq!(refusal(&running).await, (429, true));

    let settings = Settings::default().handshakes_per_address(Rate::per_hour(1));
    let running = Running::start(server_with(settings).0).await;
    drop(running.connect().await);
    assert_eq!(refusal(&running).await, (429, true));

    let running = Running::start(server_with(Settings::default().handshakes(Rate::per_hour(1))).0).await;
    drop(running.connect().await);
    assert_eq!(refusal(&running).await, (503, true));
}
