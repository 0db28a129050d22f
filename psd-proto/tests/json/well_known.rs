use std::collections::BTreeMap;
use std::fmt::Debug;

use prost_types::{Any, Duration, FieldMask, ListValue, Struct, Timestamp, Value};
use psd_proto::json::{JsonValue, ReadOptions, Reader, Result, WriteOptions, Writer};

fn read_with<T: JsonValue>(text: &str, options: &ReadOptions) -> Result<T> {
    let mut reader = Reader::new(text, options);
    let mut value = T::default();
    value.read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

fn read<T: JsonValue>(text: &str) -> Result<T> {
    read_with(text, &ReadOptions::default())
}

fn write<T: JsonValue>(value: &T) -> Result<String> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, &WriteOptions::default());
    value.write(&mut writer);
    writer.finish()?;
    Ok(String::from_utf8(out).unwrap())
}

/// The text means the value, and the value is written as the text.
#[track_caller]
fn both<T: JsonValue + PartialEq + Debug>(text: &str, value: &T) {
    assert_eq!(read::<T>(text).as_ref(), Ok(value), "{text}");
    assert_eq!(write(value).as_deref(), Ok(text));
}

/// The text means the value, but is not how it is written.
#[track_caller]
fn lenient<T: JsonValue + PartialEq + Debug>(text: &str, value: &T) {
    assert_eq!(read::<T>(text).as_ref(), Ok(value), "{text}");
    assert_ne!(write(value).as_deref(), Ok(text));
}

#[track_caller]
fn refuse<T: JsonValue + Debug>(texts: &[&str]) {
    for text in texts {
        assert!(read::<T>(text).is_err(), "{text}: {:?}", read::<T>(text));
    }
}

#[test]
fn timestamps() {
    let at = |seconds, nanos| Timestamp { seconds, nanos };
    both("\"1970-01-01T00:00:00Z\"", &at(0, 0));
    both("\"2024-02-29T12:30:45.123456Z\"", &at(1_709_209_845, 123_456_000));
    both("\"2024-02-29T12:30:45.000000001Z\"", &at(1_709_209_845, 1));
    both("\"1969-12-31T23:59:59.500Z\"", &at(-1, 500_000_000));
    both("\"0001-01-01T00:00:00Z\"", &at(-62_135_596_800, 0));
    both("\"9999-12-31T23:59:59.999999999Z\"", &at(253_402_300_799, 999_999_999));
    lenient("\"1970-01-01T01:30:00+01:30\"", &at(0, 0));
    lenient("\"1969-12-31T16:00:00-08:00\"", &at(0, 0));
    lenient("\"1970-01-01T00:00:00.5Z\"", &at(0, 500_000_000));
    lenient("\"1970-01-01T00:00:00.1234567Z\"", &at(0, 123_456_700));
    refuse::<Timestamp>(&[
        "null",
        "0",
        "\"\"",
        "\"1970-01-01\"",
        "\"1970-01-01T00:00:00\"",
        "\"1970-01-01T00:00:00z\"",
        "\"1970-01-01t00:00:00Z\"",
        "\"1970-01-01 00:00:00Z\"",
        "\"1970-01-01T00:00:00.Z\"",
        "\"1970-01-01T00:00:00.1234567890Z\"",
        "\"1970-13-01T00:00:00Z\"",
        "\"1970-00-01T00:00:00Z\"",
        "\"1970-01-32T00:00:00Z\"",
        "\"2023-02-29T00:00:00Z\"",
        "\"1970-01-01T24:00:00Z\"",
        "\"1970-01-01T00:60:00Z\"",
        "\"1970-01-01T00:00:60Z\"",
        "\"1970-01-01T00:00:00+0100\"",
        "\"1970-01-01T00:00:00+24:00\"",
        "\"1970-01-01T00:00:00+01:60\"",
        "\"1970-01-01T00:00:00ZZ\"",
        "\"0000-01-01T00:00:00Z\"",
        "\"0001-01-01T00:00:00+00:01\"",
        "\"9999-12-31T23:59:59-00:01\"",
        "\"10000-01-01T00:00:00Z\"",
        "\"-001-01-01T00:00:00Z\"",
        "\"1970-01-01T00:00:00é\"",
        r#"{"seconds": 1}"#,
    ]);
    for value in [at(-62_135_596_801, 0), at(253_402_300_800, 0), at(0, -1), at(0, 1_000_000_000)] {
        assert!(write(&value).is_err(), "{value:?}");
    }
    let error = read::<Timestamp>("\"now\"").unwrap_err().to_string();
    assert_eq!(error, "expected a time such as \"2024-02-29T12:30:45.5Z\" of the years 1 to 9999, found \"now\"");
}

