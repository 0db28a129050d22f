//! Recorded frames with random changes: whatever they have become, nothing panics, hangs or closes the connection, and
//! what is still an envelope that asks for an ack gets exactly one.

use std::{
    panic::PanicHookInfo,
    sync::{
        Mutex, Once,
        atomic::{AtomicUsize, Ordering},
    },
};

use psd_core::Settings;
use psd_tests::{RawClient, Running};
use serde_json::Value;

/// How many changed frames are sent, and over how many connections: what one frame leaves behind meets the next.
const MUTATIONS: u64 = 3000;
const CONNECTIONS: u64 = 30;
/// Another number gives other changes; set `PSD_TEST_SEED` to try one.
const SEED: u64 = 20_261_123;

/// What the server answers, and nothing else.
const ANSWERS: [&str; 10] = [
    "ack",
    "echo-reply",
    "item",
    "login-error",
    "login-token",
    "protocol-error",
    "refresh-token-invalid",
    "room-event",
    "token-invalid",
    "types-reply",
];

#[tokio::test]
async fn changed_frames_are_answered_or_named() {
    let seed = std::env::var("PSD_TEST_SEED").ok().map_or(SEED, |seed| seed.parse().unwrap());
    let panics = Panics::count();
    let settings = Settings::default().protocol_errors_per_minute(u32::MAX);
    let running = Running::start(demo_server::server(settings)).await;
    let frames = frames();
    let mut random = Random(seed);
    let (mut envelopes, mut others) = (0, 0);
    for connection in 0..CONNECTIONS {
        let mut client = running.connect().await;
        for number in 0..MUTATIONS / CONNECTIONS {
            let text = random.mutation(&frames);
            let place = format!("seed {seed}, connection {connection}, frame {number}: {text}");
            let answers = answers(&mut client, &text, &place).await;
            match Expected::of(&text) {
                Some(expected) => {
                    envelopes += 1;
                    expected.check(&answers, &place);
                }
                None => others += 1,
            }
            for answer in &answers {
                let message_type = answer["headers"]["messageType"].as_str().unwrap();
                assert!(ANSWERS.contains(&message_type) || message_type.starts_with("who-am-i"), "{place}\n{answer}");
            }
            assert_eq!(panics.load(Ordering::SeqCst), 0, "{place}");
        }
        client.close().await;
    }
    // Enough of both kinds, or the changes are not worth much.
    assert!(envelopes > 500 && others > 500, "{envelopes} envelopes, {others} others");
}

/// Sends a text and returns what comes before the answer to a request sent behind it.
async fn answers(client: &mut RawClient, text: &str, place: &str) -> Vec<Value> {
    client.send_text(text).await;
    // Whoever waits in vain says for what.
    struct Place<'a>(&'a str);
    impl Drop for Place<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("{}", self.0);
            }
        }
    }
    let _place = Place(place);
    client.settle().await
}

/// What must be answered to a text that another JSON library takes for an envelope.
struct Expected {
    uuid: Value,
    ack: bool,
}

impl Expected {
    fn of(text: &str) -> Option<Self> {
        let envelope: Value = serde_json::from_str(text).ok()?;
        let headers = envelope.get("headers")?.as_object()?;
        let is_text = |name: &str| headers.get(name).is_none_or(|value| value.is_null() || value.is_string());
        let has_type = headers.get("messageType")?.as_str().is_some_and(|name| !name.is_empty());
        let uuid = headers.get("uuid").cloned().unwrap_or_default();
        // Where a key comes twice, the other library looks at the last one only; the first may be what is wrong.
        let once = ["headers", "messageType", "uuid", "authHeader"]
            .iter()
            .all(|name| text.matches(&format!("\"{name}\"")).count() <= 1);
        let short = uuid.as_str().is_none_or(|uuid| uuid.len() <= 256);
        (has_type && is_text("uuid") && is_text("authHeader") && once && short)
            .then(|| Self { uuid, ack: headers.get("ack") == Some(&Value::Bool(true)) })
    }

    #[track_caller]
    fn check(&self, answers: &[Value], place: &str) {
        let of_type = |name: &str| answers.iter().filter(|answer| answer["headers"]["messageType"] == name).count();
        assert_eq!(of_type("protocol-error"), 0, "{place}\n{answers:#?}");
        assert_eq!(of_type("ack"), usize::from(self.ack), "{place}\n{answers:#?}");
        if self.ack {
            // The last frame of its request, and only pushes are without its uuid.
            let ack = answers.iter().rfind(|answer| answer["headers"]["uuid"] == self.uuid).unwrap();
            assert_eq!(ack["headers"]["messageType"], "ack", "{place}\n{answers:#?}");
            assert_ne!(ack["body"]["errorMessage"], "internal error", "{place}\n{ack}");
        }
    }
}

