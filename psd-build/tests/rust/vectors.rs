//! The golden vectors of tests/vectors, which the clients of other languages are held to as well.

use std::borrow::Cow;

use psd_proto::envelope::{
    Body, Envelope, EnvelopeError, Outgoing, RequestResult, classic, compression, v1_json, v1_proto,
};
use psd_proto::json::{self, JsonMessage, Names, ReadOptions};
use psd_proto::prost::Message;
use serde_json::Value;

use crate::pb::every::kind::{Choice, Lists, Maps, Names as Named, Node, Presence, Scalars, WellKnown, Wide};
use crate::{read_options, write_as};

fn vectors(file: &str) -> Value {
    let path = format!("{}/../tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn list<'v>(file: &'v Value, name: &str) -> &'v [Value] {
    let list = file[name].as_array().unwrap();
    assert!(!list.is_empty(), "{name}");
    list
}

#[track_caller]
fn text<'v>(vector: &'v Value, name: &str) -> &'v str {
    vector[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {vector}"))
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap())
        .collect()
}

/// JSON as it is compared: `1` and `1.0` are one number, and the order of keys says nothing.
#[track_caller]
fn value(text: &str) -> Value {
    fn normal(value: &mut Value) {
        match value {
            Value::Number(number) => *value = number.as_f64().into(),
            Value::Array(items) => items.iter_mut().for_each(normal),
            Value::Object(members) => members.values_mut().for_each(normal),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"));
    normal(&mut value);
    value
}

/// Calls a function with the type of a message's name.
macro_rules! with_message {
    ($name:expr, $function:ident($($argument:expr),*)) => {
        match $name {
            "every.kind.Scalars" => $function::<Scalars>($($argument),*),
            "every.kind.Presence" => $function::<Presence>($($argument),*),
            "every.kind.Lists" => $function::<Lists>($($argument),*),
            "every.kind.Maps" => $function::<Maps>($($argument),*),
            "every.kind.Choice" => $function::<Choice>($($argument),*),
            "every.kind.WellKnown" => $function::<WellKnown>($($argument),*),
            "every.kind.Node" => $function::<Node>($($argument),*),
            "every.kind.Names" => $function::<Named>($($argument),*),
            "every.kind.Wide" => $function::<Wide>($($argument),*),
            other => panic!("`{other}` is not named here"),
        }
    };
}

/// What is read is compared in its binary form: NaN does not equal itself.
#[track_caller]
fn check_read<M: Message + JsonMessage>(text: &str, options: &ReadOptions, binary: &[u8]) {
    let message: M = json::read(text, options).unwrap_or_else(|error| panic!("{error} in {text}"));
    assert_eq!(message.encode_to_vec(), binary, "{text}");
}

fn written<M: Message + JsonMessage>(vector: &Value) {
    let binary = bytes(text(vector, "binary"));
    let message = M::decode(binary.as_slice()).unwrap();
    let encoded = message.encode_to_vec();
    // Entries of maps may come in any order, and with their defaults or without.
    assert!(encoded == binary || vector["maps"] == true, "{vector}");
    for (key, names) in [("proto3", Names::Proto3), ("classic", Names::Classic)] {
        assert_eq!(value(&write_as(&message, names)), value(text(vector, key)), "{vector}");
        check_read::<M>(text(vector, key), &read_options(), &encoded);
    }
}

fn read<M: Message + JsonMessage>(vector: &Value) {
    let binary = bytes(text(vector, "binary"));
    let dialect = vector["dialect"].as_str();
    let options = ReadOptions {
        ignore_unknown: dialect.is_some(),
        objects_for_well_known: dialect == Some("classic"),
        ..read_options()
    };
    for text in list(vector, "texts") {
        check_read::<M>(text.as_str().unwrap(), &options, &binary);
    }
    let message = M::decode(binary.as_slice()).unwrap();
    assert_eq!(value(&write_as(&message, Names::Proto3)), value(text(vector, "proto3")), "{vector}");
}

#[test]
fn bodies() {
    let file = vectors("bodies.json");
    for vector in list(&file, "written") {
        with_message!(text(vector, "message"), written(vector));
    }
    for vector in list(&file, "read") {
        with_message!(text(vector, "message"), read(vector));
    }
}

/// What the vectors say that a message means is what its fields hold.
#[test]
fn meaning() {
    fn number(value: f64) -> Value {
        match value {
            value if value.is_nan() => "NaN".into(),
            f64::INFINITY => "Infinity".into(),
            f64::NEG_INFINITY => "-Infinity".into(),
            value => value.into(),
        }
    }
    let file = vectors("bodies.json");
    let mut seen = 0;
    for vector in list(&file, "written").iter().filter(|vector| vector["message"] == "every.kind.Scalars") {
        let message: Scalars = json::read(text(vector, "proto3"), &read_options()).unwrap();
        let hex: String = message.some_bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let all = [
            ("a_double", number(message.a_double), 0.into()),
            ("a_float", number(message.a_float.into()), 0.into()),
            ("an_int32", message.an_int32.into(), 0.into()),
            ("an_int64", message.an_int64.to_string().into(), "0".into()),
            ("a_uint32", message.a_uint32.into(), 0.into()),
            ("a_uint64", message.a_uint64.to_string().into(), "0".into()),
            ("a_sint32", message.a_sint32.into(), 0.into()),
            ("a_sint64", message.a_sint64.to_string().into(), "0".into()),
            ("a_fixed32", message.a_fixed32.into(), 0.into()),
            ("a_fixed64", message.a_fixed64.to_string().into(), "0".into()),
            ("an_sfixed32", message.an_sfixed32.into(), 0.into()),
            ("an_sfixed64", message.an_sfixed64.to_string().into(), "0".into()),
            ("a_bool", message.a_bool.into(), false.into()),
            ("a_string", message.a_string.into(), "".into()),
            ("some_bytes", hex.into(), "".into()),
            ("a_mood", message.a_mood.into(), 0.into()),
        ];
        let value = |value: &Value| value.as_f64().map_or(value.clone(), Value::from);
        for (name, held, default) in all {
            let meant: &Value = vector["meaning"].get(name).unwrap_or(&default);
            assert_eq!(value(&held), value(meant), "{name} of {vector}");
            seen += 1;
        }
    }
    assert!(seen >= 16 * 5, "{seen}");
}

/// The envelopes of a frame before the first mistake, and the mistake.
fn split<'f>(dialect: &str, frame: &'f Frame) -> (Vec<Envelope<'f>>, Result<(), EnvelopeError>) {
    let (envelopes, result): (Vec<_>, _) = match (dialect, frame) {
        ("classic", Frame::Text(text)) => (vec![classic::read(text)], Ok(())),
        ("v1.json", Frame::Text(text)) => {
            let (ranges, result) = v1_json::split(text);
            (ranges.into_iter().map(|range| v1_json::read(&text[range])).collect(), result)
        }
        ("v1.proto", Frame::Bytes(bytes)) => {
            let (ranges, result) = v1_proto::split(bytes);
            (ranges.into_iter().map(|range| v1_proto::read(&bytes[range])).collect(), result)
        }
        _ => panic!("`{dialect}` has no such frame"),
    };
    let mut good = Vec::new();
    for envelope in envelopes {
        match envelope {
            Ok(envelope) => good.push(envelope),
            Err(error) => return (good, Err(error)),
        }
    }
    (good, result)
}

enum Frame {
    Text(String),
    Bytes(Vec<u8>),
}

impl Frame {
    fn of(vector: &Value) -> Self {
        match vector["hex"].as_str() {
            Some(hex) => Self::Bytes(bytes(hex)),
            None => Self::Text(text(vector, "text").to_owned()),
        }
    }
}

/// What a body holds: vectors wrap instances of `every.kind.Node`.
fn node(body: Body<'_>) -> Node {
    match body {
        Body::Json(text) => json::read(text, &read_options()).unwrap(),
        Body::Proto(bytes) => Node::decode(bytes).unwrap(),
        Body::Deflated(bytes) => Node::decode(compression::inflate(bytes, 1 << 20).unwrap().as_slice()).unwrap(),
    }
}

fn meant(envelope: &Value) -> Node {
    envelope.get("body").map_or_else(Node::default, |body| json::read(&body.to_string(), &read_options()).unwrap())
}

/// How a request ended, of v1's headers.
fn result(headers: &Value) -> Option<RequestResult<'_>> {
    let result = headers.get("result")?;
    let code = result["errorCode"].as_i64().map(|code| i32::try_from(code).unwrap());
    Some(result["errorMessage"].as_str().map_or(Ok(()), |text| Err((text, code))))
}

