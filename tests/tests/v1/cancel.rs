use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use psd_core::{
    Identity, Settings,
    auth::{Authenticator, TokenError},
};
use psd_tests::{
    Running, eventually,
    v1::{V1Client, control, headers, request, result},
};
use tokio::sync::Semaphore;

use crate::app::{pb, server, server_with};

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

#[tokio::test]
async fn work_on_a_thread_goes_on_without_an_answer() {
    // One thread: it has done the cancelled work when it answers what comes next.
    let (builder, probe) = server_with(Settings::default().n_sync_workers(1));
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    let gate = || "g".to_owned();
    for message in [request("b", &pb::Block { gate: gate() }), request("b", &pb::BlockDeferred { gate: gate() })] {
        client.send(&[message]).await;
        eventually("it runs", || probe.waiting() == 1).await;
        client.send(&[control("psd.cancel", "b")]).await;
        let ack = client.envelope().await;
        assert_eq!((headers(&ack).uuid.as_str(), result(&ack).0), ("b", 499));
        probe.gate("g").add_permits(1);
        eventually("it ends", || probe.waiting() == 0).await;
        let answer = client.ask("next", &pb::OnWorker { number: 1 }).await;
        assert_eq!(headers(&answer).uuid, "next");
    }
}

#[tokio::test]
async fn what_a_thread_still_says_of_a_cancelled_request_is_dropped() {
    let (builder, probe) = server_with(Settings::default().n_sync_workers(1));
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&[request("b", &pb::Block { gate: "says more".into() })]).await;
    eventually("it runs", || probe.waiting() == 1).await;
    client.send(&[control("psd.cancel", "b")]).await;
    let ack = client.envelope().await;
    assert_eq!((headers(&ack).uuid.as_str(), result(&ack).0), ("b", 499));
    probe.gate("says more").add_permits(1);
    let answer = client.ask("next", &pb::OnWorker { number: 1 }).await;
    assert_eq!(headers(&answer).uuid, "next", "the ack was the end");
}

#[tokio::test]
async fn what_waits_for_a_thread_is_not_begun() {
    let (builder, probe) = server_with(Settings::default().n_sync_workers(1));
    let running = Running::start(builder).await;
    let mut first = V1Client::welcomed(&running).await;
    first.send(&[request("first", &pb::Block { gate: "g".into() })]).await;
    eventually("it runs", || probe.waiting() == 1).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&[request("queued", &pb::Block { gate: "never".into() })]).await;
    eventually("it waits", || running.server().metrics().contains("\npsd_worker_queue 1\n")).await;
    client.send(&[control("psd.cancel", "queued")]).await;
    let ack = client.envelope().await;
    assert_eq!((headers(&ack).uuid.as_str(), result(&ack).0), ("queued", 499));
    probe.gate("g").add_permits(1);
    // The only thread is free for this, which it would not be if it had begun what is cancelled.
    let answer = client.ask("next", &pb::OnWorker { number: 1 }).await;
    assert_eq!(headers(&answer).uuid, "next");
    assert_eq!(probe.waiting(), 0);
}

/// Verifies when the gate opens.
struct Slow(Arc<Semaphore>, Arc<AtomicUsize>);

impl Authenticator for Slow {
    fn authenticate<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Identity, TokenError>> + Send + 'a>> {
        Box::pin(async {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.acquire().await.unwrap().forget();
            Ok(Identity::new("1", "ann").with_permissions(["app.view"]))
        })
    }
}

#[tokio::test]
async fn what_waits_for_its_token_is_not_begun_and_its_token_counts() {
    let (gate, verifying) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (builder, probe) = server();
    let running = Running::start(builder.authenticator(Slow(gate.clone(), verifying.clone()))).await;
    let mut client = V1Client::welcomed(&running).await;
    let mut hang = request("h", &pb::Hang {});
    hang.headers.as_mut().unwrap().auth_header = "t".into();
    client.send(&[hang, request("next", &pb::ExtractAll {}), control("psd.cancel", "h")]).await;
    let ack = client.envelope().await;
    assert_eq!((headers(&ack).uuid.as_str(), result(&ack).0), ("h", 499));
    gate.add_permits(1);
    // The token counts all the same.
    assert_eq!(result(&client.envelope().await), (0, ""));

    // Likewise when the token is being looked at already.
    let mut hang = request("i", &pb::Hang {});
    hang.headers.as_mut().unwrap().auth_header = "u".into();
    client.send(&[hang]).await;
    eventually("it is verified", || verifying.load(Ordering::SeqCst) == 2).await;
    client.send(&[control("psd.cancel", "i")]).await;
    let ack = client.envelope().await;
    assert_eq!((headers(&ack).uuid.as_str(), result(&ack).0), ("i", 499));
    gate.add_permits(1);
    assert_eq!(result(&client.ask("next", &pb::ExtractAll {}).await), (0, ""));
    assert_eq!(probe.waiting(), 0);
}

#[tokio::test]
async fn several_of_one_uuid_are_all_cancelled() {
    let (builder, probe) = server_with(Settings::default().n_sync_workers(3));
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    let gated = |gate: &str| request("d", &pb::BlockDeferred { gate: gate.into() });
    client.send(&[gated("a"), gated("b"), gated("c")]).await;
    eventually("they run", || probe.waiting() == 3).await;
    // The end of one is not the end of the others.
    probe.gate("b").add_permits(1);
    assert_eq!(result(&client.envelope().await), (0, ""));
    client.send(&[control("psd.cancel", "d")]).await;
    for _ in 0..2 {
        assert_eq!(result(&client.envelope().await).0, 499);
    }
    probe.gate("a").add_permits(1);
    probe.gate("c").add_permits(1);
}

#[tokio::test]
async fn a_uuid_that_comes_again_is_another_request() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = V1Client::welcomed(&running).await;
    let hang = || request("d", &pb::HangDeferred { detached: false });
    client.send(&[hang()]).await;
    eventually("it runs", || probe.waiting() == 1).await;
    client.send(&[control("psd.cancel", "d"), hang()]).await;
    assert_eq!(result(&client.envelope().await).0, 499);
    eventually("only the second runs", || probe.waiting() == 1).await;
    client.send(&[control("psd.cancel", "d")]).await;
    assert_eq!(result(&client.envelope().await).0, 499);
    eventually("it is dropped", || probe.waiting() == 0).await;
}
