//! Envelopes as they are, without types.

use std::time::{SystemTime, UNIX_EPOCH};

use psd_client::{Error, Outcome};
use serde_json::json;

use crate::fake::{builder, connect};

#[tokio::test(start_paused = true)]
async fn an_envelope_is_exactly_what_the_server_expects() {
    let (client, mut peer, ..) = connect(builder().token("t-1")).await;
    let uuid = client.send_raw("send-chat", r#"{"text":"hi"}"#, true).await.unwrap();
    let mut request = peer.receive().await;
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    for name in ["eventTime", "localTime"] {
        let time = request["headers"][name].take().as_u64().unwrap();
        assert!(now - time < 60_000, "{name} is {time}, now is {now}");
    }
    assert_eq!(
        request,
        json!({
            "headers": {
                "messageType": "send-chat", "authHeader": "t-1", "eventTime": null, "localTime": null, "ack": true,
                "retryCount": 0, "apiVersion": 1, "uuid": uuid,
            },
            "body": {"text": "hi"},
        })
    );
}

#[tokio::test(start_paused = true)]
async fn the_token_is_the_one_set_last() {
    let (client, mut peer, ..) = connect(builder()).await;
    client.send_raw("a", "{}", false).await.unwrap();
    client.set_token(Some("t-2"));
    client.send_raw("b", "{}", false).await.unwrap();
    client.clone().set_token(None);
    client.send_raw("c", "{}", false).await.unwrap();
    let tokens = [peer.receive().await, peer.receive().await, peer.receive().await]
        .map(|request| request["headers"].get("authHeader").cloned());
    assert_eq!(tokens, [None, Some(json!("t-2")), None]);
}

#[tokio::test(start_paused = true)]
async fn everything_that_arrives_is_seen_in_order() {
    let (client, mut peer, ..) = connect(builder()).await;
    let mut envelopes = client.envelopes();
    let uuid = client.send_raw("a", "{}", true).await.unwrap();
    let request = peer.receive().await;
    peer.push("chat-sent", r#"{"text": "one"}"#).await;
    peer.reply(&request, "echo-reply", r#"{"n":7}"#).await;
    peer.ack(&request, r#","errorMessage":"no","errorCode":422"#).await;

    let push = envelopes.next().await.unwrap().unwrap();
    assert_eq!(
        (push.message_type(), push.uuid(), push.body().as_json()),
        ("chat-sent", None, Some(r#"{"text": "one"}"#))
    );
    let reply = envelopes.next().await.unwrap().unwrap();
    assert_eq!((reply.message_type(), reply.uuid(), reply.outcome()), ("echo-reply", Some(uuid.as_str()), None));
    let ack = envelopes.next().await.unwrap().unwrap();
    assert_eq!(ack.uuid(), Some(uuid.as_str()));
    assert_eq!(ack.outcome(), Some(&Outcome::Refused { code: Some(422), message: "no".to_owned() }));
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_no_envelope_is_reported_and_harms_nothing() {
    let (client, mut peer, ..) = connect(builder()).await;
    let mut envelopes = client.envelopes();
    peer.send("hello").await;
    peer.send(r#"{"headers":{"messageType":"ack","uuid":"of nobody"},"body":{}}"#).await;
    peer.push("after", "{}").await;
    assert!(
        matches!(envelopes.next().await.unwrap(), Err(Error::Malformed { reason }) if reason == "expected an object, found hello")
    );
    assert_eq!(envelopes.next().await.unwrap().unwrap().message_type(), "ack");
    assert_eq!(envelopes.next().await.unwrap().unwrap().message_type(), "after");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_loses_the_oldest_and_is_told() {
    let (client, mut peer, ..) = connect(builder().subscription_buffer(2)).await;
    let mut slow = client.envelopes();
    let mut marker = client.envelopes();
    for n in 1..=5 {
        peer.push("item", &format!(r#"{{"n":{n}}}"#)).await;
        // The other reader keeps up, so the connection has handed out this one.
        assert_eq!(marker.next().await.unwrap().unwrap().body().as_json(), Some(format!(r#"{{"n":{n}}}"#)).as_deref());
    }
    assert!(matches!(slow.next().await.unwrap(), Err(Error::Lagged(3))));
    assert_eq!(slow.next().await.unwrap().unwrap().body().as_json(), Some(r#"{"n":4}"#));
    assert_eq!(slow.next().await.unwrap().unwrap().body().as_json(), Some(r#"{"n":5}"#));
}
