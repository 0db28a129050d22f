//! Messages of the contract. The common ones serve as examples: `login` is sent, `login-token` and `login-error` come.

use std::time::Duration;

use futures_util::StreamExt;
use psd_client::{
    Disconnect, Error, State,
    proto::common::authentication::{Login, LoginError, LoginToken},
};
use tokio::time::Instant;

use crate::fake::{builder, connect, until};

fn login(username: &str) -> Login {
    Login { username: username.to_owned(), password: "secret".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn send_waits_for_the_ack() {
    let (client, mut peer, ..) = connect(builder()).await;
    let message = login("alice");
    let serving = async {
        let request = peer.receive().await;
        assert_eq!(request["headers"]["messageType"], "login");
        assert_eq!(request["headers"]["ack"], true);
        assert_eq!(request["body"], serde_json::json!({"username": "alice", "password": "secret"}));
        peer.reply(&request, "login-token", "{}").await;
        peer.ack(&request, "").await;
        let request = peer.receive().await;
        peer.ack(&request, r#","errorMessage":"too many","errorCode":429"#).await;
    };
    let calling = async {
        client.send(&message).await.unwrap();
        let error = client.send(&message).await.unwrap_err();
        assert_eq!(error.to_string(), "the server refused `login` with 429: too many");
        assert!(matches!(error, Error::Refused { code: Some(429), .. }));
    };
    tokio::join!(serving, calling);
}

#[tokio::test(start_paused = true)]
async fn an_ack_that_never_comes_is_a_timeout() {
    let (client, _peer, ..) = connect(builder()).await;
    let since = Instant::now();
    let error = client.send(&login("alice")).await.unwrap_err();
    assert_eq!(error.to_string(), "the server did not answer `login` within 10s");
    assert_eq!(since.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn send_unacked_asks_for_none() {
    let (client, mut peer, ..) = connect(builder()).await;
    client.send_unacked(&login("alice")).await.unwrap();
    assert_eq!(peer.receive().await["headers"]["ack"], false);
}

#[tokio::test(start_paused = true)]
async fn fetch_returns_the_first_reply_of_its_type_without_the_ack() {
    let (client, mut peer, ..) = connect(builder()).await;
    let message = login("alice");
    let serving = async {
        let request = peer.receive().await;
        // Not the answer: another type, a push, another request's.
        peer.reply(&request, "login-error", "{}").await;
        peer.push("login-token", r#"{"token":"push"}"#).await;
        peer.send(r#"{"headers":{"messageType":"login-token","uuid":"x"},"body":{"token":"other"}}"#).await;
        peer.reply(&request, "login-token", r#"{"token":"t","refresh":"r","fromTheFuture":[1]}"#).await;
        peer.reply(&request, "login-token", r#"{"token":"second"}"#).await;
    };
    let ((), reply) = tokio::join!(serving, client.fetch::<LoginToken>(&message));
    assert_eq!(reply.unwrap(), LoginToken { token: "t".to_owned(), refresh: "r".to_owned() });
}

#[tokio::test(start_paused = true)]
async fn fetch_without_a_reply_says_what_came_instead() {
    let (client, mut peer, ..) = connect(builder()).await;
    let message = login("alice");
    let serving = async {
        let request = peer.receive().await;
        for message_type in ["login-error", "notice", "login-error"] {
            peer.reply(&request, message_type, "{}").await;
        }
        peer.ack(&request, "").await;
        let request = peer.receive().await;
        peer.ack(&request, "").await;
        let request = peer.receive().await;
        peer.reply(&request, "login-token", r#"{"token":7}"#).await;
        let request = peer.receive().await;
        peer.ack(&request, r#","errorMessage":"no""#).await;
    };
    let calling = async {
        let fetch = async || client.fetch::<LoginToken>(&message).await.unwrap_err().to_string();
        let expected = "the server handled `login` without sending `login-token`; it sent `login-error`, `notice`";
        assert_eq!(fetch().await, expected);
        assert_eq!(fetch().await, "the server handled `login` without sending `login-token`");
        let expected = "`login-token` cannot be read: body.token: expected a string, found 7; was the server built from \
                        another version of the contract?";
        assert_eq!(fetch().await, expected);
        assert_eq!(fetch().await, "the server refused `login`: no");
    };
    tokio::join!(serving, calling);
}

#[tokio::test(start_paused = true)]
async fn fetch_all_collects_until_the_ack() {
    const REPLIES: usize = 20_000;
    let (client, mut peer, ..) = connect(builder()).await;
    let message = login("alice");
    let serving = async {
        let request = peer.receive().await;
        for n in 0..REPLIES {
            peer.reply(&request, "login-token", &format!(r#"{{"token":"{n}"}}"#)).await;
        }
        peer.reply(&request, "login-error", "{}").await;
        peer.ack(&request, "").await;
        let request = peer.receive().await;
        peer.reply(&request, "login-token", "{}").await;
        peer.ack(&request, r#","errorMessage":"half way""#).await;
    };
    let calling = async {
        let replies = client.fetch_all::<LoginToken>(&message).await.unwrap();
        let tokens: Vec<_> = replies.iter().map(|reply| reply.token.parse::<usize>().unwrap()).collect();
        assert_eq!(tokens, (0..REPLIES).collect::<Vec<_>>());
        let error = client.fetch_all::<LoginToken>(&message).await.unwrap_err();
        assert_eq!(error.to_string(), "the server refused `login`: half way");
    };
    tokio::join!(serving, calling);
}

#[tokio::test(start_paused = true)]
async fn a_reply_now_and_then_keeps_fetch_all_waiting() {
    let (client, mut peer, ..) = connect(builder()).await;
    let message = login("alice");
    let serving = async {
        let request = peer.receive().await;
        for _ in 0..5 {
            // Paused time moves on when everybody waits: the reply before has arrived.
            tokio::time::sleep(Duration::from_secs(9)).await;
            peer.reply(&request, "login-token", "{}").await;
        }
        peer.ack(&request, "").await;
    };
    let ((), replies) = tokio::join!(serving, client.fetch_all::<LoginToken>(&message));
    assert_eq!(replies.unwrap().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn many_requests_at_once_find_their_answers_in_any_order() {
    let (client, mut peer, ..) = connect(builder()).await;
    let names: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    let serving = async {
        let mut requests = Vec::new();
        for _ in &names {
            requests.push(peer.receive().await);
        }
        for request in requests.iter().rev() {
            let name = request["body"]["username"].as_str().unwrap();
            peer.reply(request, "login-token", &format!(r#"{{"token":"{name}"}}"#)).await;
            peer.ack(request, "").await;
        }
    };
    let calling = futures_util::future::join_all(names.iter().map(async |name| {
        let reply = client.fetch::<LoginToken>(&login(name)).await.unwrap();
        assert_eq!(reply.token, *name);
    }));
    tokio::join!(serving, calling);
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_fails_with_the_connection_and_is_not_sent_again() {
    let (client, mut peer, _network, mut server) = connect(builder()).await;
    let message = login("alice");
    let (sent, fetched, ()) = tokio::join!(client.send(&message), client.fetch::<LoginToken>(&message), async {
        peer.receive().await;
        peer.receive().await;
        peer.close(1001, "restart").await;
    });
    let reason = Disconnect::Server { code: 1001, reason: "restart".to_owned() };
    assert!(matches!(sent.unwrap_err(), Error::Disconnected(why) if why == reason));
    assert!(matches!(fetched.unwrap_err(), Error::Disconnected(why) if why == reason));
    let mut peer = server.accept().await;
    client.send_unacked(&login("bob")).await.unwrap();
    assert_eq!(peer.receive().await["body"]["username"], "bob");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_waits_for_is_not_sent() {
    let (client, peer, network, mut server) = connect(builder()).await;
    network.refuse(true);
    drop(peer);
    until(&client, |state| matches!(state, State::Waiting { .. })).await;
    let forgotten = tokio::time::timeout(Duration::from_secs(1), client.fetch::<LoginToken>(&login("forgotten"))).await;
    assert!(forgotten.is_err());
    network.refuse(false);
    let mut peer = server.accept().await;
    client.send_unacked(&login("bob")).await.unwrap();
    assert_eq!(peer.receive().await["body"]["username"], "bob");
}

#[tokio::test(start_paused = true)]
async fn subscriptions_see_pushes_and_replies_of_their_type() {
    let (client, mut peer, ..) = connect(builder()).await;
    let mut tokens = client.subscribe::<LoginToken>();
    let mut errors = client.subscribe::<LoginError>();
    let message = login("alice");
    let serving = async {
        peer.push("login-token", r#"{"token":"push"}"#).await;
        let request = peer.receive().await;
        peer.push("login-error", r#"{"errorText":false}"#).await;
        peer.reply(&request, "login-token", r#"{"token":"reply"}"#).await;
        peer.push("login-error", r#"{"errorText":"no","errorCode":"x"}"#).await;
        peer.ack(&request, "").await;
    };
    let ((), sent) = tokio::join!(serving, client.send(&message));
    sent.unwrap();
    assert_eq!(tokens.next().await.unwrap().unwrap().token, "push");
    // A subscription is a stream, too.
    assert_eq!(StreamExt::next(&mut tokens).await.unwrap().unwrap().token, "reply");
    assert!(matches!(errors.next().await.unwrap().unwrap_err(), Error::Decode { .. }));
    assert_eq!(errors.next().await.unwrap().unwrap().error_code, "x");
    client.set_token(None);
    drop(peer);
    drop(client);
    assert!(tokens.next().await.is_none());
    assert!(errors.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_burst_does_not_overrun_a_reader_that_runs() {
    const MESSAGES: usize = 50_000;
    let (client, mut peer, ..) = connect(builder()).await;
    let mut tokens = client.subscribe::<LoginToken>();
    let serving = async {
        for _ in 0..MESSAGES {
            peer.push("login-token", r#"{"token":"x"}"#).await;
        }
    };
    let reading = async {
        for _ in 0..MESSAGES {
            assert_eq!(tokens.next().await.unwrap().unwrap().token, "x");
        }
    };
    tokio::join!(serving, reading);
}
