//! The chat as its clients see it: the real server, and clients that reach it in memory. In real time, since the database
//! has threads of its own.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use psd_core::{
    Server,
    proto::common::authentication::{Login, LoginError, LoginToken, RefreshToken, RevokeToken, TokenInvalid},
    test::{Dialect, TestClient, TestServer},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{files::files, pb, server, store::Store};

async fn chat_server(database: &Path) -> Server {
    server(Store::open(database).await.unwrap(), files(database)).await.unwrap()
}

/// A chat that keeps nothing and ends with the test.
struct Chat(TestServer);

impl Chat {
    async fn start() -> Self {
        Self::at(Path::new(":memory:")).await
    }

    async fn at(database: &Path) -> Self {
        Self(TestServer::of(chat_server(database).await))
    }

    async fn stranger(&self) -> TestClient {
        self.0.connect().await
    }

    async fn person(&self, name: &str) -> TestClient {
        let client = self.stranger().await;
        client.send(sign_up(name)).await;
        client
    }

    /// Somebody in another window, who has signed in before.
    async fn window(&self, token: &str) -> TestClient {
        self.0.client().token(token).connect().await
    }

    /// Somebody who has come into the room.
    async fn guest(&self, name: &str, room: &str) -> TestClient {
        let client = self.person(name).await;
        open(&client, room).await;
        client
    }
}

/// Waits until somebody sees exactly these people in the room.
async fn sees(client: &TestClient, expected: &[&str]) {
    while client.expect_push::<pb::PeopleChanged>().await.people != expected {}
}

async fn hears(client: &TestClient) -> String {
    client.expect_push::<pb::ChatSent>().await.text
}

async fn open(client: &TestClient, room: &str) -> pb::History {
    client.fetch(pb::OpenRoom { room: room.into() }).await
}

const PASSWORD: &str = "correct horse";

fn sign_up(name: &str) -> pb::SignUp {
    pb::SignUp { username: name.into(), password: PASSWORD.into() }
}

fn login(name: &str, password: &str) -> Login {
    Login { username: name.into(), password: password.into() }
}

async fn name_of(client: &TestClient) -> String {
    client.fetch::<pb::Profile>(pb::FetchProfile {}).await.name
}

fn chat_message(text: &str, key: &str) -> pb::SendChat {
    pb::SendChat { room: "General".into(), text: text.into(), key: key.into(), attachments: Vec::new() }
}

fn texts(history: &pb::History) -> Vec<&str> {
    history.messages.iter().map(|message| message.text.as_str()).collect()
}

/// The message is refused with this code and a text that has this part.
async fn refused<M: psd_core::ClientMessage>(client: &TestClient, message: M, code: i32, part: &str) {
    let error = client.send(message).expect_ack_error(code).await;
    assert!(error.text.contains(part), "{error}");
}

#[tokio::test]
async fn a_name_belongs_to_whoever_took_it_first() {
    let chat = Chat::start().await;
    let ann = chat.person("  Ann   Lee ").await;
    assert_eq!(name_of(&ann).await, "Ann Lee");
    let stranger = chat.stranger().await;
    refused(&stranger, sign_up("ann lee"), 409, "somebody is called ann lee already").await;
}

#[tokio::test]
async fn a_name_is_a_name_and_a_password_has_some_length() {
    let chat = Chat::start().await;
    let stranger = chat.stranger().await;
    for (name, expected) in [
        ("", "needs a letter"),
        (" \t ", "needs a letter"),
        ("…!", "needs a letter"),
        (&"x".repeat(31), "longer than 30"),
        ("a\u{7}b", "control character"),
    ] {
        refused(&stranger, sign_up(name), 422, expected).await;
    }
    refused(&stranger, pb::SignUp { password: "short".into(), ..sign_up("Ann") }, 422, "8 characters").await;
    stranger.send(sign_up(&"é".repeat(30))).await;
}

#[tokio::test]
async fn whoever_has_an_account_logs_in() {
    let chat = Chat::start().await;
    chat.person("Ann").await;
    let later = chat.stranger().await;
    let error: LoginError = later.fetch(login("Ann", "wrong horse")).await;
    assert_eq!(error.error_code, "login-error");
    refused(&later, pb::ListRooms {}, 401, "").await;
    let tokens: LoginToken = later.fetch(login("ann", PASSWORD)).await;
    assert_eq!(name_of(&later).await, "Ann", "and is called as they wrote it first");

    let refreshed: LoginToken = chat.stranger().await.fetch(RefreshToken { refresh_token: tokens.refresh }).await;
    assert_eq!(name_of(&chat.window(&refreshed.token).await).await, "Ann");
}

