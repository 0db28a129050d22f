//! The connection breaks; the client comes back, or is told not to.

use std::time::Duration;

use psd_client::{Disconnect, Error, State};
use tokio::{io::AsyncReadExt, io::AsyncWriteExt, time::Instant};

use crate::fake::{builder, closed, connect, network, until};

#[tokio::test(start_paused = true)]
async fn the_first_retry_is_quick_and_subscribers_stay() {
    let (client, peer, _network, mut server) = connect(builder()).await;
    let mut envelopes = client.envelopes();
    let broken = Instant::now();
    drop(peer);
    let state = until(&client, |state| matches!(state, State::Waiting { .. })).await;
    let reason = Disconnect::Lost("it ended without a close frame".to_owned());
    assert!(matches!(state, State::Waiting { retry: 1, delay, reason: why } if delay <= ms(250) && why == reason));
    let mut peer = server.accept().await;
    assert!(broken.elapsed() <= ms(260), "{:?}", broken.elapsed());
    until(&client, |state| *state == State::Connected).await;
    peer.push("after", "{}").await;
    assert_eq!(envelopes.next().await.unwrap().unwrap().message_type(), "after");
}

#[tokio::test(start_paused = true)]
async fn retries_spread_up_to_twenty_seconds() {
    let (client, peer, network, mut server) = connect(builder()).await;
    network.refuse(true);
    drop(peer);
    until(&client, |state| matches!(state, State::Waiting { retry: 30, .. })).await;
    let attempts = network.attempts();
    let waits: Vec<_> = attempts.windows(2).skip(1).map(|pair| pair[1] - pair[0]).collect();
    for (failures, &wait) in (1..).zip(&waits) {
        let longest = Duration::from_millis(500 << failures.min(6)).min(Duration::from_secs(20));
        // Timers have a resolution of a millisecond.
        assert!(wait >= ms(500) && wait <= longest + ms(2), "wait {failures} took {wait:?}");
    }
    assert!(waits.iter().any(|&wait| wait > Duration::from_secs(5)), "{waits:?}");
    network.refuse(false);
    let _peer = server.accept().await;
    until(&client, |state| *state == State::Connected).await;
}

#[tokio::test(start_paused = true)]
async fn a_restarting_server_is_not_stormed() {
    let (client, mut peer, ..) = connect(builder()).await;
    peer.close(1012, "restart").await;
    let state = until(&client, |state| matches!(state, State::Waiting { .. })).await;
    assert!(matches!(state, State::Waiting { delay, .. } if delay >= ms(500)), "{state:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_up_at_once_gets_growing_waits() {
    let (client, peer, _network, mut server) = connect(builder()).await;
    drop(peer);
    for expected in 2..6 {
        drop(server.accept().await);
        let state = until(&client, |state| matches!(state, State::Waiting { retry, .. } if *retry == expected)).await;
        assert!(matches!(state, State::Waiting { delay, .. } if delay >= ms(500)), "{state:?}");
    }
    let peer = server.accept().await;
    until(&client, |state| *state == State::Connected).await;
    tokio::time::advance(Duration::from_secs(6)).await;
    drop(peer);
    let state = until(&client, |state| matches!(state, State::Waiting { .. })).await;
    assert!(matches!(state, State::Waiting { retry: 1, .. }), "{state:?}");
}

#[tokio::test(start_paused = true)]
async fn some_close_codes_end_it_for_good() {
    for code in [4400, 4401, 4402, 4403] {
        let (client, mut peer, network, _server) = connect(builder()).await;
        let mut envelopes = client.envelopes();
        peer.close(code, "go away").await;
        let reason = Disconnect::Server { code, reason: "go away".to_owned() };
        assert_eq!(closed(&client).await, reason);
        assert!(envelopes.next().await.is_none());
        let error = client.send_raw("a", "{}", false).await.unwrap_err();
        assert!(matches!(error, Error::Disconnected(why) if why == reason));
        assert!(client.envelopes().next().await.is_none());
        assert_eq!(network.attempts().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn without_reconnect_the_first_break_is_the_end() {
    let (client, mut peer, network, _server) = connect(builder().reconnect(false)).await;
    peer.close(1001, "").await;
    assert_eq!(closed(&client).await, Disconnect::Server { code: 1001, reason: String::new() });
    assert_eq!(network.attempts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_meanwhile_waits_for_the_connection() {
    let (client, peer, network, mut server) = connect(builder()).await;
    network.refuse(true);
    drop(peer);
    until(&client, |state| matches!(state, State::Waiting { .. })).await;
    let sending = tokio::spawn({
        let client = client.clone();
        async move { client.send_raw("late", "{}", false).await }
    });
    until(&client, |state| matches!(state, State::Waiting { retry: 3, .. })).await;
    network.refuse(false);
    let mut peer = server.accept().await;
    assert_eq!(peer.receive().await["headers"]["messageType"], "late");
    sending.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn but_no_longer_than_the_request_timeout() {
    let (client, peer, network, _server) = connect(builder()).await;
    network.refuse(true);
    drop(peer);
    until(&client, |state| matches!(state, State::Waiting { .. })).await;
    let since = Instant::now();
    let error = client.send_raw("late", "{}", false).await.unwrap_err();
    assert!(matches!(error, Error::Disconnected(Disconnect::Unreachable { .. })), "{error}");
    assert_eq!(since.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_first_attempt_is_not_repeated_unless_lazy() {
    let (network, _server) = network();
    network.refuse(true);
    let error = builder().connect_over(network.clone()).await.unwrap_err();
    assert_eq!(error.to_string(), "not connected: cannot connect to server.test:8000: connection refused");
    assert_eq!(network.attempts().len(), 1);

    let client = builder().connect_lazy_over(network.clone()).unwrap();
    until(&client, |state| matches!(state, State::Waiting { retry: 4, .. })).await;
    assert_eq!(network.attempts().len(), 5);

    let client = builder().reconnect(false).connect_lazy_over(network.clone()).unwrap();
    assert!(matches!(closed(&client).await, Disconnect::Unreachable { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_the_handshake_is_given_up() {
    let (network, mut server) = network();
    let since = Instant::now();
    let (error, _stream) = tokio::join!(builder().connect_over(network), server.accept_raw());
    assert_eq!(
        error.unwrap_err().to_string(),
        "not connected: cannot connect to server.test:8000: no answer within 10s"
    );
    assert_eq!(since.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_http_answer_says_what_it_was() {
    for (status, expected) in [
        ("404 Not Found", "HTTP 404: is the path of the URL right?"),
        ("401 Unauthorized", "HTTP 401: authentication is required at the handshake"),
        ("503 Service Unavailable", "HTTP 503"),
    ] {
        let (network, mut server) = network();
        let answer = async {
            let mut stream = server.accept_raw().await;
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /ws HTTP/1.1\r\n"));
            stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await.unwrap();
        };
        let (error, ()) = tokio::join!(builder().connect_over(network), answer);
        assert_eq!(
            error.unwrap_err().to_string(),
            format!("not connected: the server refused the handshake with {expected}")
        );
    }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
