use psd_core::proto::{envelope::compression, prost::Message as _};
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