#[tokio::test]
async fn a_token_is_the_person_wherever_it_is_shown() {
    let chat = Chat::start().await;
    let signed_up: LoginToken = chat.stranger().await.fetch(sign_up("Ann")).await;
    let elsewhere = chat.window(&signed_up.token).await;
    elsewhere.send(pb::ListRooms {}).await;

    // Whoever logs out ends the session in every window, and hears nothing more.
    let (here, bob) = (chat.window(&signed_up.token).await, chat.guest("Bob", "General").await);
    open(&here, "General").await;
    elsewhere.send(RevokeToken { refresh_token: signed_up.refresh }).await;
    refused(&elsewhere, pb::ListRooms {}, 401, "").await;
    here.expect_push::<TokenInvalid>().await;
    bob.send(chat_message("hello", "")).await;
    here.expect_no::<pb::ChatSent>().await;

    let later = chat.stranger().await;
    later.set_token(&signed_up.token);
    refused(&later, pb::ListRooms {}, 401, "").await;
}

#[tokio::test]
async fn strangers_may_only_come_in() {
    let server = chat_server(Path::new(":memory:")).await;
    let open = server.routes().into_iter().filter(|route| !route.requires_auth).map(|route| route.message.message_type);
    assert_eq!(open.collect::<Vec<_>>(), ["login", "refresh-token", "revoke-token", "sign-up", "verify-token"]);
}

#[tokio::test]
async fn whoever_types_is_seen_typing_by_those_in_the_room() {
    let chat = Chat::start().await;
    let (ann, bob) = (chat.guest("Ann", "General").await, chat.guest("Bob", "General").await);
    let typing = pb::Typing { room: "General".into() };
    ann.send(typing.clone()).await;
    let types: pb::SomebodyTypes = bob.expect_push().await;
    assert_eq!((types.room.as_str(), types.author.as_str()), ("General", "Ann"));
    ann.expect_no::<pb::SomebodyTypes>().await;
    let cem = chat.person("Cem").await;
    refused(&cem, typing, 409, "the room that they are in").await;
}

#[tokio::test]
async fn what_is_said_reaches_everyone_in_the_room_once() {
    let chat = Chat::start().await;
    let (ann, bob) = (chat.guest("Ann", "General").await, chat.guest("Bob", "General").await);
    let message: pb::ChatSent = ann.fetch(chat_message("  hello  ", "1")).await;
    assert_eq!((message.author.as_str(), message.text.as_str(), message.key.as_str()), ("Ann", "hello", "1"));
    assert!(message.sent_at.is_some());
    bob.send(chat_message("hi", "1")).await; // Bob's key is not Ann's.

    // Whoever says something gets it as the reply.
    assert_eq!(hears(&bob).await, "hello");
    assert_eq!(hears(&ann).await, "hi");
    for person in [&ann, &bob] {
        person.expect_no::<pb::ChatSent>().await;
    }
    assert_eq!(texts(&open(&ann, "General").await), ["hello", "hi"]);
}

#[tokio::test]
async fn pages_of_every_age_hear_each_other() {
    let chat = Chat::start().await;
    let mut people = Vec::new();
    for (name, dialect) in [("Ann", Dialect::V1Proto), ("Bob", Dialect::V1Json), ("Cem", Dialect::Classic)] {
        let person = chat.0.client().dialect(dialect).connect().await;
        person.send(sign_up(name)).await;
        open(&person, "General").await;
        people.push(person);
    }
    people[0].send(chat_message("hello", "")).await;
    for person in &people[1..] {
        assert_eq!(hears(person).await, "hello");
    }
}

#[tokio::test]
async fn a_message_sent_twice_is_said_once() {
    let chat = Chat::start().await;
    let (ann, bob) = (chat.person("Ann").await, chat.guest("Bob", "General").await);
    let first: pb::ChatSent = ann.fetch(chat_message("hello", "k")).await;
    ann.duplicate_next();
    let second: pb::ChatSent = ann.fetch(chat_message("hello", "k")).await;
    assert_eq!(first, second);
    ann.send(chat_message("without a key", "")).await;
    ann.send(chat_message("without a key", "")).await;
    for expected in ["hello", "without a key", "without a key"] {
        assert_eq!(hears(&bob).await, expected);
    }
    bob.expect_no::<pb::ChatSent>().await;
}

