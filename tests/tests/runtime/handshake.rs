//! Who one is when a connection opens: by a token, or by what the application reads from the request.

use psd_core::{
    Connection, Consumer, Credential, Error, Handshake, Identity, Server, Unhandled,
    auth::{Authenticator, BoxFuture, StaticTokens, TokenError},
};
use psd_tests::{RawClient, Running, Seen};
use serde_json::json;

use crate::app::{Probe, note};

/// An endpoint for those who say who they are, be it by a cookie.
struct Members;

impl Consumer for Members {
    const PATH: &'static str = "/members";
    type Session = ();
    const REQUIRES_AUTH: bool = true;

    async fn authenticate(_: &Server, handshake: &Handshake) -> Result<Option<Credential>, Error> {
        assert!(!format!("{handshake:?}").contains("session="), "cookies are not shown");
        let cookie = handshake.headers.get("cookie").and_then(|cookie| cookie.to_str().ok());
        match cookie.and_then(|cookie| cookie.strip_prefix("session=")) {
            Some("ann") => Ok(Some(Credential::Identity(Identity::new("1", "ann")))),
            Some("broken") => Err(Error::from(std::fmt::Error)),
            Some("panic") => panic!("expected by the test"),
            Some("busy") => Err(Error::new(429, "too many sessions")),
            Some(token) => Ok(Some(Credential::Token(token.into()))),
            None => Ok(None),
        }
    }

    async fn on_connect(connection: Connection, _: Handshake) -> Result<(), Error> {
        greet(&connection)
    }
}

/// The same for everybody.
struct Open;

impl Consumer for Open {
    const PATH: &'static str = "/open";
    type Session = ();

    async fn on_connect(connection: Connection, _: Handshake) -> Result<(), Error> {
        greet(&connection)
    }
}

fn greet(connection: &Connection) -> Result<(), Error> {
    connection.push(&note(connection.identity().map_or("nobody".into(), |identity| identity.username().to_owned()), 0))
}

/// Knows nothing today of the token `unknown`.
struct Tokens(StaticTokens);

impl Authenticator for Tokens {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>> {
        match token {
            "unknown" => Box::pin(async { Err(TokenError::unavailable("the database sleeps")) }),
            token => self.0.authenticate(token),
        }
    }
}

async fn start() -> Running {
    let builder = Server::builder()
        .authenticator(Tokens(crate::app::tokens()))
        .consumer::<Members>()
        .consumer::<Open>()
        .unhandled(Unhandled::Allow)
        .state(Probe::default());
    Running::start(builder).await
}

async fn greeted(client: &mut RawClient, name: &str) {
    let greeting = client.frame().await;
    assert_eq!(greeting["body"], json!({"text": name}), "{greeting}");
}

const OFFER: &str = "Sec-WebSocket-Protocol";

#[tokio::test]
async fn a_token_comes_by_subprotocol_or_by_header() {
    let running = start().await;
    for path in ["/members", "/open"] {
        for headers in [
            [("Authorization", "Bearer t-bob"), ("X", "")],
            [("Authorization", "bearer  t-bob"), ("X", "")],
            [("Authorization", "Bearer t-bob"), ("Cookie", "session=ann")],
        ] {
            greeted(&mut running.connect_with(path, &headers).await, "bob").await;
        }
        let both = [(OFFER, "psd.v1.json, psd.token.t-bob"), ("Authorization", "Bearer t-ann")];
        let mut client = running.connect_with(path, &both).await;
        assert_eq!(client.frame().await["headers"]["messageType"], "psd.welcome");
        greeted(&mut client, "bob").await;
    }
    greeted(&mut running.connect_with("/members", &[("Cookie", "session=ann")]).await, "ann").await;
    greeted(&mut running.connect_with("/members", &[("Cookie", "session=t-bob")]).await, "bob").await;
}

#[tokio::test]
async fn nothing_else_says_who_one_is() {
    let running = start().await;
    for path in ["/open?token=t-bob", "/open?access_token=t-bob&authHeader=t-bob", "/open?psd.token.t-bob", "/open"] {
        for authorization in ["Basic t-bob", "t-bob", "Bearer", "Bearer ", "BearerX t-bob"] {
            let headers = [("Authorization", authorization), ("Cookie", "token=t-bob")];
            greeted(&mut running.connect_with(path, &headers).await, "nobody").await;
        }
    }
    let refused = Seen::Closed(4401, "authentication required".into());
    for path in ["/members?token=t-bob", "/members?session=ann", "/members"] {
        assert_eq!(running.connect_to(path).await.see().await, refused, "{path}");
    }
}

#[tokio::test]
async fn a_bad_token_is_said_before_the_connection_is_closed() {
    let running = start().await;
    for headers in [[("Authorization", "Bearer nonsense")], [("Cookie", "session=nonsense")]] {
        let mut client = running.connect_with("/members", &headers).await;
        assert_eq!(client.frame().await, json!({"headers": {"messageType": "token-invalid"}, "body": {}}));
        assert_eq!(client.see().await, Seen::Closed(4401, "authentication required".into()));
    }
    let mut client = running.connect_with("/members", &[(OFFER, "psd.v1.json, psd.token.nonsense")]).await;
    assert_eq!(client.frame().await["headers"]["messageType"], "psd.welcome");
    assert_eq!(client.frame().await["headers"]["messageType"], "token-invalid");
    assert_eq!(client.see().await, Seen::Closed(4401, "authentication required".into()));
    // Elsewhere one is nobody, and stays.
    let mut client = running.connect_with("/open", &[("Authorization", "Bearer nonsense")]).await;
    assert_eq!(client.frame().await["headers"]["messageType"], "token-invalid");
    greeted(&mut client, "nobody").await;
}

#[tokio::test]
async fn who_cannot_be_verified_now_comes_back_later() {
    let running = start().await;
    for path in ["/members", "/open"] {
        let mut client = running.connect_with(path, &[("Authorization", "Bearer unknown")]).await;
        let expected = Seen::Closed(1011, "the token cannot be verified now".into());
        assert_eq!(client.see().await, expected, "{path}: a client that is told nothing would stay nobody");
    }
    for (cookie, code, reason) in [
        ("session=broken", 1011, "internal error"),
        ("session=panic", 1011, "internal error"),
        ("session=busy", 4429, "too many sessions"),
    ] {
        let mut client = running.connect_with("/members", &[("Cookie", cookie)]).await;
        assert_eq!(client.see().await, Seen::Closed(code, reason.into()), "{cookie}");
    }
}
