//! The two servers and the proxy.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use psd_build::{Config, targets::django};
use psd_core::{Connection, Consumer, Error, Identity, receive};
use psd_tests::{DEADLINE, RawClient, Running};
use serde_json::{Value, json};
use shop_psd::pb;
use tempfile::TempDir;

use crate::python;

const SHOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/django/shop");
const SECRET: &str = "what the shop and its successor sign tokens with, 0123456789";

/// Where handlers are that have been moved already.
struct Moved;

impl Consumer for Moved {
    const PATH: &'static str = "/moved/";
    type Session = ();
}

#[receive(consumer = Moved, blacklist_groups = ["muted"])]
async fn send_chat(message: pb::SendChat, author: Identity, connection: Connection) -> Result<(), Error> {
    if message.text.is_empty() {
        return Err(Error::new(422, "the text is empty"));
    }
    let sent = pb::ChatSent {
        room: message.room.clone(),
        author: author.username().to_owned(),
        text: message.text,
        number: (1 << 53) + 1,
        mood: pb::shop::chat_sent::Mood::Happy.into(),
        tags: ["<tag>", "žluť", "🐎", "\"\\"].map(str::to_owned).to_vec(),
        line: Some(pb::shop::chat_sent::Line { price: 1.5, is_free: true, picture: b"\x00\xff".to_vec() }),
    };
    connection.broadcast(&message.room, &sent)
}

#[receive(consumer = Moved)]
async fn join_room(message: pb::JoinRoom, connection: Connection) -> Result<(), Error> {
    connection.join(&message.room)
}

