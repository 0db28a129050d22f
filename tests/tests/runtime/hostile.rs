//! Clients that do what they may not, or leave undone what they should.

use std::{
    pin::Pin,
    time::{Duration, SystemTime},
};

use axum::serve::Listener;
use futures_util::{SinkExt as _, StreamExt as _};
use psd_core::{
    Identity, Server, Settings, Unhandled,
    auth::{Authenticator, StaticTokens, TokenError},
};
use psd_tests::Running;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufWriter, DuplexStream, duplex};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use crate::app::{Probe, server, server_with};

/// Lets one client in.
struct Door<S>(Option<S>);

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Listener for Door<S> {
    type Io = S;
    type Addr = ();

    async fn accept(&mut self) -> (S, ()) {
        match self.0.take() {
            Some(stream) => (stream, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A connection in memory, which holds exactly as many bytes as it is told: with paused time nothing here depends on
/// the kernel's buffers.
async fn connect(capacity: usize) -> WebSocketStream<DuplexStream> {
    let (near, far) = duplex(capacity);
    handshake(near, far, capacity).await
}

async fn handshake(
    near: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    far: DuplexStream,
    capacity: usize,
) -> WebSocketStream<DuplexStream> {
    let router = server().0.build().unwrap().into_router();
    tokio::spawn(async move { axum::serve(Door(Some(near)), router).await });
    let config = WebSocketConfig::default().read_buffer_size(capacity);
    tokio_tungstenite::client_async_with_config("ws://memory/ws", far, Some(config)).await.unwrap().0
}

fn request(message_type: &str, body: &Value) -> Message {
    Message::text(json!({"headers": {"messageType": message_type, "ack": true, "uuid": "u"}, "body": body}).to_string())
}

/// Reading is paused while much waits; when the client takes all of it in one go, reading goes on.
#[tokio::test(start_paused = true)]
async fn a_client_that_reads_late_is_listened_to_again() {
    let mut client = connect(1 << 20).await;
    // The first answer fills the pipe, so that the second has to wait, and is enough to pause.
    client.feed(request("flood", &json!({"count": 1, "size": 1_000_000}))).await.unwrap();
    client.feed(request("flood", &json!({"count": 1, "size": 400_000}))).await.unwrap();
    client.flush().await.unwrap();
    for _ in 0..4 {
        client.next().await.unwrap().unwrap();
    }
    client.send(request("plain", &json!({}))).await.unwrap();
    let reply = tokio::time::timeout(Duration::from_secs(10), client.next()).await.expect("the server listens");
    assert!(reply.unwrap().unwrap().to_text().unwrap().contains("plain"));
}

/// Every ping has an answer; a client that reads none of them does not make the server keep them all, not even while
/// a handler runs.
#[tokio::test(start_paused = true)]
async fn pongs_do_not_pile_up() {
    for busy in [false, true] {
        let mut client = connect(1 << 16).await;
        if busy {
            client.send(request("hang", &json!({}))).await.unwrap();
        }
        let mut stream = client.into_inner();
        // Opcode 9, 125 masked bytes, a mask of zeros.
        let pings = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[b'x'; 125]].concat().repeat(100);
        let mut taken = 0;
        while tokio::time::timeout(Duration::from_secs(1), stream.write_all(&pings)).await.is_ok() {
            taken += pings.len();
            assert!(taken < 1 << 20, "the server reads on, busy: {busy}");
        }
    }
}

/// What a buffering stream has taken, as TLS does, is not sent before it is told to, however often that takes.
#[tokio::test(start_paused = true)]
async fn a_stream_that_buffers_is_flushed() {
    let (near, far) = duplex(1000);
    let mut client = handshake(BufWriter::with_capacity(4000, near), far, 1000).await;
    // More than the pipe takes at once, less than the buffer.
    client.send(request("flood", &json!({"count": 1, "size": 3000}))).await.unwrap();
    for _ in 0..2 {
        let answer = tokio::time::timeout(Duration::from_secs(10), client.next()).await.expect("all of it is sent");
        answer.unwrap().unwrap();
    }
}

/// The text of an error is the application's to write, and it may fail to.
#[tokio::test]
async fn an_exception_formatter_may_panic() {
    let settings = Settings::default().forward_exceptions(true).exception_formatter(|_| panic!("expected by the test"));
    let running = Running::start(server_with(settings).0).await;
    let mut client = running.connect().await;
    for kind in ["std", "anyhow"] {
        let answers = client.request("outcome", json!({"kind": kind})).await;
        assert_eq!(answers[0]["errorMessage"], "internal error");
        assert_eq!(client.request("plain", json!({})).await.len(), 2, "the connection works on");
    }
}

/// Verifies `t-ann`, panics over `panic`, and never answers for anything else.
struct Moody(StaticTokens);

type Verified<'a> = Pin<Box<dyn Future<Output = Result<Identity, TokenError>> + Send + 'a>>;

impl Authenticator for Moody {
    fn authenticate<'a>(&'a self, token: &'a str) -> Verified<'a> {
        match token {
            "t-ann" => self.0.authenticate(token),
            "panic" => panic!("expected by the test"),
            "panic later" => Box::pin(async { panic!("expected by the test") }),
            _ => Box::pin(std::future::pending()),
        }
    }
}

/// Whoever cannot be verified is nobody, in particular not who they were before.
#[tokio::test]
async fn an_authenticator_may_panic_or_hang() {
    let builder = Server::builder()
        .settings(Settings::default().handler_timeout(Duration::from_millis(50)))
        .authenticator(Moody(crate::app::tokens()))
        .unhandled(Unhandled::Allow)
        .state(Probe::default());
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    for (token, code) in [("panic", 500), ("panic later", 500), ("hang", 503)] {
        for _ in 0..2 {
            let uuid = client.send_with("extract-all", json!({}), json!({"authHeader": "t-ann"})).await;
            assert_eq!(client.answers(&uuid).await[0]["errorCode"], 403, "she may not, but is known");
            let uuid = client.send_with("plain", json!({}), json!({"authHeader": token})).await;
            let answers = client.answers(&uuid).await;
            assert_eq!((answers.len(), &answers[0]["errorCode"]), (1, &json!(code)), "{token}");
            assert_eq!(client.request("extract-all", json!({})).await[0]["errorCode"], 401, "{token}");
            assert_eq!(client.request("plain", json!({})).await.len(), 2, "{token}");
        }
    }
}

/// The end of a token says nothing about the one that replaced it while a handler ran.
#[tokio::test]
async fn a_new_identity_outlives_the_token_before_it() {
    let soon = SystemTime::now() + Duration::from_millis(400);
    let tokens = StaticTokens::new()
        .token("soon", Identity::new("1", "ann").expiring_at(soon))
        .token("late", Identity::new("2", "bob").with_permissions(["app.view"]));
    let probe = Probe::default();
    let builder = Server::builder().authenticator(tokens).unhandled(Unhandled::Allow).state(probe.clone());
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    let uuid = client.send_with("plain", json!({}), json!({"authHeader": "soon"})).await;
    client.answers(&uuid).await;
    // A handler runs while the application replaces the identity, and until the first token's end has passed.
    let waiting = client.send("wait-in-order", json!({"gate": "g"})).await;
    psd_tests::eventually("the handler runs", || probe.waiting() == 1).await;
    let connection = running.server().connections().remove(0);
    connection.authenticate("late", Identity::new("2", "bob").with_permissions(["app.view"]));
    psd_tests::eventually("the token has expired", || SystemTime::now() > soon + Duration::from_millis(50)).await;
    probe.gate("g").add_permits(1);
    assert_eq!(client.answers(&waiting).await.len(), 2);
    assert_eq!(client.request("extract-all", json!({})).await.len(), 2, "bob stays");
}

/// A frame that begins deferred work and cancels it at once: the work has not even been looked at.
#[tokio::test]
async fn deferred_work_is_cancelled_by_the_frame_that_begins_it() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut client = psd_tests::connect(&format!("ws://{}/ws", running.address()), Some("psd.v1.json")).await;
    let headers = |message_type: &str| json!({"headers": {"messageType": message_type, "ack": true, "uuid": "u"}});
    client.send(Message::text(json!([headers("hang-deferred"), headers("psd.cancel")]).to_string())).await.unwrap();
    let ack = result(&mut client).await;
    assert_eq!(ack["headers"]["result"]["errorCode"], 499, "{ack}");
    psd_tests::eventually("the work is dropped", || probe.waiting() == 0).await;
}

/// The next envelope of v1 that ends a request.
async fn result(client: &mut psd_tests::Socket) -> Value {
    loop {
        let answer = tokio::time::timeout(psd_tests::DEADLINE, client.next()).await.expect("the server answers");
        let answer: Value = serde_json::from_str(answer.unwrap().unwrap().to_text().unwrap()).unwrap();
        if answer["headers"].get("result").is_some() {
            return answer;
        }
    }
}

/// The answers to one frame may be more than an outbox holds: whoever reads them is not too slow.
#[tokio::test]
async fn a_frame_of_many_requests_is_handled_as_fast_as_its_client_reads() {
    let running = Running::start(server_with(Settings::default().outbox_bytes(1 << 20)).0).await;
    let mut client = psd_tests::connect(&format!("ws://{}/ws", running.address()), Some("psd.v1.json")).await;
    let requests: Vec<_> = (0..250)
        .map(|number| {
            let headers = json!({"messageType": "flood", "ack": true, "uuid": number.to_string()});
            json!({"headers": headers, "body": {"count": 1, "size": 40_000}})
        })
        .collect();
    client.send(Message::text(Value::from(requests).to_string())).await.unwrap();
    for number in 0..250 {
        let headers = json!({"messageType": "ack", "uuid": number.to_string(), "result": {}});
        assert_eq!(result(&mut client).await["headers"], headers);
    }
}
