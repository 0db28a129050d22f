use super::{HEADERS, ack, check, echoed, refused, reply};
use serde_json::{Value, json};

/// A message `types` with this body.
fn types(body: &str) -> String {
    format!(r#"{{"headers": {{"messageType": "types", "ack": true, "uuid": "u"}}, "body": {body}}}"#)
}

fn understood(value: Value) -> Vec<Value> {
    vec![reply("types-reply", json!({"value": value, "pythonRepr": "*"})), ack()]
}

#[tokio::test]
async fn bodies_that_are_no_object() {
    let echo = |body: &str| format!(r#"{{"headers": {{{HEADERS}}}, "body": {body}}}"#);
    let mut cases = Vec::new();
    for body in ["null", "{}", "{ \r\n\t}"] {
        cases.push((echo(body), echoed("")));
    }
    for (body, reason) in [
        ("5", "body: expected an object, found 5"),
        ("-0.5e3", "body: expected an object, found -0.5e3"),
        ("true", "body: expected an object, found true"),
        ("[]", "body: expected an object, found an array"),
        (r#"[{"text": "hi"}]"#, "body: expected an object, found an array"),
        (r#""{\"text\": \"hi\"}""#, r#"body: expected an object, found "{\"text\": \"hi\"}""#),
        ("nul", "body: expected an object, found nul"),
        ("nulls", "body: expected an object, found nulls"),
        ("undefined", "body: expected an object, found undefined"),
        ("{]", "body: expected a key in quotes, found `]`"),
        ("{,}", "body: expected a key in quotes, found `,`"),
        ("{5: 6}", "body: expected a key in quotes, found 5"),
        (r#"{"text"}"#, "body.text: expected `:`, found `}`"),
        (r#"{"text": }"#, "body.text: expected a string, found `}`"),
        (r#"{"text": tru}"#, "body.text: expected a string, found tru"),
        (r#"{"text": "a" "n": 1}"#, "body.text: expected `,` or `}`, found \"n\""),
        (r#"{"text": "a",}"#, "body: expected a key in quotes, found `}`"),
        (r#"{"text": "a", "n": 01}"#, "body.n: expected a number, found 01"),
        (r#"{"n": 1, "unknown": [1,]}"#, "body.unknown[1]: expected a value, found `]`"),
        (r#"{"n": 1, "unknown": {"a" 1}}"#, "body.unknown.a: expected `:`, found 1"),
        (r#"{"n": 1, "unknown": +1}"#, "body.unknown: expected a value, found +1"),
        (r#"{"n": 1, "unknown": "\q"}"#, "body.unknown: the string has an escape that JSON does not know"),
        ("{\"text\": \"a\tb\"}", "body.text: a control character in a string must be escaped"),
        ("{\"text\": \"a\0b\"}", "body.text: a control character in a string must be escaped"),
        (r#"{"text": "\ud83d"}"#, "body.text: the string has half of a surrogate pair"),
        (r#"{"text": "\ud83d\ud83d"}"#, "body.text: the string has half of a surrogate pair"),
        (r#"{"text": "\ude00"}"#, "body.text: the string has half of a surrogate pair"),
        (r#"{"text": "\u00"}"#, "body.text: `\\u` must be followed by four hexadecimal digits"),
        (r#"{"a b": 1, "text": 1}"#, "body.text: expected a string, found 1"),
        (r#"{"a b": [tru]}"#, "body[\"a b\"][0]: expected a value, found tru"),
    ] {
        cases.push((echo(body), vec![refused(400, reason)]));
    }
    check(cases).await;
}

#[tokio::test]
async fn fields_of_the_wrong_kind() {
    let cases = [
        (r#"{"i32": true}"#, "body.i32: expected a number, found true"),
        (r#"{"i32": "abc"}"#, "body.i32: expected a number, found \"abc\""),
        (r#"{"i32": ""}"#, "body.i32: expected a number, found \"\""),
        (r#"{"i32": " 1"}"#, "body.i32: expected a number, found \" 1\""),
        (r#"{"i32": "0x10"}"#, "body.i32: expected a number, found \"0x10\""),
        (r#"{"i32": [1]}"#, "body.i32: expected a number, found an array"),
        (r#"{"i32": {}}"#, "body.i32: expected a number, found an object"),
        (r#"{"i32": 1.5}"#, "body.i32: expected an integer, found 1.5"),
        (r#"{"i32": 1e-1}"#, "body.i32: expected an integer, found 1e-1"),
        (r#"{"i32": "1.5"}"#, "body.i32: expected an integer, found \"1.5\""),
        (r#"{"i32": 2147483648}"#, "body.i32: expected an integer of 32 bits, found 2147483648"),
        (r#"{"i32": -2147483649}"#, "body.i32: expected an integer of 32 bits, found -2147483649"),
        (r#"{"i32": 1e10}"#, "body.i32: expected an integer of 32 bits, found 1e10"),
        (r#"{"i32": 1e999999999999}"#, "body.i32: expected an integer of 32 bits, found 1e999999999999"),
        (r#"{"i32": 1.}"#, "body.i32: expected a number, found 1."),
        (r#"{"i32": .5}"#, "body.i32: expected a number, found .5"),
        (r#"{"i32": +1}"#, "body.i32: expected a number, found +1"),
        (r#"{"i32": -}"#, "body.i32: expected a number, found -"),
        (r#"{"i32": 1e}"#, "body.i32: expected a number, found 1e"),
        (r#"{"i32": NaN}"#, "body.i32: expected a number, found NaN"),
        (r#"{"i32": "NaN"}"#, "body.i32: expected a number, found \"NaN\""),
        (r#"{"u32": -1}"#, "body.u32: expected a non-negative integer of 32 bits, found -1"),
        (r#"{"u32": 4294967296}"#, "body.u32: expected a non-negative integer of 32 bits, found 4294967296"),
        (r#"{"i64": 9223372036854775808}"#, "body.i64: expected an integer of 64 bits, found 9223372036854775808"),
        (
            r#"{"i64": "-9223372036854775809"}"#,
            "body.i64: expected an integer of 64 bits, found \"-9223372036854775809\"",
        ),
        (
            r#"{"u64": 18446744073709551616}"#,
            "body.u64: expected a non-negative integer of 64 bits, found 18446744073709551616",
        ),
        (r#"{"u64": "-1"}"#, "body.u64: expected a non-negative integer of 64 bits, found \"-1\""),
        (r#"{"flt": 1e39}"#, "body.flt: expected a number within the range of a float, found 1e39"),
        (r#"{"dbl": 1e309}"#, "body.dbl: expected a number within the range of a double, found 1e309"),
        (r#"{"dbl": "-1e309"}"#, "body.dbl: expected a number within the range of a double, found \"-1e309\""),
        (r#"{"dbl": NaN}"#, "body.dbl: expected a number, found NaN"),
        (r#"{"dbl": -Infinity}"#, "body.dbl: expected a number, found -Infinity"),
        (r#"{"dbl": "nan"}"#, "body.dbl: expected a number, found \"nan\""),
        (r#"{"dbl": "inf"}"#, "body.dbl: expected a number, found \"inf\""),
        (r#"{"flag": 1}"#, "body.flag: expected `true` or `false`, found 1"),
        (r#"{"flag": "true"}"#, "body.flag: expected `true` or `false`, found \"true\""),
        (r#"{"flag": truex}"#, "body.flag: expected `true` or `false`, found truex"),
        (r#"{"strv": 5}"#, "body.strv: expected a string, found 5"),
        (r#"{"strv": ["a"]}"#, "body.strv: expected a string, found an array"),
        (r#"{"raw": "A"}"#, "body.raw: expected base64, found \"A\""),
        (r#"{"raw": "AA=A"}"#, "body.raw: expected base64, found \"AA=A\""),
        (r#"{"raw": "AA AA"}"#, "body.raw: expected base64, found \"AA AA\""),
        (r#"{"raw": "ä"}"#, "body.raw: expected base64, found \"ä\""),
        (r#"{"raw": [1, 2]}"#, "body.raw: expected a string, found an array"),
        (r#"{"color": true}"#, "body.color: expected one of color_none, RED, darkGreen, NEG, found true"),
        (r#"{"color": 1.5}"#, "body.color: expected one of color_none, RED, darkGreen, NEG, found 1.5"),
        (r#"{"color": 2147483648}"#, "body.color: expected one of color_none, RED, darkGreen, NEG, found 2147483648"),
        (r#"{"color": ["RED"]}"#, "body.color: expected one of color_none, RED, darkGreen, NEG, found an array"),
        (r#"{"inner": []}"#, "body.inner: expected an object, found an array"),
        (r#"{"inner": "in"}"#, "body.inner: expected an object, found \"in\""),
        (r#"{"inner": {"big": 0.1}}"#, "body.inner.big: expected an integer, found 0.1"),
        (r#"{"repInner": [{}, {"big": "x"}]}"#, "body.repInner[1].big: expected a number, found \"x\""),
        (r#"{"repInner": {}}"#, "body.repInner: expected an array, found an object"),
        (r#"{"repInner": [[]]}"#, "body.repInner[0]: expected an object, found an array"),
        (r#"{"repI32": [1, 2, "x"]}"#, "body.repI32[2]: expected a number, found \"x\""),
        (r#"{"repI32": 1}"#, "body.repI32: expected an array, found 1"),
        (r#"{"repI32": [1 2]}"#, "body.repI32[0]: expected `,` or `]`, found 2"),
        (r#"{"repI32": [1,]}"#, "body.repI32[1]: expected a value, found `]`"),
        (r#"{"repI32": [,1]}"#, "body.repI32[0]: expected a number, found `,`"),
        (r#"{"mapSs": []}"#, "body.mapSs: expected an object, found an array"),
        (r#"{"mapSs": {"a": 1}}"#, "body.mapSs.a: expected a string, found 1"),
        (r#"{"mapSl": {"a key": "x"}}"#, "body.mapSl[\"a key\"]: expected a number, found \"x\""),
        (r#"{"mapIs": {"x": "a"}}"#, "body.mapIs.x: expected a key that is an integer of 32 bits"),
        (r#"{"mapIs": {"2147483648": "a"}}"#, "body.mapIs.2147483648: expected a key that is an integer of 32 bits"),
        (
            r#"{"mapSi": {"m": {"color": {}}}}"#,
            "body.mapSi.m.color: expected one of color_none, RED, darkGreen, NEG, found an object",
        ),
        (
            r#"{"ts": "yesterday"}"#,
            "body.ts: expected a time such as \"2024-02-29T12:30:45.5Z\" of the years 1 to 9999, found \"yesterday\"",
        ),
        (
            r#"{"ts": "2024-13-01T00:00:00Z"}"#,
            "body.ts: expected a time such as \"2024-02-29T12:30:45.5Z\" of the years 1 to 9999, found \"2024-13-01T00:00:00Z\"",
        ),
        (
            r#"{"ts": "0000-01-01T00:00:00Z"}"#,
            "body.ts: expected a time such as \"2024-02-29T12:30:45.5Z\" of the years 1 to 9999, found \"0000-01-01T00:00:00Z\"",
        ),
        (r#"{"ts": 5}"#, "body.ts: expected a string, found 5"),
        (r#"{"ts": {"seconds": "x"}}"#, "body.ts.seconds: expected a number, found \"x\""),
        (
            r#"{"ts": {"seconds": 9223372036854775807}}"#,
            "body.ts: a timestamp of 9223372036854775807 s and 0 ns is not of the years 1 to 9999",
        ),
        (r#"{"dur": "5"}"#, "body.dur: expected a duration such as \"90.5s\" of at most 315576000000s, found \"5\""),
        (
            r#"{"dur": "1e3s"}"#,
            "body.dur: expected a duration such as \"90.5s\" of at most 315576000000s, found \"1e3s\"",
        ),
        (
            r#"{"dur": "99999999999999s"}"#,
            "body.dur: expected a duration such as \"90.5s\" of at most 315576000000s, found \"99999999999999s\"",
        ),
        (
            r#"{"dur": {"seconds": 1, "nanos": -1}}"#,
            "body.dur: 1 s and -1 ns are no duration of at most 315576000000 s",
        ),
        (r#"{"wI64": "x"}"#, "body.wI64: expected a number, found \"x\""),
        (r#"{"wI64": {"value": "x"}}"#, "body.wI64.value: expected a number, found \"x\""),
        (r#"{"cText": "a", "cNum": 5}"#, "body.cNum: another field of the same oneof is there already"),
        (r#"{"i32": 1, "i32": 2}"#, "body.i32: the field is there twice"),
        (r#"{"a_b_c": "a", "aBC": "b"}"#, "body.aBC: the field is there twice"),
        (r#"{"repI32": [], "rep_i32": []}"#, "body.rep_i32: the field is there twice"),
        (r#"{"inner": {"name": "a", "name": "b"}}"#, "body.inner.name: the field is there twice"),
    ];
    check(cases.map(|(body, reason)| (types(body), vec![refused(400, reason)]))).await;
}

#[tokio::test]
async fn numbers_without_end_and_nesting_without_bottom() {
    let digits = "7".repeat(100_000);
    let shown = "7".repeat(40);
    let trees = |depth: usize| {
        let (open, close) = (r#"{"children":["#.repeat(depth), "]}".repeat(depth));
        format!(r#"{{"trees": [{open}{close}]}}"#)
    };
    let arrays = |depth: usize| format!(r#"{{"strv": "a", "unknown": {}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let too_deep = |path: &str, step: &str, steps: usize| {
        vec![refused(400, &format!("{path}{}: nests deeper than the limit of 100", step.repeat(steps)))]
    };
    let mut nested = json!({});
    for _ in 0..48 {
        nested = json!({"children": [nested]});
    }
    check([
        (
            types(&format!(r#"{{"i64": {digits}}}"#)),
            vec![refused(400, &format!("body.i64: expected an integer of 64 bits, found {shown}…"))],
        ),
        (
            types(&format!(r#"{{"inner": {{"big": "-{digits}"}}}}"#)),
            vec![refused(400, &format!("body.inner.big: expected an integer of 64 bits, found \"-{}…", &shown[2..]))],
        ),
        (
            types(&format!(r#"{{"dbl": {digits}}}"#)),
            vec![refused(400, &format!("body.dbl: expected a number within the range of a double, found {shown}…"))],
        ),
        (types(&format!(r#"{{"dbl": 0.{digits}}}"#)), understood(json!({"dbl": 0.777_777_777_777_777_8}))),
        (types(&format!(r#"{{"dbl": 0.{}1}}"#, "0".repeat(100_000))), understood(json!({}))),
        // The body is the first level, then arrays and objects alternate.
        (types(&trees(49)), understood(json!({"trees": [nested]}))),
        (types(&trees(50)), too_deep("body.trees[0]", ".children[0]", 49)),
        (types(&trees(30_000)), too_deep("body.trees[0]", ".children[0]", 49)),
        (types(&arrays(99)), understood(json!({"strv": "a"}))),
        (types(&arrays(100)), too_deep("body.unknown", "[0]", 99)),
        (types(&arrays(400_000)), too_deep("body.unknown", "[0]", 99)),
    ])
    .await;
}

/// Leniency that proto3 JSON asks for, or that clients in the field depend on.
#[tokio::test]
async fn bodies_that_are_understood_all_the_same() {
    let cases = [
        (r#"{"i32": "5", "i64": 5, "u32": 5.0, "u64": "5e0"}"#, json!({"i32": 5, "i64": "5", "u32": 5, "u64": "5"})),
        (r#"{"i32": 12.0, "s32": -1.20e1, "i64": 1e18}"#, json!({"i32": 12, "s32": -12, "i64": "1000000000000000000"})),
        (r#"{"i32": -0, "u32": -0.0, "dbl": 0}"#, json!({})),
        (
            r#"{"i64": -9223372036854775808, "u64": 18446744073709551615}"#,
            json!({"i64": "-9223372036854775808", "u64": "18446744073709551615"}),
        ),
        (r#"{"flt": "NaN", "dbl": "-Infinity"}"#, json!({"flt": "NaN", "dbl": "-Infinity"})),
        (r#"{"dbl": 1e-999}"#, json!({})),
        (r#"{"i32": null, "strv": null, "repI32": null, "inner": null, "mapSs": null, "ts": null}"#, json!({})),
        (r#"{"color": "PURPLE", "strv": "a"}"#, json!({"strv": "a"})),
        (r#"{"color": "red"}"#, json!({})),
        (r#"{"repColor": ["RED", "PURPLE", "darkGreen"]}"#, json!({"repColor": ["RED", "darkGreen"]})),
        (r#"{"mapSc": {"a": "RED", "b": "PURPLE"}}"#, json!({"mapSc": {"a": "RED"}})),
        (r#"{"color": 1, "repColor": [77, -1, "2"]}"#, json!({"color": "RED", "repColor": [77, "NEG"]})),
        (r#"{"raw": "-_-_", "repRaw": ["AA", "AA==", ""]}"#, json!({"raw": "+/+/", "repRaw": ["AA==", "AA==", ""]})),
        (r#"{"unknown": {"deep": [{}]}, "i33": 5, "": 1, "strv": "a"}"#, json!({"strv": "a"})),
        (r#"{"unknown": 1, "unknown": 2}"#, json!({})),
        // A name is known by its spellings, and no other.
        (r#"{"camelName": "a", "camel_name": "b", "httpCode": "c"}"#, json!({"camelName": "a"})),
        (r#"{"mapSs": {"a": "1", "a": "2"}}"#, json!({"mapSs": {"a": "2"}})),
        (r#"{"mapIs": {"1": "a", "1.0": "b"}}"#, json!({"mapIs": {"1": "b"}})),
        (r#"{"mapSs": {"__proto__": "x", "": "\u0000"}}"#, json!({"mapSs": {"__proto__": "x", "": "\0"}})),
        (r#"{"cText": null, "cNum": 5}"#, json!({"cNum": 5})),
        (r#"{"str\u0076": "a"}"#, json!({"strv": "a"})),
        (
            r#"{"map_ss": {"k": "v"}, "rep_i32": [1], "with2Digit": "w"}"#,
            json!({"mapSs": {"k": "v"}, "repI32": [1], "with_2Digit": "w"}),
        ),
        ("{\"strv\": \"\u{2028}\u{7f}\u{feff}\u{10ffff}\"}", json!({"strv": "\u{2028}\u{7f}\u{feff}\u{10ffff}"})),
    ];
    check(cases.map(|(body, value)| (types(body), understood(value)))).await;
}
