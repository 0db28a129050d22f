use std::time::Duration;

use psd_core::Settings;
use psd_tests::{RawClient, Running, Seen, eventually};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{check, push, refused, reply, start, unreadable};

fn request(message_type: &str, body: &str) -> String {
    format!(r#"{{"headers": {{"messageType": "{message_type}", "ack": true, "uuid": "u"}}, "body": {body}}}"#)
}

#[tokio::test]
async fn unauthorized_calls_unhandled_errors_unknown_types_and_bad_bodies() {
    check([
        (request("echo", "{}"), vec![refused(401, "authentication required")]),
        (request("boom", r#"{"text": "secret"}"#), vec![refused(500, "internal error")]),
        (request("no-handler", "{}"), vec![refused(404, "unknown message type `no-handler`")]),
        (request("nonexistent", "{}"), vec![refused(404, "unknown message type `nonexistent`")]),
        (
            request("open-echo", r#"{"text": "a", "n": "b"}"#),
            vec![refused(400, "body.n: expected a number, found \"b\"")],
        ),
        (
            request("open-echo", r#"{"n": 99999999999999999999}"#),
            vec![refused(400, "body.n: expected an integer of 32 bits, found 99999999999999999999")],
        ),
        ("not json".into(), vec![unreadable("expected an object, found not")]),
        (r#"{"headers": {"ack": true}}"#.into(), vec![unreadable("`headers.messageType` is missing")]),
    ])
    .await;
    let running = Running::start(demo_server::server(Settings::default().forward_exceptions(true))).await;
    let mut client = running.connect().await;
    client.send_text(&request("boom", r#"{"text": "a"}"#)).await;
    assert_eq!(client.settle().await, [refused(500, "formatted:ValueError:boom: a")]);
    client.send_text(&request("nonexistent", "{}")).await;
    client.settle().await;
    assert_eq!(running.server().unknown_messages(), 1);
}

#[tokio::test]
async fn unreadable_frames_are_forgiven_ten_times() {
    let running = start().await;
    for message in [Message::text("nonsense"), Message::text(""), Message::binary(b"\0".to_vec())] {
        let mut client = running.connect().await;
        for _ in 0..10 {
            client.send_message(message.clone()).await;
            let frame = client.frame().await;
            assert_eq!(frame["headers"], json!({"messageType": "protocol-error"}));
        }
        // What is readable does not count.
        assert!(client.settle().await.is_empty());
        client.send_message(message).await;
        assert_eq!(client.see().await, Seen::Closed(4400, "too many unreadable frames".into()));
        assert_eq!(client.see().await, Seen::Lost);
    }
    let settings = Settings::default().protocol_errors_per_minute(0);
    let running = Running::start(demo_server::server(settings)).await;
    let mut client = running.connect().await;
    client.send_text("nonsense").await;
    assert_eq!(client.see().await, Seen::Closed(4400, "too many unreadable frames".into()));
}

/// What was asked before the connection closes is answered, what comes after is not.
#[tokio::test]
async fn a_flood_of_unreadable_frames_ends_in_one_close() {
    let running = start().await;
    let mut client = running.connect().await;
    client.send("open-echo", json!({"text": "before"})).await;
    for _ in 0..100 {
        client.send_text("{").await;
    }
    client.send_text(&request("open-echo", "{}")).await;
    let mut frames = Vec::new();
    let closed = loop {
        match client.see().await {
            Seen::Frame(frame) => frames.push(frame["headers"]["messageType"].clone()),
            other => break other,
        }
    };
    assert_eq!(closed, Seen::Closed(4400, "too many unreadable frames".into()));
    let mut expected = vec![Value::from("echo-reply"), "ack".into()];
    expected.extend(std::iter::repeat_n(Value::from("protocol-error"), 10));
    assert_eq!(frames, expected);
}

#[tokio::test]
async fn a_second_login_replaces_the_first() {
    let running = start().await;
    let mut client = running.connect().await;
    for name in ["alice", "bob", "alice"] {
        let answers = client.request("login", json!({"username": name, "password": format!("pw-{name}")})).await;
        assert!(answers[0]["token"].is_string(), "{answers:?}");
        assert_eq!(client.request("who-am-i", json!({})).await[0]["user"], name);
    }
    // A login that fails changes nothing.
    login_fails(&mut client, "bob", "wrong").await;
    assert_eq!(client.request("who-am-i", json!({})).await[0]["user"], "alice");
}

async fn login_fails(client: &mut RawClient, name: &str, password: &str) {
    let body = json!({"username": name, "password": password}).to_string();
    client.send_text(&request("login", &body)).await;
    let error = json!({"errorText": "Invalid login details.", "errorCode": "login-error"});
    assert_eq!(client.settle().await, [reply("login-error", error), super::ack()], "{name:?}, {password:?}");
}

#[tokio::test]
async fn failed_logins_look_alike() {
    let running = start().await;
    let mut client = running.connect().await;
    for (name, password) in [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", "pw-alice\0"),
        ("Alice", "pw-alice"),
        ("nobody", "pw-nobody"),
        ("inactive", "pw-inactive"),
        ("", ""),
        ("' or 1=1 --", "x"),
        ("alice\u{200b}", "pw-alice"),
    ] {
        login_fails(&mut client, name, password).await;
    }
    let long = "x".repeat(100_000);
    login_fails(&mut client, &long, &long).await;
}

/// Without `exp` or `jti`, or of a user who may not log in any more.
#[tokio::test]
async fn tokens_that_would_last_for_ever_are_refused() {
    let running = start().await;
    // Signed with the demo server's secret; above each its claims. Time 4102444800 is in the year 2100.
    for (token, is_good) in [
        // {"token_type":"access","user_id":"1","jti":"x"}
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwidXNlcl9pZCI6IjEiLCJqdGkiOiJ4In0.stq3iTNBOtw_3e2IZL_BdlcflNq-myAliy1N8jBkpbI",
            false,
        ),
        // {"token_type":"access","user_id":"7","exp":4102444800,"jti":"x"}
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwidXNlcl9pZCI6IjciLCJleHAiOjQxMDI0NDQ4MDAsImp0aSI6IngifQ.zL3T6zowzy2K3fGYtFYCOQask1sqx5W69iK6bBmdX78",
            false,
        ),
        // {"token_type":"access","user_id":1,"exp":4102444800,"jti":"x"}
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwidXNlcl9pZCI6MSwiZXhwIjo0MTAyNDQ0ODAwLCJqdGkiOiJ4In0.ys4E_ixtRBmDNQwYnzPVrryxalyKJfH-vvZDVNdoM5o",
            true,
        ),
        // {"token_type":"access","user_id":1,"exp":18446744073709551615,"jti":"x"}
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwidXNlcl9pZCI6MSwiZXhwIjoxODQ0Njc0NDA3MzcwOTU1MTYxNSwianRpIjoieCJ9.IZxPJnX66eH7cNQsTeMA8fmH4UWVrKU9goVHc2oH30g",
            true,
        ),
        // {"token_type":"access","user_id":"1","exp":1,"jti":"x"}
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwidXNlcl9pZCI6IjEiLCJleHAiOjEsImp0aSI6IngifQ.VxN2Dh3To9eS_JIv3yzVQ6udwlHsNGcsjyBUZyRrvAA",
            false,
        ),
        // {"token_type":"refresh","user_id":"1","exp":4102444800,"jti":"x"}
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCIsInVzZXJfaWQiOiIxIiwiZXhwIjo0MTAyNDQ0ODAwLCJqdGkiOiJ4In0.GdTcqwgzAC2KKO2bAIdxsrMEW4X1rGymr_eVcRfWqZg",
            false,
        ),
        // {"token_type":"access","exp":4102444800,"jti":"x"}
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwiZXhwIjo0MTAyNDQ0ODAwLCJqdGkiOiJ4In0.EvfDwDICker1cTH1ruyOflqH3NBPzzAkozTiQZTp7JU",
            false,
        ),
        // {"token_type":"access","user_id":"99","exp":4102444800,"jti":"x"}
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwidXNlcl9pZCI6Ijk5IiwiZXhwIjo0MTAyNDQ0ODAwLCJqdGkiOiJ4In0.c97duSbnL-7d4zQO8q8bQRyR3nVs_YG1ZxUv5PRt3cU",
            false,
        ),
        // {"token_type":"access","user_id":"1","exp":4102444800}
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwidXNlcl9pZCI6IjEiLCJleHAiOjQxMDI0NDQ4MDB9.uA49LIJn8AP8NN3tKYVxiW37JVRL3KRwsTds3REqSdI",
            false,
        ),
    ] {
        let mut client = running.connect().await;
        let uuid = client.send_with("echo", json!({}), json!({"authHeader": token})).await;
        if !is_good {
            assert_eq!(client.frame().await, push("token-invalid", json!({})));
        }
        let answers = client.answers(&uuid).await;
        assert_eq!(answers.last().unwrap().get("errorCode"), (!is_good).then_some(&json!(401)), "{answers:?}");
        client.close().await;
    }
}