#[tokio::test]
async fn what_cannot_be_said() {
    let chat = Chat::start().await;
    let ann = chat.person("Ann").await;
    refused(&ann, chat_message(" \n", ""), 422, "empty").await;
    refused(&ann, chat_message(&"x".repeat(4001), ""), 422, "longer than 4000").await;
    let nowhere = pb::SendChat { room: "Nowhere".into(), ..chat_message("hello", "") };
    refused(&ann, nowhere, 404, "no room called Nowhere").await;
    refused(&ann, pb::OpenRoom { room: "Nowhere".into() }, 404, "no room called Nowhere").await;
    ann.send(chat_message(&"x".repeat(4000), "")).await;
}

/// Uploads a file over HTTP, all of it with its beginning, and returns its id.
async fn upload(chat: &Chat, token: &str, name: &str, bytes: &[u8]) -> String {
    let listening = chat.0.server().clone().listen("127.0.0.1:0").await.unwrap();
    let address = listening.local_addr();
    tokio::spawn(listening.run());
    let (length, name) = (bytes.len(), STANDARD.encode(name));
    let head = format!(
        "POST /uploads HTTP/1.1\r\nhost: chat\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         tus-resumable: 1.0.0\r\nupload-length: {length}\r\nupload-metadata: filename {name}\r\n\
         content-type: application/offset+octet-stream\r\ncontent-length: {length}\r\n\
         prefer: return=representation\r\n\r\n"
    );
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(&[head.as_bytes(), bytes].concat()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let file: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
    file["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn people_share_their_own_files() {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let chat = Chat::start().await;
    let signed_in: LoginToken = chat.stranger().await.fetch(sign_up("Ann")).await;
    let (ann, bob) = (chat.window(&signed_in.token).await, chat.guest("Bob", "General").await);
    let picture = upload(&chat, &signed_in.token, "cat.png", PNG).await;
    let page = upload(&chat, &signed_in.token, "<page>.html", b"<html><script>").await;

    let attachment = |id: &str| pb::Attachment { id: id.into(), alt: " a cat ".into(), width: 40_000, height: 3 };
    let with = |ids: &[&String]| pb::SendChat {
        attachments: ids.iter().map(|id| attachment(id)).collect(),
        ..chat_message("", "k")
    };
    let sent: pb::ChatSent = ann.fetch(with(&[&picture, &page])).await;
    let [first, second] = &sent.files[..] else { panic!("{sent:?}") };
    assert_eq!((&*first.name, &*first.mime, first.size, first.is_picture), ("cat.png", "image/png", 16, true));
    assert_eq!((&*first.alt, first.width, first.height), ("a cat", 30_000, 3));
    assert_eq!((&*first.url, second.is_picture), (&*format!("/files/{picture}"), false));
    assert_eq!(bob.expect_push::<pb::ChatSent>().await.files, sent.files);
    assert_eq!(open(&bob, "General").await.messages, [sent]);

    refused(&bob, with(&[&picture]), 404, "no such file of yours").await;
    refused(&ann, with(&[&"elsewhere".to_owned()]), 404, "no such file of yours").await;
    refused(&ann, with(&[&picture; 11]), 422, "at most 10 files").await;
    let mut long = with(&[&picture]);
    long.attachments[0].alt = "x".repeat(1001);
    refused(&ann, long, 422, "longer than 1000").await;
}

#[tokio::test]
async fn history_comes_in_pieces_oldest_first() {
    let chat = Chat::start().await;
    let ann = chat.person("Ann").await;
    for number in 0..120 {
        ann.send(chat_message(&number.to_string(), "")).await;
    }
    let mut piece = open(&ann, "general").await;
    assert_eq!(piece.room, "General");
    let mut all: Vec<String> = Vec::new();
    let mut sizes = Vec::new();
    loop {
        sizes.push(piece.messages.len());
        all.splice(0..0, texts(&piece).into_iter().map(str::to_owned));
        if piece.complete {
            break;
        }
        let before = piece.messages[0].id;
        piece = ann.fetch(pb::FetchHistory { room: "General".into(), before }).await;
    }
    assert_eq!(sizes, [50, 50, 20]);
    assert!(all.iter().map(|text| text.parse::<usize>().unwrap()).eq(0..120));
}

#[tokio::test]
async fn who_is_here() {
    let chat = Chat::start().await;
    let ann = chat.guest("Ann", "General").await;
    sees(&ann, &["Ann"]).await;
    let bob = chat.guest("bob", "General").await;
    sees(&ann, &["Ann", "bob"]).await;
    sees(&bob, &["Ann", "bob"]).await;

    ann.send(pb::CreateRoom { name: "Elsewhere".into() }).await;
    open(&bob, "Elsewhere").await;
    sees(&ann, &["Ann"]).await;
    sees(&bob, &["bob"]).await;

    open(&bob, "General").await;
    sees(&ann, &["Ann", "bob"]).await;
    bob.close().await;
    sees(&ann, &["Ann"]).await;

    let zoe = chat.guest("Zoë", "General").await;
    sees(&ann, &["Ann", "Zoë"]).await;
    zoe.disconnect().await; // Without a word.
    sees(&ann, &["Ann"]).await;

    let cem = chat.guest("Cem", "General").await;
    drop(ann); // The browser's tab is closed.
    sees(&cem, &["Cem"]).await;
}

#[tokio::test]
async fn somebody_with_two_windows_is_here_until_the_last_one_closes() {
    let chat = Chat::start().await;
    let signed_in: LoginToken = chat.stranger().await.fetch(sign_up("Ann")).await;
    let (one, two) = (chat.window(&signed_in.token).await, chat.window(&signed_in.token).await);
    for window in [&one, &two] {
        open(window, "General").await;
    }
    let bob = chat.guest("Bob", "General").await;
    sees(&bob, &["Ann", "Bob"]).await;
    one.close().await;
    sees(&bob, &["Ann", "Bob"]).await;
    two.close().await;
    sees(&bob, &["Bob"]).await;
}

#[tokio::test]
async fn rooms_are_news_for_everyone() {
    let chat = Chat::start().await;
    let (ann, bob) = (chat.person("Ann").await, chat.person("Bob").await);
    let rooms: pb::Rooms = bob.fetch(pb::ListRooms {}).await;
    assert_eq!(rooms.rooms, [pb::Room { name: "General".into(), last: None }]);

    ann.send(pb::CreateRoom { name: "Kitchen".into() }).await;
    assert_eq!(bob.expect_push::<pb::RoomChanged>().await.room.unwrap().name, "Kitchen");
    refused(&ann, pb::CreateRoom { name: "kitchen".into() }, 409, "there is a room called kitchen").await;
    refused(&ann, pb::CreateRoom { name: "-".into() }, 422, "the room's name needs a letter").await;

    ann.send(chat_message("hello", "")).await;
    let room = bob.expect_push::<pb::RoomChanged>().await.room.unwrap();
    assert_eq!((room.name.as_str(), room.last.unwrap().text.as_str()), ("General", "hello"));
    let rooms: pb::Rooms = bob.fetch(pb::ListRooms {}).await;
    assert_eq!(rooms.rooms.iter().map(|room| room.last.is_some()).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn a_file_remembers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chat.sqlite");
    let (signed_in, signed_out): (LoginToken, LoginToken) = {
        let chat = Chat::at(&file).await;
        let (ann, bob) = (chat.stranger().await, chat.stranger().await);
        let (signed_in, signed_out) = (ann.fetch(sign_up("Ann")).await, bob.fetch(sign_up("Bob")).await);
        ann.send(chat_message("hello", "")).await;
        bob.send(RevokeToken::default()).await;
        (signed_in, signed_out)
    };
    let chat = Chat::at(&file).await;
    let ann = chat.window(&signed_in.token).await;
    assert_eq!(texts(&open(&ann, "General").await), ["hello"]);
    refused(&chat.window(&signed_out.token).await, pb::ListRooms {}, 401, "").await;
}

#[tokio::test]
async fn the_program_serves_its_page() {
    let server = chat_server(Path::new(":memory:")).await;
    let listening = server.listen("127.0.0.1:0").await.unwrap();
    let address = listening.local_addr();
    tokio::spawn(listening.run());
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nhost: chat\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-type: text/html; charset=utf-8") && answer.ends_with("</html>\n"));
}
