//! Replays every recorded conversation: what the clients in the field sent, and what they were answered.
//!
//! Frames must be equal up to JSON key order, times, tokens, explicitly sent defaults, and the differences that
//! WIRE.md marks as done better; each of those is spelled out in [`better`].

use std::collections::HashMap;

use demo_server::pb;
use psd_core::{Settings, auth::Authenticator as _};
use psd_tests::{RawClient, Running};
use serde_json::{Value, json};

macro_rules! recordings {
    ($($name:ident: $file:literal;)+) => { $(
        #[tokio::test]
        async fn $name() {
            replay($file, include_str!(concat!("../../fixtures/wire/", $file))).await;
        }
    )+ };
}

recordings! {
    echo: "01_echo_fwd.jsonl";
    login_on_the_same_connection: "02_login_same_connection_fwd.jsonl";
    login_failures: "03_login_failures_fwd.jsonl";
    refresh: "05_refresh_fwd.jsonl";
    errors: "06_errors_fwd.jsonl";
    broadcast: "11_broadcast_fwd.jsonl";
    token_invalid_order: "25_token_invalid_order_fwd.jsonl";
    types_build: "40_types_build_fwd.jsonl";
    react_login: "t01_login.jsonl";
    react_fetch: "t02_fetch.jsonl";
    react_error_ack: "t03_error_ack.jsonl";
    react_broadcast: "t04_broadcast.jsonl";
    react_types: "t06_types.jsonl";
}

/// One connection of a recording.
#[derive(Default)]
struct Conversation {
    client: Option<RawClient>,
    requests: Vec<Value>,
    recorded: Vec<Value>,
    received: Vec<Value>,
}

async fn replay(file: &str, recording: &str) {
    let running = Running::start(demo_server::server(Settings::default().forward_exceptions(true))).await;
    let mut conversations: HashMap<String, Conversation> = HashMap::new();
    let mut tokens = Tokens::default();
    for line in recording.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let conversation = conversations.entry(event["conn"].to_string()).or_default();
        match (event["dir"].as_str().unwrap(), event["event"].as_str(), event["frame"].as_str()) {
            ("c2s", Some("open"), _) => conversation.client = Some(running.connect().await),
            ("c2s", _, Some(frame)) => {
                let recorded: Value = serde_json::from_str(frame).unwrap();
                let sent = tokens.replace(&recorded).await;
                let client = conversation.client.as_mut().unwrap();
                client.send_text(&sent.to_string()).await;
                conversation.requests.push(recorded.clone());
                // What is deferred is acked later than the next request is answered.
                if recorded["headers"]["ack"] == true && recorded["headers"]["uuid"].is_string() {
                    while !conversation.received.iter().any(|frame| is_ack_of(frame, &recorded["headers"]["uuid"])) {
                        let frame = conversation.client.as_mut().unwrap().frame().await;
                        conversation.received.push(frame);
                    }
                }
                for conversation in conversations.values_mut() {
                    if let Some(client) = &mut conversation.client {
                        conversation.received.extend(client.settle().await);
                    }
                }
                for conversation in conversations.values() {
                    tokens.learn(&conversation.received);
                }
            }
            ("s2c", _, Some(frame)) => {
                // Python writes NaN and infinities bare, which is no JSON.
                let text = frame.replace("NaN", "\"NaN\"").replace("-Infinity", "\"-Infinity\"");
                let text = text.replace(": Infinity", ": \"Infinity\"");
                let frame: Value = serde_json::from_str(&text).unwrap();
                tokens.recorded(&frame);
                conversation.recorded.push(frame);
            }
            ("s2c", Some("close"), _) | ("note", ..) => {}
            other => panic!("{file}: {other:?}"),
        }
    }
    for (name, mut conversation) in conversations {
        conversation.check(file, &name).await;
    }
}

impl Conversation {
    async fn check(&mut self, file: &str, name: &str) {
        let pushes = |frames: &[Value]| of_uuid(frames, &Value::Null);
        for request in std::mem::take(&mut self.requests) {
            let uuid = &request["headers"]["uuid"];
            if uuid.is_null() {
                continue; // Compared with the pushes: neither has a uuid.
            }
            let expected = better(&request, of_uuid(&self.recorded, uuid));
            // Detached work replies after its ack.
            while of_uuid(&self.received, uuid).len() < expected.len() {
                let frame = self.client.as_mut().unwrap().frame().await;
                self.received.push(frame);
            }
            let received = of_uuid(&self.received, uuid);
            assert_same(&expected, &received, &format!("{file}, connection {name}: {request}"));
        }
        let received = pushes(&self.received);
        assert_same(&pushes(&self.recorded), &received, &format!("{file}, connection {name}: pushes"));
    }
}

#[track_caller]
fn assert_same(expected: &[Value], received: &[Value], place: &str) {
    let same = expected.len() == received.len() && expected.iter().zip(received).all(|(a, b)| same(a, b));
    assert!(same, "{place}\nexpected {expected:#?}\nreceived {received:#?}");
}