/// An envelope is what the vector says.
#[track_caller]
fn check_envelope(envelope: &Envelope<'_>, vector: &Value) {
    let headers = &vector["headers"];
    let string = |name: &str| headers[name].as_str().map(Cow::Borrowed);
    let number = |name: &str| headers[name].as_u64().unwrap_or(0);
    let time = |name: &str| headers[name].as_str().map(|time| time.parse::<f64>().unwrap());
    let expected = Envelope {
        message_type: string("messageType").unwrap(),
        uuid: string("uuid"),
        auth_header: string("authHeader"),
        ack: headers["ack"].as_bool().unwrap_or(false),
        event_time: time("eventTime"),
        local_time: time("localTime"),
        retry_count: u32::try_from(number("retryCount")).unwrap(),
        api_version: u32::try_from(number("apiVersion")).unwrap(),
        deadline_ms: u32::try_from(number("deadlineMs")).unwrap(),
        traceparent: string("traceparent"),
        result: result(headers).map(|result| result.map_err(|(text, code)| (text.into(), code))),
        seq: vector["seq"].as_u64().unwrap_or(0),
        seen: vector["seen"].as_u64().unwrap_or(0),
        body: envelope.body,
    };
    assert_eq!(*envelope, expected);
    assert_eq!(node(envelope.body), meant(vector));
}

