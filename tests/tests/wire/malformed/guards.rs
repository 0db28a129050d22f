use std::time::{Duration, SystemTime};

use psd_core::auth::Authenticator as _;
use psd_tests::{RawClient, Seen};
use serde_json::{Value, json};

use super::{ack, push, refused, reply, start};

/// A token of the demo server for one of its users.
async fn token(name: &str) -> String {
    let jwt = demo_server::jwt();
    let login = jwt.issuer().unwrap().login(name, &format!("pw-{name}")).await.unwrap();
    login.unwrap().access
}

/// Sends a request `u` with a token and returns all that is answered.
async fn call(client: &mut RawClient, message_type: &str, token: &Value, body: &str) -> Vec<Value> {
    let headers = json!({"messageType": message_type, "ack": true, "uuid": "u", "authHeader": token});
    client.send_text(&format!(r#"{{"headers": {headers}, "body": {body}}}"#)).await;
    client.settle().await
}

#[tokio::test]
async fn a_refusal_comes_before_the_body_is_looked_at() {
    let running = start().await;
    let unauthenticated = || vec![refused(401, "authentication required")];
    let forbidden = || vec![refused(403, "not permitted")];
    let undecodable = || vec![refused(400, "body: expected an object, found nonsense")];
    for (name, message_type, expected) in [
        (None, "echo", unauthenticated()),
        (None, "perm-guarded", unauthenticated()),
        (None, "white-guarded", unauthenticated()),
        (None, "black-guarded", unauthenticated()),
        // The whitelist demands somebody, whatever the message says of itself.
        (None, "white-noauth", unauthenticated()),
        (None, "proto-auth-false", undecodable()),
        (None, "login", undecodable()),
        (None, "refresh-token", undecodable()),
        (None, "verify-token", undecodable()),
        (Some("alice"), "echo", undecodable()),
        (Some("alice"), "perm-guarded", forbidden()),
        (Some("perm"), "perm-guarded", undecodable()),
        (Some("root"), "perm-guarded", undecodable()),
        (Some("alice"), "white-guarded", forbidden()),
        (Some("staff"), "white-guarded", undecodable()),
        (Some("alice"), "white-noauth", forbidden()),
        (Some("banned"), "black-guarded", forbidden()),
        (Some("alice"), "black-guarded", undecodable()),
        (Some("banned"), "echo", undecodable()),
    ] {
        let mut client = running.connect().await;
        let token = match name {
            Some(name) => token(name).await.into(),
            None => Value::Null,
        };
        assert_eq!(call(&mut client, message_type, &token, "nonsense").await, expected, "{message_type} by {name:?}");
        client.close().await;
    }
}

#[tokio::test]
async fn tokens_that_are_none() {
    let running = start().await;
    let good = token("alice").await;
    let refresh = demo_server::jwt().issuer().unwrap().login("alice", "pw-alice").await.unwrap().unwrap().refresh;
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = head.split_once('.').unwrap();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"; // {"alg":"none","typ":"JWT"}
    for bad in [
        String::new(),
        " ".into(),
        "nonsense".into(),
        "\0\u{1b}[31m\n".into(),
        "a.b.c".into(),
        "..".into(),
        head.into(),
        format!("{head}."),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{claims}.{header}.{signature}"),
        format!("{header}.{claims}.{}", signature.chars().rev().collect::<String>()),
        format!("{good} "),
        format!("Bearer {good}"),
        refresh,
        "x".repeat(16 * 1024),
    ] {
        let mut client = running.connect().await;
        let bad = Value::from(bad);
        let invalid = push("token-invalid", json!({}));
        // The message is handled on its merits: by an open handler, not by a guarded one. Said once for one token.
        let open = || vec![reply("echo-reply", json!({"text": "hi"})), ack()];
        let mut expected = vec![invalid.clone()];
        expected.extend(open());
        assert_eq!(call(&mut client, "open-echo", &bad, r#"{"text": "hi"}"#).await, expected, "{bad}");
        assert_eq!(call(&mut client, "open-echo", &bad, r#"{"text": "hi"}"#).await, open(), "{bad}");
        assert_eq!(call(&mut client, "echo", &bad, "{}").await, [refused(401, "authentication required")], "{bad}");
        // The good one after it counts, the same again says nothing new, and the bad one takes the identity away.
        for _ in 0..2 {
            let answers = call(&mut client, "echo", &good.clone().into(), r#"{"text": "hi"}"#).await;
            assert_eq!(answers, open(), "{bad}");
        }
        let answers = call(&mut client, "echo", &bad, "{}").await;
        assert_eq!(answers, [invalid, refused(401, "authentication required")], "{bad}");
        client.close().await;
    }
}

#[tokio::test]
async fn a_token_stays_until_another_comes() {
    let running = start().await;
    let mut client = running.connect().await;
    let who = |user: &str| {
        let headers = r#"{"ack":true,"apiVersion":0,"messageType":"who-am-i","retryCount":0,"uuid":"u"}"#;
        let mut body = json!({"headersJson": headers});
        if !user.is_empty() {
            body["user"] = user.into();
            body["authenticated"] = true.into();
        }
        vec![reply("who-am-i-reply", body), ack()]
    };
    let (alice, bob) = (Value::from(token("alice").await), Value::from(token("bob").await));
    assert_eq!(call(&mut client, "who-am-i", &Value::Null, "{}").await, who(""));
    for (token, name) in
        [(&alice, "alice"), (&Value::Null, "alice"), (&bob, "bob"), (&Value::Null, "bob"), (&alice, "alice")]
    {
        assert_eq!(call(&mut client, "who-am-i", token, "{}").await, who(name));
    }
    client.close().await;
}

/// A token is no place to leave a megabyte for as long as a connection lasts.
#[tokio::test]
async fn a_token_has_a_length() {
    let running = start().await;
    let mut client = running.connect().await;
    let answers = call(&mut client, "open-echo", &"x".repeat(16 * 1024 + 1).into(), "{}").await;
    assert_eq!(answers, [super::unreadable("`headers.authHeader` has 16385 bytes; 16384 are allowed")]);
    client.close().await;
}

/// A token that expires while the connection lasts takes its identity along.
#[tokio::test]
async fn a_token_expires_while_connected() {
    let jwt = demo_server::jwt().access_lifetime(Duration::from_secs(2));
    let server = demo_server::server(psd_core::Settings::default()).authenticator(jwt);
    let running = psd_tests::Running::start(server).await;
    let mut client = running.connect().await;
    let began = SystemTime::now();
    let login = client.request("login", json!({"username": "alice", "password": "pw-alice"})).await;
    assert_eq!(login.len(), 2, "{login:?}");
    let Seen::Frame(frame) = client.see().await else { panic!("the connection lives") };
    assert_eq!(frame, push("token-invalid", json!({})));
    let lasted = began.elapsed().unwrap();
    assert!(lasted >= Duration::from_secs(1), "{lasted:?}");
    let answers = call(&mut client, "echo", &Value::Null, "{}").await;
    assert_eq!(answers, [refused(401, "authentication required")]);
    // The expired token itself, once more, is refused without another word: it is the one last seen.
    client.close().await;
}
