//! The chat as its clients see it: a real server on a free port, and `psd-client` for the page.

#![allow(clippy::unwrap_used)]

use std::{path::Path, time::Duration};

use psd_client::{Client, Error, Subscription};
use psd_core::{ServerMessage, proto::common::authentication::TokenInvalid};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{pb, server, store::Store};

/// A chat that keeps nothing and ends with the test.
struct Chat {
    address: std::net::SocketAddr,
}

impl Chat {
    async fn start() -> Self {
        Self::with(Store::open(Path::new(":memory:")).await.unwrap()).await
    }

    async fn with(store: Store) -> Self {
        let listening = server(store).unwrap().listen("127.0.0.1:0").await.unwrap();
        let address = listening.local_addr();
        tokio::spawn(listening.run());
        Self { address }
    }

    async fn stranger(&self) -> Client {
        Client::connect(&format!("ws://{}/ws", self.address)).await.unwrap()
    }

    async fn person(&self, name: &str) -> Client {
        let client = self.stranger().await;
        let signed_in: pb::SignedIn = client.fetch(&sign_in(name)).await.unwrap();
        client.set_token(Some(&signed_in.token));
        client
    }

    /// Somebody who has come into the room, and sees who is there.
    async fn guest(&self, name: &str, room: &str) -> Guest {
        let client = self.person(name).await;
        let (people, chat) = (client.subscribe(), client.subscribe());
        open(&client, room).await;
        Guest { client, people, chat }
    }
}

struct Guest {
    client: Client,
    people: Subscription<pb::PeopleChanged>,
    chat: Subscription<pb::ChatSent>,
}

impl Guest {
    /// Waits until exactly these are in the room.
    async fn sees(&mut self, expected: &[&str]) {
        while next(&mut self.people).await.people != expected {}
    }

    async fn hears(&mut self) -> String {
        next(&mut self.chat).await.message.unwrap().text
    }
}

async fn next<M: ServerMessage>(subscription: &mut Subscription<M>) -> M {
    let message = tokio::time::timeout(Duration::from_secs(10), subscription.next()).await;
    message.expect("it comes in time").expect("the client is open").expect("it is whole")
}

async fn open(client: &Client, room: &str) -> pb::History {
    client.fetch(&pb::OpenRoom { room: room.into() }).await.unwrap()
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

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: Result<T, Error>, expected: i32, part: &str) {
    match result {
        Err(Error::Refused { code, message, .. }) if code == Some(expected) && message.contains(part) => {}
        other => panic!("expected {expected} with `{part}`, got {other:?}"),
    }
}

#[tokio::test]
async fn a_name_belongs_to_whoever_took_it_first() {
    let chat = Chat::start().await;
    let ann = chat.person("  Ann   Lee ").await;
    let stranger = chat.stranger().await;
    assert_refused(stranger.send(&sign_in("ann lee")).await, 409, "somebody is called ann lee already");

    ann.send(&pb::SignOut {}).await.unwrap();
    let again: pb::SignedIn = stranger.fetch(&sign_in("ann lee")).await.unwrap();
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
        assert_refused(stranger.send(&sign_in(name)).await, 422, expected);
    }
    stranger.send(&sign_in(&"é".repeat(30))).await.unwrap();
}

#[tokio::test]
async fn a_token_is_the_person_wherever_it_is_shown() {
    let chat = Chat::start().await;
    let signed_in: pb::SignedIn = chat.stranger().await.fetch(&sign_in("Ann")).await.unwrap();
    assert_eq!(signed_in.token.len(), 32);

    let elsewhere = chat.stranger().await;
    elsewhere.set_token(Some(&signed_in.token));
    elsewhere.send(&pb::ListRooms {}).await.unwrap();

    elsewhere.send(&pb::SignOut {}).await.unwrap();
    let later = chat.stranger().await;
    let mut invalid = later.subscribe::<TokenInvalid>();
    later.set_token(Some(&signed_in.token));
    assert_refused(later.send(&pb::ListRooms {}).await, 401, "");
    next(&mut invalid).await;
}

#[tokio::test]
async fn signing_out_ends_every_window() {
    let chat = Chat::start().await;
    let signed_in: pb::SignedIn = chat.stranger().await.fetch(&sign_in("Ann")).await.unwrap();
    let (one, two) = (chat.stranger().await, chat.stranger().await);
    for window in [&one, &two] {
        window.set_token(Some(&signed_in.token));
        window.send(&pb::ListRooms {}).await.unwrap();
    }
    one.send(&pb::SignOut {}).await.unwrap();
    let mut state = two.state();
    let ended = state.wait_for(|state| matches!(state, psd_client::State::Closed(_)));
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap().unwrap();
    one.set_token(None);
    one.send(&sign_in("Bea")).await.unwrap();
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
    let (mut ann, mut bob) = (chat_.guest("Ann", "General").await, chat_.guest("Bob", "General").await);
    let sent: pb::ChatSent = ann.client.fetch(&chat("  hello  ", "1")).await.unwrap();
    let message = sent.message.unwrap();
    assert_eq!((message.author.as_str(), message.text.as_str(), message.key.as_str()), ("Ann", "hello", "1"));
    assert!(message.sent_at.is_some());
    bob.client.send(&chat("hi", "1")).await.unwrap(); // Bob's key is not Ann's.

    assert_eq!(bob.hears().await, "hello");
    assert_eq!(bob.hears().await, "hi");
    assert_eq!(ann.hears().await, "hello");
    assert_eq!(ann.hears().await, "hi");
    assert_eq!(texts(&open(&ann.client, "General").await), ["hello", "hi"]);
}

