use psd_core::{
    Identity,
    proto::{envelope::compression, prost::Message as _},
    test::{Dialect, TestServer},
};
use psd_tests::{
    Running,
    v1::{V1Client, headers, result},
};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::app::{note, pb, server};

#[tokio::test]
async fn each_gets_it_in_its_dialect_with_its_own_number() {
    let running = Running::start(server().0).await;
    let join = pb::Join { group: "g".into() };
    let mut classic = running.connect().await;
    classic.request("join", json!({"group": "g"})).await;
    let mut binary = V1Client::welcomed(&running).await;
    assert_eq!(result(&binary.ask("1", &join).await), (0, ""));
    let (mut deflating, _) = V1Client::welcomed_with(&running, "psd.v1.proto, psd.compress.deflate-raw").await;
    // This one has had more messages than the others before.
    for uuid in ["1", "2", "3"] {
        assert_eq!(result(&deflating.ask(uuid, &join).await), (0, ""));
    }
    let mut text = V1Client::connect(&running, "psd.v1.json").await;
    text.json().await;
    text.send_message(Message::text(
        r#"{"headers":{"messageType":"join","uuid":"1","ack":true},"body":{"group":"g"}}"#,
    ))
    .await;
    assert_eq!(text.json().await["headers"]["result"], json!({}));

    for (round, length) in (0..).zip([3, 5000, 40_000]) {
        let said = note("x".repeat(length), i64::MAX);
        running.server().broadcast("g", &said).unwrap();

        let frame = classic.push().await;
        assert_eq!(frame["headers"], json!({"messageType": "note"}));
        assert_eq!(frame["body"]["number"], json!(i64::MAX.to_string()));
        assert_eq!(frame.get("seq"), None);

        let frame = text.json().await;
        assert_eq!(frame["headers"], json!({"messageType": "note"}));
        assert_eq!((&frame["body"]["text"], &frame["seq"]), (&json!(said.text), &json!(2 + round)));

        let envelope = binary.envelope().await;
        assert_eq!((headers(&envelope).compressed, headers(&envelope).uuid.as_str()), (false, ""));
        assert_eq!((pb::Note::decode(&*envelope.body).unwrap(), envelope.seq), (said.clone(), 2 + round));

        let envelope = deflating.envelope().await;
        assert_eq!((headers(&envelope).compressed, envelope.seq), (length > 1000, 4 + round));
        let body = match headers(&envelope).compressed {
            true => compression::inflate(&envelope.body, 1 << 20).unwrap(),
            false => envelope.body,
        };
        assert_eq!(pb::Note::decode(&*body).unwrap(), said);
    }
}

/// Those whose dialect has a form of a message get it, whoever else is in the group.
#[tokio::test(start_paused = true)]
async fn what_has_no_json_form_reaches_those_who_read_the_binary_one() {
    let server = TestServer::start(server().0);
    let mut clients = Vec::new();
    for dialect in [Dialect::Classic, Dialect::V1Proto, Dialect::V1Json, Dialect::V1Proto] {
        let client = server.client().dialect(dialect).connect().await;
        client.send(pb::Join { group: "g".into() }).await;
        client.login(Identity::new("1", "ann")).await;
        clients.push(client);
    }
    let at = psd_core::proto::prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
    let moment = pb::Moment { at: Some(at) };
    let told = |error: psd_core::Error| {
        let text = error.to_string();
        assert!(text.contains("`runtime.Moment` has no JSON form: "), "{text}");
        assert!(text.ends_with(": 2 of 4 connections did not get it"), "{text}");
    };
    told(server.server().broadcast("g", &moment).unwrap_err());
    told(server.server().send_to_user("1", &moment).unwrap_err());
    for (client, count) in clients.iter().zip([0, 2, 0, 2]) {
        for _ in 0..count {
            assert_eq!(client.expect_push::<pb::Moment>().await, moment);
        }
        client.expect_no_push().await;
    }
    // A connection that speaks another dialect is not in the way either, nor is the next message.
    server.server().broadcast("g", &note("next", 1)).unwrap();
    for client in &clients {
        assert_eq!(client.expect_push::<pb::Note>().await, note("next", 1));
    }
}
