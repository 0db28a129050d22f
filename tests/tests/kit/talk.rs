use psd_core::{
    Identity, Settings,
    test::{Dialect, HandshakeRefused, TestServer},
};

use crate::app::{note, pb, server, server_with};

const DIALECTS: [Dialect; 3] = [Dialect::V1Proto, Dialect::V1Json, Dialect::Classic];

#[tokio::test(start_paused = true)]
async fn every_dialect_asks_and_is_answered() {
    let server = TestServer::start(server().0);
    for dialect in DIALECTS {
        let client = server.client().dialect(dialect).connect().await;
        assert_eq!(client.fetch::<pb::Note>(pb::Plain { number: 7 }).await, note("plain", 7));
        assert_eq!(client.fetch::<pb::Note>(pb::Later { number: 8 }).await, note("later", 8));
        client.send(pb::Plain { number: 9 }).await;
        let items: Vec<pb::Note> = client.send(pb::List { count: 3 }).replies().await;
        assert_eq!(items, [note("item", 0), note("item", 1), note("item", 2)]);
        let refused = client.send(pb::Outcome { kind: "coded".into() }).expect_ack_error(422).await;
        assert_eq!((refused.code, refused.text.as_str()), (Some(422), "not so"));
        client.post(pb::Plain { number: 1 });
        client.expect_push::<pb::Note>().await; // It asked for no ack, and its reply carries a uuid nobody waits for.
        client.expect_no_push().await;
        client.close().await;
    }
    assert_eq!(server.server().connections().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_login_needs_no_token() {
    let server = TestServer::start(server().0);
    for dialect in DIALECTS {
        let client = server.client().dialect(dialect).connect().await;
        client.send(pb::ExtractAll {}).expect_ack_error(401).await;
        client.login(Identity::new("1", "ann")).await;
        client.send(pb::ExtractAll {}).expect_ack_error(403).await;
        client.login(Identity::new("1", "ann").with_permissions(["app.view"])).await;
        let note: pb::Note = client.fetch(pb::ExtractAll {}).await;
        assert_eq!(note.text, "ann extract-all true");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_come_with_messages_and_handshakes() {
    let server = TestServer::start(server().0);
    for dialect in DIALECTS {
        let early = server.client().dialect(dialect).token("t-bob").connect().await;
        assert_eq!(early.connection().identity().is_some(), dialect != Dialect::Classic);
        early.send(pb::ExtractAll {}).await;
        let late = server.client().dialect(dialect).connect().await;
        late.set_token("t-bob");
        late.send(pb::ExtractAll {}).await;
        late.set_token("nonsense");
        late.send(pb::ExtractAll {}).expect_ack_error(401).await;
        late.expect_push::<psd_core::proto::common::authentication::TokenInvalid>().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_reaches_the_group_in_every_dialect() {
    let server = TestServer::start(server().0);
    let mut clients = Vec::new();
    for dialect in DIALECTS {
        let client = server.client().dialect(dialect).connect().await;
        client.send(pb::Join { group: "room".into() }).await;
        clients.push(client);
    }
    clients[0].send(pb::Say { group: "room".into(), text: "hello".into(), others: true }).await;
    clients[0].expect_no_push().await;
    for client in &clients[1..] {
        assert_eq!(client.expect_push::<pb::Note>().await, note("hello", 0));
        client.expect_no_push().await;
    }
    server.server().broadcast("room", &note("from outside", 1)).unwrap();
    for client in &clients {
        assert_eq!(client.expect_push::<pb::Note>().await, note("from outside", 1));
    }
}

#[tokio::test(start_paused = true)]
async fn pushes_wait_for_whoever_expects_their_type() {
    let server = TestServer::start(server().0);
    let client = server.connect().await;
    server.server().send_to(client.connection().id(), &note("first", 0)).unwrap();
    client.send_text("no frame of this dialect");
    client.expect_push::<psd_core::proto::common::socket_api::ProtocolError>().await;
    client.expect_no::<psd_core::proto::common::socket_api::ProtocolError>().await;
    assert_eq!(client.expect_push::<pb::Note>().await, note("first", 0));
    server.server().send_to(client.connection().id(), &note("second", 0)).unwrap();
    let taken = client.take_pushes().await;
    assert_eq!(taken.iter().map(|push| push.read().unwrap()).collect::<Vec<pb::Note>>(), [note("second", 0)]);
    client.expect_no_push().await;
}

#[tokio::test(start_paused = true)]
async fn requests_may_overlap() {
    let (builder, probe) = server();
    let server = TestServer::start(builder);
    let client = server.connect().await;
    let waiting = client.send(pb::Wait { gate: "a".into() });
    client.send(pb::Plain { number: 1 }).await;
    assert!(!waiting.is_answered());
    probe.gate("a").add_permits(1);
    assert_eq!(waiting.reply::<pb::Note>().await, note("a", 0));

    let given_up = client.send(pb::Wait { gate: "b".into() });
    given_up.cancel();
    given_up.expect_ack_error(499).await;
}

#[tokio::test(start_paused = true)]
async fn paths_and_headers_are_the_handshakes() {
    let (builder, probe) = server();
    let server = TestServer::start(builder);
    let admin = server.client().path("/admin").header("Host", "127.0.0.1").connect().await;
    assert_eq!(admin.expect_push::<pb::Note>().await, note("welcome", 0));
    assert_eq!(probe.events(), ["connect false"], "the URL's host comes first");
    assert_eq!(server.server().group_size("admins"), 1);
    let refused = server.client().path("/admin?refuse").connect().await;
    assert_eq!(refused.expect_close(4403).await, "not today");
    let HandshakeRefused { status, .. } = server.client().path("/nowhere").try_connect().await.unwrap_err();
    assert_eq!(status, 404);
    let elsewhere = server.client().address([127, 9, 9, 9]).connect().await;
    assert_eq!(elsewhere.connection().peer().unwrap().ip().to_string(), "127.9.9.9");
}

#[tokio::test(start_paused = true)]
async fn shutting_down_tells_the_clients() {
    let server = TestServer::start(server_with(Settings::default()).0);
    let client = server.connect().await;
    server.server().drain().await;
    client.expect_push::<psd_core::proto::common::psd::v1::Drain>().await;
    client.expect_close(1012).await;
    let HandshakeRefused { status, .. } = server.client().try_connect().await.unwrap_err();
    assert_eq!(status, 503);
}
