//! The ready-made receivers over the wire: sessions begin, go on, and end everywhere at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use psd_core::{
    Error, Identity, Server, Unhandled,
    auth::{BoxFuture, DenyList, Jwt, MemoryDenyList, MemoryUsers, RefreshUse, User, UserStore},
};
use psd_tests::{RawClient, Running};
use serde_json::{Value, json};

use crate::{app::Probe, observed::check};

/// Counts what it is asked.
#[derive(Clone)]
struct Counted {
    users: MemoryUsers,
    denied: MemoryDenyList,
    asked: Arc<AtomicUsize>,
    /// Whether what is revoked can be noted.
    is_down: Arc<AtomicUsize>,
}

impl Counted {
    fn new() -> Self {
        let user = |id: &str, name: &str| User::new(Identity::new(id, name).with_permissions(["app.view"]));
        let users = MemoryUsers::new().user(user("1", "ann"), "pw").user(user("2", "bob"), "pw");
        Self { users, denied: MemoryDenyList::new(), asked: Arc::default(), is_down: Arc::default() }
    }

    fn take(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }

    fn count(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
    }

    async fn start(&self, change: impl FnOnce(Jwt) -> Jwt) -> Running {
        let jwt = Jwt::hs256("a secret of at least sixteen bytes").unwrap().users(self.clone()).deny_list(self.clone());
        let builder =
            Server::builder().authenticator(change(jwt)).login().unhandled(Unhandled::Allow).state(Probe::default());
        Running::start(builder).await
    }
}

impl UserStore for Counted {
    fn verify<'a>(&'a self, username: &'a str, password: &'a str) -> BoxFuture<'a, Result<Option<User>, Error>> {
        self.count();
        self.users.verify(username, password)
    }

    fn find<'a>(&'a self, user_id: &'a str) -> BoxFuture<'a, Result<Option<User>, Error>> {
        self.count();
        self.users.find(user_id)
    }
}

impl DenyList for Counted {
    fn is_denied<'a>(&'a self, ids: &'a [&'a str]) -> BoxFuture<'a, Result<bool, Error>> {
        self.count();
        self.denied.is_denied(ids)
    }

    fn deny<'a>(&'a self, id: &'a str, until: SystemTime) -> BoxFuture<'a, Result<(), Error>> {
        self.count();
        if self.is_down.load(Ordering::SeqCst) > 0 {
            return Box::pin(async { Err(Error::new(503, "the database sleeps")) });
        }
        self.denied.deny(id, until)
    }

    fn use_up<'a>(
        &'a self,
        session: &'a str,
        number: u64,
        until: SystemTime,
    ) -> BoxFuture<'a, Result<RefreshUse, Error>> {
        self.count();
        self.denied.use_up(session, number, until)
    }
}

/// Sends what gives tokens; returns the access and the refresh token.
async fn tokens(client: &mut RawClient, message_type: &str, body: Value) -> (String, String) {
    let answers = client.request(message_type, body).await;
    let text = |name: &str| answers[0][name].as_str().unwrap_or_else(|| panic!("{answers:?}")).to_owned();
    assert_eq!(answers.len(), 2, "{answers:?}");
    (text("token"), text("refresh"))
}

async fn login(client: &mut RawClient, name: &str) -> (String, String) {
    tokens(client, "login", json!({"username": name, "password": "pw"})).await
}

/// The code of a guarded request: none if the client may.
async fn guarded(client: &mut RawClient) -> Value {
    client.request("extract-all", json!({})).await.pop().unwrap()["errorCode"].clone()
}

/// A client that brings this token.
async fn bearer(running: &Running, token: &str) -> RawClient {
    let mut client = running.connect().await;
    client.send_with("plain", json!({}), json!({"authHeader": token})).await;
    client
}

async fn is_refused(running: &Running, token: &str) -> bool {
    let mut client = bearer(running, token).await;
    client.frame().await["headers"]["messageType"] == "token-invalid"
}

#[tokio::test]
async fn a_message_costs_no_query() {
    let counted = Counted::new();
    let running = counted.start(|jwt| jwt).await;
    let mut client = running.connect().await;
    let (token, _) = login(&mut client, "ann").await;
    assert_eq!(counted.take(), 1, "the password is checked");
    for _ in 0..100 {
        client.send_with("extract-all", json!({}), json!({"authHeader": token})).await;
        client.frame().await;
        assert_eq!(client.frame().await["body"].get("errorCode"), None);
    }
    assert_eq!(counted.take(), 0, "whoever has logged in is known");

    let mut client = running.connect().await;
    for number in 0..100 {
        client.send_with("extract-all", json!({}), json!({"authHeader": token})).await;
        client.frame().await;
        assert_eq!(client.frame().await["body"].get("errorCode"), None);
        assert_eq!(counted.take(), if number == 0 { 2 } else { 0 }, "a new token costs the user and the deny list");
    }
    for _ in 0..100 {
        client.send_with("plain", json!({}), json!({"authHeader": "nonsense"})).await;
    }
    client.settled(100).await;
    assert_eq!(counted.take(), 0, "a forged token costs none at all");
}

#[tokio::test]
async fn a_login_goes_on_with_its_refresh_token() {
    let counted = Counted::new();
    let running = counted.start(|jwt| jwt).await;
    let mut client = running.connect().await;
    let (first, refresh) = login(&mut client, "ann").await;
    let (second, same) = tokens(&mut client, "refresh-token", json!({"refreshToken": refresh})).await;
    assert!(second != first && same == refresh);
    assert_eq!(guarded(&mut client).await, Value::Null);
    for token in [&first, &second] {
        assert!(!is_refused(&running, token).await);
    }
    for bad in ["", "nonsense", second.as_str()] {
        let answers = client.request("refresh-token", json!({"refreshToken": bad})).await;
        assert_eq!(answers[0], json!({}), "{answers:?}");
        assert_eq!(guarded(&mut client).await, Value::Null, "a bad refresh token changes nothing");
    }
}

