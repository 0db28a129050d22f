use psd_core::{
    Settings,
    proto::{common::socket_api::ProtocolError, prost::Message as _},
};
use psd_tests::{
    Running,
    v1::{V1Client, control, frame, headers, request, result},
};
use tokio_tungstenite::tungstenite::Message;

use crate::app::{pb, server, server_with};

fn plain(uuid: &str) -> Vec<u8> {
    frame(&[request(uuid, &pb::Plain { number: 1 })])
}

async fn protocol_error(client: &mut V1Client) -> String {
    let envelope = client.envelope().await;
    assert_eq!((headers(&envelope).message_type.as_str(), headers(&envelope).uuid.as_str()), ("protocol-error", ""));
    let ProtocolError { error_message, error_code } = ProtocolError::decode(&*envelope.body).unwrap();
    assert_eq!(error_code, 400);
    error_message
}

#[tokio::test]
async fn what_is_no_frame_is_told_and_the_connection_lives() {
    let running = Running::start(server_with(Settings::default().protocol_errors_per_minute(1000)).0).await;
    let mut client = V1Client::welcomed(&running).await;
    for (bytes, expected) in [
        (&b"\xff"[..], "envelope 1 of the frame does not end within it"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "envelope 1 of the frame does not end within it"),
        (b"\x05\x0a", "envelope 1 of the frame does not end within it"),
        (b"\x00", "`headers.messageType` is missing"),
        (b"\x02\x0a\x05", "the envelope is no `psd.v1.Envelope`"),
        (b"\x01\x0c", "the envelope is no `psd.v1.Envelope`"), // a group's end
        (b"\x02\x02\x00", "the envelope is no `psd.v1.Envelope`"), // field 0
        (b"\x04\x0a\x02\x0a\x05", "`headers` is no `psd.v1.Headers`"),
        (b"\x05\x0a\x03\x0a\x01\xff", "`headers.messageType` is not UTF-8"),
    ] {
        client.send_message(Message::binary(bytes.to_vec())).await;
        assert_eq!(protocol_error(&mut client).await, expected, "{bytes:?}");
        assert_eq!(result(&client.ask("p", &pb::Plain { number: 1 }).await), (0, ""));
    }
    // A frame without envelopes means nothing.
    client.send_message(Message::binary(Vec::new())).await;
    assert_eq!(result(&client.ask("p", &pb::Plain { number: 1 }).await), (0, ""));
}

#[tokio::test]
async fn unknown_fields_of_every_wire_type_are_ignored() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    // Field 100 as a varint, 8 bytes, bytes, 4 bytes.
    let unknown = b"\xa0\x06\x01\xa1\x06\x00\x00\x00\x00\x00\x00\x00\x00\xa2\x06\x01x\xa5\x06\x00\x00\x00\x00";
    let mut envelope = request("u", &pb::Plain { number: 5 }).encode_to_vec();
    envelope.extend_from_slice(unknown);
    envelope.extend_from_slice(b"\x0a");
    envelope.push(u8::try_from(unknown.len()).unwrap());
    envelope.extend_from_slice(unknown); // `headers` once more: merged, as protobuf wants it
    let mut bytes = vec![u8::try_from(envelope.len()).unwrap()];
    bytes.extend_from_slice(&envelope);
    client.send_message(Message::binary(bytes)).await;
    let answer = client.envelope().await;
    assert_eq!((headers(&answer).uuid.as_str(), result(&answer)), ("u", (0, "")));
}

#[tokio::test]
async fn envelopes_before_a_mistake_are_handled() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send_message(Message::binary([plain("a"), plain("b"), b"\x7f".to_vec()].concat())).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let envelope = client.envelope().await;
        seen.push(headers(&envelope).uuid.clone());
    }
    seen.sort_unstable();
    assert_eq!(seen, ["", "a", "b"]);

    // Of an envelope that is none, the next ones in its frame do not suffer.
    client.send_message(Message::binary([b"\x00".to_vec(), plain("c")].concat())).await;
    let mut seen = [client.envelope().await, client.envelope().await].map(|envelope| headers(&envelope).uuid.clone());
    seen.sort_unstable();
    assert_eq!(seen, ["", "c"]);
}

#[tokio::test]
async fn the_kind_of_frame_is_the_dialects() {
    let running = Running::start(server().0).await;
    let mut binary = V1Client::welcomed(&running).await;
    binary.send_message(Message::text(r#"{"headers":{"messageType":"plain"}}"#)).await;
    assert_eq!(protocol_error(&mut binary).await, "a text frame: this protocol uses binary frames");
    let mut text = V1Client::connect(&running, "psd.v1.json").await;
    text.json().await;
    text.send_message(Message::binary(plain("u"))).await;
    let error = text.json().await;
    assert_eq!(error["headers"]["messageType"], "protocol-error");
    assert_eq!(error["body"]["errorMessage"], "a binary frame: this protocol uses text frames");
    assert_eq!(error.get("seq"), None);
}

#[tokio::test]
async fn a_frame_holds_256_envelopes() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send_message(Message::binary((0..257).flat_map(|n: u32| plain(&n.to_string())).collect::<Vec<_>>())).await;
    let (mut answers, mut errors) = (Vec::new(), Vec::new());
    while answers.len() < 256 || errors.is_empty() {
        let envelope = client.envelope().await;
        match headers(&envelope).message_type.as_str() {
            "protocol-error" => errors.push(ProtocolError::decode(&*envelope.body).unwrap().error_message),
            _ => answers.push(headers(&envelope).uuid.clone()),
        }
    }
    assert_eq!(errors, ["a frame holds at most 256 envelopes"]);
    assert_eq!(answers, (0..256).map(|n| n.to_string()).collect::<Vec<_>>());
    // 257 was not handled.
    assert_eq!(headers(&client.ask("next", &pb::Plain { number: 1 }).await).uuid, "next");
}

#[tokio::test]
async fn the_eleventh_mistake_in_a_minute_closes() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    for _ in 0..10 {
        client.send_message(Message::binary(b"\xff".to_vec())).await;
        protocol_error(&mut client).await;
    }
    client.send_message(Message::binary(b"\xff".to_vec())).await;
    assert_eq!(client.closed().await.0, 4400);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_the_requests_affair() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    let mut bad = request("u", &pb::Plain { number: 1 });
    bad.body = b"\x08".to_vec();
    client.send(&[bad, control("no-such-type", "v")]).await;
    let answer = client.envelope().await;
    assert_eq!((headers(&answer).uuid.as_str(), result(&answer).0), ("u", 400));
    let mut unknown = control("no-such-type", "w");
    unknown.headers.as_mut().unwrap().ack = true;
    client.send(&[unknown]).await;
    let answer = client.envelope().await;
    assert_eq!((headers(&answer).uuid.as_str(), result(&answer)), ("w", (404, "unknown message type `no-such-type`")));
    // The longest uuid, and one more byte.
    assert_eq!(result(&client.ask(&"u".repeat(256), &pb::Plain { number: 1 }).await), (0, ""));
    client.send_message(Message::binary(plain(&"u".repeat(257)))).await;
    assert_eq!(protocol_error(&mut client).await, "`headers.uuid` has 257 bytes; 256 are allowed");
}
