//! One handler serves all three dialects with the same meaning, and what only v1 has.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use demo_server::pb::{
    self, AsyncCoro, AsyncThread, Boom, Fail, Item, Many, OpenEcho, PermGuarded, RoomEvent, RoomSay, Types, TypesBuild,
    TypesReply, Void, WhoAmI, WhoAmIReply,
};
use psd_client::{
    Client, Dialect, Direction, Disconnect, Error, Outcome, Payload, State,
    proto::{
        ClientMessage, ServerMessage,
        common::authentication::{Login, LoginToken},
    },
};
use psd_core::Settings;
use psd_tests::{DEADLINE, Running};
use tokio::time::timeout;

const ALL: [Dialect; 3] = [Dialect::Classic, Dialect::V1Json, Dialect::V1Proto];

async fn start() -> Running {
    Running::start(demo_server::server(Settings::default())).await
}

async fn connect(server: &Running, dialect: Dialect) -> Client {
    let client = Client::builder(format!("ws://{}/ws", server.address())).dialect(dialect).connect().await.unwrap();
    assert_eq!(client.dialect(), Some(dialect));
    client
}

/// What became of a request, in words that know no dialect.
fn meaning<T: std::fmt::Debug>(result: Result<Vec<T>, Error>) -> String {
    match result {
        Ok(replies) => format!("{replies:?}"),
        Err(Error::Refused { code, message, .. }) => format!("refused {code:?} {message}"),
        Err(error) => panic!("{error}"),
    }
}

/// Sends a message in every dialect and compares what comes back.
async fn same<Reply: ServerMessage + std::fmt::Debug>(clients: &[Client], message: &impl ClientMessage) {
    let mut meanings = Vec::new();
    for client in clients {
        meanings.push(meaning(client.fetch_all::<Reply>(message).await));
    }
    assert!(meanings.windows(2).all(|pair| pair[0] == pair[1]), "{meanings:#?}");
}

#[tokio::test]
async fn requests_mean_the_same_in_all_of_them() {
    let server = start().await;
    let clients = futures_util::future::join_all(ALL.map(|dialect| connect(&server, dialect))).await;
    same::<pb::EchoReply>(&clients, &OpenEcho { text: "quote \" \u{1f600} \0".into(), n: i32::MIN }).await;
    same::<pb::EchoReply>(&clients, &OpenEcho::default()).await;
    same::<pb::EchoReply>(&clients, &Void::default()).await;
    same::<Item>(&clients, &Many { count: 300 }).await;
    same::<Item>(&clients, &Many { count: 0 }).await;
    same::<pb::EchoReply>(&clients, &PermGuarded::default()).await;
    same::<pb::EchoReply>(&clients, &Boom { text: "x".into() }).await;
    for after_reply in [false, true] {
        let fail = Fail { text: "no \u{e9}".into(), code: -7, after_reply, ..Fail::default() };
        same::<pb::EchoReply>(&clients, &fail).await;
        same::<pb::EchoReply>(&clients, &Fail { no_code: true, ..fail }).await;
    }
    for variant in [
        "empty",
        "full",
        "defaults",
        "map_bytes",
        "nan",
        "nan_neg",
        "ts_micro",
        "dur_small",
        "enum_unknown",
        "tree",
        "oneof_msg",
        "wrapper",
        "no-such",
    ] {
        same::<TypesReply>(&clients, &TypesBuild { variant: variant.into() }).await;
    }
    let types = Types {
        i64: i64::MIN,
        u64: u64::MAX,
        flt: f32::NEG_INFINITY,
        dbl: 1.5e300,
        strv: "\u{7}\"\\".into(),
        raw: (0..=255).collect(),
        ..Types::default()
    };
    same::<TypesReply>(&clients, &types).await;
    // Deferred work answers last, whatever carries the result.
    same::<pb::EchoReply>(&clients, &pb::SlowSync { ms: 1 }).await;
    same::<pb::EchoReply>(&clients, &AsyncThread { fail: true, ..AsyncThread::default() }).await;
    same::<pb::EchoReply>(&clients, &AsyncCoro { ms: 1, ..AsyncCoro::default() }).await;
}

