//! The targets: each takes any bytes, and panics if what must hold does not. They return a word for what happened, by
//! which the mutating fuzzer tells inputs that do something new from those that do not.
//!
//! psd-build's tests include this file to replay the corpus.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use psd_proto::envelope::{Body, Envelope, EnvelopeError, classic, compression, v1_json, v1_proto};
use psd_proto::json::{self, AnyTypes, JsonMessage, Names, ReadOptions, WriteOptions};
use psd_proto::prost::Message;

use crate::pb;
use crate::pb::demo::Types;
use crate::pb::every::kind::{Choice, Lists, Maps, Names as Named, Node, Presence, Scalars, WellKnown, Wide};

/// A target.
pub type Target = fn(&[u8]) -> String;

/// Every target, by the name of its folder in the corpus.
pub const TARGETS: [(&str, Target); 3] =
    [("envelope", envelope), ("json_body", json_body), ("binary_body", binary_body)];

/// Decompressed bodies end here.
const INFLATED: usize = 1 << 16;

/// Calls a function with the message that the first byte chooses, and the rest.
macro_rules! with_message {
    ($data:expr, $function:ident) => {{
        let Some((first, rest)) = $data.split_first() else { return String::new() };
        match first.wrapping_sub(b'0') % 10 {
            0 => $function::<Scalars>(rest),
            1 => $function::<Presence>(rest),
            2 => $function::<Lists>(rest),
            3 => $function::<Maps>(rest),
            4 => $function::<Choice>(rest),
            5 => $function::<WellKnown>(rest),
            6 => $function::<Node>(rest),
            7 => $function::<Named>(rest),
            8 => $function::<Wide>(rest),
            _ => $function::<Types>(rest),
        }
    }};
}

fn types() -> AnyTypes {
    static TYPES: LazyLock<AnyTypes> = LazyLock::new(|| AnyTypes::of(&[&pb::SCHEMA]));
    *TYPES
}

fn strict() -> ReadOptions {
    ReadOptions { types: types(), ..ReadOptions::default() }
}

fn write<M: JsonMessage>(message: &M, names: Names) -> json::Result<String> {
    let mut out = Vec::new();
    json::write(message, &mut out, &WriteOptions { names, types: types() })?;
    Ok(String::from_utf8(out).expect("what is written is UTF-8"))
}

/// An envelope of any dialect, which the first byte chooses: what is read can be written and read again.
pub fn envelope(data: &[u8]) -> String {
    let Some((dialect, frame)) = data.split_first() else { return String::new() };
    let mut said = BTreeSet::new();
    let mut note = |result: Result<(), EnvelopeError>| {
        said.insert(result.map_or_else(|error| shape(&error.to_string()), |()| "read".to_owned()));
    };
    match (dialect % 3, std::str::from_utf8(frame)) {
        (0, Ok(text)) => {
            compared(text);
            note(classic::read(text).map(|envelope| {
                assert!(matches!(envelope.body, Body::Json(body) if text.contains(body) || body == "{}"));
                assert_eq!((envelope.seq, envelope.seen, envelope.deadline_ms), (0, 0, 0));
            }));
        }
        (1, Ok(text)) => {
            let (ranges, result) = v1_json::split(text);
            in_order(&ranges, text.len());
            for range in ranges {
                note(v1_json::read(&text[range]).map(|envelope| again_json(&envelope)));
            }
            note(result);
        }
        (2, _) => {
            let (ranges, result) = v1_proto::split(frame);
            in_order(&ranges, frame.len());
            for range in ranges {
                note(v1_proto::read(&frame[range]).map(|envelope| again_proto(&envelope)));
            }
            note(result);
        }
        // Text frames are UTF-8 before they come here.
        _ => {}
    }
    format!("{} {said:?}", dialect % 3)
}

/// An envelope of today's React client, and one of its Flutter client.
const USUAL: [&str; 2] = [
    r#"{"body":{"text":"hi"},"headers":{"messageType":"say","authHeader":null,"eventTime":1795396057440,"localTime":1795396057440,"ack":true,"retryCount":0,"apiVersion":1,"uuid":"ee55"}}"#,
    r#"{"headers":{"messageType":"say","authHeader":"a.b.c","uuid":"ee55","localTime":1795396057,"ack":false},"body":null}"#,
];

/// Whatever came before, an envelope is read as if it were the first.
fn compared(text: &str) {
    let mut layouts = classic::Layouts::new();
    for usual in USUAL {
        assert!(layouts.read(usual).is_ok());
    }
    let cut: String = text.chars().enumerate().filter(|(at, _)| *at != text.len() / 2).map(|(_, char)| char).collect();
    for text in [text, text, &cut, USUAL[0]] {
        // As text, since a time can be NaN.
        assert_eq!(format!("{:?}", layouts.read(text)), format!("{:?}", classic::read(text)));
    }
}

fn in_order(ranges: &[std::ops::Range<usize>], length: usize) {
    let mut end = 0;
    for range in ranges {
        assert!(end <= range.start && range.start <= range.end && range.end <= length, "{range:?}");
        end = range.end;
    }
}

