//! Goodbyes, heartbeats and limits.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use psd_client::{Client, Dialect, Disconnect, Error, State};
use tokio::{net::TcpListener, time::Instant};
use tokio_tungstenite::tungstenite::Message;

use crate::fake::{builder, closed, connect, network_with_buffer, until};

#[tokio::test(start_paused = true)]
async fn closing_sends_what_waits_and_says_goodbye() {
    let (client, mut peer, ..) = connect(builder()).await;
    let sending = client.send_raw("last", "{}", false);
    let serving = async {
        assert_eq!(peer.receive().await["headers"]["messageType"], "last");
        assert_eq!(peer.goodbye().await, Some((1000, String::new())));
    };
    let ((sent, ()), ()) = tokio::join!(async { tokio::join!(sending, client.close()) }, serving);
    sent.unwrap();
    assert_eq!(closed(&client).await, Disconnect::Local);
    let error = client.send_raw("later", "{}", false).await.unwrap_err();
    assert_eq!(error.to_string(), "not connected: this client is closed");
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever() {
    let (client, _peer, ..) = connect(builder()).await;
    let since = Instant::now();
    client.close().await;
    assert_eq!(since.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_clone_closes() {
    let (client, mut peer, ..) = connect(builder()).await;
    let mut envelopes = client.envelopes();
    let clone = client.clone();
    drop(client);
    clone.send_raw("still-here", "{}", false).await.unwrap();
    assert_eq!(peer.receive().await["headers"]["messageType"], "still-here");
    drop(clone);
    assert_eq!(peer.goodbye().await, Some((1000, String::new())));
    drop(peer);
    assert!(envelopes.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn closing_while_waiting_to_reconnect_is_immediate() {
    let (client, peer, network, _server) = connect(builder()).await;
    network.refuse(true);
    drop(peer);
    until(&client, |state| matches!(state, State::Waiting { retry: 5, .. })).await;
    let since = Instant::now();
    client.close().await;
    assert_eq!(since.elapsed(), Duration::ZERO);
    assert_eq!(closed(&client).await, Disconnect::Local);
}

#[tokio::test(start_paused = true)]
async fn pings_are_sent_and_answered() {
    let (client, mut peer, ..) = connect(builder()).await;
    peer.socket.send(Message::Ping("are you there".into())).await.unwrap();
    assert_eq!(peer.next().await, Message::Pong("are you there".into()));
    let since = Instant::now();
    for seconds in [20, 40, 60, 80] {
        assert!(matches!(peer.next().await, Message::Ping(_)));
        assert_eq!(since.elapsed().as_secs(), seconds);
    }
    assert_eq!(*client.state().borrow(), State::Connected);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_counts_as_lost() {
    let (client, _peer, ..) = connect(builder()).await;
    let since = Instant::now();
    let state = until(&client, |state| matches!(state, State::Waiting { .. })).await;
    assert!(matches!(state, State::Waiting { reason: Disconnect::Silent(silence), .. } if silence.as_secs() == 30));
    assert_eq!(since.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn frames_have_a_limit_in_both_directions() {
    let (client, mut peer, ..) = connect(builder().frame_limit(1000)).await;
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(1000));
    let error = client.send_raw("big", &body, false).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { size, limit: 1000, .. } if size > 1000), "{error}");
    client.send_raw("small", "{}", false).await.unwrap();
    assert_eq!(peer.receive().await["headers"]["messageType"], "small");

    peer.push("big", &body).await;
    let state = until(&client, |state| matches!(state, State::Waiting { .. })).await;
    assert!(matches!(state, State::Waiting { reason: Disconnect::FrameTooLarge { size: 1052, limit: 1000 }, .. }));
    assert_eq!(peer.goodbye().await, Some((1009, String::new())));
}

/// A server that reads only after it has written all it has meets a client that sends meanwhile.
#[tokio::test(start_paused = true)]
async fn both_sides_may_write_at_the_same_time() {
    const FRAMES: usize = 200;
    let (network, mut server) = network_with_buffer(1024);
    let (client, peer) = tokio::join!(builder().connect_over(network), server.accept());
    let (client, mut peer) = (client.unwrap(), peer);
    let mut envelopes = client.envelopes();
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(4000));
    let sending = async {
        for _ in 0..FRAMES {
            client.send_raw("up", &body, false).await.unwrap();
        }
    };
    let serving = async {
        for _ in 0..FRAMES {
            peer.push("down", &body).await;
        }
        for _ in 0..FRAMES {
            assert_eq!(peer.receive().await["headers"]["messageType"], "up");
        }
    };
    tokio::join!(sending, serving);
    for _ in 0..FRAMES {
        assert_eq!(envelopes.next().await.unwrap().unwrap().body().as_json(), Some(body.as_str()));
    }
}

#[tokio::test]
async fn it_works_over_a_real_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = async {
        // It names no subprotocol, so the client comes a second time without an offer.
        drop(tokio_tungstenite::accept_async(listener.accept().await.unwrap().0).await.unwrap());
        let mut socket = tokio_tungstenite::accept_async(listener.accept().await.unwrap().0).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message {
                let request: serde_json::Value = serde_json::from_str(&text).unwrap();
                let reply = serde_json::json!({"headers": {"messageType": "echo"}, "body": request["body"]});
                socket.send(Message::text(reply.to_string())).await.unwrap();
            }
        }
    };
    let calling = async {
        let client = Client::connect(&format!("ws://{address}/ws")).await.unwrap();
        let mut envelopes = client.envelopes();
        assert_eq!(client.dialect(), Some(Dialect::Classic));
        client.send_raw("echo", r#"{"n":1}"#, false).await.unwrap();
        assert_eq!(envelopes.next().await.unwrap().unwrap().body().as_json(), Some(r#"{"n":1}"#));
        client.close().await;
    };
    tokio::join!(serving, calling);
    drop(listener);
    let error = Client::connect(&format!("ws://{address}/ws")).await.unwrap_err();
    assert!(matches!(error, Error::Disconnected(Disconnect::Unreachable { .. })), "{error}");

    let error = Client::connect("wss://127.0.0.1/ws").await.unwrap_err();
    let expected = "not connected: cannot connect to 127.0.0.1:443: `wss` needs a transport with TLS: \
                    `Builder::connect_over` with `Tls` (feature `tls`) or one of your own";
    assert_eq!(error.to_string(), expected);
}