fn of_uuid(frames: &[Value], uuid: &Value) -> Vec<Value> {
    frames.iter().filter(|frame| &frame["headers"]["uuid"] == uuid).cloned().collect()
}

fn is_ack_of(frame: &Value, uuid: &Value) -> bool {
    frame["headers"]["messageType"] == "ack" && &frame["headers"]["uuid"] == uuid
}

/// Whether a recorded value and ours say the same; `"*"` stands for anything.
fn same(expected: &Value, received: &Value) -> bool {
    match (expected, received) {
        (Value::String(any), _) if any == "*" => true,
        (Value::Object(expected), Value::Object(received)) => {
            // Unset and explicitly sent default mean the same.
            expected.iter().all(|(key, value)| match received.get(key) {
                Some(received) => same(value, received),
                None => is_default(value),
            }) && received.keys().all(|key| expected.contains_key(key))
        }
        (Value::Array(expected), Value::Array(received)) => {
            expected.len() == received.len() && expected.iter().zip(received).all(|(a, b)| same(a, b))
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => expected == received,
    }
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => matches!(text.as_str(), "" | "0" | "color_none"),
        Value::Array(items) => items.is_empty(),
        Value::Object(_) => false,
    }
}

/// What we answer where the recorded system did worse (WIRE.md: "what the recorded system does badly").
fn better(request: &Value, mut recorded: Vec<Value>) -> Vec<Value> {
    let uuid = &request["headers"]["uuid"];
    let body = &request["body"];
    let reply =
        |message_type: &str, body: Value| json!({"headers": {"messageType": message_type, "uuid": uuid}, "body": body});
    let ack = || reply("ack", json!({"uuid": uuid}));
    let refused = |text: &str, code: i32| reply("ack", json!({"uuid": uuid, "errorMessage": text, "errorCode": code}));
    let authenticated = request["headers"]["authHeader"].as_str().is_some_and(|token| token.starts_with("ey"));
    match request["headers"]["messageType"].as_str().unwrap() {
        // A login authenticates its connection at once: the recorded system refused the guarded call after it.
        "echo" if authenticated => vec![reply("echo-reply", body.clone()), ack()],
        "echo" if request["headers"]["ack"] == true => vec![refused("authentication required", 401)],
        "who-am-i" => {
            let who = json!({"user": if authenticated { "alice" } else { "" }, "authenticated": authenticated, "headersJson": "*"});
            vec![reply("who-am-i-reply", who), ack()]
        }
        // An empty refresh token is invalid; the recorded system took the identity of the connection instead.
        "refresh-token" if body["refreshToken"].as_str().unwrap_or_default().is_empty() => {
            vec![reply("refresh-token-invalid", json!({})), ack()]
        }
        "login" | "refresh-token" => {
            for frame in &mut recorded {
                if frame["headers"]["messageType"] == "login-token" {
                    frame["body"] = json!({"token": "*", "refresh": "*"});
                }
            }
            recorded
        }
        // Silence before; somebody is authenticated on that connection.
        "verify-token" => vec![ack()],
        // An error always has a text; internal ones have a code.
        "fail" | "boom" => {
            for frame in &mut recorded {
                let ack = &mut frame["body"];
                if ack.get("errorCode").is_some() && ack["errorMessage"].as_str().unwrap_or_default().is_empty() {
                    ack["errorMessage"] = "error".into();
                }
                if ack["errorMessage"].as_str().is_some_and(|text| text.starts_with("formatted:")) {
                    ack["errorCode"] = 500.into();
                }
            }
            recorded
        }
        // Any UTF-8 names a group.
        "join-room" => vec![ack()],
        // Silence before.
        unknown @ ("no-handler" | "nonexistent-type") => {
            vec![refused(&format!("unknown message type `{unknown}`"), 404)]
        }
        // Two handlers before; ours refuses two.
        "double-handled" => vec![reply("echo-reply", json!({"text": "handler a"})), ack()],
        // The worker's name is free text.
        "async-thread" => {
            for frame in &mut recorded {
                if frame["headers"]["messageType"] == "echo-reply" {
                    frame["body"]["text"] = "*".into();
                }
            }
            recorded
        }
        // Both failed: today's TypeScript client writes well-known types as objects, which we take and answer in the
        // form that the proto3 JSON specification gives them.
        "types" if body.get("ts").is_some() => {
            vec![
                reply("types-reply", json!({"value": {"ts": "1970-01-01T00:00:05.000000001Z"}, "pythonRepr": "*"})),
                ack(),
            ]
        }
        "types" if body.get("dur").is_some() => {
            vec![reply("types-reply", json!({"value": {"dur": "5s"}, "pythonRepr": "*"})), ack()]
        }
        "types" | "types-build" => better_types(body, &reply, &refused, recorded),
        _ => recorded,
    }
}