#[tokio::test]
async fn a_token_works_in_all_of_them() {
    let server = start().await;
    let login = Login { username: "alice".into(), password: "pw-alice".into() };
    for dialect in ALL {
        let client = connect(&server, dialect).await;
        let token = client.fetch::<LoginToken>(&login).await.unwrap().token;
        let url = format!("ws://{}/ws", server.address());
        let client = Client::builder(url).dialect(dialect).token(token.clone()).connect().await.unwrap();
        let who: WhoAmIReply = client.fetch(&WhoAmI::default()).await.unwrap();
        assert_eq!((who.user.as_str(), who.authenticated), ("alice", true), "{dialect}");
        // One that is set later goes with the next message, once.
        let client = connect(&server, dialect).await;
        client.set_token(Some(&token));
        for _ in 0..2 {
            let who: WhoAmIReply = client.fetch(&WhoAmI::default()).await.unwrap();
            assert_eq!(who.user, "alice", "{dialect}");
        }
    }
}

#[tokio::test]
async fn what_one_says_is_heard_in_all_of_them() {
    let server = start().await;
    let clients = futures_util::future::join_all(ALL.map(|dialect| connect(&server, dialect))).await;
    let mut subscriptions = Vec::new();
    for client in &clients {
        subscriptions.push(client.subscribe::<RoomEvent>());
        client.send(&pb::JoinRoom { room: "r".into() }).await.unwrap();
    }
    for (seq, client) in (1..).zip(&clients) {
        // Long enough to be compressed for who can.
        let text = "say ".repeat(1000);
        client.send(&RoomSay { room: "r".into(), text: text.clone() }).await.unwrap();
        for subscription in &mut subscriptions {
            let event = timeout(DEADLINE, subscription.next()).await.unwrap().unwrap().unwrap();
            assert_eq!(event, RoomEvent { room: "r".into(), text: text.clone(), seq });
        }
    }
}

#[tokio::test]
async fn v1_is_preferred_and_greets() {
    let server = start().await;
    let client = Client::connect(&format!("ws://{}/ws", server.address())).await.unwrap();
    assert_eq!(client.dialect(), Some(Dialect::V1Proto));
    let welcome = client.welcome().unwrap();
    assert_eq!((welcome.heartbeat_ms, welcome.compression.as_str()), (25_000, "deflate-raw"));
    assert!(connect(&server, Dialect::Classic).await.welcome().is_none());
}

#[tokio::test]
async fn one_frame_answers_a_request() {
    let server = start().await;
    for (dialect, expected) in [(Dialect::Classic, 2), (Dialect::V1Json, 1), (Dialect::V1Proto, 1)] {
        let frames = Arc::new(Mutex::new((0, 0)));
        let count = frames.clone();
        let client = Client::builder(format!("ws://{}/ws", server.address()))
            .dialect(dialect)
            .trace(move |frame| {
                let mut count = count.lock().unwrap();
                match (frame.direction, frame.payload) {
                    (Direction::Sent, _) => count.0 += 1,
                    (Direction::Received, Payload::Text(_) | Payload::Binary(_)) => count.1 += 1,
                }
            })
            .connect()
            .await
            .unwrap();
        *frames.lock().unwrap() = (0, 0); // the welcome
        client.send(&OpenEcho { text: "hi".into(), n: 1 }).await.unwrap();
        assert_eq!(*frames.lock().unwrap(), (1, expected), "{dialect}");
    }
}