#[tokio::test]
async fn logging_out_ends_the_session_on_every_connection() {
    for with_refresh_alone in [false, true] {
        let counted = Counted::new();
        let running = counted.start(|jwt| jwt).await;
        let (mut one, mut other) = (running.connect().await, running.connect().await);
        let (token, refresh) = login(&mut one, "ann").await;
        let (other_token, other_refresh) = login(&mut other, "ann").await;
        let mut same = bearer(&running, &token).await;
        same.settled(1).await;
        if with_refresh_alone {
            let mut stranger = running.connect().await;
            assert_eq!(stranger.request("revoke-token", json!({"refreshToken": refresh})).await.len(), 1);
            assert_eq!(one.push().await["headers"]["messageType"], "token-invalid");
        } else {
            let uuid = one.send("revoke-token", json!({})).await;
            assert_eq!(one.frame().await["headers"]["uuid"], json!(uuid), "it is not told what it asked for");
        }
        assert_eq!(same.push().await, json!({"headers": {"messageType": "token-invalid"}, "body": {}}));
        assert_eq!((guarded(&mut one).await, guarded(&mut same).await), (json!(401), json!(401)));
        assert!(is_refused(&running, &token).await);
        one.send_with("extract-all", json!({}), json!({"authHeader": token})).await;
        assert_eq!(one.frame().await["body"]["errorCode"], 401, "the token that it had is not looked at again");
        let answers = one.request("refresh-token", json!({"refreshToken": refresh})).await;
        assert_eq!(answers[0], json!({}));

        // Another login of the same user is another session.
        assert_eq!(guarded(&mut other).await, Value::Null);
        assert!(!is_refused(&running, &other_token).await);
        tokens(&mut other, "refresh-token", json!({"refreshToken": other_refresh})).await;
        running.server().revoke_token(&other_token).await.unwrap();
        assert_eq!(other.push().await["headers"]["messageType"], "token-invalid");
    }
}

#[tokio::test]
async fn whoever_logs_out_without_tokens_succeeds() {
    let counted = Counted::new();
    let running = counted.start(|jwt| jwt).await;
    let mut client = running.connect().await;
    for body in [json!({}), json!({"refreshToken": "nonsense"})] {
        let answers = client.request("revoke-token", body).await;
        assert_eq!((answers.len(), answers[0].get("errorCode")), (1, None), "{answers:?}");
    }
    login(&mut client, "ann").await;
    counted.is_down.store(1, Ordering::SeqCst);
    assert_eq!(client.request("revoke-token", json!({})).await[0]["errorCode"], 503);
    assert_eq!(guarded(&mut client).await, Value::Null, "it can ask again");
    counted.is_down.store(0, Ordering::SeqCst);
    assert_eq!(client.request("revoke-token", json!({})).await[0].get("errorCode"), None);
    assert_eq!(guarded(&mut client).await, json!(401));
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_the_session() {
    let counted = Counted::new();
    let running = counted.start(|jwt| jwt.reuse_grace(Duration::ZERO)).await;
    let mut owner = running.connect().await;
    let (_, stolen) = login(&mut owner, "ann").await;
    let (token, _) = tokens(&mut owner, "refresh-token", json!({"refreshToken": stolen})).await;
    let mut thief = running.connect().await;
    let uuid = thief.send("refresh-token", json!({"refreshToken": stolen})).await;
    let answer = thief.frame().await;
    assert_eq!(answer["headers"], json!({"messageType": "refresh-token-invalid", "uuid": uuid}), "{answer}");
    assert_eq!(owner.push().await["headers"]["messageType"], "token-invalid");
    assert_eq!(guarded(&mut owner).await, json!(401));
    assert!(is_refused(&running, &token).await);
}

#[tokio::test]
async fn a_second_login_becomes_the_second() {
    let counted = Counted::new();
    let running = counted.start(|jwt| jwt).await;
    let mut client = running.connect().await;
    let (ann, _) = login(&mut client, "ann").await;
    login(&mut client, "bob").await;
    let name = async |client: &mut RawClient| client.request("extract-all", json!({})).await[0]["text"].clone();
    assert_eq!(name(&mut client).await, "bob extract-all true");
    assert_eq!(running.server().end_session("1", "none"), 0);
    running.server().revoke_token(&ann).await.unwrap();
    assert_eq!(name(&mut client).await, "bob extract-all true", "ann's session is not his");
    let answers = client.request("login", json!({"username": "ann", "password": "wrong"})).await;
    assert_eq!(answers[0]["errorCode"], "login-error");
    assert_eq!(name(&mut client).await, "bob extract-all true", "a login that fails changes nothing");
}

#[tokio::test]
async fn logins_are_counted_by_how_they_end() {
    let jwt = Jwt::hs256("a secret of at least sixteen bytes").unwrap().users(Counted::new());
    let settings = psd_core::Settings::default().login_failures_per_user(2);
    let builder = Server::builder().settings(settings).authenticator(jwt).login().unhandled(Unhandled::Allow);
    let running = Running::start(builder.state(Probe::default())).await;
    let mut client = running.connect().await;
    for (username, password) in [("ann", "pw"), ("bob", "no"), ("bob", "nor"), ("bob", "pw")] {
        client.request("login", json!({"username": username, "password": password})).await;
    }
    for (outcome, count) in [("ok", 1.0), ("wrong", 2.0), ("throttled", 1.0), ("unavailable", 0.0)] {
        check(running.server(), &format!("psd_logins_total{{outcome=\"{outcome}\"}}"), count);
    }
}
