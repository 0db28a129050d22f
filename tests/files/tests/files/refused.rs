use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use psd_core::Settings;
use psd_tests::{RawClient, Seen};
use serde_json::{Value, json};
use sha2::Digest as _;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};

use crate::{
    app::{Answer, CHUNK, FileApp, metadata, noise, tus_at},
    stream::client::{Client, Said, chunk, new, saying},
};

/// By what a file comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Way {
    Tus,
    Stream,
    Classic,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Tus, Self::Stream, Self::Classic];
}

/// What a client does.
#[derive(Debug, Clone)]
pub(crate) struct Attempt<'a> {
    /// Whose token it shows.
    token: &'a str,
    /// The upload that it goes on with, instead of beginning one.
    id: Option<&'a str>,
    name: &'a str,
    mime: &'a str,
    local_key: &'a str,
    /// The length, where it is said at the beginning.
    length: Option<usize>,
    /// Where the bytes are said to go.
    offset: usize,
    bytes: &'a [u8],
    /// Whether their checksum is another.
    is_damaged: bool,
}

/// What the server makes of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// 0 if there is a file now.
    pub(crate) code: i64,
    pub(crate) text: String,
    /// The upload, if there was one.
    pub(crate) id: Option<String>,
    pub(crate) url: Option<String>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let (token, name, mime, local_key) = ("ann", "a.bin", "", "l");
        Self { token, id: None, name, mime, local_key, length: None, offset: 0, bytes, is_damaged: false }
    }

    pub(crate) async fn by(&self, way: Way, server: SocketAddr) -> Outcome {
        match way {
            Way::Tus => self.by_tus(server).await,
            Way::Stream => self.by_stream(server).await,
            Way::Classic => self.by_classic(server).await,
        }
    }

    async fn by_tus(&self, server: SocketAddr) -> Outcome {
        let id = match self.id {
            Some(id) => id.to_owned(),
            None => {
                let said = metadata(&[("filename", self.name), ("filetype", self.mime), ("local_key", self.local_key)]);
                let length = self.length.unwrap_or_default().to_string();
                let length = match self.length {
                    Some(_) => ("Upload-Length", &*length),
                    None => ("Upload-Defer-Length", "1"),
                };
                let answer =
                    tus_at(server, self.token, "POST", "/uploads", &[length, ("Upload-Metadata", &said)], b"").await;
                match answer.header("location") {
                    Some(path) if answer.header("content-location").is_none() => {
                        path.rsplit('/').next().unwrap().to_owned()
                    }
                    path => return Outcome::of(&answer, path.and_then(|path| path.rsplit('/').next())),
                }
            }
        };
        let (offset, length) = (self.offset.to_string(), self.bytes.len().to_string());
        let mut digest = sha2::Sha256::digest(self.bytes);
        digest[0] ^= u8::from(self.is_damaged);
        let checksum = format!("sha256 {}", STANDARD.encode(digest));
        let mut headers = vec![("Upload-Offset", &*offset), ("Content-Type", CHUNK), ("Upload-Checksum", &*checksum)];
        if self.id.is_none() && self.length.is_none() {
            headers.push(("Upload-Length", &length));
        }
        let answer = tus_at(server, self.token, "PATCH", &format!("/uploads/{id}"), &headers, self.bytes).await;
        Outcome::of(&answer, Some(&id))
    }

    async fn by_stream(&self, server: SocketAddr) -> Outcome {
        let mut client = Client::connect_at(server, "psd.v1.proto", self.token).await;
        let mut open = saying(new(1, 0), &[]);
        (open.size, open.name, open.mime) =
            (self.length.map(|length| length as u64), self.name.into(), self.mime.into());
        (open.local_key, open.upload_id) = (self.local_key.into(), self.id.unwrap_or_default().into());
        client.open(open).await;
        let (mut id, mut sent, mut most, mut is_whole) = (self.id.map(str::to_owned), 0, 0, false);
        loop {
            let until = match client.next().await {
                Said::Opened(opened) => {
                    id = Some(opened.upload_id);
                    most = u64::from(opened.chunk_bytes);
                    opened.until
                }
                Said::Credit(credit) => credit.until,
                Said::Done(done) => {
                    let file = done.file.unwrap();
                    return Outcome { code: 0, text: file.name, id: Some(done.upload_id), url: Some(file.url) };
                }
                Said::Failed(failed) => {
                    return Outcome { code: failed.error_code.into(), text: failed.error_message, id, url: None };
                }
                Said::Other(..) => continue,
                other => panic!("{other:?}"),
            };
            let length = self.bytes.len() as u64;
            while !is_whole && (sent < until.min(length) || length == 0) {
                let end = length.min(sent + most).min(until);
                let mut chunk = chunk(1, self.bytes, sent, end);
                chunk.offset += self.offset as u64;
                chunk.crc32c ^= u32::from(self.is_damaged);
                chunk.last = end == length;
                (sent, is_whole) = (end, chunk.last);
                client.chunk(chunk).await;
            }
        }
    }

    async fn by_classic(&self, server: SocketAddr) -> Outcome {
        let mut main = RawClient::connect(&format!("ws://{server}/ws")).await;
        let token = json!({"authHeader": self.token});
        let id = match self.id {
            Some(id) => id.to_owned(),
            None if self.length.is_some() => {
                // Only by tus is a length said before.
                let length = self.length.unwrap().to_string();
                let answer = tus_at(server, self.token, "POST", "/uploads", &[("Upload-Length", &length)], b"").await;
                answer.header("location").unwrap().rsplit('/').next().unwrap().to_owned()
            }
            None => {
                let start = json!({"localKey": self.local_key, "name": self.name, "mime": self.mime});
                let uuid = main.send_with("upload-start", start, token.clone()).await;
                let answers = main.answers(&uuid).await;
                match answers[0]["key"].as_str() {
                    Some(key) => key.to_owned(),
                    None => return Outcome::said(&answers[0], None),
                }
            }
        };
        // A handshake that is refused is an answer of HTTP.
        let path = format!("/uploads/{id}");
        if let Some(answer) = refusal(server, &path).await {
            return Outcome::of(&answer, Some(&id));
        }
        let mut socket = RawClient::connect(&format!("ws://{server}{path}")).await;
        for frame in self.bytes.chunks(64 * 1024) {
            socket.send_message(Message::binary(frame.to_vec())).await;
            let answer = socket.frame().await;
            if answer["headers"]["messageType"] != "upload-progress" {
                assert!(matches!(socket.see().await, Seen::Closed(..)));
                return Outcome::said(&answer["body"], Some(id));
            }
        }
        let uuid = socket.send_with("upload-end", json!({}), token).await;
        let answers = socket.answers(&uuid).await;
        let outcome = Outcome::said(answers.last().unwrap(), Some(id.clone()));
        if outcome.code != 0 {
            return outcome;
        }
        let file = tus_at(server, self.token, "HEAD", &path, &[], b"").await;
        Outcome { url: file.header("content-location").map(str::to_owned), ..outcome }
    }
}