/// Writes the server's envelopes as a frame.
fn write(dialect: &str, envelopes: &[Value]) -> Frame {
    let mut out = Vec::new();
    for envelope in envelopes {
        let headers = &envelope["headers"];
        let outgoing = Outgoing {
            message_type: text(headers, "messageType"),
            uuid: headers["uuid"].as_str(),
            result: result(headers),
            seen: envelope["seen"].as_u64().unwrap_or(0),
        };
        if (dialect, outgoing.message_type) == ("classic", "ack") {
            let body = &envelope["body"];
            let code = body["errorCode"].as_i64().map(|code| i32::try_from(code).unwrap());
            let result = body["errorMessage"].as_str().map_or(Ok(()), |text| Err((text, code)));
            classic::write_ack(&mut out, outgoing.uuid, result);
            continue;
        }
        let (seq, body) = (envelope["seq"].as_u64().unwrap_or(0), meant(envelope));
        let write_body = |out: &mut Vec<u8>| json::write(&body, out, &json::WriteOptions::default());
        match dialect {
            "v1.proto" => {
                let mut bytes = Vec::new();
                let write_body = |out: &mut Vec<u8>| body.encode_raw(out);
                v1_proto::write(&mut bytes, &outgoing, false, body.encoded_len(), write_body);
                v1_proto::write_length(&mut out, bytes.len(), seq);
                out.append(&mut bytes);
                v1_proto::write_seq(&mut out, seq);
            }
            "v1.json" => {
                if !out.is_empty() {
                    out.push(b',');
                }
                v1_json::write(&mut out, &outgoing, envelope.get("body").map(|_| write_body)).unwrap();
                v1_json::write_seq(&mut out, seq);
            }
            _ => classic::write(&mut out, outgoing.message_type, outgoing.uuid, write_body).unwrap(),
        }
    }
    match dialect {
        "v1.proto" => Frame::Bytes(out),
        _ => {
            let text = String::from_utf8(out).unwrap();
            Frame::Text(if envelopes.len() == 1 { text } else { format!("[{text}]") })
        }
    }
}

#[test]
fn envelopes() {
    let file = vectors("envelopes.json");
    for vector in list(&file, "frames") {
        let (dialect, frame) = (text(vector, "dialect"), Frame::of(vector));
        let expected = vector["envelopes"].as_array().unwrap();
        let is_client = match text(vector, "direction") {
            "c2s" => true,
            "s2c" => false,
            other => panic!("`{other}` is no direction"),
        };
        if is_client || dialect != "classic" {
            let (envelopes, result) = split(dialect, &frame);
            assert_eq!((envelopes.len(), result), (expected.len(), Ok(())), "{vector}");
            for (envelope, expected) in envelopes.iter().zip(expected) {
                check_envelope(envelope, expected);
            }
        }
        if !is_client {
            match (write(dialect, expected), frame) {
                (Frame::Text(written), Frame::Text(frame)) => assert_eq!(value(&written), value(&frame)),
                (Frame::Bytes(written), Frame::Bytes(frame)) => assert_eq!(written, frame, "{vector}"),
                _ => panic!("not the kind of frame: {vector}"),
            }
        }
    }
}

