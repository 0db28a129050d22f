use psd_core::proto::prost::Message as _;
use psd_tests::{
    Running,
    v1::{Seen, V1Client, control, headers, request, result},
};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::app::{pb, server};

/// The next frame has one envelope, and this is it.
async fn only(client: &mut V1Client) -> psd_core::proto::common::psd::v1::Envelope {
    match client.see().await {
        Seen::Binary(mut envelopes) if envelopes.len() == 1 => envelopes.remove(0),
        other => panic!("expected one envelope, saw {other:?}"),
    }
}

#[tokio::test]
async fn one_frame_answers_a_request() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&[request("u", &pb::Plain { number: 5 })]).await;
    let answer = only(&mut client).await;
    assert_eq!((headers(&answer).message_type.as_str(), headers(&answer).uuid.as_str()), ("note", "u"));
    assert_eq!((result(&answer), answer.seq), ((0, ""), 1));
    assert_eq!(pb::Note::decode(&*answer.body).unwrap(), crate::app::note("plain", 5));

    client.send(&[request("v", &pb::Maybe { some: false })]).await;
    let ack = only(&mut client).await;
    assert_eq!((headers(&ack).message_type.as_str(), headers(&ack).uuid.as_str()), ("ack", "v"));
    assert_eq!((result(&ack), ack.body.len(), ack.seq), ((0, ""), 0, 2));

    client.send(&[request("w", &pb::Outcome { kind: "coded".into() })]).await;
    let ack = only(&mut client).await;
    assert_eq!((headers(&ack).message_type.as_str(), result(&ack)), ("ack", (422, "not so")));
}

#[tokio::test]
async fn the_result_is_in_the_last_of_several_replies() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&[request("u", &pb::Outcome { kind: "several".into() })]).await;
    let answers = [client.envelope().await, client.envelope().await, client.envelope().await];
    let seen = answers.each_ref().map(|answer| (headers(answer).uuid.as_str(), headers(answer).result.is_some()));
    assert_eq!(seen, [("u", false), ("", false), ("u", true)]);

    client.send(&[request("l", &pb::List { count: 3 })]).await;
    let answers = [client.envelope().await, client.envelope().await, client.envelope().await];
    let seen = answers.each_ref().map(|answer| headers(answer).result.is_some());
    assert_eq!(seen, [false, false, true]);
    assert_eq!(result(&client.ask("e", &pb::List { count: 0 }).await), (0, ""));
}

#[tokio::test]
async fn who_asks_for_no_ack_gets_no_result() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    let mut unacked = request("u", &pb::Plain { number: 5 });
    unacked.headers.as_mut().unwrap().ack = false;
    let mut failing = request("f", &pb::Outcome { kind: "coded".into() });
    failing.headers.as_mut().unwrap().ack = false;
    client.send(&[unacked, failing, request("end", &pb::Plain { number: 6 })]).await;
    let reply = client.envelope().await;
    assert_eq!((headers(&reply).uuid.as_str(), headers(&reply).result.clone()), ("u", None));
    assert_eq!(headers(&client.envelope().await).uuid, "end");
}

#[tokio::test]
async fn envelopes_of_one_frame_are_handled_in_order_and_answered_together() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    let requests: Vec<_> = (0..100).map(|n| request(&n.to_string(), &pb::Plain { number: n })).collect();
    client.send(&requests).await;
    for number in 0..100 {
        let answer = client.envelope().await;
        assert_eq!(headers(&answer).uuid, number.to_string());
        assert_eq!(pb::Note::decode(&*answer.body).unwrap().number, number);
    }
}

#[tokio::test]
async fn numbers_rise_by_one_and_skip_what_is_of_v1_itself() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    let mut numbers = Vec::new();
    for uuid in ["1", "2"] {
        numbers.push(client.ask(uuid, &pb::Plain { number: 1 }).await.seq);
        client.send(&[control("psd.heartbeat", "")]).await;
        numbers.push(client.envelope().await.seq);
    }
    client.send_message(Message::binary(b"\xff".to_vec())).await;
    let error = client.envelope().await;
    assert_eq!((headers(&error).message_type.as_str(), error.seq), ("protocol-error", 0));
    numbers.push(client.ask("3", &pb::Maybe { some: false }).await.seq);
    assert_eq!(numbers, [1, 0, 2, 0, 3]);
}

#[tokio::test]
async fn types_of_resumption_mean_nothing_yet() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    let mut numbered = request("u", &pb::Plain { number: 1 });
    (numbered.seq, numbered.seen) = (u64::MAX, 77);
    let reserved = ["psd.resume", "psd.resumed", "psd.gap", "psd.of-the-future"].map(|name| control(name, "x"));
    client.send(&[&reserved[..], &[numbered]].concat()).await;
    assert_eq!(headers(&client.envelope().await).uuid, "u");
}

#[tokio::test]
async fn json_says_the_same() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::connect(&running, "psd.v1.json").await;
    client.json().await;
    let plain = |uuid: &str, number: &str| {
        format!(
            r#"{{"headers":{{"messageType":"plain","uuid":"{uuid}","ack":true}},"body":{{"number":{number}}},"seq":"4"}}"#
        )
    };
    client.send_message(Message::text(plain("u", "7"))).await;
    assert_eq!(
        client.json().await,
        json!({"headers": {"messageType": "note", "uuid": "u", "result": {}}, "body": {"text": "plain", "number": "7"}, "seq": 1})
    );
    client.send_message(Message::text(format!("[{},{}]", plain("a", "\"1\""), plain("b", "2")))).await;
    let mut answers = Vec::new();
    while answers.len() < 2 {
        match client.json().await {
            serde_json::Value::Array(several) => answers.extend(several),
            one => answers.push(one),
        }
    }
    assert_eq!(answers[0]["headers"]["uuid"], "a");
    assert_eq!((&answers[1]["headers"]["uuid"], &answers[1]["seq"]), (&json!("b"), &json!(3)));

    client
        .send_message(Message::text(
            r#"{"headers":{"messageType":"outcome","uuid":"e","ack":true},"body":{"kind":"coded"}}"#,
        ))
        .await;
    assert_eq!(
        client.json().await,
        json!({"headers": {"messageType": "ack", "uuid": "e", "result": {"errorMessage": "not so", "errorCode": 422}}, "seq": 4})
    );
}
