//! Requests, pushes, tokens, and a server that comes back.

use demo_server::pb::{
    Boom, Echo, EchoReply, Fail, Item, JoinRoom, Many, OpenEcho, RoomEvent, RoomSay, Types, TypesReply, Void, WhoAmI,
    WhoAmIReply,
};
use psd_client::{
    Builder, Client, Disconnect, Error, State,
    proto::common::authentication::{Login, LoginToken, TokenInvalid},
};
use psd_core::Settings;
use psd_tests::{DEADLINE, Running};
use tokio::time::timeout;

async fn start() -> Running {
    Running::start(demo_server::server(Settings::default())).await
}

fn builder(server: &Running) -> Builder {
    Client::builder(format!("ws://{}/ws", server.address()))
}

#[track_caller]
fn refused(result: Result<(), Error>, expected: i32) {
    match result {
        Err(Error::Refused { code, .. }) => assert_eq!(code, Some(expected)),
        other => panic!("expected a refusal with {expected}, found {other:?}"),
    }
}

#[tokio::test]
async fn requests_are_answered() {
    let server = start().await;
    let client = builder(&server).connect().await.unwrap();
    let reply: EchoReply = client.fetch(&OpenEcho { text: "hi \u{1f600}".into(), n: -7 }).await.unwrap();
    assert_eq!(reply, EchoReply { text: "hi \u{1f600}".into(), n: -7 });
    client.send(&Void::default()).await.unwrap();

    let items: Vec<Item> = client.fetch_all(&Many { count: 1000 }).await.unwrap();
    assert_eq!(items.iter().map(|item| item.index).collect::<Vec<_>>(), (0..1000).collect::<Vec<_>>());

    let error = client.fetch::<EchoReply>(&Void::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "the server handled `void` without sending `echo-reply`");
    client.close().await;
}

#[tokio::test]
async fn every_type_survives_the_way_there_and_back() {
    let server = start().await;
    let client = builder(&server).connect().await.unwrap();
    let types = Types {
        i64: i64::MIN,
        u64: u64::MAX,
        flt: f32::NEG_INFINITY,
        dbl: 1.5e300,
        strv: "quote \" and \u{7}".into(),
        raw: vec![0, 255, 128],
        ..Types::default()
    };
    let reply: TypesReply = client.fetch(&types).await.unwrap();
    assert_eq!(reply.value, Some(types));
}

#[tokio::test]
async fn refusals_carry_their_code() {
    let server = start().await;
    let client = builder(&server).connect().await.unwrap();
    refused(client.send(&Fail { text: "no".into(), code: 17, ..Fail::default() }).await, 17);
    refused(client.send(&Boom::default()).await, 500);
    refused(client.send(&Echo::default()).await, 401);
    client.send(&Void::default()).await.unwrap();
}

#[tokio::test]
async fn tokens_come_from_a_login_and_are_noticed_when_bad() {
    let server = start().await;
    let login = Login { username: "alice".into(), password: "pw-alice".into() };
    let token = builder(&server).connect().await.unwrap().fetch::<LoginToken>(&login).await.unwrap().token;

    let client = builder(&server).token(token).connect().await.unwrap();
    let who: WhoAmIReply = client.fetch(&WhoAmI::default()).await.unwrap();
    assert_eq!((who.user.as_str(), who.authenticated), ("alice", true));

    let mut invalid = client.subscribe::<TokenInvalid>();
    client.set_token(Some("nonsense"));
    let who: WhoAmIReply = client.fetch(&WhoAmI::default()).await.unwrap();
    assert_eq!((who.user.as_str(), who.authenticated), ("", false));
    assert_eq!(timeout(DEADLINE, invalid.next()).await.unwrap().unwrap().unwrap(), TokenInvalid::default());
}

#[tokio::test]
async fn what_one_says_the_others_hear() {
    let server = start().await;
    let alice = builder(&server).connect().await.unwrap();
    let bob = builder(&server).connect().await.unwrap();
    let mut events = bob.subscribe::<RoomEvent>();
    bob.send(&JoinRoom { room: "r".into() }).await.unwrap();
    for text in ["one", "two", "three"] {
        alice.send(&RoomSay { room: "r".into(), text: text.into() }).await.unwrap();
    }
    for (seq, text) in (1..).zip(["one", "two", "three"]) {
        let event = timeout(DEADLINE, events.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(event, RoomEvent { room: "r".into(), text: text.into(), seq });
    }
}

#[tokio::test]
async fn many_clients_at_once_each_get_their_own_answers() {
    let server = start().await;
    let clients = (0..50).map(async |n| {
        let client = builder(&server).connect().await.unwrap();
        let requests = (0..100).map(async |m| {
            let reply: EchoReply = client.fetch(&OpenEcho { text: n.to_string(), n: m }).await.unwrap();
            assert_eq!(reply, EchoReply { text: n.to_string(), n: m });
        });
        futures_util::future::join_all(requests).await;
        client.close().await;
    });
    futures_util::future::join_all(clients).await;
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    let server = start().await;
    let address = server.address();
    let client = builder(&server).request_timeout(DEADLINE).connect().await.unwrap();
    let mut state = client.state();
    drop(server);
    let waiting = timeout(DEADLINE, state.wait_for(|state| matches!(state, State::Waiting { .. }))).await.unwrap();
    let reason = match &*waiting.unwrap() {
        // How long is the server's word, at random within its reconnect window: any delay may come.
        State::Waiting { reason, .. } => reason.clone(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(reason, Disconnect::Server { code: 1012, .. }), "{reason}");

    let listening = demo_server::server(Settings::default()).build().unwrap().listen(address).await.unwrap();
    tokio::spawn(listening.run());
    // Sent while there is no connection; it waits for the next one.
    let reply: EchoReply = client.fetch(&OpenEcho { text: "again".into(), n: 1 }).await.unwrap();
    assert_eq!(reply.text, "again");
}
