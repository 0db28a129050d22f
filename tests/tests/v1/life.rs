use std::time::{Duration, Instant};

use psd_core::{
    Settings,
    proto::{
        common::psd::v1::{Drain, Heartbeat},
        prost::Message as _,
    },
};
use psd_tests::{
    Running, eventually,
    v1::{V1Client, control, headers, request, result},
};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::app::{pb, server, server_with};

#[tokio::test]
async fn each_heartbeat_is_answered_even_while_a_handler_runs() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&[request("h", &pb::Hang {})]).await;
    eventually("it runs", || probe.waiting() == 1).await;
    client.send(&[control("psd.heartbeat", ""), control("psd.heartbeat", "")]).await;
    for _ in 0..2 {
        let heartbeat = client.envelope().await;
        assert_eq!((headers(&heartbeat).message_type.as_str(), heartbeat.seq), ("psd.heartbeat", 0));
        assert!(Heartbeat::decode(&*heartbeat.body).unwrap().server_time > 1_700_000_000_000);
    }
}

#[tokio::test]
async fn silence_for_twice_the_interval_closes() {
    let settings = Settings::default().heartbeat(Duration::from_millis(500));
    let running = Running::start(server_with(settings).0).await;
    let mut classic = running.connect().await;
    let since = Instant::now();
    let mut client = V1Client::welcomed(&running).await;
    // Classic clients are pinged, which the library under this one answers while it reads.
    tokio::select! {
        closed = client.closed() => assert_eq!(closed, (4408, "no heartbeat".into())),
        seen = classic.see() => panic!("{seen:?}"),
    }
    assert!(since.elapsed() >= Duration::from_secs(1));
    assert_eq!(classic.request("plain", json!({})).await.len(), 2);
}

#[tokio::test]
async fn a_server_that_reads_no_further_says_that_it_is_there() {
    let (builder, probe) = server_with(Settings::default().heartbeat(Duration::from_millis(200)));
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&[request("w", &pb::WaitInOrder { gate: "g".into() })]).await;
    eventually("it runs", || probe.waiting() == 1).await;
    // One more than is read ahead: from here on nothing is read, a heartbeat neither.
    let waiting: Vec<_> = (0..20).map(|number| request(&number.to_string(), &pb::Plain { number })).collect();
    for envelope in waiting {
        client.send(&[envelope]).await;
    }
    for _ in 0..3 {
        assert_eq!(headers(&client.envelope().await).message_type, "psd.heartbeat");
    }
    probe.gate("g").add_permits(1);
    loop {
        let answer = client.envelope().await;
        if headers(&answer).uuid == "19" {
            assert_eq!(result(&answer), (0, ""));
            break;
        }
    }
}

#[tokio::test]
async fn a_server_that_goes_says_when_to_come_back() {
    let (builder, probe) = server_with(Settings::default().reconnect_window(Duration::from_secs(60)));
    let running = Running::start(builder).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(V1Client::welcomed(&running).await);
    }
    let mut json = V1Client::connect(&running, "psd.v1.json").await;
    json.json().await;
    clients[0].send(&[request("w", &pb::WaitInOrder { gate: "g".into() })]).await;
    eventually("it runs", || probe.waiting() == 1).await;
    running.server().shut_down();

    let mut waits = Vec::new();
    for client in &mut clients {
        let drain = client.envelope().await;
        assert_eq!((headers(&drain).message_type.as_str(), drain.seq), ("psd.drain", 0));
        let Drain { reconnect_after_ms, reason } = Drain::decode(&*drain.body).unwrap();
        assert!(reconnect_after_ms < 60_000);
        assert_eq!(reason, "the server is restarting");
        waits.push(reconnect_after_ms);
    }
    waits.dedup();
    assert!(waits.len() > 1, "each client is given another time: {waits:?}");
    assert_eq!(json.json().await["headers"], json!({"messageType": "psd.drain"}));
    assert_eq!(clients[1].closed().await.0, 1012);
    // What is being handled is still answered.
    probe.gate("g").add_permits(1);
    assert_eq!(result(&clients[0].envelope().await), (0, ""));
    assert_eq!(clients[0].closed().await.0, 1012);
}

#[tokio::test]
async fn a_frame_over_the_limit_closes() {
    let running = Running::start(server_with(Settings::default().max_frame_bytes(1000)).0).await;
    let (mut client, welcome) = V1Client::welcomed_with(&running, "psd.v1.proto").await;
    assert_eq!(welcome.max_frame_bytes, 1000);
    client.send_message(Message::binary(vec![0; 1001])).await;
    assert_eq!(client.closed().await.0, 1009);
}
