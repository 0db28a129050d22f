use serde_json::{Value, json};

use crate::pb;
use crate::{read_classic, write_as};
use psd_proto::json::Names;

/// Bodies that break the contract: the recorded system wrote whatever its handler had put into a field (a text into a
/// number, two fields of one oneof), and small durations as Python prints floats.
const UNREADABLE: &[&str] = &["wrong_type", "overflow", "oneof_two", "dur_small"];

/// The frames of a recording that one side sent, as JSON.
fn frames(recording: &str, direction: &str) -> Vec<Value> {
    let events = recording.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_direction = events.filter(|event| event["dir"] == direction);
    // The recorded system wrote bare NaN, which JSON does not have; those frames are not comparable.
    of_direction.filter_map(|event| serde_json::from_str(event["frame"].as_str()?).ok()).collect()
}

/// The body of every `types-reply`.
fn replies(recording: &str) -> Vec<Value> {
    let frames = frames(recording, "s2c").into_iter();
    frames.filter(|frame| frame["headers"]["messageType"] == "types-reply").map(|frame| frame["body"].clone()).collect()
}

/// Parses a body that the recorded system sent and writes it as we would.
#[track_caller]
fn rewritten(body: &Value) -> Value {
    let message: pb::TypesReply = read_classic(&body.to_string());
    serde_json::from_str(&write_as(&message, Names::Classic)).unwrap()
}

/// What the recorded system wrote differently from us, made ours; see WIRE.md.
fn ours(mut body: Value) -> Value {
    let Some(value) = body.get_mut("value").and_then(Value::as_object_mut) else { return body };
    // It lost the field HTTPCode in this spelling.
    value.remove("hTTPCode");
    // It wrote numbers for 64-bit integers and enums in maps and wrappers.
    for (name, replacement) in [
        ("mapSl", json!({"big": "4611686018427387904"})),
        ("mapSc", json!({"c": "RED"})),
        ("wI64", json!("1152921504606846976")),
    ] {
        if value.contains_key(name) {
            value.insert(name.to_owned(), replacement);
        }
    }
    // It wrote back what the client sent, as an object.
    for name in ["wStr", "wBool", "wI64"] {
        if let Some(wrapped) = value.get(name).and_then(|object| object.get("value")).cloned() {
            value.insert(name.to_owned(), wrapped);
        }
    }
    // The React client sends timestamps and durations as objects.
    for (name, sent, replacement) in [
        ("ts", json!({"seconds": "5", "nanos": 1}), json!("1970-01-01T00:00:05.000000001Z")),
        ("dur", json!({"seconds": "5"}), json!("5s")),
        // It always wrote decimals.
        ("dur", json!("3.000s"), json!("3s")),
    ] {
        if value.get(name) == Some(&sent) {
            value.insert(name.to_owned(), replacement);
        }
    }
    // It wrote defaults that its handler set.
    value.retain(|name, member| {
        let explicit = ["cText", "cNum", "cInner", "wStr", "wBool", "wI64", "ts", "dur", "inner"];
        let default = matches!(member, Value::Bool(false))
            || *member == json!("")
            || *member == json!("0")
            || *member == json!("color_none")
            || member.as_f64() == Some(0.0)
            || member.as_array().is_some_and(Vec::is_empty)
            || member.as_object().is_some_and(serde_json::Map::is_empty);
        !default || explicit.contains(&name.as_str())
    });
    body
}

/// Bodies built by the recorded system: what we read from them and write again is the same.
#[test]
fn built_values() {
    let bodies = replies(include_str!("../../../tests/fixtures/wire/40_types_build_fwd.jsonl"));
    assert!(bodies.len() > 8, "{}", bodies.len());
    for body in bodies {
        if UNREADABLE.iter().any(|variant| body["pythonRepr"] == *variant) {
            continue;
        }
        assert_eq!(rewritten(&body), ours(body.clone()), "{body}");
    }
}

/// Bodies that the React client of the field sent, and what it was answered.
#[test]
fn react_client() {
    let recording = include_str!("../../../tests/fixtures/wire/t06_types.jsonl");
    let sent = frames(recording, "c2s");
    assert!(sent.len() >= 2, "{}", sent.len());
    let mut compared = 0;
    for frame in &sent {
        if frame["headers"]["messageType"] != "types" {
            continue;
        }
        let message: pb::Types = read_classic(&frame["body"].to_string());
        assert_eq!(message.http_code, frame["body"]["HTTPCode"].as_str().unwrap_or_default());
        let written: Value = serde_json::from_str(&write_as(&message, Names::Classic)).unwrap();
        let expected = ours(json!({ "value": frame["body"] }));
        assert_eq!(written, expected["value"]);
        compared += 1;
    }
    assert!(compared >= 2, "{compared}");
}
