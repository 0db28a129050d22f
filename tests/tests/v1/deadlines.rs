use psd_core::{Settings, proto::common::psd::v1::Envelope};
use psd_tests::{
    Running, eventually,
    v1::{V1Client, headers, request, result},
};

use crate::app::{pb, server, server_with};

fn within(milliseconds: u32, mut envelope: Envelope) -> Envelope {
    envelope.headers.as_mut().unwrap().deadline_ms = milliseconds;
    envelope
}

#[tokio::test]
async fn a_handler_that_takes_longer_is_dropped() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    for message in [
        request("h", &pb::Hang {}),
        request("h", &pb::HangConcurrent {}),
        request("h", &pb::HangDeferred { detached: false }),
    ] {
        client.send(&[within(20, message)]).await;
        let ack = client.envelope().await;
        assert_eq!(
            (headers(&ack).message_type.as_str(), headers(&ack).uuid.as_str(), result(&ack).0),
            ("ack", "h", 408)
        );
        eventually("it is dropped", || probe.waiting() == 0).await;
    }
    assert_eq!(result(&client.ask("p", &pb::Plain { number: 1 }).await), (0, ""));
}

#[tokio::test]
async fn what_waited_too_long_is_not_begun() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    // The first takes its own time; the deadline of the second counts from its arrival.
    client
        .send(&[
            within(60, request("first", &pb::Hang {})),
            within(20, request("second", &pb::OpenGate { gate: "g".into() })),
        ])
        .await;
    let answers = [client.envelope().await, client.envelope().await];
    let mut uuids = answers.each_ref().map(|answer| (headers(answer).uuid.as_str(), result(answer).0));
    uuids.sort_unstable();
    assert_eq!(uuids, [("first", 408), ("second", 408)]);
    assert_eq!(probe.gate("g").available_permits(), 0);
}

#[tokio::test]
async fn a_deadline_that_is_met_changes_nothing() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&[within(20_000, request("u", &pb::Later { number: 3 }))]).await;
    assert_eq!(result(&client.envelope().await), (0, ""));
}

#[tokio::test]
async fn work_on_a_thread_goes_on_without_an_answer() {
    // One thread: it has done the cancelled work when it answers what comes next.
    let (builder, probe) = server_with(Settings::default().n_sync_workers(1));
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    let gate = || "g".to_owned();
    for message in [request("b", &pb::Block { gate: gate() }), request("b", &pb::BlockDeferred { gate: gate() })] {
        client.send(&[within(20, message)]).await;
        let ack = client.envelope().await;
        assert_eq!((headers(&ack).uuid.as_str(), result(&ack).0), ("b", 408));
        probe.gate("g").add_permits(1);
        eventually("it ends", || probe.waiting() == 0).await;
        let answer = client.ask("next", &pb::OnWorker { number: 1 }).await;
        assert_eq!(headers(&answer).uuid, "next");
    }
}