impl Outcome {
    fn of(answer: &Answer, id: Option<&str>) -> Self {
        let url = answer.header("content-location").map(str::to_owned);
        let code = if answer.status < 300 { 0 } else { answer.status.into() };
        Self { code, text: answer.text(), id: id.map(str::to_owned), url }
    }

    /// What an ack says, or an error.
    fn said(body: &Value, id: Option<String>) -> Self {
        let text = body["errorMessage"].as_str().unwrap_or_default().to_owned();
        Self { code: body["errorCode"].as_i64().unwrap_or_default(), text, id, url: None }
    }
}

/// The answer to a handshake that is refused.
async fn refusal(server: SocketAddr, path: &str) -> Option<Answer> {
    let request = format!("ws://{server}{path}").into_client_request().unwrap();
    let key = request.headers()["sec-websocket-key"].to_str().unwrap().to_owned();
    let handshake = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", &*key),
    ];
    let answer = crate::app::handshake_at(server, path, &handshake).await;
    (answer.status != 101).then_some(answer)
}

/// What the three ways are answered; `None` where there is no such thing by one of them.
struct Entry {
    what: &'static str,
    codes: [Option<i64>; 3],
    /// In the texts of all of them.
    text: &'static str,
}

#[track_caller]
fn check(entry: &Entry, way: Way, outcome: &Outcome) {
    let expected = entry.codes[way as usize].unwrap();
    let Entry { what, text, .. } = entry;
    assert!(
        outcome.code == expected && outcome.text.contains(text),
        "{what}, by {way:?}: expected {expected} and `{text}`: {outcome:?}"
    );
}