/// The bytes that docs/PROTOCOL.md shows are those of the vector that is named after it.
#[test]
fn the_example_of_the_specification() {
    let document = include_str!("../../../docs/PROTOCOL.md");
    let (_, example) = document.split_once("in hex, with one envelope in the frame:\n```text\n").unwrap();
    let (example, _) = example.split_once("\n```").unwrap();
    let is_byte = |word: &&str| word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hex: String = example.lines().flat_map(|line| line.split_whitespace().take_while(is_byte)).collect();
    let file = vectors("envelopes.json");
    let vector = list(&file, "frames").iter().find(|vector| {
        text(vector, "name").starts_with("docs/PROTOCOL.md, section 2") && vector["dialect"] == "v1.proto"
    });
    // The document's body is one string field with the number 1; in the vector it is a `Node`, where it is 5.
    let (example, vector) = (bytes(&hex), bytes(text(vector.unwrap(), "hex")));
    let (from_document, from_vector) = (
        v1_proto::read(&example[v1_proto::split(&example).0.remove(0)]).unwrap(),
        v1_proto::read(&vector[v1_proto::split(&vector).0.remove(0)]).unwrap(),
    );
    assert_eq!(from_document.body, Body::Proto(b"\x0a\x01a"));
    assert_eq!(from_vector.body, Body::Proto(b"\x2a\x01a"));
    assert_eq!(Envelope { body: from_vector.body, ..from_document }, from_vector);
    assert_eq!(example.len(), vector.len());
}

/// Part of what is said of each kind of mistake.
fn phrases(kind: &str) -> &'static [&'static str] {
    match kind {
        "syntax" => &["expected", "escape", "control", "does not end"],
        "type" => &["expected"],
        "range" => &["bits", "range"],
        "base64" => &["base64"],
        "surrogate" => &["surrogate"],
        "duplicate" => &["twice"],
        "oneof" => &["oneof"],
        "depth" => &["deeper", "recursion"],
        "any" => &["no message"],
        "truncated" => &["underflow", "varint"],
        "wire-type" => &["wire type"],
        "utf8" => &["UTF-8"],
        "key" => &["tag", "wire type"],
        "varint" => &["varint"],
        "headers-missing" => &["`headers` is missing"],
        "message-type-missing" => &["`headers.messageType` is missing"],
        "uuid-too-long" => &["`headers.uuid`"],
        "too-many" => &["at most 256"],
        "length" => &["does not end within"],
        "malformed" => &["is no `psd.v1."],
        other => panic!("`{other}` is not named here"),
    }
}

#[track_caller]
fn check_kind(vector: &Value, said: &str) {
    let phrases = phrases(text(vector, "kind"));
    assert!(phrases.iter().any(|phrase| said.contains(phrase)), "{said} of {vector}");
}

fn refused<M: Message + JsonMessage>(vector: &Value) {
    if vector["dialect"] == "v1.proto" {
        match M::decode(bytes(text(vector, "hex")).as_slice()) {
            Ok(_) => panic!("{vector} is not refused"),
            Err(error) => check_kind(vector, &error.to_string()),
        }
        return;
    }
    // As servers read: what is refused here is refused by everybody.
    let options = ReadOptions { ignore_unknown: true, objects_for_well_known: true, ..read_options() };
    match json::read::<M>(text(vector, "text"), &options) {
        Ok(_) => panic!("{vector} is not refused"),
        Err(error) => {
            check_kind(vector, error.problem());
            assert_eq!(error.path(), text(vector, "path"), "{vector}");
        }
    }
}

#[test]
fn refused_bodies() {
    let file = vectors("refused.json");
    for vector in list(&file, "bodies") {
        with_message!(text(vector, "message"), refused(vector));
    }
}

#[test]
fn refused_frames() {
    let file = vectors("refused.json");
    for vector in list(&file, "frames") {
        let frame = Frame::of(vector);
        let (envelopes, result) = split(text(vector, "dialect"), &frame);
        let Err(error) = result else { panic!("{vector} is not refused") };
        assert_eq!(Some(envelopes.len() as u64), vector["handled"].as_u64(), "{error} of {vector}");
        check_kind(vector, &error.to_string());
    }
}
