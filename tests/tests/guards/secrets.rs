//! What no log line and no `Debug` output may show.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
};

use psd_core::{
    Identity, Settings,
    auth::{Authenticator as _, Jwt, MemoryUsers, StaticTokens, User},
};
use psd_tests::{Running, eventually};
use serde_json::json;

use crate::app::server;

const PASSWORD: &str = "password-that-nobody-may-see";
const WRONG: &str = "wrong-password-that-nobody-may-see";
const KEY: &str = "signing-key-that-nobody-may-see";
const BODY: &str = "body-that-nobody-may-see";

/// Everything that is logged in this process, at every level.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .init();
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The parts of a token that give something away: its claims say who, its signature is what counts.
fn parts(token: &str) -> Vec<String> {
    token.split('.').skip(1).map(str::to_owned).collect()
}

fn jwt() -> Jwt {
    let ann = Identity::new("1", "ann").with_permissions(["pages.edit"]);
    Jwt::hs256(KEY).unwrap().users(MemoryUsers::new().user(User::new(ann), PASSWORD))
}

#[tokio::test]
async fn a_whole_session_is_logged_without_a_secret() {
    LazyLock::force(&LOG);
    let builder = server().0.settings(Settings::default().forward_exceptions(true)).authenticator(jwt()).login();
    let running = Running::start(builder).await;
    let mut secrets = vec![PASSWORD.to_owned(), WRONG.to_owned(), KEY.to_owned(), BODY.to_owned()];

    let mut client = running.connect_to("/ws?token=in-the-url-that-nobody-may-see").await;
    secrets.push("in-the-url-that-nobody-may-see".into());
    client.request("login", json!({"username": "ann", "password": WRONG})).await;
    let answers = client.request("login", json!({"username": "ann", "password": PASSWORD})).await;
    let access = answers[0]["token"].as_str().unwrap().to_owned();
    let refresh = answers[0]["refresh"].as_str().unwrap().to_owned();
    let answers = client.request("refresh-token", json!({"refreshToken": refresh})).await;
    secrets.extend(
        [&access, &refresh, &answers[0]["token"].as_str().unwrap().to_owned()].map(|token| parts(token)).concat(),
    );
    client.request("refresh-token", json!({"refreshToken": format!("{refresh}x")})).await;

    // Tokens in an envelope: a good one, one that was tampered with, and one that is none.
    for token in [access.clone(), format!("{access}x"), "opaque-token-that-nobody-may-see".into()] {
        let uuid = client.send_with("edit-page", json!({"owner": "ann"}), json!({"authHeader": token})).await;
        client.answers(&uuid).await;
    }
    secrets.push("opaque-token-that-nobody-may-see".into());

    // Bodies that are refused, cannot be read, or make a handler fail.
    let uuid = client.send_with("edit-page", json!({"secret": BODY}), json!({"authHeader": access})).await;
    client.answers(&uuid).await;
    for body in
        [json!({"owner": 5, "secret": BODY}), json!({"secret": [BODY]}), json!({"owner": "broken", "secret": BODY})]
    {
        client.request("edit-page", body).await;
    }
    client.request("login", json!({"username": "ann", "password": [PASSWORD]})).await;
    client.send_text(&format!("{{\"body\": \"{BODY}\", \"headers\": {{\"authHeader\": \"{access}\"")).await;
    client.send_text(&format!("{{\"body\": {{}}, \"authHeader\": \"{access}\", \"{BODY}\": 1}}")).await;
    client.request("read-page", json!({"owner": "everybody"})).await;

    // A token at the handshake, as a subprotocol.
    let _socket = v1_client(&running, &access).await;

    eventually("the refusals are in the log", || LOG.text().contains("refused by its guard")).await;
    // What tungstenite reads and writes, of which the test's own clients are a part, is whole frames; docs/AUTH.md warns.
    let text: String = LOG.text().split_inclusive('\n').filter(|line| !line.contains(" tungstenite::")).collect();
    assert!(text.contains("TRACE") && text.contains("a token was refused"), "too little is logged");
    for secret in secrets {
        let shown = text.lines().find(|line| line.contains(&secret));
        assert!(shown.is_none(), "`{secret}` is in the log: {shown:?}");
    }
}

async fn v1_client(running: &Running, token: &str) -> psd_tests::Socket {
    let url = format!("ws://{}/ws", running.address());
    let socket = psd_tests::connect(&url, Some(&format!("psd.v1.json, psd.token.{token}"))).await;
    let server = running.server();
    let somebody = || server.connections().iter().any(|one| one.identity().is_some());
    eventually("it is authenticated", somebody).await;
    socket
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let jwt = jwt();
    let login = jwt.issuer().unwrap().login("ann", PASSWORD).await.unwrap().unwrap();
    let mut secrets = vec![PASSWORD.to_owned(), KEY.to_owned()];
    secrets.extend(parts(&login.access));
    secrets.extend(parts(&login.refresh));
    let tokens = StaticTokens::new().token(PASSWORD, Identity::new("1", "ann"));
    let users = MemoryUsers::new().user(User::new(Identity::new("1", "ann")), PASSWORD);
    let refreshed = jwt.issuer().unwrap().refresh(&login.refresh).await.unwrap();
    let server = server().0.authenticator(tokens.clone());
    let shown = format!("{jwt:#?} {login:#?} {tokens:#?} {users:#?} {refreshed:#?} {server:#?}");
    for secret in secrets {
        assert!(!shown.contains(&secret), "{secret}: {shown}");
    }
    assert!(shown.contains("ann") && shown.contains("Login"), "{shown}");
}