#[tokio::test]
async fn a_message_sent_twice_is_said_once() {
    let chat_ = Chat::start().await;
    let (ann, mut bob) = (chat_.person("Ann").await, chat_.guest("Bob", "General").await);
    let first: pb::ChatSent = ann.fetch(&chat("hello", "k")).await.unwrap();
    let second: pb::ChatSent = ann.fetch(&chat("hello", "k")).await.unwrap();
    assert_eq!(first, second);
    ann.send(&chat("without a key", "")).await.unwrap();
    ann.send(&chat("without a key", "")).await.unwrap();
    for expected in ["hello", "without a key", "without a key"] {
        assert_eq!(bob.hears().await, expected);
    }
}

#[tokio::test]
async fn what_cannot_be_said() {
    let chat_ = Chat::start().await;
    let ann = chat_.person("Ann").await;
    assert_refused(ann.send(&chat(" \n", "")).await, 422, "empty");
    assert_refused(ann.send(&chat(&"x".repeat(4001), "")).await, 422, "longer than 4000");
    let nowhere = pb::SendChat { room: "Nowhere".into(), ..chat("hello", "") };
    assert_refused(ann.send(&nowhere).await, 404, "no room called Nowhere");
    assert_refused(ann.send(&pb::OpenRoom { room: "Nowhere".into() }).await, 404, "no room called Nowhere");
    ann.send(&chat(&"x".repeat(4000), "")).await.unwrap();
}

#[tokio::test]
async fn history_comes_in_pieces_oldest_first() {
    let chat_ = Chat::start().await;
    let ann = chat_.person("Ann").await;
    for number in 0..120 {
        ann.send(&chat(&number.to_string(), "")).await.unwrap();
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
        piece = ann.fetch(&pb::FetchHistory { room: "General".into(), before }).await.unwrap();
    }
    assert_eq!(sizes, [50, 50, 20]);
    assert!(all.iter().map(|text| text.parse::<usize>().unwrap()).eq(0..120));
}

#[tokio::test]
async fn who_is_here() {
    let chat_ = Chat::start().await;
    let mut ann = chat_.guest("Ann", "General").await;
    ann.sees(&["Ann"]).await;
    let mut bob = chat_.guest("bob", "General").await;
    ann.sees(&["Ann", "bob"]).await;
    bob.sees(&["Ann", "bob"]).await;

    ann.client.send(&pb::CreateRoom { name: "Elsewhere".into() }).await.unwrap();
    open(&bob.client, "Elsewhere").await;
    ann.sees(&["Ann"]).await;
    bob.sees(&["bob"]).await;

    open(&bob.client, "General").await;
    ann.sees(&["Ann", "bob"]).await;
    bob.client.close().await;
    ann.sees(&["Ann"]).await;

    let mut zoe = chat_.guest("Zoë", "General").await;
    ann.client.send(&pb::SignOut {}).await.unwrap();
    zoe.sees(&["Zoë"]).await;
}

#[tokio::test]
async fn somebody_with_two_windows_is_here_until_the_last_one_closes() {
    let chat_ = Chat::start().await;
    let signed_in: pb::SignedIn = chat_.stranger().await.fetch(&sign_in("Ann")).await.unwrap();
    let (one, two) = (chat_.stranger().await, chat_.stranger().await);
    for window in [&one, &two] {
        window.set_token(Some(&signed_in.token));
        open(window, "General").await;
    }
    let mut bob = chat_.guest("Bob", "General").await;
    bob.sees(&["Ann", "Bob"]).await;
    one.close().await;
    bob.sees(&["Ann", "Bob"]).await;
    two.close().await;
    bob.sees(&["Bob"]).await;
}

#[tokio::test]
async fn rooms_are_news_for_everyone() {
    let chat_ = Chat::start().await;
    let (ann, bob) = (chat_.person("Ann").await, chat_.person("Bob").await);
    let mut news = bob.subscribe::<pb::RoomChanged>();
    let rooms: pb::Rooms = bob.fetch(&pb::ListRooms {}).await.unwrap();
    assert_eq!(rooms.rooms, [pb::Room { name: "General".into(), last: None }]);

    ann.send(&pb::CreateRoom { name: "Kitchen".into() }).await.unwrap();
    assert_eq!(next(&mut news).await.room.unwrap().name, "Kitchen");
    assert_refused(ann.send(&pb::CreateRoom { name: "kitchen".into() }).await, 409, "there is a room called kitchen");
    assert_refused(ann.send(&pb::CreateRoom { name: "-".into() }).await, 422, "the room's name needs a letter");

    ann.send(&chat("hello", "")).await.unwrap();
    let room = next(&mut news).await.room.unwrap();
    assert_eq!((room.name.as_str(), room.last.unwrap().text.as_str()), ("General", "hello"));
    let rooms: pb::Rooms = bob.fetch(&pb::ListRooms {}).await.unwrap();
    assert_eq!(rooms.rooms.iter().map(|room| room.last.is_some()).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn a_file_remembers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chat.sqlite");
    let signed_in: pb::SignedIn = {
        let chat_ = Chat::with(Store::open(&file).await.unwrap()).await;
        let ann = chat_.stranger().await;
        let signed_in = ann.fetch(&sign_in("Ann")).await.unwrap();
        ann.send(&chat("hello", "")).await.unwrap();
        signed_in
    };
    let chat_ = Chat::with(Store::open(&file).await.unwrap()).await;
    let ann = chat_.stranger().await;
    ann.set_token(Some(&signed_in.token));
    assert_eq!(texts(&open(&ann, "General").await), ["hello"]);
}

#[tokio::test]
async fn the_program_serves_its_page() {
    let chat = Chat::start().await;
    let mut socket = tokio::net::TcpStream::connect(chat.address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nhost: chat\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-type: text/html; charset=utf-8") && answer.ends_with("</html>\n"));
}
