use psd_core::Settings;
use psd_tests::{
    Running,
    v1::{V1Client, headers, negotiate, request, result},
};

use crate::app::{pb, server, server_with};

#[tokio::test]
async fn the_first_known_dialect_of_the_offer_is_named() {
    let running = Running::start(server().0).await;
    for (offer, expected) in [
        (None, None),
        (Some("chat"), None),
        (Some("psd.v2.proto"), None),
        (Some("psd.token.t-ann"), None),
        (Some("psd.compress.deflate-raw"), None),
        (Some("PSD.V1.PROTO"), None),
        (Some("psd.v1.proto"), Some("psd.v1.proto")),
        (Some("psd.v1.json"), Some("psd.v1.json")),
        (Some("psd.v1.json, psd.v1.proto"), Some("psd.v1.json")),
        (Some("psd.v1.proto,psd.v1.json"), Some("psd.v1.proto")),
        (Some("psd.v2.proto, psd.v1.json"), Some("psd.v1.json")),
        (Some("psd.token.t-ann, psd.compress.deflate-raw, psd.v1.proto"), Some("psd.v1.proto")),
        (Some("psd.v9\r\nSec-WebSocket-Protocol: psd.v1.json"), Some("psd.v1.json")),
    ] {
        assert_eq!(negotiate(running.address(), offer).await.as_deref(), expected, "{offer:?}");
    }
}

#[tokio::test]
async fn the_welcome_says_the_terms() {
    let running = Running::start(server().0).await;
    let (_client, welcome) = V1Client::welcomed_with(&running, "psd.v1.proto").await;
    assert!(!welcome.connection_id.is_empty());
    assert_eq!((welcome.session_id.as_str(), welcome.resume_token.as_str()), ("", ""));
    assert_eq!((welcome.heartbeat_ms, welcome.max_frame_bytes), (25_000, 1024 * 1024));
    assert!(welcome.server_time > 1_700_000_000_000);
    assert_eq!((welcome.compression.as_str(), welcome.compress_from), ("", 0));

    let (_client, welcome) = V1Client::welcomed_with(&running, "psd.v1.proto, psd.compress.deflate-raw").await;
    assert_eq!((welcome.compression.as_str(), welcome.compress_from), ("deflate-raw", 1024));

    // Compression is of the binary form only.
    let mut client = V1Client::connect(&running, "psd.v1.json, psd.compress.deflate-raw").await;
    let welcome = client.json().await;
    assert_eq!(welcome["headers"]["messageType"], "psd.welcome");
    assert_eq!(welcome["body"]["heartbeatMs"], 25_000);
    assert_eq!(welcome["body"].get("compression"), None);
    assert_eq!(welcome.get("seq"), None);
}

#[tokio::test]
async fn compression_may_be_turned_off() {
    let running = Running::start(server_with(Settings::default().compress_from(0)).0).await;
    let (_client, welcome) = V1Client::welcomed_with(&running, "psd.v1.proto, psd.compress.deflate-raw").await;
    assert_eq!((welcome.compression.as_str(), welcome.compress_from), ("", 0));
}

#[tokio::test]
async fn a_client_need_not_wait_for_the_welcome() {
    let running = Running::start(server().0).await;
    let mut client = V1Client::connect(&running, "psd.v1.proto").await;
    client.send(&[request("1", &pb::Plain { number: 7 })]).await;
    assert_eq!(headers(&client.envelope().await).message_type, "psd.welcome");
    assert_eq!(headers(&client.envelope().await).message_type, "note");
}

#[tokio::test]
async fn a_token_at_the_handshake_authenticates_the_first_message() {
    let running = Running::start(server().0).await;
    let (mut client, _) = V1Client::welcomed_with(&running, "psd.v1.proto, psd.token.t-bob").await;
    let answer = client.ask("1", &pb::ExtractAll {}).await;
    assert_eq!((headers(&answer).message_type.as_str(), result(&answer)), ("note", (0, "")));

    // It need not be repeated, and an unlike one is looked at.
    let mut other = request("2", &pb::ExtractAll {});
    other.headers.as_mut().unwrap().auth_header = "t-ann".into();
    client.send(&[other]).await;
    assert_eq!(result(&client.envelope().await).0, 403);
    assert_eq!(result(&client.ask("3", &pb::ExtractAll {}).await).0, 403);
}

#[tokio::test]
async fn a_bad_token_at_the_handshake_leaves_an_anonymous_connection() {
    let running = Running::start(server().0).await;
    let (mut client, _) = V1Client::welcomed_with(&running, "psd.v1.proto, psd.token.nonsense").await;
    let invalid = client.envelope().await;
    assert_eq!((headers(&invalid).message_type.as_str(), headers(&invalid).uuid.as_str()), ("token-invalid", ""));
    assert_eq!(invalid.seq, 0);
    assert_eq!(result(&client.ask("1", &pb::ExtractAll {}).await).0, 401);
    assert_eq!(result(&client.ask("2", &pb::Plain { number: 1 }).await), (0, ""));
}
