use psd_tests::{
    Running, eventually,
    v1::{V1Client, control, headers, request, result},
};

use crate::app::{pb, server};

#[tokio::test]
async fn what_runs_is_dropped() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&[request("h", &pb::Hang {})]).await;
    eventually("it runs", || probe.waiting() == 1).await;
    client.send(&[control("psd.cancel", "h")]).await;
    let ack = client.envelope().await;
    assert_eq!((headers(&ack).uuid.as_str(), result(&ack).0), ("h", 499));
    eventually("it is dropped", || probe.waiting() == 0).await;
    assert_eq!(headers(&client.ask("p", &pb::Plain { number: 1 }).await).uuid, "p");
}

#[tokio::test]
async fn what_runs_beside_is_dropped_alone() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&["a", "b", "c"].map(|uuid| request(uuid, &pb::HangConcurrent {}))).await;
    eventually("they run", || probe.waiting() == 3).await;
    client.send(&[control("psd.cancel", "b")]).await;
    let ack = client.envelope().await;
    assert_eq!((headers(&ack).uuid.as_str(), result(&ack).0), ("b", 499));
    eventually("it is dropped", || probe.waiting() == 2).await;
}

#[tokio::test]
async fn what_waits_for_its_turn_is_not_begun() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    let waits = pb::WaitInOrder { gate: "g".into() };
    client
        .send(&[request("first", &waits), request("queued", &pb::Hang {}), request("last", &pb::Plain { number: 1 })])
        .await;
    client.send(&[control("psd.cancel", "queued")]).await;
    let ack = client.envelope().await;
    assert_eq!((headers(&ack).uuid.as_str(), result(&ack).0), ("queued", 499));
    probe.gate("g").add_permits(1);
    assert_eq!(headers(&client.envelope().await).uuid, "first");
    assert_eq!(headers(&client.envelope().await).uuid, "last");
}

#[tokio::test]
async fn deferred_work_is_dropped() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&[request("d", &pb::HangDeferred { detached: false })]).await;
    eventually("it runs", || probe.waiting() == 1).await;
    client.send(&[control("psd.cancel", "d")]).await;
    let ack = client.envelope().await;
    assert_eq!((headers(&ack).uuid.as_str(), result(&ack).0), ("d", 499));
    eventually("it is dropped", || probe.waiting() == 0).await;
}

#[tokio::test]
async fn a_cancel_in_the_frame_of_its_request_is_heard() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    for message in [
        request("h", &pb::Hang {}),
        request("h", &pb::HangConcurrent {}),
        request("h", &pb::HangDeferred { detached: false }),
    ] {
        client.send(&[message, control("psd.cancel", "h")]).await;
        let ack = client.envelope().await;
        assert_eq!((headers(&ack).uuid.as_str(), result(&ack).0), ("h", 499));
    }
    eventually("all are dropped", || probe.waiting() == 0).await;
}

#[tokio::test]
async fn what_is_done_or_unknown_cannot_be_cancelled() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    assert_eq!(result(&client.ask("done", &pb::Plain { number: 1 }).await), (0, ""));
    client.send(&[control("psd.cancel", "done"), control("psd.cancel", "nobody"), control("psd.cancel", "")]).await;
    assert_eq!(headers(&client.ask("next", &pb::Plain { number: 2 }).await).uuid, "next");
}