fn again_json(envelope: &Envelope<'_>) {
    let Body::Json(body) = envelope.body else { panic!("another body than JSON") };
    let mut out = Vec::new();
    let write_body = |out: &mut Vec<u8>| {
        out.extend_from_slice(body.as_bytes());
        Ok::<_, std::convert::Infallible>(())
    };
    let Ok(()) = v1_json::write_request(&mut out, envelope, write_body);
    v1_json::write_seen(&mut out, envelope.seen);
    v1_json::write_seq(&mut out, envelope.seq);
    let text = String::from_utf8(out).expect("what is written is UTF-8");
    let again = v1_json::read(&text).expect("what was written is read");
    assert_same(envelope, &again);
}

fn again_proto(envelope: &Envelope<'_>) {
    if let Body::Deflated(body) = envelope.body
        && let Ok(inflated) = compression::inflate(body, INFLATED)
    {
        assert!(inflated.len() <= INFLATED);
    }
    let mut out = Vec::new();
    v1_proto::write_request(&mut out, envelope);
    v1_proto::write_seq(&mut out, envelope.seq);
    let again = v1_proto::read(&out).expect("what was written is read");
    assert_same(envelope, &again);
}

/// All but what a client does not write: times are informative, and results are for servers.
fn assert_same(envelope: &Envelope<'_>, again: &Envelope<'_>) {
    let (event_time, local_time) = (envelope.event_time, envelope.local_time);
    let again = Envelope { result: envelope.result.clone(), event_time, local_time, ..again.clone() };
    // A time can be NaN, and that is no time.
    let without = |envelope: &Envelope<'_>| format!("{:?}", Envelope { event_time: None, ..envelope.clone() });
    assert_eq!(without(envelope), without(&again));
}

/// A body in JSON: JSON → struct → binary → struct → JSON comes out as it went in, in both spellings.
pub fn json_body(data: &[u8]) -> String {
    with_message!(data, json_of)
}

fn json_of<M: Message + JsonMessage + PartialEq>(data: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(data) else { return String::new() };
    let server = ReadOptions { ignore_unknown: true, objects_for_well_known: true, ..strict() };
    let (strictly, leniently) = (json::read::<M>(text, &strict()), json::read::<M>(text, &server));
    let message = match (strictly, leniently) {
        (_, Err(error)) => return shape(error.problem()),
        (Ok(strictly), Ok(leniently)) => {
            assert_eq!(strictly.encode_to_vec(), leniently.encode_to_vec(), "leniency changes what is read");
            strictly
        }
        (Err(_), Ok(leniently)) => leniently,
    };
    // What JSON can say, it can say again.
    let written = write(&message, Names::Proto3).expect("what was read can be written");
    let classic = write(&message, Names::Classic).expect("what was read can be written");
    let binary = message.encode_to_vec();
    assert_eq!(binary.len(), message.encoded_len());
    for text in [&written, &classic] {
        let again: M = json::read(text, &strict()).unwrap_or_else(|error| panic!("{error} in {text}"));
        assert_eq!(again.encode_to_vec(), binary, "{text}");
    }
    let decoded = match M::decode(binary.as_slice()) {
        Ok(decoded) => decoded,
        // One level of JSON is up to three of `google.protobuf.Value`.
        Err(error) if error.to_string().contains("recursion limit") => return "deep".to_owned(),
        Err(error) => panic!("{error} of {written}"),
    };
    let last = write(&decoded, Names::Proto3).expect("what was written can be written");
    // prost does not write a negative zero that has no presence.
    assert!(last == written || written.contains("-0.0"), "{written}\n{last}");
    format!("{} {}", std::any::type_name::<M>(), bucket(written.len()))
}

/// A body in binary: what is decoded is encoded and decoded again, and so it is by way of JSON, unless JSON cannot say it.
pub fn binary_body(data: &[u8]) -> String {
    with_message!(data, binary_of)
}

fn binary_of<M: Message + JsonMessage + PartialEq>(data: &[u8]) -> String {
    let message = match M::decode(data) {
        Ok(message) => message,
        Err(error) => return shape(&error.to_string()),
    };
    let binary = message.encode_to_vec();
    assert_eq!(binary.len(), message.encoded_len());
    let again = M::decode(binary.as_slice()).expect("what was encoded is decoded");
    assert_eq!(again.encode_to_vec(), binary);
    // A timestamp out of range, an `Any` of an unknown type.
    let written = match write(&message, Names::Proto3) {
        Ok(written) => written,
        Err(error) => return shape(error.problem()),
    };
    let read: M = match json::read(&written, &strict()) {
        Ok(read) => read,
        Err(error) if error.problem().contains("deeper") => return "deep".to_owned(),
        Err(error) => panic!("{error} in {written}"),
    };
    // Every number of a `google.protobuf.NullValue` is `null`, which is read as 0.
    let last = write(&read, Names::Proto3).expect("what was read can be written");
    assert!(last == written || written.contains("\"nullValue\":null"), "{written}\n{last}");
    format!("{} {}", std::any::type_name::<M>(), bucket(written.len()))
}

/// An error's text without its place, up to what it quotes.
fn shape(text: &str) -> String {
    let text = text.split(", found").next().unwrap_or(text);
    let text = text.rsplit(": ").next().unwrap_or(text);
    text.chars()
        .take_while(|character| !matches!(character, '`' | '"'))
        .filter(|character| !character.is_numeric())
        .collect()
}

/// Lengths that are much alike.
fn bucket(length: usize) -> u32 {
    length.checked_ilog2().map_or(0, |bits| bits + 1)
}
