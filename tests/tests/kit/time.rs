use std::time::{Duration, SystemTime};

use psd_core::{
    Identity, Settings,
    proto::common::authentication::TokenInvalid,
    test::{Dialect, TestServer},
};
use tokio::time::Instant;

use crate::app::{note, pb, server, server_with};

#[tokio::test(start_paused = true)]
async fn a_handlers_deadline_comes_at_its_time() {
    let (builder, probe) = server_with(Settings::default().handler_timeout(Duration::from_secs(30)));
    let server = TestServer::start(builder);
    let (client, began) = (server.connect().await, Instant::now());
    client.send(pb::Hang {}).expect_ack_error(408).await;
    assert_eq!(began.elapsed().as_secs(), 30);
    assert_eq!(probe.waiting(), 0, "it was dropped");
}

#[tokio::test(start_paused = true)]
async fn a_clients_deadline_comes_before() {
    let server = TestServer::start(server().0);
    for dialect in [Dialect::V1Proto, Dialect::V1Json] {
        let (client, began) = (server.client().dialect(dialect).connect().await, Instant::now());
        client.send_with(pb::Hang {}, |envelope| envelope.deadline_ms = 2000).expect_ack_error(408).await;
        assert_eq!(began.elapsed().as_secs(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_expires() {
    let server = TestServer::start(server_with(Settings::default().token_grace(Duration::from_secs(60))).0);
    let client = server.connect().await;
    let ann = Identity::new("1", "ann").with_permissions(["app.view"]);
    client.login(ann.expiring_at(SystemTime::now() + Duration::from_secs(3600))).await;
    tokio::time::sleep(Duration::from_secs(3500)).await;
    client.send(pb::ExtractAll {}).await;
    tokio::time::sleep(Duration::from_secs(110)).await;
    assert!(client.expect_push::<TokenInvalid>().await.grace_ms > 55_000);
    client.send(pb::ExtractAll {}).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(client.expect_push::<TokenInvalid>().await.grace_ms, 0);
    client.send(pb::ExtractAll {}).expect_ack_error(401).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_there_says_so_for_days() {
    let server = TestServer::start(server().0);
    let client = server.connect().await;
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    client.send(pb::Plain { number: 1 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_network_is_gone_is_found_by_its_heartbeats() {
    let settings = Settings::default().heartbeat(Duration::from_secs(25)).close_timeout(Duration::from_secs(2));
    let server = TestServer::start(server_with(settings).0);
    let (client, began) = (server.connect().await, Instant::now());
    let connection = client.connection();
    client.fall_silent();
    connection.closed().await;
    assert_eq!(began.elapsed().as_secs(), 25 + 25 + 2);
}

#[tokio::test(start_paused = true)]
async fn time_stands_still_while_a_worker_works() {
    let (builder, probe) = server_with(Settings::default().handler_timeout(Duration::from_secs(1)));
    let server = TestServer::start(builder);
    let (client, began) = (server.connect().await, Instant::now());
    for handler in ["block", "block-deferred"] {
        // Opened by another thread, at a moment that has nothing to do with tokio's time.
        let gate = probe.gate(handler);
        let opener = std::thread::spawn({
            let probe = probe.clone();
            move || {
                while probe.waiting() == 0 {
                    std::thread::yield_now();
                }
                gate.add_permits(1);
            }
        });
        let reply: pb::Note = match handler {
            "block" => client.fetch(pb::Block { gate: handler.into() }).await,
            _ => client.fetch(pb::BlockDeferred { gate: handler.into() }).await,
        };
        assert_eq!(reply, note(handler, 0));
        opener.join().unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn real_time_works_too() {
    let server = TestServer::start(server().0);
    let client = server.connect().await;
    let reply: pb::Note = client.fetch(pb::OnWorker { number: 1 }).await;
    assert!(reply.text.starts_with("psd-worker-"));
}