#[test]
fn durations() {
    let of = |seconds, nanos| Duration { seconds, nanos };
    both("\"0s\"", &of(0, 0));
    both("\"90.500s\"", &of(90, 500_000_000));
    both("\"-1.000001s\"", &of(-1, -1000));
    both("\"-0.000000001s\"", &of(0, -1));
    both("\"315576000000.999999999s\"", &of(315_576_000_000, 999_999_999));
    both("\"-315576000000s\"", &of(-315_576_000_000, 0));
    lenient("\"1.5s\"", &of(1, 500_000_000));
    lenient("\"-0s\"", &of(0, 0));
    refuse::<Duration>(&[
        "null",
        "1",
        "\"\"",
        "\"s\"",
        "\"1\"",
        "\"1.s\"",
        "\".5s\"",
        "\"1.0123456789s\"",
        "\"+1s\"",
        "\"--1s\"",
        "\"1 s\"",
        "\"1s \"",
        "\"1S\"",
        "\"1ms\"",
        "\"315576000001s\"",
        "\"-315576000001s\"",
        "\"99999999999999999999s\"",
        "\"1,5s\"",
        r#"{"seconds": 1}"#,
    ]);
    for value in [of(315_576_000_001, 0), of(i64::MIN, 0), of(1, -1), of(-1, 1), of(0, 1_000_000_000), of(0, i32::MIN)]
    {
        assert!(write(&value).is_err(), "{value:?}");
    }
}

