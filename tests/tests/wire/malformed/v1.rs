use demo_server::pb;
use futures_util::{SinkExt as _, StreamExt as _};
use psd_core::{
    Settings,
    proto::{
        common::{
            psd::v1::{Envelope, Headers, RequestResult},
            socket_api::ProtocolError,
        },
        envelope::compression,
        prost::Message as _,
    },
};
use psd_tests::{DEADLINE, Running, Socket};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// A server of both forms, on which nothing unreadable closes a connection: that is shown for classic.
async fn start() -> Running {
    let settings = Settings::default().protocol_errors_per_minute(u32::MAX).max_frame_bytes(1 << 16);
    Running::start(demo_server::server(settings)).await
}

async fn connect(running: &Running, subprotocols: &str) -> Socket {
    psd_tests::connect(&format!("ws://{}/ws", running.address()), Some(subprotocols)).await
}

async fn message(client: &mut Socket) -> Message {
    tokio::time::timeout(DEADLINE, client.next()).await.expect("the server answers").unwrap().unwrap()
}

/// An envelope in a few words: its type, its uuid, how its request ended, and what a protocol error says.
fn in_words(envelope: &Envelope) -> String {
    let headers = envelope.headers.clone().unwrap_or_default();
    let mut words = headers.message_type.clone();
    if !headers.uuid.is_empty() {
        words = format!("{words} {}", headers.uuid);
    }
    if headers.message_type == "protocol-error" {
        words = format!("{words}: {}", ProtocolError::decode(&*envelope.body).unwrap().error_message);
    }
    match headers.result {
        None => words,
        Some(RequestResult { error_message, .. }) if error_message.is_empty() => format!("{words}, ok"),
        Some(RequestResult { error_message, error_code }) => format!("{words}, {error_code}: {error_message}"),
    }
}

