//! What v1 asks of a client.

use std::time::Duration;

use futures_util::SinkExt as _;
use psd_client::{
    Client, Dialect, Disconnect, Error, State,
    proto::common::authentication::{Login, LoginToken},
};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
    },
};

use crate::fake::{Network, Peer, Server, builder, closed, network, until};

const WELCOME: &str =
    r#"{"headers":{"messageType":"psd.welcome"},"body":{"connectionId":"c","heartbeatMs":8000,"maxFrameBytes":5000}}"#;

/// Accepts a connection as `psd.v1.json` without a welcome; returns what was offered, too.
#[expect(clippy::result_large_err, reason = "the library's callback returns a response")]
async fn accept(server: &mut Server) -> (Peer, String) {
    let mut offer = String::new();
    let name = |request: &Request, mut response: Response| {
        offer = request.headers()[SEC_WEBSOCKET_PROTOCOL].to_str().unwrap().to_owned();
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("psd.v1.json"));
        Ok(response)
    };
    let socket = accept_hdr_async(server.accept_raw().await, name).await.unwrap();
    (Peer { socket }, offer)
}

async fn welcomed(server: &mut Server) -> (Peer, String) {
    let (mut peer, offer) = accept(server).await;
    peer.send(WELCOME).await;
    (peer, offer)
}

async fn connect(builder: psd_client::Builder) -> (Client, Peer, Network, Server) {
    let (network, mut server) = network();
    let builder = builder.dialect(Dialect::V1Json);
    let (client, (peer, _)) = tokio::join!(builder.connect_over(network.clone()), welcomed(&mut server));
    (client.unwrap(), peer, network, server)
}

fn login() -> Login {
    Login { username: "ann".into(), password: "pw".into() }
}

