//! Rates, sizes and numbers, and what exceeding them does. No test takes as long as an hour.

use psd_core::{PerType, Rate, Settings};
use psd_tests::{
    RawClient, Running, Seen, eventually,
    v1::{self, V1Client, control, frame, headers, request},
};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::app::{pb, server, server_with};

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
    // The message that brings the token is its bearer's already.
    login(&mut first, "t-ann").await;
    login(&mut second, "t-ann").await;
    for expected in [0, 429] {
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

/// Sends a token with a message; the code of its ack.
async fn code_as(client: &mut RawClient, token: &str) -> i64 {
    let uuid = client.send_with("plain", json!({}), json!({"authHeader": token})).await;
    let answers = client.answers(&uuid).await;
    answers.last().unwrap().get("errorCode").map_or(0, |code| code.as_i64().unwrap())
}

#[tokio::test]
async fn a_message_counts_for_whom_its_token_names() {
    let running = Running::start(server_with(Settings::default().messages_per_user(Rate::per_hour(2))).0).await;
    let (mut first, mut second) = (running.connect().await, running.connect().await);
    for expected in [0, 0, 429] {
        assert_eq!(code_as(&mut first, "t-ann").await, expected);
    }
    assert_eq!(code_as(&mut first, "t-bob").await, 0, "it is bob's, although ann was there before");
    assert_eq!(code_as(&mut second, "t-ann").await, 429, "it is ann's, although nobody was there before");
    assert_eq!(code_as(&mut second, "t-bob").await, 0);
    assert_eq!(code_as(&mut second, "t-bob").await, 429);
    assert_eq!(code_as(&mut second, "nonsense").await, 0, "it is nobody's");
}

/// Says something that is no request, four times, of which three are allowed.
async fn is_closed_after_three(settings: Settings, dialect: &str, message: impl Fn() -> Message) {
    let running = Running::start(server_with(settings.controls_per_connection(Rate::per_hour(3))).0).await;
    let mut client = V1Client::connect(&running, dialect).await;
    client.see().await;
    for _ in 0..3 {
        client.send_message(message()).await;
    }
    match dialect {
        "psd.v1.json" => {
            let plain = r#"{"headers":{"messageType":"plain","uuid":"1","ack":true}}"#;
            client.send_message(Message::text(plain)).await;
        }
        _ => client.send(&[request("1", &pb::Plain { number: 1 })]).await,
    }
    loop {
        match client.see().await {
            v1::Seen::Binary(envelopes) if headers(&envelopes[0]).uuid == "1" => break,
            v1::Seen::Text(value) if value["headers"]["uuid"] == "1" => break,
            v1::Seen::Closed(code, reason) => panic!("{code} {reason}"),
            _ => {}
        }
    }
    client.send_message(message()).await;
    assert_eq!(client.closed().await, (4429, "too many control messages".into()), "{dialect}");
}

#[tokio::test]
async fn what_is_no_request_has_a_rate_too() {
    let heartbeat = || Message::binary(frame(&[control("psd.heartbeat", "")]));
    let cancel = || Message::binary(frame(&[control("psd.cancel", "x")]));
    let later = || Message::binary(frame(&[control("psd.of-a-later-version", "")]));
    is_closed_after_three(Settings::default(), "psd.v1.proto", heartbeat).await;
    is_closed_after_three(Settings::default(), "psd.v1.proto", cancel).await;
    is_closed_after_three(Settings::default(), "psd.v1.proto", later).await;
    is_closed_after_three(Settings::default(), "psd.v1.proto", || Message::binary(Vec::new())).await;
    is_closed_after_three(Settings::default(), "psd.v1.json", || Message::text("[]")).await;
    is_closed_after_three(Settings::default(), "psd.v1.proto", || Message::Ping(Vec::new().into())).await;
    is_closed_after_three(Settings::default(), "psd.v1.json", || Message::Pong(Vec::new().into())).await;
}

#[tokio::test]
async fn many_in_one_frame_and_beside_a_handler_are_counted() {
    let settings = Settings::default().controls_per_connection(Rate::per_hour(3));
    let (builder, probe) = server_with(settings);
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&[request("h", &pb::Hang {})]).await;
    eventually("it runs", || probe.waiting() == 1).await;
    client.send(&[1, 2, 3, 4, 5].map(|_| control("psd.heartbeat", ""))).await;
    for _ in 0..3 {
        assert_eq!(headers(&client.envelope().await).message_type, "psd.heartbeat");
    }
    assert_eq!(client.closed().await.0, 4429);
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
