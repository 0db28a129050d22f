//! What long work says about itself, and whether it learns that nobody waits.

use psd_tests::{
    Running, eventually,
    v1::{V1Client, control, request, result},
};
use serde_json::json;

use crate::app::{pb, server};

#[tokio::test]
async fn a_tight_loop_does_not_flood_and_the_end_is_said_before_the_ack() {
    for (fails, message, code) in [(false, "", 0), (true, "no more", 422)] {
        let (builder, probe) = server();
        let running = Running::start(builder).await;
        let mut client = running.connect().await;
        let uuid = client.send("long-work", json!({"fails": fails})).await;
        eventually("all is reported", || probe.waiting() == 1).await;
        probe.gate("long work").add_permits(1);
        let mut reports = Vec::new();
        loop {
            let frame = client.frame().await;
            if frame["headers"]["messageType"] == "ack" {
                assert_eq!(frame["body"].get("errorCode").map_or(0, |code| code.as_i64().unwrap()), code);
                break;
            }
            assert_eq!(frame["headers"], json!({"messageType": "async-progress"}), "it is no reply");
            reports.push(frame["body"].clone());
        }
        let (first, last) = (&reports[0], reports.last().unwrap());
        assert_eq!((&first["key"], &first["info"]), (&json!(uuid), &json!("working")));
        assert_eq!((&last["done"], last["progress"].as_f64().unwrap()), (&json!(true), if fails { 0.99 } else { 1.0 }));
        assert_eq!(last.get("errorMessage").map_or("", |text| text.as_str().unwrap()), message);
        assert!(reports.len() < 50, "{} reports", reports.len());
    }
}

#[tokio::test]
async fn detached_work_says_when_it_has_ended() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    client.request("long-work", json!({"detached": true})).await;
    eventually("all is reported", || probe.waiting() == 1).await;
    probe.gate("long work").add_permits(1);
    while client.push().await["body"].get("done") != Some(&json!(true)) {}
}

#[tokio::test]
async fn work_on_a_thread_learns_that_nobody_waits() {
    for leaves in [true, false] {
        let (builder, probe) = server();
        let running = Running::start(builder).await;
        let mut client = V1Client::welcomed(&running).await;
        client.send(&[request("w", &pb::LongWork::default())]).await;
        eventually("it runs", || probe.waiting() == 1).await;
        if leaves {
            drop(client);
        } else {
            client.send(&[control("psd.cancel", "w")]).await;
            loop {
                let envelope = client.envelope().await;
                if envelope.headers.as_ref().is_some_and(|headers| headers.uuid == "w") {
                    assert_eq!(result(&envelope).0, 499);
                    break;
                }
            }
        }
        eventually("it has noticed", || probe.events() == ["it noticed"]).await;
    }
}

#[tokio::test]
async fn detached_work_goes_on_without_its_client() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    client.request("long-work", json!({"detached": true})).await;
    eventually("it runs", || probe.waiting() == 1).await;
    drop(client);
    eventually("the client has gone", || running.server().connections().is_empty()).await;
    probe.gate("long work").add_permits(1);
    eventually("it has ended", || probe.waiting() == 0).await;
    assert_eq!(probe.events(), Vec::<String>::new(), "it was not told to stop");
}