/// The same of an envelope in JSON.
fn json_in_words(envelope: &Value) -> String {
    let headers = &envelope["headers"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let result = headers.get("result").map(|result| RequestResult {
        error_message: text(&result["errorMessage"]),
        error_code: i32::try_from(result["errorCode"].as_i64().unwrap_or_default()).unwrap(),
    });
    let error = ProtocolError { error_message: text(&envelope["body"]["errorMessage"]), error_code: 400 };
    let headers = Headers {
        message_type: text(&headers["messageType"]),
        uuid: text(&headers["uuid"]),
        result,
        ..Headers::default()
    };
    in_words(&Envelope { headers: Some(headers), body: error.encode_to_vec(), ..Envelope::default() })
}

#[tokio::test]
async fn json_frames() {
    let running = start().await;
    let mut client = connect(&running, "psd.v1.json").await;
    assert_eq!(
        json_in_words(&serde_json::from_str(message(&mut client).await.to_text().unwrap()).unwrap()),
        "psd.welcome"
    );
    let echo = |more: &str| format!(r#"{{"headers": {{"messageType": "open-echo", "uuid": "u", "ack": true{more}}}}}"#);
    let many = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
    let long = "x".repeat(257);
    for (text, mut expected) in [
        ("nonsense".to_owned(), vec!["protocol-error: expected an object, found nonsense"]),
        (String::new(), vec!["protocol-error: expected an object, found the end of the text"]),
        ("5".into(), vec!["protocol-error: expected an object, found 5"]),
        ("{}".into(), vec!["protocol-error: `headers` is missing"]),
        (r#"{"headers": {}}"#.into(), vec!["protocol-error: `headers.messageType` is missing"]),
        ("[]".into(), vec![]),
        ("[".into(), vec!["protocol-error: [0]: expected a value, found the end of the text"]),
        ("[null]".into(), vec!["protocol-error: expected an object, found null"]),
        ("[[]]".into(), vec!["protocol-error: expected an object, found an array"]),
        (
            format!("[{}, 5, {}]", echo(""), echo("")),
            vec!["echo-reply u, ok", "protocol-error: expected an object, found 5", "echo-reply u, ok"],
        ),
        (format!("[{},]", echo("")), vec!["protocol-error: [1]: expected a value, found `]`", "echo-reply u, ok"]),
        (
            format!("[{}", echo("")),
            vec!["protocol-error: [0]: expected `,` or `]`, found the end of the text", "echo-reply u, ok"],
        ),
        (
            format!("[{}]]", echo("")),
            vec!["protocol-error: expected the end of the text, found `]`", "echo-reply u, ok"],
        ),
        (
            echo(&format!(r#", "uuid": "{long}""#)),
            vec!["protocol-error: `headers.uuid` has 257 bytes; 256 are allowed"],
        ),
        (echo(r#", "deadlineMs": "soon""#), vec!["echo-reply u, ok"]),
        (echo(r#", "deadlineMs": -1"#), vec!["echo-reply u, ok"]),
        (echo(r#", "deadlineMs": 1e300, "traceparent": null"#), vec!["echo-reply u, ok"]),
        (echo(r#", "traceparent": 5"#), vec!["protocol-error: headers.traceparent: expected a string, found 5"]),
        (echo("").replace("}}", r#"}, "seq": -1, "seen": {}, "body": null}"#), vec!["echo-reply u, ok"]),
        (
            echo("").replace("}}", r#"}, "seq": 18446744073709551616, "body": nul}"#),
            vec!["ack u, 400: body: expected an object, found nul"],
        ),
        (
            echo("").replace("open-echo", "echo").replace("}}", r#"}, "body": nul}"#),
            vec!["ack u, 401: authentication required"],
        ),
        (echo("").replace("open-echo", "psd.from-the-future"), vec![]),
        (echo("").replace("open-echo", "psd.cancel"), vec![]),
        (r#"{"headers": {"messageType": "psd.cancel"}}"#.into(), vec![]),
        (echo("").replace("open-echo", "psd.heartbeat"), vec!["psd.heartbeat"]),
        (echo("").replace("open-echo", "welcome"), vec!["ack u, 404: unknown message type `welcome`"]),
        (many(255), vec!["protocol-error: `headers` is missing"; 255]),
        (
            many(257),
            [
                vec!["protocol-error: a frame holds at most 256 envelopes"],
                vec!["protocol-error: `headers` is missing"; 256],
            ]
            .concat(),
        ),
    ] {
        client.send(Message::text(text.clone())).await.unwrap();
        let settle = json!({"headers": {"messageType": "open-echo", "uuid": "settle", "ack": true}});
        client.send(Message::text(settle.to_string())).await.unwrap();
        let mut answers = Vec::new();
        loop {
            let answer = json_in_words(&serde_json::from_str(message(&mut client).await.to_text().unwrap()).unwrap());
            if answer == "echo-reply settle, ok" {
                break;
            }
            answers.push(answer);
        }
        // What is wrong with a frame is said as soon as it is seen, mostly before its envelopes have had their turn.
        answers.sort();
        expected.sort_unstable();
        assert_eq!(answers, expected, "{}", &text[..text.len().min(200)]);
    }
    client.send(Message::binary(b"\0".to_vec())).await.unwrap();
    let answer = json_in_words(&serde_json::from_str(message(&mut client).await.to_text().unwrap()).unwrap());
    assert_eq!(answer, "protocol-error: a binary frame: this protocol uses text frames");
}

/// A frame of one envelope.
fn frame(envelope: &Envelope) -> Vec<u8> {
    envelope.encode_length_delimited_to_vec()
}

fn request(message_type: &str, uuid: &str, body: &[u8]) -> Envelope {
    let headers = Headers { message_type: message_type.into(), uuid: uuid.into(), ack: true, ..Headers::default() };
    Envelope { headers: Some(headers), body: body.to_vec(), ..Envelope::default() }
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let mut envelope = request("open-echo", "u", body);
    envelope.headers.as_mut().unwrap().compressed = true;
    frame(&envelope)
}

#[tokio::test]
async fn binary_frames() {
    let running = start().await;
    let echo = || frame(&request("open-echo", "u", b""));
    let bomb = compression::deflate(&vec![0; 10 << 20]).unwrap();
    let text = pb::OpenEcho { text: "x".repeat(1000), n: 0 }.encode_to_vec();
    let malformed = "protocol-error: the envelope is no `psd.v1.Envelope`";
    // Tag 1 of the envelope is its headers.
    let headers = |bytes: &[u8]| [&[bytes.len() as u8 + 2, 0x0a, bytes.len() as u8], bytes].concat();
    let cases = [
        ("nothing", vec![], vec![]),
        ("an empty envelope", vec![0], vec!["protocol-error: `headers.messageType` is missing"]),
        (
            "a length without its envelope",
            vec![5],
            vec!["protocol-error: envelope 1 of the frame does not end within it"],
        ),
        ("half a length", vec![0x80], vec!["protocol-error: envelope 1 of the frame does not end within it"]),
        (
            "a length without end",
            vec![0xff; 11],
            vec!["protocol-error: envelope 1 of the frame does not end within it"],
        ),
        (
            "a length beyond memory",
            [&[0xff; 9][..], &[1, 0]].concat(),
            vec!["protocol-error: envelope 1 of the frame does not end within it"],
        ),
        (
            "one and a half",
            [echo(), vec![9, 1]].concat(),
            vec!["echo-reply u, ok", "protocol-error: envelope 2 of the frame does not end within it"],
        ),
        ("field 0", vec![2, 0, 0], vec![malformed]),
        ("a group", vec![1, 0x0b], vec![malformed]),
        ("wire type 7", vec![2, 0x0f, 0], vec![malformed]),
        ("a varint of eleven bytes", [&[12, 0x18][..], &[0xff; 11]].concat(), vec![malformed]),
        ("headers that do not end", vec![2, 0x0a, 9], vec![malformed]),
        ("headers of another kind", vec![2, 0x08, 1], vec!["protocol-error: `headers.messageType` is missing"]),
        ("headers that are none", headers(&[0x0a, 9]), vec!["protocol-error: `headers` is no `psd.v1.Headers`"]),
        (
            "a type that is no UTF-8",
            headers(&[0x0a, 1, 0xff]),
            vec!["protocol-error: `headers.messageType` is not UTF-8"],
        ),
        ("a uuid that is no UTF-8", headers(&[0x12, 1, 0xff]), vec!["protocol-error: `headers.uuid` is not UTF-8"]),
        ("an unknown type", frame(&request("x\n", "u", b"")), vec!["ack u, 404: unknown message type `x\\n`"]),
        (
            "a body cut off",
            frame(&request("open-echo", "u", &[0x0a, 9])),
            vec!["ack u, 400: body: failed to decode Protobuf message: OpenEcho.text: buffer underflow"],
        ),
        (
            "a guarded body cut off",
            frame(&request("echo", "u", &[0x0a, 9])),
            vec!["ack u, 401: authentication required"],
        ),
        (
            "a long uuid",
            frame(&request("open-echo", &"u".repeat(257), b"")),
            vec!["protocol-error: `headers.uuid` has 257 bytes; 256 are allowed"],
        ),
        (
            "compressed nonsense",
            compressed(b"\xff\xff"),
            vec!["ack u, 400: the body is not compressed as `deflate-raw`"],
        ),
        ("compressed nothing", compressed(b""), vec!["ack u, 400: the body is not compressed as `deflate-raw`"]),
        ("a bomb", compressed(&bomb), vec!["ack u, 413: the decompressed body is over the limit of 65536 bytes"]),
        ("compressed well", compressed(&compression::deflate(&text).unwrap()), vec!["echo-reply u, ok"]),
        (
            "257 envelopes",
            vec![0; 257],
            [
                vec!["protocol-error: a frame holds at most 256 envelopes"],
                vec!["protocol-error: `headers.messageType` is missing"; 256],
            ]
            .concat(),
        ),
    ];
    let mut client = connect(&running, "psd.v1.proto, psd.compress.deflate-raw").await;
    let mut mistakes = Vec::new();
    for (what, bytes, mut expected) in cases {
        client.send(Message::binary(bytes)).await.unwrap();
        client.send(Message::binary(frame(&request("open-echo", "settle", b"")))).await.unwrap();
        let mut answers = Vec::new();
        'settled: loop {
            let bytes = message(&mut client).await.into_data();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let answer = in_words(&Envelope::decode_length_delimited(&mut rest).unwrap());
                match answer.as_str() {
                    "psd.welcome" => {}
                    "echo-reply settle, ok" => break 'settled,
                    _ => answers.push(answer),
                }
            }
        }
        answers.sort();
        expected.sort_unstable();
        if answers != expected {
            mistakes.push(format!("{what}: expected {expected:?}, answered {answers:?}"));
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));

    client.send(Message::text("{}")).await.unwrap();
    let bytes = message(&mut client).await.into_data();
    let answer = in_words(&Envelope::decode_length_delimited(&*bytes).unwrap());
    assert_eq!(answer, "protocol-error: a text frame: this protocol uses binary frames");

    let mut plain = connect(&running, "psd.v1.proto").await;
    message(&mut plain).await;
    plain.send(Message::binary(compressed(&compression::deflate(&text).unwrap()))).await.unwrap();
    let bytes = message(&mut plain).await.into_data();
    let answer = in_words(&Envelope::decode_length_delimited(&*bytes).unwrap());
    assert_eq!(answer, "ack u, 400: the body is compressed, which was not negotiated");
}