#[tokio::test]
async fn a_large_message_is_compressed_on_its_way() {
    let server = start().await;
    let sent = Arc::new(Mutex::new(0));
    let count = sent.clone();
    let client = Client::builder(format!("ws://{}/ws", server.address()))
        .trace(move |frame| match frame.payload {
            Payload::Binary(bytes) => *count.lock().unwrap() += bytes.len(),
            Payload::Text(_) => panic!("a text frame"),
        })
        .connect()
        .await
        .unwrap();
    let text = "again and ".repeat(10_000);
    let reply: pb::EchoReply = client.fetch(&OpenEcho { text: text.clone(), n: 1 }).await.unwrap();
    assert_eq!(reply.text, text);
    let sent = *sent.lock().unwrap();
    assert!(sent < 5000, "{sent} bytes both ways for a text of {}", text.len());
}

#[tokio::test]
async fn what_the_server_would_not_take_is_not_sent() {
    let server = Running::start(demo_server::server(Settings::default().max_frame_bytes(2000))).await;
    let client = connect(&server, Dialect::V1Proto).await;
    let error = client.fetch::<pb::EchoReply>(&OpenEcho { text: "x".repeat(2000), n: 1 }).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 2000, .. }), "{error}");
    // Small ones together are not too large either.
    let requests = (0..200).map(|n| {
        let client = &client;
        async move { client.fetch::<pb::EchoReply>(&OpenEcho { text: "x".repeat(100), n }).await.unwrap().n }
    });
    assert_eq!(futures_util::future::join_all(requests).await, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_time_of_a_request_is_its_deadline() {
    let server = start().await;
    let client = Client::builder(format!("ws://{}/ws", server.address()))
        .request_timeout(Duration::from_millis(200))
        .connect()
        .await
        .unwrap();
    let mut envelopes = client.envelopes();
    let slow = AsyncCoro { ms: 60_000, ..AsyncCoro::default() };
    let error = client.send(&slow).await.unwrap_err();
    // Whoever is first: the server that gives up, or the client.
    assert!(matches!(error, Error::Timeout { .. } | Error::Refused { code: Some(408), .. }), "{error}");
    let ack = timeout(DEADLINE, envelopes.next()).await.unwrap().unwrap().unwrap();
    let code = match ack.outcome() {
        Some(Outcome::Refused { code, .. }) => *code,
        other => panic!("{other:?}"),
    };
    assert!(matches!(code, Some(408 | 499)), "{code:?}");
}

#[tokio::test]
async fn dropping_a_request_cancels_it() {
    let server = start().await;
    for dialect in [Dialect::V1Json, Dialect::V1Proto] {
        let client = connect(&server, dialect).await;
        let mut envelopes = client.envelopes();
        let slow = AsyncCoro { ms: 60_000, ..AsyncCoro::default() };
        let sending = client.send(&slow);
        timeout(Duration::from_millis(50), sending).await.expect_err("it takes a minute");
        let ack = timeout(DEADLINE, envelopes.next()).await.unwrap().unwrap().unwrap();
        assert!(matches!(ack.outcome(), Some(Outcome::Refused { code: Some(499), .. })), "{ack:?}");
    }
}

#[tokio::test]
async fn a_drained_client_comes_back_when_it_was_told() {
    let server =
        Running::start(demo_server::server(Settings::default().reconnect_window(Duration::from_millis(50)))).await;
    let address = server.address();
    let client = connect(&server, Dialect::V1Proto).await;
    let mut state = client.state();
    drop(server);
    let waiting = timeout(DEADLINE, state.wait_for(|state| matches!(state, State::Waiting { .. }))).await.unwrap();
    match &*waiting.unwrap() {
        State::Waiting { delay, reason, .. } => {
            assert!(*delay < Duration::from_millis(50), "{delay:?}");
            assert!(matches!(reason, Disconnect::Server { code: 1012, .. }), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    let listening = demo_server::server(Settings::default()).build().unwrap().listen(address).await.unwrap();
    tokio::spawn(listening.run());
    let reply: pb::EchoReply = client.fetch(&OpenEcho { text: "again".into(), n: 1 }).await.unwrap();
    assert_eq!(reply.text, "again");
}