#[test]
fn objects_for_well_known() {
    let options = ReadOptions { objects_for_well_known: true, ..ReadOptions::default() };
    let timestamp: Timestamp = read_with(r#"{"seconds": "5", "nanos": 1}"#, &options).unwrap();
    assert_eq!(timestamp, Timestamp { seconds: 5, nanos: 1 });
    let duration: Duration = read_with(r#"{"seconds": null}"#, &options).unwrap();
    assert_eq!(duration, Duration { seconds: 0, nanos: 0 });
    let duration: Duration = read_with("\"1s\"", &options).unwrap();
    assert_eq!(duration, Duration { seconds: 1, nanos: 0 });
    let error = read_with::<Duration>(r#"{"second": 1}"#, &options).unwrap_err();
    assert_eq!(error.to_string(), "second: unknown field `second`");

    // Their ranges are those of the text.
    for (text, expected) in [
        (
            r#"{"seconds": 9223372036854775807}"#,
            "a timestamp of 9223372036854775807 s and 0 ns is not of the years 1 to 9999",
        ),
        (r#"{"nanos": -1}"#, "a timestamp of 0 s and -1 ns is not of the years 1 to 9999"),
    ] {
        assert_eq!(read_with::<Timestamp>(text, &options).unwrap_err().to_string(), expected);
    }
    for (text, expected) in [
        (r#"{"seconds": 1, "nanos": -1}"#, "1 s and -1 ns are no duration of at most 315576000000 s"),
        (r#"{"seconds": -315576000001}"#, "-315576000001 s and 0 ns are no duration of at most 315576000000 s"),
    ] {
        assert_eq!(read_with::<Duration>(text, &options).unwrap_err().to_string(), expected);
    }
}

#[test]
fn field_masks() {
    let mask = |paths: &[&str]| FieldMask { paths: paths.iter().map(ToString::to_string).collect() };
    both("\"\"", &mask(&[]));
    both("\"fooBar,baz.quxQuux\"", &mask(&["foo_bar", "baz.qux_quux"]));
    both("\"f1\"", &mask(&["f1"]));
    refuse::<FieldMask>(&["null", "1", "\"foo_bar\"", "[]"]);
    for path in ["fooBar", "foo__bar", "foo_3_bar", "foo_", "_3"] {
        assert!(write(&mask(&[path])).is_err(), "{path}");
    }
}

#[test]
fn values() {
    let text = r#"{"a":[1.5,"x",true,null,{"b":[]}],"c":{}}"#;
    let value: Value = read(text).unwrap();
    assert_eq!(write(&value).as_deref(), Ok(text));
    let list: ListValue = read("[null, 1]").unwrap();
    assert_eq!(list.values.len(), 2);
    let value: Struct = read(r#"{"a": null}"#).unwrap();
    assert_eq!(value.fields.len(), 1);
    refuse::<Value>(&["", "nul", "NaN", "1e999", "[1,]"]);
    refuse::<Struct>(&["null", "[]", "1"]);
    refuse::<ListValue>(&["null", "{}", "1"]);
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(write(&Value::from(number)).is_err());
    }
    let deep = format!("{}{}", "[".repeat(101), "]".repeat(101));
    assert!(read::<Value>(&deep).is_err());
}

#[test]
fn maps() {
    both(r#"{"-5":"a","7":""}"#, &BTreeMap::from([(-5, "a".to_owned()), (7, String::new())]));
    both(r#"{"-9223372036854775808":true}"#, &BTreeMap::from([(i64::MIN, true)]));
    both(r#"{"18446744073709551615":1}"#, &BTreeMap::from([(u64::MAX, 1)]));
    both(r#"{"4294967295":"1"}"#, &BTreeMap::from([(u32::MAX, 1_i64)]));
    both(r#"{"false":1,"true":2}"#, &BTreeMap::from([(true, 2), (false, 1)]));
    both(r#"{"":"1","a\"b":"2"}"#, &BTreeMap::from([(String::new(), 1_u64), ("a\"b".into(), 2)]));
    assert_eq!(read(r#"{"1": 1, "1": 2}"#), Ok(BTreeMap::from([(1, 2)])));
    refuse::<BTreeMap<i32, i32>>(&[
        r#"{"a":1}"#,
        r#"{"2147483648":1}"#,
        r#"{"":1}"#,
        r#"{" 1":1}"#,
        r#"{"1":null}"#,
        "[]",
    ]);
    refuse::<BTreeMap<bool, i32>>(&[r#"{"True":1}"#, r#"{"0":1}"#]);
    let error = read::<BTreeMap<u32, i32>>(r#"{"-1": 1}"#).unwrap_err().to_string();
    assert_eq!(error, "[\"-1\"]: expected a key that is a non-negative integer of 32 bits");
}

#[test]
fn bytes() {
    both("\"AP/+\"", &vec![0_u8, 255, 254]);
    both("\"AA==\"", &vec![0_u8]);
    for text in ["\"AP_-\"", "\"AP/-\""] {
        lenient(text, &vec![0_u8, 255, 254]);
    }
    lenient("\"AA\"", &vec![0_u8]);
    refuse::<Vec<u8>>(&["\"A\"", "\"A=\"", "\"AA=A\"", "\"é\"", "[0]", "null"]);
    assert_eq!(read::<Vec<u8>>("\"!\"").unwrap_err().to_string(), "expected base64, found \"!\"");
}

#[test]
fn anys() {
    let any = |name: &str, value: &[u8]| Any { type_url: format!("type.googleapis.com/{name}"), value: value.to_vec() };
    both("{}", &Any::default());
    both(
        r#"{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1.500s"}"#,
        &any("google.protobuf.Duration", &[8, 1, 16, 128, 202, 181, 238, 1]),
    );
    both(
        r#"{"@type":"type.googleapis.com/google.protobuf.Int64Value","value":"7"}"#,
        &any("google.protobuf.Int64Value", &[8, 7]),
    );
    both(r#"{"@type":"type.googleapis.com/google.protobuf.Empty"}"#, &any("google.protobuf.Empty", &[]));
    both(
        r#"{"@type":"type.googleapis.com/google.protobuf.Any","value":{"@type":"type.googleapis.com/google.protobuf.Value","value":null}}"#,
        &any("google.protobuf.Any", b"\n)type.googleapis.com/google.protobuf.Value\x12\x02\x08\x00"),
    );
    lenient(
        r#"{"value": 7, "@type": "type.googleapis.com/google.protobuf.Int32Value"}"#,
        &any("google.protobuf.Int32Value", &[8, 7]),
    );
    refuse::<Any>(&[
        r#"{"value": 1}"#,
        r#"{"@type": 1}"#,
        r#"{"@type": ""}"#,
        r#"{"@type": "google.protobuf.Int32Value", "value": 1}"#,
        r#"{"@type": "x/no.Such", "value": 1}"#,
        r#"{"@type": "x/google.protobuf.Int32Value"}"#,
        r#"{"@type": "x/google.protobuf.Int32Value", "value": 1, "value": 2}"#,
        r#"{"@type": "x/google.protobuf.Int32Value", "@type": "x/google.protobuf.Int32Value", "value": 1}"#,
        r#"{"@type": "x/google.protobuf.Int32Value", "value": 1, "other": 2}"#,
        r#"{"@type": "x/google.protobuf.Int32Value", "value": "x"}"#,
    ]);
    let error = read::<Any>(r#"{"@type": "x/no.Such"}"#).unwrap_err().to_string();
    assert_eq!(error, "`@type` is `x/no.Such`, which names no message that is known here");
    assert!(write(&any("no.Such", &[])).is_err());
    assert!(write(&any("google.protobuf.Duration", &[8])).is_err());
}