#[tokio::test]
async fn a_connection_that_was_lost_leaves_its_groups() {
    let running = start().await;
    let mut client = running.connect().await;
    client.request("join-room", json!({"room": "attic"})).await;
    assert_eq!(running.server().group_size("room-attic"), 1);
    drop(client); // Without a close frame.
    eventually("the group is empty", || running.server().group_size("room-attic") == 0).await;
    assert!(running.server().groups().is_empty());
}

#[tokio::test]
async fn any_text_names_a_group() {
    let running = start().await;
    let mut client = running.connect().await;
    // The demo server puts five bytes before each.
    for room in ["two words", "žščđ", "漢字 😀", "a/b\\c\"d", "\0\n\u{1b}", "", &"x".repeat(251), &"é".repeat(125)]
    {
        assert_eq!(client.request("join-room", json!({"room": room})).await.len(), 1);
        client.send("room-say", json!({"room": room, "text": "hi"})).await;
        let mut event = client.push().await;
        event["body"].as_object_mut().unwrap().remove("seq");
        let mut body = json!({"room": room, "text": "hi"});
        if room.is_empty() {
            body = json!({"text": "hi"});
        }
        assert_eq!(event, push("room-event", body));
        let ack = client.frame().await;
        assert_eq!(ack["headers"]["messageType"], "ack");
        assert!(ack["body"].get("errorCode").is_none(), "{ack}");
    }
    client.send_text(&request("join-room", &json!({"room": "x".repeat(252)}).to_string())).await;
    assert_eq!(client.settle().await, [refused(422, "the group's name has 257 bytes; 256 are allowed")]);
}

#[tokio::test]
async fn a_slow_handler_blocks_nobody_else() {
    let running = start().await;
    let (mut slow, mut other) = (running.connect().await, running.connect().await);
    let uuid = slow.send("slow-sync", json!({"ms": 300})).await;
    for _ in 0..20 {
        assert!(other.settle().await.is_empty());
    }
    let answers = tokio::time::timeout(Duration::from_secs(10), slow.answers(&uuid)).await.unwrap();
    assert_eq!(answers[0], json!({"text": "slow done 300"}));
}
