use super::{HEADERS, ack, check, echoed, refused, reply, unreadable};
use serde_json::{Value, json};

fn cases(cases: &[(&str, &str)]) -> Vec<(String, Vec<Value>)> {
    cases.iter().map(|(input, reason)| ((*input).to_owned(), vec![unreadable(reason)])).collect()
}

#[tokio::test]
async fn frames_that_hold_no_envelope() {
    check(cases(&[
        ("", "expected an object, found the end of the text"),
        (" \r\n\t ", "expected an object, found the end of the text"),
        ("hello", "expected an object, found hello"),
        ("null", "expected an object, found null"),
        ("true", "expected an object, found true"),
        ("42", "expected an object, found 42"),
        ("\"text\"", "expected an object, found \"text\""),
        ("[]", "expected an object, found an array"),
        (r#"[{"headers": {"messageType": "void"}}]"#, "expected an object, found an array"),
        ("<xml/>", "expected an object, found `<`"),
        ("\u{feff}{}", "expected an object, found `\\u{feff}`"),
        ("\0", "expected an object, found `\\0`"),
        ("{", "expected a key in quotes, found the end of the text"),
        ("{]", "expected a key in quotes, found `]`"),
        ("{,}", "expected a key in quotes, found `,`"),
        ("{headers: {}}", "expected a key in quotes, found headers"),
        ("{'headers': {}}", "expected a key in quotes, found `'`"),
        (r#"{"headers""#, "headers: expected `:`, found the end of the text"),
        (r#"{"headers" {}}"#, "headers: expected `:`, found an object"),
        (r#"{"headers":"#, "headers: expected an object, found the end of the text"),
        (r#"{"headers":}"#, "headers: expected an object, found `}`"),
        (
            r#"{"headers": {"messageType": "void""#,
            "headers.messageType: expected `,` or `}`, found the end of the text",
        ),
        (r#"{"headers": {"messageType": "void"}"#, "headers: expected `,` or `}`, found the end of the text"),
        (r#"{"headers": {"messageType": "void},"#, "headers.messageType: the string does not end"),
        (r#"{"headers": {"messageType": "void",}}"#, "headers: expected a key in quotes, found `}`"),
        (r#"{"headers": {"messageType": "void"},}"#, "expected a key in quotes, found `}`"),
        (r#"{"headers": {"messageType": "void"}, "body": {"#, "body: expected a value that ends, found an object"),
        (
            r#"{"headers": {"messageType": "void"}, "body": {"a": "}"#,
            "body: expected a value that ends, found an object",
        ),
        (r#"{"headers": {"messageType": "void"}, "body": [[[}"#, "body: expected a value that ends, found an array"),
        (r#"{"headers": {"messageType": "void"}, "body": "x}"#, "body: expected a value that ends, found \"x}"),
        (r#"{"headers": {"messageType": "void"}, "body": }"#, "body: expected a value, found `}`"),
        (r#"{"headers": {"messageType": "void"}, "body"}"#, "body: expected `:`, found `}`"),
        (r#"{"headers": {"messageType": "void"}}}"#, "expected the end of the text, found `}`"),
        (r#"{"headers": {"messageType": "void"}}{}"#, "expected the end of the text, found an object"),
        ("{\"headers\": {\"messageType\": \"void\"}}\0", "expected the end of the text, found `\\0`"),
        (r#"{"headers": {"messageType": "void"} "body": {}}"#, "headers: expected `,` or `}`, found \"body\""),
        (
            "{\"headers\": {\"messageType\": \"vo\nid\"}}",
            "headers.messageType: a control character in a string must be escaped",
        ),
        (
            "{\"headers\": {\"messageType\": \"vo\0id\"}}",
            "headers.messageType: a control character in a string must be escaped",
        ),
    ]))
    .await;
}

/// Headers beside which the body is missing.
fn headers(headers: &str) -> String {
    format!(r#"{{"headers": {headers}}}"#)
}

#[tokio::test]
async fn headers_that_cannot_be_read() {
    let cases = [
        ("null", "`headers` is missing"),
        ("[]", "headers: expected an object, found an array"),
        ("\"messageType\"", "headers: expected an object, found \"messageType\""),
        ("7", "headers: expected an object, found 7"),
        ("{}", "`headers.messageType` is missing"),
        (r#"{"messageType": null}"#, "`headers.messageType` is missing"),
        (r#"{"messageType": ""}"#, "`headers.messageType` is missing"),
        (r#"{"messagetype": "void"}"#, "`headers.messageType` is missing"),
        (r#"{"messageType": 5}"#, "headers.messageType: expected a string, found 5"),
        (r#"{"messageType": true}"#, "headers.messageType: expected a string, found true"),
        (r#"{"messageType": ["void"]}"#, "headers.messageType: expected a string, found an array"),
        (r#"{"messageType": {"a": 1}}"#, "headers.messageType: expected a string, found an object"),
        (r#"{"messageType": nul}"#, "headers.messageType: expected a value, found nul"),
        (r#"{"messageType": "vo\xid"}"#, "headers.messageType: the string has an escape that JSON does not know"),
        (r#"{"messageType": "\ud800"}"#, "headers.messageType: the string has half of a surrogate pair"),
        (r#"{"messageType": "\udc00\ud800"}"#, "headers.messageType: the string has half of a surrogate pair"),
        (r#"{"messageType": "\u12g4"}"#, "headers.messageType: `\\u` must be followed by four hexadecimal digits"),
        (r#"{"messageType": "void", "uuid": 5}"#, "headers.uuid: expected a string, found 5"),
        (r#"{"messageType": "void", "uuid": ["u"]}"#, "headers.uuid: expected a string, found an array"),
        (r#"{"messageType": "void", "uuid": {}}"#, "headers.uuid: expected a string, found an object"),
        (r#"{"messageType": "void", "uuid": false}"#, "headers.uuid: expected a string, found false"),
        (r#"{"messageType": "void", "uuid": "\udead"}"#, "headers.uuid: the string has half of a surrogate pair"),
        (r#"{"messageType": "void", "authHeader": 5}"#, "headers.authHeader: expected a string, found 5"),
        (r#"{"messageType": "void", "authHeader": {}}"#, "headers.authHeader: expected a string, found an object"),
        (r#"{"messageType": "void", "ack": }"#, "headers.ack: expected a value, found `}`"),
        (r#"{"messageType": "void", "ack": [}"#, "headers: expected `,` or `}`, found the end of the text"),
        (r#"{"messageType": "void", 5: 6}"#, "headers: expected a key in quotes, found 5"),
    ];
    check(cases.map(|(text, reason)| (headers(text), vec![unreadable(reason)]))).await;

    let long =
        |length| headers(&format!(r#"{{"messageType": "void", "ack": true, "uuid": "{}"}}"#, "ü".repeat(length)));
    check([(long(129), vec![unreadable("`headers.uuid` has 258 bytes; 256 are allowed")])]).await;
}

/// Whatever its headers say besides, a message with a type is handled.
#[tokio::test]
async fn headers_that_are_read_all_the_same() {
    let echo = |more: &str| format!(r#"{{"headers": {{{HEADERS}{more}}}, "body": {{"text": "hi"}}}}"#);
    let mut cases = Vec::new();
    for more in [
        r#", "eventTime": null"#,
        r#", "eventTime": "1795396112099""#,
        r#", "eventTime": "soon", "localTime": []"#,
        r#", "eventTime": {"seconds": 5}"#,
        r#", "eventTime": -1, "localTime": -1e300"#,
        r#", "eventTime": 1e999, "localTime": -1e999"#,
        r#", "eventTime": 17953961120990000000000000000000000000"#,
        r#", "eventTime": 12.5.7, "localTime": 1x"#,
        r#", "eventTime": NaN, "localTime": Infinity"#,
        r#", "retryCount": -5, "apiVersion": 4294967296"#,
        r#", "retryCount": "3", "apiVersion": 1.5"#,
        r#", "retryCount": {}, "apiVersion": [[]]"#,
        r#", "authHeader": null"#,
        r#", "unknown": {"deep": [1, {"er": null}]}"#,
        r#", "unknown": nonsense"#,
        r#", "": "", "\u0000": "\u0000""#,
        r#", "\ud83d\ude00": 1"#,
        r#", "uuid": "v", "uuid": "u""#,
        r#", "messageType": "void", "messageType": "open-echo""#,
        r#", "ack": false, "ack": true"#,
        r#", "\u0061ck": true"#,
        r#", "Ack": false, "UUID": "v""#,
    ] {
        cases.push((echo(more), echoed("hi")));
    }
    cases.push((format!("\r\n\t {} \n", echo("")), echoed("hi")));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    cases.push((echo(&format!(r#", "unknown": {deep}"#)), echoed("hi")));
    cases.push((format!(r#"{{"x": {deep}, "headers": {{{HEADERS}}}, "y": {deep}}}"#), echoed("")));
    // The last of several counts, as in every JavaScript engine; a null is as good as none.
    cases.push((
        format!(r#"{{"headers": {{"messageType": "void", "ack": true}}, "headers": {{{HEADERS}}}}}"#),
        echoed(""),
    ));
    cases.push((format!(r#"{{"headers": {{{HEADERS}}}, "headers": null}}"#), echoed("")));
    cases.push((
        format!(r#"{{"body": {{"text": "a"}}, "headers": {{{HEADERS}}}, "body": {{"text": "b"}}}}"#),
        echoed("b"),
    ));
    cases.push((format!(r#"{{"BODY": {{"text": "a"}}, "headers": {{{HEADERS}}}}}"#), echoed("")));
    cases.push((format!(r#"{{"headers": {{{HEADERS}}}, "body": {{"text": "\u0000\ud83d\ude00"}}}}"#), echoed("\0😀")));
    check(cases).await;
}

#[tokio::test]
async fn only_true_asks_for_an_ack() {
    let open_echo = |ack: &str| {
        format!(r#"{{"headers": {{"messageType": "open-echo", "uuid": "u"{ack}}}, "body": {{"text": "hi"}}}}"#)
    };
    let silent = vec![reply("echo-reply", json!({"text": "hi"}))];
    let mut cases = vec![(open_echo(r#", "ack": true"#), echoed("hi")), (open_echo(r#", "ack":true "#), echoed("hi"))];
    for ack in ["", "false", "null", "1", "0", r#""true""#, r#""false""#, "[]", "[true]", "{}", "tru", "TRUE", "1e0"] {
        let ack = if ack.is_empty() { String::new() } else { format!(r#", "ack": {ack}"#) };
        cases.push((open_echo(&ack), silent.clone()));
    }
    // Whoever wants no ack gets none: not even of a failure.
    for (message_type, body) in [
        ("void", "null"),
        ("fail", r#"{"text": "bad", "code": 7}"#),
        ("boom", "{}"),
        ("echo", "{}"),
        ("open-echo", r#"{"n": "x"}"#),
        ("no-handler", "{}"),
        ("no such type", "{}"),
    ] {
        let text = format!(r#"{{"headers": {{"messageType": "{message_type}", "uuid": "u"}}, "body": {body}}}"#);
        cases.push((text, Vec::new()));
    }
    check(cases).await;
}

#[tokio::test]
async fn uuids_come_back_as_they_were() {
    let mut cases = Vec::new();
    let longest = "é".repeat(128);
    for (text, uuid) in [
        (r#""""#, ""),
        (r#"" ""#, " "),
        (r#""0""#, "0"),
        (r#""null""#, "null"),
        (r#""a\"b\\c\/d""#, "a\"b\\c/d"),
        (r#""\u0000\u001f\n\r\t""#, "\0\u{1f}\n\r\t"),
        (r#""<script>alert(1)</script>""#, "<script>alert(1)</script>"),
        (r#""\u001b[31mred""#, "\u{1b}[31mred"),
        ("\"žščđ 漢字 😀 \u{202e}\u{2028}\"", "žščđ 漢字 😀 \u{202e}\u{2028}"),
        (r#""\uD83D\uDE00""#, "😀"),
        (r#""{\"headers\": {}}""#, r#"{"headers": {}}"#),
        (&format!("\"{longest}\""), &longest),
    ] {
        let frame = |message_type: &str, body: Value| json!({"headers": {"messageType": message_type, "uuid": uuid}, "body": body});
        let input = format!(r#"{{"headers": {{"messageType": "open-echo", "ack": true, "uuid": {text}}}}}"#);
        // A field with its default is left out, also in an ack.
        cases.push((input, vec![frame("echo-reply", json!({})), frame("ack", json!({"uuid": uuid}))]));
    }
    let without = |uuid: &str| format!(r#"{{"headers": {{"messageType": "open-echo", "ack": true{uuid}}}}}"#);
    let answer = || {
        let frame = |message_type: &str| json!({"headers": {"messageType": message_type}, "body": {}});
        vec![frame("echo-reply"), frame("ack")]
    };
    cases.push((without(""), answer()));
    cases.push((without(r#", "uuid": null"#), answer()));
    check(cases).await;
}

#[tokio::test]
async fn types_that_nobody_handles() {
    let cases = [
        ("nonsense", "nonsense"),
        (" open-echo", " open-echo"),
        ("Open-Echo", "Open-Echo"),
        ("open_echo", "open_echo"),
        ("OpenEcho", "OpenEcho"),
        ("demo.OpenEcho", "demo.OpenEcho"),
        ("open-echo\\u0000", "open-echo\\0"),
        ("echo-reply", "echo-reply"),
        ("ack", "ack"),
        ("protocol-error", "protocol-error"),
        ("__proto__", "__proto__"),
        ("a\\nb\\u001b[31m", "a\\nb\\u{1b}[31m"),
        ("\\\"", "\""),
        ("漢字", "漢字"),
    ];
    // The body of what nobody handles is not looked at.
    let input = |message_type: &str| {
        format!(r#"{{"headers": {{"messageType": "{message_type}", "ack": true, "uuid": "u"}}, "body": nonsense}}"#)
    };
    check(
        cases.map(|(written, shown)| (input(written), vec![refused(404, &format!("unknown message type `{shown}`"))])),
    )
    .await;

    let long = "ä".repeat(300_000);
    let shown = format!("unknown message type `{}…`", "ä".repeat(80));
    check([
        (input(&long), vec![refused(404, &shown)]),
        (input("open\\u002decho"), vec![refused(400, "body: expected an object, found nonsense")]),
    ])
    .await;
    let escaped = r#"{"headers": {"messageType": "\u006fpen-echo", "ack": true, "uuid": "u"}}"#;
    check([(escaped.to_owned(), vec![reply("echo-reply", json!({})), ack()])]).await;
}
