use psd_proto::json::{Name, Names, ReadOptions, Reader, WriteOptions, Writer, name};

fn written(write: impl FnOnce(&mut Writer<'_>)) -> String {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, &WriteOptions::default());
    write(&mut writer);
    writer.finish().unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn strings() {
    for (value, expected) in [
        ("", r#""""#),
        ("plain", r#""plain""#),
        ("a \"quoted\" \\ text", r#""a \"quoted\" \\ text""#),
        ("\u{8}\u{c}\n\r\t\0\u{1b}\u{1f}", r#""\b\f\n\r\t\u0000\u001b\u001f""#),
        ("žluťoučký 🐎 / \u{7f}\u{2028}", "\"žluťoučký 🐎 / \u{7f}\u{2028}\""),
        ("seven77\nseven77", r#""seven77\nseven77""#),
        ("\n", r#""\n""#),
    ] {
        assert_eq!(written(|writer| writer.string(value)), expected);
    }
}

#[test]
fn every_character_survives() {
    for character in (0..=0xffff).filter_map(char::from_u32).chain(['🐎', '\u{10ffff}']) {
        let value = format!("a{character}b");
        let text = written(|writer| writer.string(&value));
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
        assert_eq!(Reader::new(&text, &ReadOptions::default()).string().unwrap(), value);
    }
}

#[test]
fn numbers() {
    assert_eq!(written(|writer| writer.i32(i32::MIN)), "-2147483648");
    assert_eq!(written(|writer| writer.u32(u32::MAX)), "4294967295");
    assert_eq!(written(|writer| writer.i64(i64::MIN)), "\"-9223372036854775808\"");
    assert_eq!(written(|writer| writer.u64(u64::MAX)), "\"18446744073709551615\"");
    for (value, expected) in [
        (0.1, "0.1"),
        (-1.5, "-1.5"),
        (f64::NAN, "\"NaN\""),
        (f64::INFINITY, "\"Infinity\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
    ] {
        assert_eq!(written(|writer| writer.f64(value)), expected);
    }
    assert_eq!(written(|writer| writer.f32(1.1)), "1.1");
    assert_eq!(written(|writer| writer.f32(f32::NAN)), "\"NaN\"");
    for value in [f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e21, 1e-7, -0.0, 123_456_789.0, 1.0 / 3.0] {
        let text = written(|writer| writer.f64(value));
        let read = Reader::new(&text, &ReadOptions::default()).f64().unwrap();
        assert_eq!(read.to_bits(), value.to_bits(), "{text}");
        assert!(serde_json::from_str::<f64>(&text).is_ok(), "{text}");
    }
    for value in [f32::MAX, f32::MIN_POSITIVE, 1e-45, 16_777_216.0, 0.3] {
        let text = written(|writer| writer.f32(value));
        assert_eq!(Reader::new(&text, &ReadOptions::default()).f32().unwrap().to_bits(), value.to_bits(), "{text}");
    }
}

#[test]
fn structure() {
    let nested = written(|writer| {
        let object = writer.begin();
        writer.key("a");
        let array = writer.begin();
        writer.comma();
        writer.null();
        writer.comma();
        let empty = writer.begin();
        writer.end_object(empty);
        writer.comma();
        let empty = writer.begin();
        writer.end_array(empty);
        writer.end_array(array);
        writer.key("b\n");
        writer.bool(true);
        writer.end_object(object);
    });
    assert_eq!(nested, r#"{"a":[null,{},[]],"b\n":true}"#);
}

/// What was in the buffer before stays as it was.
#[test]
fn appends() {
    let mut out = b"[1,".to_vec();
    let mut writer = Writer::new(&mut out, &WriteOptions::default());
    let object = writer.begin();
    writer.key("a");
    writer.i32(2);
    writer.end_object(object);
    writer.finish().unwrap();
    assert_eq!(out, br#"[1,{"a":2}"#);
}

#[test]
fn names() {
    const NAME: Name = name!("with2Digit", "with_2Digit");
    for (names, expected) in [(Names::Proto3, r#"{"with2Digit":7}"#), (Names::Classic, r#"{"with_2Digit":7}"#)] {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, &WriteOptions { names, ..WriteOptions::default() });
        let object = writer.begin();
        writer.field(NAME, &7);
        writer.field(NAME, &0);
        writer.end_object(object);
        writer.finish().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
