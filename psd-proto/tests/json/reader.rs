use psd_proto::json::{Kind, ReadOptions, Reader, Result};

fn reader(text: &str) -> Reader<'_> {
    Reader::new(text, &ReadOptions::default())
}

/// Reads one value from the whole of a text.
fn whole<'a, T>(text: &'a str, read: impl FnOnce(&mut Reader<'a>) -> Result<T>) -> Result<T> {
    let mut reader = reader(text);
    let value = read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

#[track_caller]
fn check<T: PartialEq + std::fmt::Debug>(text: &str, read: impl Fn(&mut Reader<'_>) -> Result<T>, expected: T) {
    for text in [text, &format!(" \t\r\n{text} \n")] {
        assert_eq!(whole(text, &read).as_ref(), Ok(&expected), "{text}");
    }
}

#[track_caller]
fn refuse<T: std::fmt::Debug>(text: &str, read: impl Fn(&mut Reader<'_>) -> Result<T>, expected: &str) {
    assert_eq!(whole(text, &read).map_err(|error| error.to_string()).unwrap_err(), expected, "{text}");
}

#[test]
fn integers() {
    for (text, value) in [
        ("0", 0),
        ("-0", 0),
        ("1", 1),
        ("-1", -1),
        ("\"12\"", 12),
        ("\"-12\"", -12),
        ("12.0", 12),
        ("12.000", 12),
        ("1e2", 100),
        ("1E+2", 100),
        ("1.5e1", 15),
        ("150e-1", 15),
        ("\"1e2\"", 100),
        ("\"12.0\"", 12),
        ("0e99999999999", 0),
        ("0.0e-5", 0),
        ("2147483647", i32::MAX),
        ("-2147483648", i32::MIN),
        ("2147483647.0", i32::MAX),
        ("-2147483648.0", i32::MIN),
        ("21474836470e-1", i32::MAX),
        (r#""\u0031\u0032""#, 12),
    ] {
        check(text, |reader| reader.i32(), value);
        check(text, |reader| reader.i64(), value.into());
        if let Ok(value) = u32::try_from(value) {
            check(text, |reader| reader.u32(), value);
            check(text, |reader| reader.u64(), value.into());
        }
    }
    check("9223372036854775807", |reader| reader.i64(), i64::MAX);
    check("\"-9223372036854775808\"", |reader| reader.i64(), i64::MIN);
    check("-9223372036854775808", |reader| reader.i64(), i64::MIN);
    check("9223372036854775807.0", |reader| reader.i64(), i64::MAX);
    check("9007199254740993", |reader| reader.i64(), 9_007_199_254_740_993);
    check("18446744073709551615", |reader| reader.u64(), u64::MAX);
    check("\"18446744073709551615\"", |reader| reader.u64(), u64::MAX);
    check("18446744073709551615.000", |reader| reader.u64(), u64::MAX);
    check("4294967295", |reader| reader.u32(), u32::MAX);
    check("4.294967295e9", |reader| reader.u32(), u32::MAX);
}

#[test]
fn not_integers() {
    for (text, message) in [
        ("1.5", "expected an integer, found 1.5"),
        ("\"1.5\"", "expected an integer, found \"1.5\""),
        ("1e-1", "expected an integer, found 1e-1"),
        ("0.1234567890123456789012", "expected an integer, found 0.1234567890123456789012"),
        ("2147483648", "expected an integer of 32 bits, found 2147483648"),
        ("-2147483649", "expected an integer of 32 bits, found -2147483649"),
        ("1e400", "expected an integer of 32 bits, found 1e400"),
        ("100000000000000000000000000", "expected an integer of 32 bits, found 100000000000000000000000000"),
        ("01", "expected a number, found 01"),
        ("-01", "expected a number, found -01"),
        ("+1", "expected a number, found +1"),
        ("1.", "expected a number, found 1."),
        (".5", "expected a number, found .5"),
        ("1e", "expected a number, found 1e"),
        ("1e+", "expected a number, found 1e+"),
        ("-", "expected a number, found -"),
        ("0x10", "expected a number, found 0x10"),
        ("\"\"", "expected a number, found \"\""),
        ("\" 1\"", "expected a number, found \" 1\""),
        ("\"1 \"", "expected a number, found \"1 \""),
        ("\"+1\"", "expected a number, found \"+1\""),
        ("\"01\"", "expected a number, found \"01\""),
        ("\"abc\"", "expected a number, found \"abc\""),
        ("\"1", "the string does not end"),
        ("true", "expected a number, found true"),
        ("null", "expected a number, found null"),
        ("[]", "expected a number, found an array"),
        ("{}", "expected a number, found an object"),
        ("", "expected a number, found the end of the text"),
        ("NaN", "expected a number, found NaN"),
        ("\"NaN\"", "expected a number, found \"NaN\""),
        ("1 2", "expected the end of the text, found 2"),
    ] {
        refuse(text, |reader| reader.i32(), message);
    }
    refuse("-1", |reader| reader.u32(), "expected a non-negative integer of 32 bits, found -1");
    refuse("4294967296", |reader| reader.u32(), "expected a non-negative integer of 32 bits, found 4294967296");
    refuse("-1", |reader| reader.u64(), "expected a non-negative integer of 64 bits, found -1");
    refuse(
        "18446744073709551616",
        |reader| reader.u64(),
        "expected a non-negative integer of 64 bits, found 18446744073709551616",
    );
    refuse("9223372036854775808", |reader| reader.i64(), "expected an integer of 64 bits, found 9223372036854775808");
    refuse("-9223372036854775809", |reader| reader.i64(), "expected an integer of 64 bits, found -9223372036854775809");
}

#[test]
fn floats() {
    for (text, value) in [
        ("0", 0.0),
        ("1", 1.0),
        ("-1.5", -1.5),
        ("\"1.5\"", 1.5),
        ("1e3", 1000.0),
        ("1.5e-3", 0.0015),
        ("0.1", 0.1),
        ("123456789.125", 123_456_789.125),
        ("3.141592653589793238462643383279", std::f64::consts::PI),
        ("1e23", 1e23),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("1.7976931348623157e308", f64::MAX),
        ("-1.7976931348623157e308", f64::MIN),
        ("5e-324", 5e-324),
        ("1e-400", 0.0),
        ("2.2250738585072014e-308", f64::MIN_POSITIVE),
        ("\"Infinity\"", f64::INFINITY),
        ("\"-Infinity\"", f64::NEG_INFINITY),
    ] {
        check(text, |reader| reader.f64(), value);
    }
    assert!(whole("\"NaN\"", |reader| reader.f64()).unwrap().is_nan());
    assert!(whole("-0", |reader| reader.f64()).unwrap().is_sign_negative());
    check("1.1", |reader| reader.f32(), 1.1);
    check("16777217", |reader| reader.f32(), 16_777_216.0);
    check("3.4028234663852886e38", |reader| reader.f32(), f32::MAX);
    check("1e-46", |reader| reader.f32(), 0.0);
    refuse("1e39", |reader| reader.f32(), "expected a number within the range of a float, found 1e39");
    refuse("\"1e39\"", |reader| reader.f32(), "expected a number within the range of a float, found \"1e39\"");
    refuse("1e309", |reader| reader.f64(), "expected a number within the range of a double, found 1e309");
    refuse("-1e309", |reader| reader.f64(), "expected a number within the range of a double, found -1e309");
    for text in ["Infinity", "-Infinity", "NaN", "inf", "\"nan\"", "\"inf\"", "\"+Infinity\"", "\"\"", "\"1 \"", "00"] {
        refuse(text, |reader| reader.f64(), &format!("expected a number, found {text}"));
    }
}

/// Every power of ten and many mantissas: the short way must round as the standard library does.
#[test]
fn floats_round_correctly() {
    for mantissa in [1_u64, 3, 7, 10, 99, 123_456_789, (1 << 24) + 1, (1 << 53) - 1, 1 << 53, (1 << 53) + 1, u64::MAX] {
        for exponent in -60..60 {
            for text in [format!("{mantissa}e{exponent}"), format!("-{mantissa}.25e{exponent}")] {
                check(&text, |reader| reader.f64(), text.parse().unwrap());
                let expected: f32 = text.parse().unwrap();
                if expected.is_finite() {
                    check(&text, |reader| reader.f32(), expected);
                }
            }
        }
    }
}

#[test]
fn strings() {
    for (text, value) in [
        (r#""""#, ""),
        (r#""abc""#, "abc"),
        (r#""12345678""#, "12345678"),
        (r#""žluťoučký 🐎 / ' \u007f""#, "žluťoučký 🐎 / ' \u{7f}"),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""a\u00e9b\u0000c""#, "aéb\0c"),
        (r#""\ud83d\udc0e\uD83D\uDC0E""#, "🐎🐎"),
        (
            r#""plain text of some length\nand more of it behind the escape""#,
            "plain text of some length\nand more of it behind the escape",
        ),
    ] {
        check(text, |reader| reader.string().map(String::from), value.to_owned());
    }
    for (text, message) in [
        (r#""abc"#, "the string does not end"),
        (r#""abc\"#, "the string has an escape that JSON does not know"),
        (r#""\x""#, "the string has an escape that JSON does not know"),
        (r#""\u12""#, "the string does not end"),
        (r#""\u12"#, "the string does not end"),
        (r#""\u+123""#, "`\\u` must be followed by four hexadecimal digits"),
        (r#""\ud83d""#, "the string has half of a surrogate pair"),
        (r#""\ud83dx""#, "the string has half of a surrogate pair"),
        (r#""\ud83d\n""#, "the string has half of a surrogate pair"),
        (r#""\ud83d\ud83d""#, "the string has half of a surrogate pair"),
        (r#""\udc0e""#, "the string has half of a surrogate pair"),
        ("\"a\nb\"", "a control character in a string must be escaped"),
        ("\"a\0b\"", "a control character in a string must be escaped"),
        ("\"\u{1f}\"", "a control character in a string must be escaped"),
        ("'a'", "expected a string, found `'`"),
        ("a", "expected a string, found a"),
    ] {
        refuse(text, |reader| reader.string().map(String::from), message);
        refuse(text, |reader| reader.skip().map(String::from), &message.replace("a string,", "a value,"));
    }
}

#[test]
fn strings_are_borrowed_unless_escaped() {
    let borrowed = |text| matches!(reader(text).string().unwrap(), std::borrow::Cow::Borrowed(_));
    assert!(borrowed(r#""plain""#));
    assert!(!borrowed(r#""esc\n""#));
}

#[test]
fn literals() {
    check("true", |reader| reader.bool(), true);
    check("false", |reader| reader.bool(), false);
    check("null", |reader| reader.null(), true);
    for text in ["True", "truex", "tru", "1", "\"true\"", "null", ""] {
        assert!(whole(text, |reader| reader.bool()).is_err(), "{text}");
    }
    for text in ["nul", "nullx", "NULL"] {
        assert!(whole(text, |reader| reader.null().map(|null| assert!(!null))).is_err(), "{text}");
    }
}

#[test]
fn peeking() {
    for (text, kind) in [
        ("{", Kind::Object),
        (" [", Kind::Array),
        ("\n\"", Kind::String),
        ("-", Kind::Number),
        ("7", Kind::Number),
        ("t", Kind::Bool),
        ("f", Kind::Bool),
        ("n", Kind::Null),
        ("  ", Kind::End),
        ("#", Kind::Invalid),
        ("é", Kind::Invalid),
    ] {
        assert_eq!(reader(text).peek(), kind);
    }
}

/// Reads any value the long way and writes its structure down.
fn outline(reader: &mut Reader<'_>, out: &mut String) -> Result<()> {
    match reader.peek() {
        Kind::Object => {
            out.push('{');
            reader.begin_object()?;
            while let Some(key) = reader.next_key()? {
                out.push_str(&key);
                out.push(':');
                outline(reader, out)?;
            }
            out.push('}');
        }
        Kind::Array => {
            out.push('[');
            reader.begin_array()?;
            while reader.next_element()? {
                outline(reader, out)?;
            }
            out.push(']');
        }
        _ => out.push_str(reader.skip()?),
    }
    Ok(())
}

#[test]
fn structure() {
    for (text, expected) in [
        ("{}", "{}"),
        ("[]", "[]"),
        ("[ ]", "[]"),
        ("{ }", "{}"),
        (r#"{"a":1}"#, "{a:1}"),
        (r#" { "a" : [ 1 , { "b" : [ ] , "c" : { } } , [ [ ] ] ] , "d" : "x" } "#, r#"{a:[1{b:[]c:{}}[[]]]d:"x"}"#),
        (r#"{"\u0061":1}"#, "{a:1}"),
        (r#"{"":null}"#, "{:null}"),
    ] {
        let read = |reader: &mut Reader<'_>| {
            let mut out = String::new();
            outline(reader, &mut out).map(|()| out)
        };
        check(text, read, expected.to_owned());
        assert_eq!(whole(text, Reader::skip), Ok(text.trim()));
    }
}

#[test]
fn broken_structure() {
    for (text, message) in [
        ("{", "expected a key in quotes, found the end of the text"),
        ("[", "[0]: expected a value, found the end of the text"),
        ("[1", "[0]: expected `,` or `]`, found the end of the text"),
        ("[1,", "[1]: expected a value, found the end of the text"),
        ("[1,]", "[1]: expected a value, found `]`"),
        ("[,1]", "[0]: expected a value, found `,`"),
        ("[1 2]", "[0]: expected `,` or `]`, found 2"),
        ("[1}", "[0]: expected `,` or `]`, found `}`"),
        (r#"{"a"}"#, "a: expected `:`, found `}`"),
        (r#"{"a":}"#, "a: expected a value, found `}`"),
        (r#"{"a":1"#, "a: expected `,` or `}`, found the end of the text"),
        (r#"{"a":1,}"#, "expected a key in quotes, found `}`"),
        (r#"{,"a":1}"#, "expected a key in quotes, found `,`"),
        (r#"{"a":1 "b":2}"#, "a: expected `,` or `}`, found \"b\""),
        (r#"{"a":1]"#, "a: expected `,` or `}`, found `]`"),
        ("{a:1}", "expected a key in quotes, found a"),
        ("{'a':1}", "expected a key in quotes, found `'`"),
        ("{1:1}", "expected a key in quotes, found 1"),
        ("{} {}", "expected the end of the text, found an object"),
        ("[]]", "expected the end of the text, found `]`"),
        ("// x\n1", "expected a value, found `/`"),
        ("\u{feff}1", "expected a value, found `\\u{feff}`"),
        ("\u{a0}1", "expected a value, found `\\u{a0}`"),
        ("\u{0}", "expected a value, found `\\0`"),
        ("undefined", "expected a value, found undefined"),
    ] {
        let error = whole(text, Reader::skip).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn depth() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    for nested in [&nested as &dyn Fn(usize) -> String, &objects] {
        assert!(whole(&nested(100), Reader::skip).is_ok());
        let error = whole(&nested(101), Reader::skip).unwrap_err();
        assert_eq!(error.problem(), "nests deeper than the limit of 100");
    }
    // Leaving gives the level back.
    let wide = format!("[{}[]]", "[],".repeat(1000));
    assert!(whole(&wide, Reader::skip).is_ok());
    // However deep the text is, the stack is not.
    let error = whole(&"[".repeat(1_000_000), Reader::skip).unwrap_err();
    assert_eq!(error.problem(), "nests deeper than the limit of 100");
    let shallow = ReadOptions { depth: 1, ..ReadOptions::default() };
    assert!(Reader::new("[[]]", &shallow).skip().is_err());
    assert!(Reader::new("[1]", &shallow).skip().is_ok());
}

#[test]
fn errors_have_offsets() {
    let error = whole(r#"{"a": [1, x]}"#, Reader::skip).unwrap_err();
    assert_eq!((error.offset(), error.path()), (10, "a[1]"));
}

/// Whatever the bytes are, reading ends without a panic: every prefix, and every byte replaced.
#[test]
fn mutations_never_panic() {
    let text = r#"{"a": [1, -2.5e3, "x\n\u00e9\ud83d\udc0e", true, null, {"b": {}, "č": "ž"}], "c": "AP/+"}"#;
    let exercise = |text: &str| {
        let _ = whole(text, Reader::skip);
        let _ = whole(text, |reader| outline(reader, &mut String::new()));
        let _ = whole(text, |reader| reader.i32());
        let _ = whole(text, |reader| reader.f64());
    };
    for (at, _) in text.char_indices() {
        exercise(&text[..at]);
        exercise(&text[at..]);
        for replacement in
            ["", "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", "e", ".", "\0", "é", "🐎", "\\u", "\\ud800"]
        {
            let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
            exercise(&format!("{}{replacement}{}", &text[..at], &text[end..]));
            exercise(&format!("{}{replacement}{}", &text[..at], &text[at..]));
        }
    }
}