/// Every entry by each way in each storage: a clear error, and nothing is left, at once or when the client gives up.
#[tokio::test]
async fn whatever_is_wrong_by_whatever_way() {
    let (small, large) = (b"hello".to_vec(), noise(1001));
    let plain = Attempt::of(&small);
    let all = |code| [Some(code); 3];
    let entries = [
        (
            Entry { what: "a key that is a path", codes: all(500), text: "internal error" },
            Attempt { local_key: "key=../../a", ..plain.clone() },
        ),
        (
            Entry { what: "a key that is absolute", codes: all(500), text: "internal error" },
            Attempt { local_key: "key=/etc/passwd", ..plain.clone() },
        ),
        (
            Entry { what: "an upload that is a path", codes: all(404), text: "no such" },
            Attempt { id: Some("..%2fkey"), ..plain.clone() },
        ),
        (
            Entry { what: "no such upload", codes: all(404), text: "no such" },
            Attempt { id: Some("00000000000000000000000000000000"), ..plain.clone() },
        ),
        (
            Entry { what: "more than was said", codes: all(413), text: "4 bytes" },
            Attempt { length: Some(4), ..plain.clone() },
        ),
        (
            Entry {
                what: "less than was said",
                codes: [None, Some(409), Some(409)],
                text: "said to have 9 bytes, and 5 have come",
            },
            Attempt { length: Some(9), ..plain.clone() },
        ),
        (Entry { what: "more than may be", codes: all(413), text: "1000" }, Attempt { bytes: &large, ..plain.clone() }),
        (
            Entry { what: "an offset behind the end", codes: [Some(409), Some(409), None], text: "1" },
            Attempt { offset: 1, length: Some(9), ..plain.clone() },
        ),
        (
            Entry { what: "another checksum", codes: [Some(460), Some(460), None], text: "does not match" },
            Attempt { is_damaged: true, ..plain.clone() },
        ),
        (
            Entry { what: "text that is said to be a picture", codes: all(415), text: "not `image/png`" },
            Attempt { mime: "image/png", ..plain.clone() },
        ),
        (
            Entry { what: "text where pictures are wanted", codes: all(415), text: "not taken here" },
            Attempt { local_key: "images", ..plain.clone() },
        ),
        (
            Entry { what: "nothing where pictures are wanted", codes: all(415), text: "not taken here" },
            Attempt { local_key: "images", bytes: b"", ..plain.clone() },
        ),
        (Entry { what: "whoever is nobody", codes: all(401), text: "" }, Attempt { token: "nobodys", ..plain.clone() }),
        (
            Entry { what: "whoever may bring nothing", codes: all(403), text: "you bring nothing here" },
            Attempt { token: "eve", ..plain.clone() },
        ),
    ];
    for app in FileApp::all_with(Settings::default().upload_max_bytes(1000)).await {
        let server = app.running.address();
        for (entry, attempt) in &entries {
            for way in Way::ALL.into_iter().filter(|way| entry.codes[*way as usize].is_some()) {
                let outcome = attempt.by(way, server).await;
                check(entry, way, &outcome);
                if let Some(id) = outcome.id {
                    tus_at(server, "ann", "DELETE", &format!("/uploads/{id}"), &[], b"").await;
                }
                assert_eq!(app.left(), [""; 0], "{}, by {way:?}", entry.what);
            }
        }
    }
}

/// What is there already is no business of others, and of nobody when its time is over.
#[tokio::test]
async fn uploads_of_others_and_those_that_have_expired() {
    let other = Entry { what: "somebody else's upload", codes: [Some(403); 3], text: "somebody else's" };
    let expired = Entry { what: "an upload that has expired", codes: [Some(410); 3], text: "has expired" };
    for app in FileApp::all().await {
        let server = app.running.address();
        for way in Way::ALL {
            let path = app.create(5, &[]).await;
            let id = path.rsplit('/').next().unwrap();
            let attempt = Attempt { id: Some(id), ..Attempt::of(b"hello") };
            check(&other, way, &Attempt { token: "bob", ..attempt.clone() }.by(way, server).await);
            assert_eq!(app.offset(&path).await, Some(0), "nothing of it counts, by {way:?}");
            app.expire(id).await;
            check(&expired, way, &attempt.by(way, server).await);
            app.running.server().files().unwrap().sweep().await.unwrap();
            assert_eq!(app.left(), [""; 0], "by {way:?}");
        }
    }
}

/// Which are no mistakes.
#[tokio::test]
async fn names_that_are_paths_and_files_of_no_bytes() {
    for app in FileApp::all().await {
        let server = app.running.address();
        for way in Way::ALL {
            for (name, bytes) in
                [("../../../etc/passwd", &b"hello"[..]), ("..\\..\\boot.ini", b"hello"), ("/", b""), ("a", b"")]
            {
                let outcome = Attempt { name, local_key: name, ..Attempt::of(bytes) }.by(way, server).await;
                assert_eq!(outcome.code, 0, "`{name}` by {way:?}: {outcome:?}");
                let file = app.tus("GET", outcome.url.as_ref().unwrap(), &[], b"").await;
                assert!(file.status == 200 && file.body == bytes, "`{name}` by {way:?}: {file:?}");
                let (id, left) = (outcome.id.unwrap(), app.left());
                assert!(left.iter().all(|object| object.contains(&id) && !object.contains("..")), "{left:?}");
                assert_eq!(app.tus("DELETE", &format!("/uploads/{id}"), &[], b"").await.status, 204);
                assert_eq!(app.left(), [""; 0], "`{name}` by {way:?}");
            }
        }
    }
}