/// An answer that carries the result.
fn answer(request: &Value, message_type: &str, result: &str, seq: u32) -> String {
    let uuid = &request["headers"]["uuid"];
    format!(
        r#"{{"headers":{{"messageType":"{message_type}","uuid":{uuid},"result":{result}}},"body":{{}},"seq":{seq}}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn one_envelope_answers_and_several_share_a_frame() {
    let (client, mut peer, ..) = connect(builder()).await;
    let serving = async {
        let request = peer.receive().await;
        assert_eq!((&request["seq"], &request["headers"]["deadlineMs"]), (&json!(1), &json!(10_000)));
        peer.send(answer(&request, "login-token", "{}", 1)).await;

        let request = peer.receive().await;
        assert_eq!(request["seq"], 2);
        let push = r#"{"headers":{"messageType":"token-invalid"}}"#;
        let refused = answer(&request, "ack", r#"{"errorMessage":"no","errorCode":7}"#, 2);
        peer.send(format!("[{push},{refused}]")).await;
    };
    let calling = async {
        let mut envelopes = client.envelopes();
        client.fetch::<LoginToken>(&login()).await.unwrap();
        assert!(envelopes.next().await.unwrap().unwrap().outcome().is_some());
        let error = client.send(&login()).await.unwrap_err();
        assert!(matches!(error, Error::Refused { code: Some(7), .. }), "{error}");
        assert_eq!(envelopes.next().await.unwrap().unwrap().message_type(), "token-invalid");
    };
    tokio::join!(serving, calling);
}

#[tokio::test(start_paused = true)]
async fn requests_at_once_share_a_frame() {
    let (client, mut peer, ..) = connect(builder()).await;
    let sending = async { tokio::join!(client.send_raw("a", "{}", false), client.send_raw("b", "{}", false)) };
    let (sent, frame) = tokio::join!(sending, peer.receive());
    sent.0.unwrap();
    sent.1.unwrap();
    let types: Vec<_> = frame.as_array().unwrap().iter().map(|envelope| &envelope["headers"]["messageType"]).collect();
    assert_eq!(types, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn heartbeats_come_before_they_are_due_and_say_what_was_seen() {
    let (_client, mut peer, ..) = connect(builder()).await;
    peer.send(r#"[{"headers":{"messageType":"x"},"seq":4},{"headers":{"messageType":"psd.heartbeat"}}]"#).await;
    let since = Instant::now();
    assert_eq!(peer.receive().await, json!({"headers": {"messageType": "psd.heartbeat"}, "body": {}, "seen": 4}));
    assert_eq!(since.elapsed(), Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_taken_for_dead() {
    let (client, _peer, ..) = connect(builder().reconnect(false)).await;
    assert_eq!(closed(&client).await, Disconnect::Silent(Duration::from_secs(16)));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_is_cancelled_once_it_was_sent() {
    let (client, mut peer, ..) = connect(builder()).await;
    let message = login();
    let request = {
        let sending = client.send(&message);
        tokio::pin!(sending);
        tokio::select! {
            _ = &mut sending => panic!("nobody answers"),
            request = peer.receive() => request,
        }
    };
    let cancel = peer.receive().await;
    assert_eq!(cancel["headers"], json!({"messageType": "psd.cancel", "uuid": request["headers"]["uuid"]}));
    assert_eq!(cancel.get("seq"), None);
}

#[tokio::test(start_paused = true)]
async fn a_token_goes_with_the_handshake_and_then_only_when_it_is_new() {
    let (network, mut server) = network();
    let connecting = builder().dialect(Dialect::V1Json).token("t-1").connect_over(network);
    let (client, (mut peer, offer)) = tokio::join!(connecting, welcomed(&mut server));
    let client = client.unwrap();
    assert_eq!(offer, "psd.v1.json, psd.token.t-1");
    let mut tokens = Vec::new();
    for token in ["t-1", "t=2", "t=2", "t-1"] {
        client.set_token(Some(token));
        let (sent, request) = tokio::join!(client.send_raw("a", "{}", false), peer.receive());
        sent.unwrap();
        tokens.push(request["headers"].get("authHeader").cloned());
    }
    assert_eq!(tokens, [None, Some(json!("t=2")), None, Some(json!("t-1"))]);

    let error = builder().dialect(Dialect::V1Json).token("a=b").connect_lazy().unwrap_err();
    let text = "the token cannot be sent at the handshake: '=' may not stand there; authenticate later with \
                `Client::set_token`, or speak `Dialect::Classic`";
    assert_eq!(error.to_string(), text);
}

#[tokio::test(start_paused = true)]
async fn after_a_drain_requests_wait_for_the_connection_that_comes_when_the_server_said() {
    let (client, mut peer, network, mut server) = connect(builder().request_timeout(Duration::from_secs(60))).await;
    let mut envelopes = client.envelopes();
    peer.send(r#"{"headers":{"messageType":"psd.drain"},"body":{"reconnectAfterMs":7000}}"#).await;
    peer.push("marker", "{}").await;
    envelopes.next().await.unwrap().unwrap();
    let since = Instant::now();
    let message = login();
    let sending = client.fetch::<LoginToken>(&message);
    let serving = async {
        peer.close(1012, "restart").await;
        let state = until(&client, |state| matches!(state, State::Waiting { .. })).await;
        assert!(matches!(state, State::Waiting { delay, .. } if delay == Duration::from_secs(7)), "{state:?}");
        drop(peer);
        let (mut peer, _) = welcomed(&mut server).await;
        let request = peer.receive().await;
        // Numbers begin anew; what is left of its time is its deadline.
        assert_eq!((&request["seq"], &request["headers"]["deadlineMs"]), (&json!(1), &json!(53_000)));
        peer.send(answer(&request, "login-token", "{}", 1)).await;
        peer
    };
    let (sent, _peer) = tokio::join!(sending, serving);
    sent.unwrap();
    assert_eq!(network.attempts()[1] - since, Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_server_must_begin_with_its_welcome() {
    for (frame, expected) in
        [(r#"{"headers":{"messageType":"x"}}"#, "it sent `x`"), ("[]x", "the server sent a frame that is no envelope")]
    {
        let (network, mut server) = network();
        let serving = async {
            let (mut peer, _) = accept(&mut server).await;
            peer.send(frame).await;
            peer
        };
        let connecting = builder().dialect(Dialect::V1Json).connect_over(network);
        let (client, _peer) = tokio::join!(connecting, serving);
        let error = client.unwrap_err().to_string();
        assert!(error.contains("did not begin with a welcome") && error.contains(expected), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dialect_that_is_insisted_on_is_not_replaced() {
    let (network, mut server) = network();
    let connecting = builder().dialect(Dialect::V1Proto).connect_over(network);
    let (client, _peer) = tokio::join!(connecting, server.accept());
    let error = client.unwrap_err();
    assert!(matches!(error, Error::Disconnected(Disconnect::Dialect(Dialect::V1Proto))), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_or_read_says_so() {
    let (client, mut peer, ..) = connect(builder()).await;
    let error = client.send_raw_proto("a", b"\x08\x01", false).await.unwrap_err();
    assert_eq!(error.to_string(), "`a` cannot be sent: the connection speaks `psd.v1.json`, whose bodies are JSON");
    let error = client.send_raw("a", &format!("\"{}\"", "x".repeat(5000)), false).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 5000, .. }), "{error}");
    let mut envelopes = client.envelopes();
    peer.socket.send(Message::binary(vec![1])).await.unwrap();
    let error = envelopes.next().await.unwrap().unwrap_err();
    assert!(error.to_string().ends_with("a binary frame: `psd.v1.json` has none"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_written_anew_for_a_server_of_another_dialect() {
    let (network, mut server) = network();
    // Nothing is known of the server yet, so the body is written for the dialect that is wanted most: protobuf.
    let client = Client::builder("ws://server.test:8000/ws").connect_lazy_over(network).unwrap();
    let serving = async {
        let (mut peer, offer) = welcomed(&mut server).await;
        assert_eq!(offer, "psd.v1.proto, psd.v1.json, psd.compress.deflate-raw");
        let request = peer.receive().await;
        assert_eq!(request["body"], json!({"username": "ann", "password": "pw"}));
        peer.send(answer(&request, "ack", "{}", 1)).await;
        peer
    };
    let message = login();
    let (sent, _peer) = tokio::join!(client.send(&message), serving);
    sent.unwrap();
    assert_eq!(client.dialect(), Some(Dialect::V1Json));
}
