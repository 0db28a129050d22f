use std::fmt::Debug;

use psd_proto::json::{self, JsonMessage, ReadOptions, WriteOptions};

use crate::pb::every::kind::{Choice, Lists, Maps, Node, Scalars, WellKnown};
use crate::{any_types, pb, read_error};

#[track_caller]
fn check<M: JsonMessage + Debug>(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(read_error::<M>(text), *expected, "{text}");
    }
}

#[test]
fn paths_and_values() {
    check::<Node>(&[
        (r#"{"children":[{},{},{},{"label":7}]}"#, "children[3].label: expected a string, found 7"),
        (r#"{"named":{"a":{"label":{}}}}"#, "named.a.label: expected a string, found an object"),
        (r#"{"named":{"a b":{"label":[]}}}"#, "named[\"a b\"].label: expected a string, found an array"),
        (r#"{"other":{"node":[]}}"#, "other.node: expected an object, found an array"),
        (r#"{"next":"x"}"#, "next: expected an object, found \"x\""),
        (r#"{"children":{}}"#, "children: expected an array, found an object"),
        (r#"{"children":[null]}"#, "children[0]: expected an object, found null"),
        (r#"{"named":[]}"#, "named: expected an object, found an array"),
        (r#"{"named":{"a":null}}"#, "named.a: expected an object, found null"),
        ("null", "expected an object, found null"),
        ("[]", "expected an object, found an array"),
        ("", "expected an object, found the end of the text"),
        ("{} x", "expected the end of the text, found x"),
        (r#"{"label":"x"}}"#, "expected the end of the text, found `}`"),
        (r#"{"label":"x","label":"y"}"#, "label: the field is there twice"),
        (r#"{"labels":"x"}"#, "labels: unknown field `labels`"),
    ]);
}

#[test]
fn scalars() {
    check::<Scalars>(&[
        (r#"{"aDouble":"abc"}"#, "aDouble: expected a number, found \"abc\""),
        (r#"{"a_float":1e39}"#, "a_float: expected a number within the range of a float, found 1e39"),
        (r#"{"anInt32":1.5}"#, "anInt32: expected an integer, found 1.5"),
        (r#"{"anInt32":2147483648}"#, "anInt32: expected an integer of 32 bits, found 2147483648"),
        (r#"{"aUint64":-1}"#, "aUint64: expected a non-negative integer of 64 bits, found -1"),
        (r#"{"aBool":"true"}"#, "aBool: expected `true` or `false`, found \"true\""),
        (r#"{"aBool":1}"#, "aBool: expected `true` or `false`, found 1"),
        (r#"{"aString":1}"#, "aString: expected a string, found 1"),
        (r#"{"aString":"\ud800"}"#, "aString: the string has half of a surrogate pair"),
        (r#"{"someBytes":"%"}"#, "someBytes: expected base64, found \"%\""),
        (r#"{"aMood":"GLUM"}"#, "aMood: expected one of mood_none, HAPPY, GLAD, soSo, SAD, found \"GLUM\""),
        (r#"{"aMood":1.5}"#, "aMood: expected one of mood_none, HAPPY, GLAD, soSo, SAD, found 1.5"),
        (r#"{"aMood":true}"#, "aMood: expected one of mood_none, HAPPY, GLAD, soSo, SAD, found true"),
        // Two spellings of one field.
        (r#"{"aString":"x","a_string":"y"}"#, "a_string: the field is there twice"),
        (r#"{"aString":null,"aString":"y"}"#, "aString: the field is there twice"),
    ]);
}

#[test]
fn containers() {
    check::<Lists>(&[
        (r#"{"int32s":[1,null]}"#, "int32s[1]: expected a number, found null"),
        (r#"{"strings":[null]}"#, "strings[0]: expected a string, found null"),
        (r#"{"moods":[null]}"#, "moods[0]: expected one of mood_none, HAPPY, GLAD, soSo, SAD, found null"),
        (r#"{"int32s":1}"#, "int32s: expected an array, found 1"),
        (r#"{"int32s":[1,]}"#, "int32s[1]: expected a value, found `]`"),
        (r#"{"int32s":["1",2,"x"]}"#, "int32s[2]: expected a number, found \"x\""),
    ]);
    check::<Maps>(&[
        (r#"{"byInt32":{"x":"y"}}"#, "byInt32.x: expected a key that is an integer of 32 bits"),
        (r#"{"byUint64":{"-1":"y"}}"#, "byUint64[\"-1\"]: expected a key that is a non-negative integer of 64 bits"),
        (r#"{"byBool":{"1":"y"}}"#, "byBool.1: expected a key that is `true` or `false`"),
        (r#"{"toInt64":{"a":null}}"#, "toInt64.a: expected a number, found null"),
    ]);
}

#[test]
fn oneofs() {
    check::<Choice>(&[
        (r#"{"text":"x","number":1}"#, "number: another field of the same oneof is there already"),
        (r#"{"text":"x","text":"y"}"#, "text: another field of the same oneof is there already"),
        (r#"{"nothing":1}"#, "nothing: expected null, found 1"),
        (r#"{"nothing":null,"text":"y"}"#, "text: another field of the same oneof is there already"),
    ]);
}

#[test]
fn well_known() {
    check::<WellKnown>(&[
        (r#"{"duration":{"seconds":1}}"#, "duration: expected a string, found an object"),
        (r#"{"int64Value":{"value":1}}"#, "int64Value: expected a number, found an object"),
        (r#"{"int64Values":[null]}"#, "int64Values[0]: expected a number, found null"),
        (r#"{"durations":[null]}"#, "durations[0]: expected a string, found null"),
        (r#"{"struct":[]}"#, "struct: expected an object, found an array"),
        (r#"{"empty":{"a":1}}"#, "empty.a: unknown field `a`"),
        (r#"{"any":{"@type":"x/every.kind.Scalars","anInt32":"x"}}"#, "any.anInt32: expected a number, found \"x\""),
        (
            r#"{"any":{"@type":"x/every.kind.Nowhere"}}"#,
            "any: `@type` is `x/every.kind.Nowhere`, which names no message that is known here",
        ),
    ]);
}

/// Malformed JSON is refused even where unknown members are ignored.
#[test]
fn ignored_members_are_checked() {
    let options = ReadOptions { ignore_unknown: true, ..ReadOptions::default() };
    for text in [r#"{"x":01}"#, r#"{"x":nul}"#, r#"{"x":"\x"}"#, r#"{"x":[1,]}"#, r#"{"x":{"a":}}"#, r#"{"x":"#] {
        assert!(json::read::<Scalars>(text, &options).is_err(), "{text}");
    }
    let deep = format!(r#"{{"x":{}}}"#, "[".repeat(100_000));
    assert!(json::read::<Scalars>(&deep, &options).is_err());
}

/// What cannot be written leaves the buffer as it was.
#[test]
fn writing() {
    let timestamp = |seconds, nanos| Some(psd_proto::prost_types::Timestamp { seconds, nanos });
    let any = Some(psd_proto::prost_types::Any { type_url: "x/every.kind.Nowhere".into(), value: vec![] });
    for (message, expected) in [
        (
            WellKnown { timestamp: timestamp(i64::MAX, 0), ..WellKnown::default() },
            "a timestamp of 9223372036854775807 s and 0 ns is not of the years 1 to 9999",
        ),
        (
            WellKnown { timestamp: timestamp(0, -1), ..WellKnown::default() },
            "a timestamp of 0 s and -1 ns is not of the years 1 to 9999",
        ),
        (
            WellKnown { value: Some(f64::NAN.into()), ..WellKnown::default() },
            "NaN is no number that a `google.protobuf.Value` can have in JSON",
        ),
        (
            WellKnown { any, ..WellKnown::default() },
            "an `Any` of type `x/every.kind.Nowhere` is of no message that is known here",
        ),
    ] {
        let mut out = b"before".to_vec();
        let options = WriteOptions { types: any_types(), ..WriteOptions::default() };
        let error = json::write(&message, &mut out, &options).unwrap_err();
        assert_eq!((error.to_string().as_str(), out.as_slice()), (expected, &b"before"[..]));
    }
}

/// A valid text with single bytes changed, dropped and doubled: an error or a message, never a panic; and a message
/// that was read can be written and read again.
#[test]
fn mutations_never_panic() {
    let texts = [
        r#"{"i32":-1,"i64":"-9007199254740993","dbl":0.1,"flag":true,"strv":"ž\n\u00e9","raw":"AP/+","color":"darkGreen","inner":{"name":"in","big":"7"},"repI32":[1,2],"repRaw":["YQ==",""],"mapIs":{"1":"x","-5":"y"},"mapSb":{"b":"AQI="},"cNum":0,"ts":"2024-02-29T12:30:45.123456Z","dur":"90.500s","wI64":"1","trees":[{"children":[{}]}]}"#,
        r#"{"body":1,"wStr":{"value":"x"},"ts":{"seconds":"5","nanos":1},"repColor":["RED",-1,"?"],"mapSc":{"a":2}}"#,
    ];
    let options = ReadOptions { ignore_unknown: true, objects_for_well_known: true, ..ReadOptions::default() };
    let exercise = |text: &str| {
        let Ok(message) = json::read::<pb::demo::Types>(text, &options) else { return };
        let mut out = Vec::new();
        if json::write(&message, &mut out, &WriteOptions::default()).is_ok() {
            let written = String::from_utf8(out).unwrap();
            let again = json::read::<pb::demo::Types>(&written, &ReadOptions::default()).unwrap();
            // Compared as text: NaN is not itself.
            let mut out = Vec::new();
            json::write(&again, &mut out, &WriteOptions::default()).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), written);
        }
    };
    for text in texts {
        for (at, character) in text.char_indices() {
            let (before, after) = (&text[..at], &text[at + character.len_utf8()..]);
            exercise(before);
            exercise(&format!("{before}{after}"));
            for replacement in "\"\\{}[],:019-+eE.ntfuNI \n\0é🐎".chars() {
                exercise(&format!("{before}{replacement}{after}"));
                exercise(&format!("{before}{replacement}{character}{after}"));
            }
        }
    }
}
