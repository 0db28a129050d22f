use std::{future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;
use psd_core::{
    Server,
    test::{Dialect, TestServer},
};

use crate::app::{note, pb, server};

/// What a failed expectation says, without the place, which must be in this file.
async fn failure<T>(expectation: impl Future<Output = T>) -> String {
    let Err(panic) = AssertUnwindSafe(expectation).catch_unwind().await else { panic!("it held") };
    let text = panic.downcast_ref::<String>().unwrap();
    let (place, text) = text.split_once(": ").unwrap();
    assert!(place.starts_with(file!()), "{place}");
    text.to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_test_is_told_what_came_instead() {
    let server = TestServer::start(server().0);
    let client = server.client().dialect(Dialect::Classic).connect().await;
    let coded = || client.send(pb::Outcome { kind: "coded".into() });
    let plain = || client.send(pb::Plain { number: 1 });

    assert_eq!(
        failure(coded().into_future()).await,
        "expected `outcome` to end well, but it was refused with 422: not so"
    );
    assert_eq!(
        failure(coded().expect_ack_error(403)).await,
        "expected `outcome` to be refused with 403, but it was refused with 422: not so"
    );
    assert_eq!(
        failure(plain().expect_ack_error(403)).await,
        "expected `plain` to be refused with 403, but it ended well; replies: [`note` {\"text\":\"plain\",\"number\":\"1\"}]"
    );
    assert_eq!(
        failure(plain().reply::<pb::Pong>()).await,
        "expected `plain` to be replied to with `pong`; replies: [`note` {\"text\":\"plain\",\"number\":\"1\"}]"
    );
    assert_eq!(
        failure(client.expect_push::<pb::Pong>()).await,
        "expected a push `pong`, but nothing else has come, and nothing more within 60 s"
    );
    server.server().send_to(client.connection().id(), &note("hi", 0)).unwrap();
    client.settle().await;
    let instead = "what has come instead is [`note` {\"text\":\"hi\"}]";
    assert_eq!(failure(client.expect_no_push()).await, format!("expected no push, but {instead}"));
    assert_eq!(failure(client.expect_no::<pb::Note>()).await, format!("expected no push `note`, but {instead}"));
    client.connection().close(4403, "thrown out");
    let closed = format!("{instead}, and the server closed with 4403 \"thrown out\"");
    assert_eq!(failure(client.expect_close(1000)).await, format!("expected a close with 1000, but {closed}"));
    assert_eq!(failure(client.expect_push::<pb::Pong>()).await, format!("expected a push `pong`, but {closed}"));
    assert_eq!(failure(plain().into_future()).await, format!("expected an ack for `plain`, but {closed}"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_expects_nothing() {
    let server = TestServer::start(server().0);
    let client = server.connect().await;
    client.pause_reading();
    let text = "the client reads nothing at the moment: `resume_reading` first";
    assert_eq!(failure(client.settle()).await, text);
    assert_eq!(
        failure(server.client().path("/nowhere").connect()).await,
        "the handshake with `/nowhere` was refused with 404: "
    );
}

#[test]
#[should_panic(expected = "takes `State<Probe>`, which nobody provided")]
fn start_up_says_all_that_it_refuses() {
    let _ = TestServer::start(Server::builder());
}
