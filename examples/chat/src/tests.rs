//! The chat as its clients see it: the real server, and clients that reach it in memory. In real time, since the database
//! has threads of its own.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use psd_core::{
    proto::common::authentication::TokenInvalid,
    test::{Dialect, TestClient, TestServer},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{pb, server, store::Store};

/// A chat that keeps nothing and ends with the test.
struct Chat(TestServer);

impl Chat {
    async fn start() -> Self {
        Self::with(Store::open(Path::new(":memory:")).await.unwrap())
    }

    fn with(store: Store) -> Self {
        Self(TestServer::of(server(store).unwrap()))
    }

    async fn stranger(&self) -> TestClient {
        self.0.connect().await
    }

    async fn person(&self, name: &str) -> TestClient {
        let client = self.stranger().await;
        client.send(sign_in(name)).await;
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
    client.expect_push::<pb::ChatSent>().await.message.unwrap().text
}

async fn open(client: &TestClient, room: &str) -> pb::History {
    client.fetch(pb::OpenRoom { room: room.into() }).await
}

fn sign_in(name: &str) -> pb::SignIn {
    pb::SignIn { name: name.into() }
}

fn chat(text: &str, key: &str) -> pb::SendChat {
    pb::SendChat { room: "General".into(), text: text.into(), key: key.into() }
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
    let stranger = chat.stranger().await;
    refused(&stranger, sign_in("ann lee"), 409, "somebody is called ann lee already").await;

    ann.send(pb::SignOut {}).await;
    let again: pb::SignedIn = stranger.fetch(sign_in("ann lee")).await;
    assert_eq!(again.name, "ann lee");
}

#[tokio::test]
async fn a_name_is_a_name() {
    let chat = Chat::start().await;
    let stranger = chat.stranger().await;
    for (name, expected) in [
        ("", "needs a letter"),
        (" \t ", "needs a letter"),
        ("…!", "needs a letter"),
        (&"x".repeat(31), "longer than 30"),
        ("a\u{7}b", "control character"),
    ] {
        refused(&stranger, sign_in(name), 422, expected).await;
    }
    stranger.send(sign_in(&"é".repeat(30))).await;
}

#[tokio::test]
async fn a_token_is_the_person_wherever_it_is_shown() {
    let chat = Chat::start().await;
    let signed_in: pb::SignedIn = chat.stranger().await.fetch(sign_in("Ann")).await;
    assert_eq!(signed_in.token.len(), 32);

    let elsewhere = chat.window(&signed_in.token).await;
    elsewhere.send(pb::ListRooms {}).await;

    elsewhere.send(pb::SignOut {}).await;
    let later = chat.stranger().await;
    later.set_token(&signed_in.token);
    refused(&later, pb::ListRooms {}, 401, "").await;
    later.expect_push::<TokenInvalid>().await;
}

#[tokio::test]
async fn signing_out_ends_every_window() {
    let chat = Chat::start().await;
    let signed_in: pb::SignedIn = chat.stranger().await.fetch(sign_in("Ann")).await;
    let (one, two) = (chat.window(&signed_in.token).await, chat.window(&signed_in.token).await);
    one.send(pb::SignOut {}).await;
    two.expect_close(4403).await;
    one.send(sign_in("Bea")).await;
}

#[tokio::test]
async fn strangers_may_only_sign_in() {
    let server = server(Store::open(Path::new(":memory:")).await.unwrap()).unwrap();
    let open = server.routes().into_iter().filter(|route| !route.requires_auth).map(|route| route.message.message_type);
    assert_eq!(open.collect::<Vec<_>>(), ["sign-in"]);
}

#[tokio::test]
async fn what_is_said_reaches_everyone_in_the_room_once() {
    let chat_ = Chat::start().await;
    let (ann, bob) = (chat_.guest("Ann", "General").await, chat_.guest("Bob", "General").await);
    let sent: pb::ChatSent = ann.fetch(chat("  hello  ", "1")).await;
    let message = sent.message.unwrap();
    assert_eq!((message.author.as_str(), message.text.as_str(), message.key.as_str()), ("Ann", "hello", "1"));
    assert!(message.sent_at.is_some());
    bob.send(chat("hi", "1")).await; // Bob's key is not Ann's.

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
    let chat_ = Chat::start().await;
    let mut people = Vec::new();
    for (name, dialect) in [("Ann", Dialect::V1Proto), ("Bob", Dialect::V1Json), ("Cem", Dialect::Classic)] {
        let person = chat_.0.client().dialect(dialect).connect().await;
        person.send(sign_in(name)).await;
        open(&person, "General").await;
        people.push(person);
    }
    people[0].send(chat("hello", "")).await;
    for person in &people[1..] {
        assert_eq!(hears(person).await, "hello");
    }
}

#[tokio::test]
async fn a_message_sent_twice_is_said_once() {
    let chat_ = Chat::start().await;
    let (ann, bob) = (chat_.person("Ann").await, chat_.guest("Bob", "General").await);
    let first: pb::ChatSent = ann.fetch(chat("hello", "k")).await;
    ann.duplicate_next();
    let second: pb::ChatSent = ann.fetch(chat("hello", "k")).await;
    assert_eq!(first, second);
    ann.send(chat("without a key", "")).await;
    ann.send(chat("without a key", "")).await;
    for expected in ["hello", "without a key", "without a key"] {
        assert_eq!(hears(&bob).await, expected);
    }
    bob.expect_no::<pb::ChatSent>().await;
}

#[tokio::test]
async fn what_cannot_be_said() {
    let chat_ = Chat::start().await;
    let ann = chat_.person("Ann").await;
    refused(&ann, chat(" \n", ""), 422, "empty").await;
    refused(&ann, chat(&"x".repeat(4001), ""), 422, "longer than 4000").await;
    let nowhere = pb::SendChat { room: "Nowhere".into(), ..chat("hello", "") };
    refused(&ann, nowhere, 404, "no room called Nowhere").await;
    refused(&ann, pb::OpenRoom { room: "Nowhere".into() }, 404, "no room called Nowhere").await;
    ann.send(chat(&"x".repeat(4000), "")).await;
}

#[tokio::test]
async fn history_comes_in_pieces_oldest_first() {
    let chat_ = Chat::start().await;
    let ann = chat_.person("Ann").await;
    for number in 0..120 {
        ann.send(chat(&number.to_string(), "")).await;
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
    let chat_ = Chat::start().await;
    let ann = chat_.guest("Ann", "General").await;
    sees(&ann, &["Ann"]).await;
    let bob = chat_.guest("bob", "General").await;
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

    let zoe = chat_.guest("Zoë", "General").await;
    sees(&ann, &["Ann", "Zoë"]).await;
    zoe.disconnect().await; // Without a word.
    sees(&ann, &["Ann"]).await;

    let cem = chat_.guest("Cem", "General").await;
    ann.send(pb::SignOut {}).await;
    sees(&cem, &["Cem"]).await;
}

#[tokio::test]
async fn somebody_with_two_windows_is_here_until_the_last_one_closes() {
    let chat_ = Chat::start().await;
    let signed_in: pb::SignedIn = chat_.stranger().await.fetch(sign_in("Ann")).await;
    let (one, two) = (chat_.window(&signed_in.token).await, chat_.window(&signed_in.token).await);
    for window in [&one, &two] {
        open(window, "General").await;
    }
    let bob = chat_.guest("Bob", "General").await;
    sees(&bob, &["Ann", "Bob"]).await;
    one.close().await;
    sees(&bob, &["Ann", "Bob"]).await;
    two.close().await;
    sees(&bob, &["Bob"]).await;
}

#[tokio::test]
async fn rooms_are_news_for_everyone() {
    let chat_ = Chat::start().await;
    let (ann, bob) = (chat_.person("Ann").await, chat_.person("Bob").await);
    let rooms: pb::Rooms = bob.fetch(pb::ListRooms {}).await;
    assert_eq!(rooms.rooms, [pb::Room { name: "General".into(), last: None }]);

    ann.send(pb::CreateRoom { name: "Kitchen".into() }).await;
    assert_eq!(bob.expect_push::<pb::RoomChanged>().await.room.unwrap().name, "Kitchen");
    refused(&ann, pb::CreateRoom { name: "kitchen".into() }, 409, "there is a room called kitchen").await;
    refused(&ann, pb::CreateRoom { name: "-".into() }, 422, "the room's name needs a letter").await;

    ann.send(chat("hello", "")).await;
    let room = bob.expect_push::<pb::RoomChanged>().await.room.unwrap();
    assert_eq!((room.name.as_str(), room.last.unwrap().text.as_str()), ("General", "hello"));
    let rooms: pb::Rooms = bob.fetch(pb::ListRooms {}).await;
    assert_eq!(rooms.rooms.iter().map(|room| room.last.is_some()).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn a_file_remembers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chat.sqlite");
    let signed_in: pb::SignedIn = {
        let chat_ = Chat::with(Store::open(&file).await.unwrap());
        let ann = chat_.stranger().await;
        let signed_in = ann.fetch(sign_in("Ann")).await;
        ann.send(chat("hello", "")).await;
        signed_in
    };
    let chat_ = Chat::with(Store::open(&file).await.unwrap());
    let ann = chat_.window(&signed_in.token).await;
    assert_eq!(texts(&open(&ann, "General").await), ["hello"]);
}

#[tokio::test]
async fn the_program_serves_its_page() {
    let server = server(Store::open(Path::new(":memory:")).await.unwrap()).unwrap();
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