/// A program that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for something that another process does.
fn wait(what: &str, mut is_done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_done() {
        assert!(begin.elapsed() < 3 * DEADLINE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

struct Shop {
    folder: TempDir,
    database: PathBuf,
}

impl Shop {
    /// The message classes, the tables, and one user.
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let config = Config::load(format!("{SHOP}/fps_config.json")).unwrap();
        config.output(&django::TARGET, Some(&folder.path().join("python/proto"))).unwrap().write().unwrap();
        let database = folder.path().join("shop.sqlite3");
        let shop = Self { folder, database };
        let output = shop.python().args(["../shop_users.py", "ann", "a password of ann"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn python(&self) -> Command {
        let mut command = Command::new(python::python());
        let original = Path::new(python::PROJECT).join("original");
        let path = std::env::join_paths([self.path("python"), original, SHOP.into()]).unwrap();
        command.current_dir(SHOP).env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("SHOP_SECRET", SECRET).env("SHOP_DATABASE", &self.database);
        command
    }

    /// Django at a Unix socket.
    fn serve(&self) -> Process {
        let socket = self.path("django.sock");
        let mut command = self.python();
        command.args([
            "-m",
            "uvicorn",
            "config.asgi:application",
            "--lifespan",
            "off",
            "--log-level",
            "warning",
            "--uds",
        ]);
        let process = Process(command.arg(&socket).spawn().unwrap());
        wait("Django", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
        process
    }

    /// nginx before Django and the server at this port; its own port.
    fn proxy(&self, port: u16) -> (Process, u16) {
        // Nobody but us takes ports of this machine meanwhile; nginx cannot be given one that is open.
        let own = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = self.folder.path().display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n"))
            .concat();
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx.log;\nevents {{}}\n\
             http {{\n    access_log off;\n{temporary}    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}\n\
             \n    server {{\n        listen 127.0.0.1:{own};\n        proxy_http_version 1.1;\n        \
             proxy_set_header Upgrade $http_upgrade;\n        proxy_set_header Connection $connection_upgrade;\n        \
             proxy_set_header Host $http_host;\n        proxy_read_timeout 1h;\n\n        \
             location /psd/ {{ proxy_pass http://127.0.0.1:{port}/; }}\n        \
             location / {{ proxy_pass http://unix:{folder}/django.sock; }}\n    }}\n}}\n"
        );
        fs::write(self.path("nginx.conf"), configuration).unwrap();
        let nginx = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].into_iter().find(|file| Path::new(file).is_file());
        let mut command = Command::new(nginx.unwrap_or("nginx"));
        command.arg("-e").arg(self.path("nginx.log")).arg("-p").arg(self.folder.path()).arg("-c").arg("nginx.conf");
        let process = command.stdin(Stdio::null()).spawn();
        let process = Process(process.expect("nginx is missing: `cargo xtask test` installs it where it may"));
        wait("nginx", || std::net::TcpStream::connect(("127.0.0.1", own)).is_ok());
        (process, own)
    }
}

/// A client that is somebody: whatever it sends has its token.
async fn connect(port: u16, path: &str) -> RawClient {
    RawClient::connect(&format!("ws://127.0.0.1:{port}{path}")).await
}

/// The body of the ack to a message with a token.
async fn ack(client: &mut RawClient, message_type: &str, body: Value, token: &Value) -> Value {
    let uuid = client.send_with(message_type, body, json!({"authHeader": token})).await;
    client.answers(&uuid).await.pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_share_contract_database_tokens_and_clients() {
    let shop = Shop::new();
    let _django = shop.serve();
    let database = format!("sqlite:{}", shop.database.display());
    let successor = Running::start(shop_psd::server(SECRET, &database).await.unwrap()).await;
    let (_nginx, port) = shop.proxy(successor.address().port());

    // Either server lets ann in, and either takes the other's token.
    let login = json!({"username": "ann", "password": "a password of ann"});
    let mut tokens = Vec::new();
    for path in ["/ws/", "/psd/ws/"] {
        let answers = connect(port, path).await.request("login", login.clone()).await;
        assert!(answers[0]["token"].is_string(), "{path}: {answers:?}");
        tokens.push(answers[0]["token"].clone());
    }
    for token in &tokens {
        let mut there = connect(port, "/ws/").await;
        let body = ack(&mut there, "join-room", json!({"room": "lobby"}), token).await;
        assert!(body.get("errorMessage").is_none(), "{body}");
        // What is not moved yet says so, behind the guard that was moved: ann may join, but not close the shop.
        let mut here = connect(port, "/psd/ws/").await;
        let body = ack(&mut here, "join-room", json!({"room": "lobby"}), token).await;
        assert_eq!(
            (&body["errorCode"], &body["errorMessage"]),
            (&json!(501), &json!("not moved yet: ChatReceiver.join_room"))
        );
        assert_eq!(ack(&mut here, "close-shop", json!({}), token).await["errorCode"], 403);
        assert_eq!(ack(&mut here, "audit", json!({}), token).await["errorCode"], 403, "a guard nobody could read");
        let mut stranger = connect(port, "/psd/ws/").await;
        // The .proto file opens it, the decorator does not: Django's word counts.
        assert_eq!(stranger.request("order-article", json!({})).await[0]["errorCode"], 401);
        assert_eq!(stranger.request("look-around", json!({})).await[0]["errorCode"], 501);
    }

    // The same broadcast from either server is the same frame.
    let mut frames = Vec::new();
    for (path, token) in [("/ws/", &tokens[1]), ("/psd/moved/", &tokens[0])] {
        let mut client = connect(port, path).await;
        ack(&mut client, "join-room", json!({"room": "lobby"}), token).await;
        let refused = ack(&mut client, "send-chat", json!({"room": "lobby", "text": ""}), token).await;
        assert_eq!((&refused["errorCode"], &refused["errorMessage"]), (&json!(422), &json!("the text is empty")));
        client
            .send_with("send-chat", json!({"room": "lobby", "text": "dobrý den"}), json!({"authHeader": token}))
            .await;
        frames.push(client.push().await);
    }
    assert_eq!(frames[0], frames[1]);
    let body = json!({
        "room": "lobby", "author": "ann", "text": "dobrý den", "number": "9007199254740993", "mood": "HAPPY",
        "tags": ["<tag>", "žluť", "🐎", "\"\\"], "line": {"price": 1.5, "isFree": true, "picture": "AP8="},
    });
    assert_eq!(frames[0], json!({"headers": {"messageType": "chat-sent"}, "body": body}));
}
