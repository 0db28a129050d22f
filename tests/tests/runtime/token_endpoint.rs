//! Tokens over HTTP, for those whom the application knows by a cookie.

use psd_core::{
    Error, Identity, Server, ServerBuilder, Unhandled,
    auth::{Jwt, MemoryUsers, StaticTokens, User},
};
use psd_tests::{DEADLINE, Running};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::app::Probe;

fn builder() -> ServerBuilder {
    let users = MemoryUsers::new()
        .user(User::new(Identity::new("1", "ann").with_permissions(["app.view"])), "pw")
        .user(User::new(Identity::new("2", "ian")).active(false), "pw");
    Server::builder()
        .authenticator(Jwt::hs256("a secret of at least sixteen bytes").unwrap().users(users))
        .unhandled(Unhandled::Allow)
        .state(Probe::default())
        .token_endpoint("/token", async |request| {
            let cookie = request.headers.get("cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
            match cookie.as_deref() {
                Some("broken") => Err(Error::from(std::fmt::Error)),
                Some("busy") => Err(Error::new(429, "come back later")),
                Some("odd") => Err(Error::new(7, "a code that is no status")),
                Some("hang") => std::future::pending().await,
                user => Ok(user.map(str::to_owned)),
            }
        })
}

/// Status, header fields and body of the answer.
async fn ask(running: &Running, method: &str, headers: &str) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    let host = running.address();
    let request =
        format!("{method} /token HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(DEADLINE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), serde_json::from_str(body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn whoever_the_application_knows_gets_tokens() {
    let running = Running::start(builder()).await;
    let (status, head, body) = ask(&running, "POST", "Cookie: 1\r\n").await;
    assert_eq!(status, 200, "{head}");
    assert!(head.contains("cache-control: no-store") && head.contains("content-type: application/json"), "{head}");
    assert!(!head.contains("access-control"), "pages of other origins cannot read it: {head}");
    let bearer = format!("Bearer {}", body["token"].as_str().unwrap());
    let mut client = running.connect_with("/ws", &[("Authorization", &bearer)]).await;
    assert_eq!(client.request("extract-all", json!({})).await[0]["text"], "ann extract-all true");
    assert!(body["refresh"].is_string());
}

#[tokio::test]
async fn nobody_else_does() {
    let running = Running::start(builder()).await;
    let nobody = json!({"error": "authentication required"});
    for cookie in ["", "Cookie: 2\r\n", "Cookie: 3\r\n", "Cookie: ' OR 1=1 --\r\n"] {
        let (status, head, body) = ask(&running, "POST", cookie).await;
        assert_eq!((status, &body), (401, &nobody), "{cookie}");
        assert!(head.contains("cache-control: no-store"), "{head}");
    }
    for (method, status) in [("GET", 405), ("HEAD", 405), ("PUT", 405), ("OPTIONS", 405)] {
        assert_eq!(ask(&running, method, "Cookie: 1\r\n").await.0, status, "{method}");
    }
    let own = format!("Cookie: 1\r\nOrigin: http://{}\r\n", running.address());
    assert_eq!(ask(&running, "POST", &own).await.0, 200);
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        let (status, _, body) = ask(&running, "POST", &format!("Cookie: 1\r\nOrigin: {origin}\r\n")).await;
        assert_eq!((status, body.get("token")), (403, None), "{origin}");
    }
}

#[tokio::test]
async fn its_errors_are_http() {
    let settings = psd_core::Settings::default().handler_timeout(std::time::Duration::from_millis(100));
    let running = Running::start(builder().settings(settings)).await;
    for (cookie, status, error) in [
        ("broken", 500, "internal error"),
        ("busy", 429, "come back later"),
        ("odd", 500, "a code that is no status"),
        ("hang", 503, "it took too long"),
    ] {
        let (found, _, body) = ask(&running, "POST", &format!("Cookie: {cookie}\r\n")).await;
        assert_eq!((found, body), (status, json!({"error": error})), "{cookie}");
    }
}

#[test]
fn start_up_refuses_what_cannot_work() {
    let problems =
        |builder: ServerBuilder| builder.unhandled(Unhandled::Allow).build().unwrap_err().problems().to_vec();
    let builder = || Server::builder().state(Probe::default()).token_endpoint("/token", async |_| Ok(None));
    let needs = "`.token_endpoint(…)` is switched on without an authenticator";
    assert!(problems(builder())[0].starts_with(needs));
    let gives_none = problems(builder().authenticator(StaticTokens::new()));
    assert!(gives_none[0].contains("the authenticator gives no tokens"), "{gives_none:?}");
    let twice = problems(self::builder().token_endpoint("/token", async |_| Ok(None)));
    assert!(twice[0].contains("POST /token"), "{twice:?}");
    let malformed = problems(self::builder().token_endpoint("token", async |_| Ok(None)));
    assert!(malformed[0].starts_with("the token endpoint cannot have the path `token`"), "{malformed:?}");
}