fn better_types(
    body: &Value,
    reply: &dyn Fn(&str, Value) -> Value,
    refused: &dyn Fn(&str, i32) -> Value,
    mut recorded: Vec<Value>,
) -> Vec<Value> {
    let value = |value: Value| {
        vec![reply("types-reply", json!({"value": value, "pythonRepr": "*"})), reply("ack", json!({"uuid": "*"}))]
    };
    match body["variant"].as_str().unwrap_or_default() {
        // Failed before.
        "map_bytes" => return value(json!({"mapSb": {"b": "AQI="}})),
        "rep_ts" => return value(json!({"repTs": ["2024-01-01T12:00:00Z"]})),
        "enum_unknown" => return value(json!({"color": 77})),
        // proto3 JSON has no exponent in durations, and only as many digits as it takes.
        "dur_small" => return value(json!({"dur": "0.000005s"})),
        "dur_whole" => return value(json!({"dur": "3s"})),
        // One member of a oneof.
        "oneof_two" => return value(json!({"cNum": 5})),
        // A typed field does not take a value of another type, so the variant cannot be built.
        "wrong_type" | "overflow" => return vec![refused("unknown variant", 1)],
        _ => {}
    }
    for frame in recorded.iter_mut().filter(|frame| frame["headers"]["messageType"] == "types-reply") {
        frame["body"]["pythonRepr"] = "*".into();
        let Some(value) = frame["body"]["value"].as_object_mut() else { continue };
        // The name that today's React client reads; it lost the other.
        if let Some(code) = value.remove("hTTPCode") {
            value.insert("HTTPCode".into(), code);
        }
        // Values of maps and wrappers are mapped like all others, so that no precision is lost.
        if let Some(number) = value.get_mut("mapSl").and_then(|map| map.get_mut("big")) {
            *number = number.as_i64().map_or(number.clone(), |integer| integer.to_string().into());
        }
        if let Some(color) = value.get_mut("mapSc").and_then(|map| map.get_mut("c")).filter(|color| **color == 1) {
            *color = "RED".into();
        }
        if let Some(number) = value.get_mut("wI64") {
            *number = number.as_i64().unwrap().to_string().into();
        }
        // The recorded system gave back the object it was sent.
        for wrapper in ["wStr", "wBool"] {
            if let Some(object) = value.get_mut(wrapper).filter(|value| value.is_object()) {
                *object = object["value"].clone();
            }
        }
    }
    recorded
}

/// From the recorded tokens to ours.
#[derive(Default)]
struct Tokens {
    ours: HashMap<String, String>,
    /// The tokens of recorded `login-token` messages, in order, by the request they answer.
    recorded: HashMap<String, Value>,
    received: HashMap<String, Value>,
}

impl Tokens {
    fn recorded(&mut self, frame: &Value) {
        if frame["headers"]["messageType"] == "login-token" {
            self.recorded.insert(frame["headers"]["uuid"].to_string(), frame["body"].clone());
            self.pair();
        }
    }

    fn learn(&mut self, frames: &[Value]) {
        for frame in frames.iter().filter(|frame| frame["headers"]["messageType"] == "login-token") {
            self.received.insert(frame["headers"]["uuid"].to_string(), frame["body"].clone());
        }
        self.pair();
    }

    fn pair(&mut self) {
        for (uuid, recorded) in &self.recorded {
            let Some(received) = self.received.get(uuid) else { continue };
            for name in ["token", "refresh"] {
                let (from, to) = (recorded[name].as_str().unwrap(), received[name].as_str().unwrap());
                self.ours.insert(from.to_owned(), to.to_owned());
            }
        }
    }

    /// The frame with our tokens in the place of the recorded ones. One that was got in another recording is replaced
    /// by one of the same kind for the same user, which is always alice.
    async fn replace(&mut self, frame: &Value) -> Value {
        let mut frame = frame.clone();
        for pointer in ["/headers/authHeader", "/body/refreshToken"] {
            let Some(token) = frame.pointer_mut(pointer) else { continue };
            let Some(text) = token.as_str().filter(|text| text.starts_with("ey")) else { continue };
            if !self.ours.contains_key(text) {
                let jwt = demo_server::jwt();
                let login = jwt.issuer().unwrap().login("alice", "pw-alice").await.unwrap().unwrap();
                let is_refresh = text.contains("cmVmcmVzaC"); // `refresh` in the base64 of the claims
                self.ours.insert(text.to_owned(), if is_refresh { login.refresh } else { login.access });
            }
            *token = self.ours[text].clone().into();
        }
        frame
    }
}

/// The contract that the recordings were made with is the one that is served.
#[test]
fn the_demo_contract_is_served() {
    let server = demo_server::server(Settings::default()).build().unwrap();
    let types: Vec<_> = server.routes().iter().map(|route| route.message.message_type).collect();
    for info in pb::SCHEMA.messages.iter().filter(|info| info.origin.is_client() && info.full_name.starts_with("demo."))
    {
        assert_eq!(types.contains(&info.message_type), info.message_type != "no-handler", "{}", info.message_type);
    }
}
