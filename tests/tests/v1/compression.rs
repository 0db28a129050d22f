use psd_core::{
    Settings,
    proto::{common::psd::v1::Envelope, envelope::compression, prost::Message as _},
};
use psd_tests::{
    Running,
    v1::{V1Client, headers, request, result},
};

use crate::app::{pb, server, server_with};

const OFFER: &str = "psd.v1.proto, psd.compress.deflate-raw";

fn compressed(mut envelope: Envelope, body: Vec<u8>) -> Envelope {
    envelope.body = body;
    envelope.headers.as_mut().unwrap().compressed = true;
    envelope
}

fn deflated(envelope: Envelope) -> Envelope {
    let body = compression::deflate(&envelope.body).expect("it gets smaller");
    compressed(envelope, body)
}

/// Comes back as it is in the answer's text.
fn gate(length: usize) -> pb::Wait {
    pb::Wait { gate: "x".repeat(length) }
}

#[tokio::test]
async fn both_ways() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let (mut client, _) = V1Client::welcomed_with(&running, OFFER).await;
    for (length, expected) in [(100, false), (1021, true), (100_000, true)] {
        probe.gate(&gate(length).gate).add_permits(2);
        client.send(&[deflated(request("c", &gate(length)))]).await;
        client.send(&[request("p", &gate(length))]).await;
        for _ in 0..2 {
            let answer = client.envelope().await;
            assert_eq!((result(&answer), headers(&answer).compressed), ((0, ""), expected), "{length}");
            let body = if expected { compression::inflate(&answer.body, 1 << 20).unwrap() } else { answer.body };
            assert_eq!(pb::Note::decode(&*body).unwrap().text.len(), length);
        }
    }
}

#[tokio::test]
async fn who_cannot_gets_none() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    probe.gate(&gate(5000).gate).add_permits(1);
    let answer = client.ask("p", &gate(5000)).await;
    assert_eq!((headers(&answer).compressed, answer.body.len() > 5000), (false, true));

    client.send(&[deflated(request("c", &gate(5000)))]).await;
    assert_eq!(result(&client.envelope().await), (400, "the body is compressed, which was not negotiated"));
}

#[tokio::test]
async fn a_bomb_is_refused_and_the_connection_lives() {
    let running = Running::start(server_with(Settings::default().max_frame_bytes(256 * 1024)).0).await;
    let (mut client, _) = V1Client::welcomed_with(&running, OFFER).await;
    let bomb = compression::deflate(&vec![0; 16 << 20]).unwrap();
    assert!(bomb.len() < 256 * 1024, "{}", bomb.len());
    client.send(&[compressed(request("b", &gate(0)), bomb)]).await;
    assert_eq!(result(&client.envelope().await).0, 413);
    for nonsense in [&b"\xff\xff\xff"[..], b"", b"\x4b"] {
        client.send(&[compressed(request("n", &gate(0)), nonsense.to_vec())]).await;
        assert_eq!(result(&client.envelope().await).0, 400, "{nonsense:?}");
    }
    assert_eq!(result(&client.ask("p", &pb::Plain { number: 1 }).await), (0, ""));
}