/// Every frame that a recorded client sent, except those that only make the server wait or write: how long, or how
/// much, a changed number would decide.
fn frames() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/wire");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut frames = Vec::new();
    for file in files {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let Some(frame) = event["frame"].as_str().filter(|_| event["dir"] == "c2s") else { continue };
            if !frame.contains("\"ms\"") && !frame.contains("\"count\"") && !frame.contains("\"boom\"") {
                frames.push(frame.to_owned());
            }
        }
    }
    assert!(frames.len() > 90, "{}", frames.len());
    frames
}

/// Splitmix64: the same everywhere, for ever.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// Below `limit`, which is not zero.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    /// Somewhere in a text, its end included.
    fn range(&mut self, length: usize, longest: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..(start + self.below(longest + 1)).min(length)
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A recorded frame with one change or two.
    fn mutation(&mut self, frames: &[String]) -> String {
        let mut bytes = self.pick(frames).clone().into_bytes();
        for _ in 0..=self.below(2) {
            self.change(&mut bytes, frames);
        }
        // A text frame has to be UTF-8, or the connection has to close.
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn change(&mut self, bytes: &mut Vec<u8>, frames: &[String]) {
        let range = self.range(bytes.len(), 40);
        match self.below(12) {
            0 if !bytes.is_empty() => {
                let at = self.below(bytes.len());
                bytes[at] ^= 1 << self.below(8);
            }
            1 => drop(bytes.drain(range)),
            2 => {
                let copy = bytes[range.clone()].to_vec();
                drop(bytes.splice(range.start..range.start, copy));
            }
            3 => {
                let other = self.pick(frames).as_bytes();
                let piece = self.range(other.len(), 200);
                drop(bytes.splice(range, other[piece].to_vec()));
            }
            4 => bytes.truncate(range.start),
            5 => {
                const BYTES: &[u8] = b"\"\\{}[]:,0-.eEu\0\x1f\x7f\xff tn";
                bytes.insert(range.start, *self.pick(BYTES));
            }
            _ => self.swap_token(bytes, frames),
        }
    }

    /// Puts one JSON token in the place of another: mostly still JSON, seldom what is expected.
    fn swap_token(&mut self, bytes: &mut Vec<u8>, frames: &[String]) {
        const TOKENS: [&str; 24] = [
            "null",
            "true",
            "false",
            "0",
            "-1",
            "1e400",
            "-0.0",
            "99999999999999999999999",
            "1.5",
            "\"\"",
            "\"\\ud800\"",
            "\"\\u0000\"",
            "\"NaN\"",
            "[]",
            "{}",
            "[[[[]]]]",
            "{\"a\":{}}",
            "{\"\":null}",
            "nul",
            "NaN",
            "01",
            "'x'",
            "\"uuid\"",
            "\"open-echo\"",
        ];
        let text = String::from_utf8_lossy(bytes).into_owned();
        let here = tokens(&text);
        if here.is_empty() {
            return;
        }
        let place = self.pick(&here).clone();
        let token = match self.below(3) {
            0 => {
                let other = self.pick(frames);
                let there = tokens(other);
                other[self.pick(&there).clone()].to_owned()
            }
            1 => text[self.pick(&here).clone()].to_owned(),
            _ => (*self.pick(&TOKENS)).to_owned(),
        };
        *bytes = format!("{}{token}{}", &text[..place.start], &text[place.end..]).into_bytes();
    }
}

/// Where the strings, numbers and words of a text are.
fn tokens(text: &str) -> Vec<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(bytes.len());
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => {
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || b"+-._".contains(&bytes[at])) {
                    at += 1;
                }
            }
            _ => {
                at += 1;
                continue;
            }
        }
        if text.is_char_boundary(at) {
            tokens.push(start..at);
        }
    }
    tokens
}

/// Counts panics of this test's thread, on which its server runs, and of workers.
struct Panics;

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

impl Panics {
    fn count() -> &'static AtomicUsize {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        static INSTALL: Once = Once::new();
        static BEFORE: Mutex<Option<Hook>> = Mutex::new(None);
        let own = std::thread::current().name().map(str::to_owned);
        INSTALL.call_once(|| {
            *BEFORE.lock().unwrap() = Some(std::panic::take_hook());
            std::panic::set_hook(Box::new(move |info| {
                let thread = std::thread::current().name().map(str::to_owned);
                if thread == own || thread.is_some_and(|name| name.starts_with("psd-worker")) {
                    COUNT.fetch_add(1, Ordering::SeqCst);
                }
                if let Some(before) = &*BEFORE.lock().unwrap() {
                    before(info);
                }
            }));
        });
        &COUNT
    }
}
