use psd_core::Settings;
use tokio::runtime::Runtime;

use crate::fixture::{failure, psd, success};

const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/demo-server/proto");

/// The demo server on a free port, and the runtime it lives on.
fn demo_server() -> (Runtime, String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listening = runtime.block_on(demo_server::server(Settings::default()).listen("127.0.0.1:0")).unwrap();
    let url = format!("ws://{}/ws", listening.local_addr());
    runtime.spawn(listening.run());
    (runtime, url)
}

#[test]
fn a_call_means_the_same_in_all_of_them() {
    let (_runtime, url) = demo_server();
    for dialect in ["classic", "v1-json", "v1-proto"] {
        let call = |message_type: &str, body: &str| {
            psd(&["call", &url, message_type, body, "--ack", "--dialect", dialect, "--proto", PROTO]).run()
        };
        let out = "reply echo-reply {\"text\":\"hi\",\"n\":7}\nack   ok\n";
        assert_eq!(call("open-echo", r#"{"text":"hi","n":7}"#), success(out), "{dialect}");
        assert_eq!(call("void", "{}"), success("ack   ok\n"), "{dialect}");
        let refused = failure(1, "ack   refused 17: no\n", "");
        assert_eq!(call("fail", r#"{"text":"no","code":17}"#), refused, "{dialect}");
        let both = "reply echo-reply {\"text\":\"before error\"}\nack   refused 17: no\n";
        assert_eq!(call("fail", r#"{"text":"no","code":17,"after_reply":true}"#).out, both, "{dialect}");
    }
}

#[test]
fn machines_read_a_reply_and_its_result_as_two_lines() {
    let (_runtime, url) = demo_server();
    let finished = psd(&["call", &url, "open-echo", "{}", "--ack", "--json", "--dialect", "v1-json"]).run();
    let lines: Vec<&str> = finished.out.lines().collect();
    assert_eq!(lines.len(), 2, "{finished:?}");
    assert!(lines[0].starts_with(r#"{"kind":"reply","type":"echo-reply","uuid":""#), "{lines:?}");
    assert!(lines[1].starts_with(r#"{"kind":"ack","uuid":""#) && lines[1].ends_with(r#","ok":true}"#), "{lines:?}");
}

#[test]
fn protobuf_needs_a_contract_that_knows_the_message() {
    let finished = psd(&["call", "ws://127.0.0.1:1/ws", "open-echo", "--dialect", "v1-proto"]).run();
    let text = "error: `--dialect v1-proto` sends protobuf: say by `--proto FOLDER|CONFIG` which, or use \
                `--dialect v1-json`\n";
    assert_eq!(finished, failure(2, "", text));

    let (_runtime, url) = demo_server();
    let call = |message_type: &str, body: &str| {
        psd(&["call", &url, message_type, body, "--dialect", "v1-proto", "--proto", PROTO]).run()
    };
    let finished = call("no-such", "{}");
    assert_eq!(finished.code, Some(2));
    assert!(finished.err.contains("has the type `no-such`; see `psd routes`"), "{finished:?}");
    let finished = call("open-echo", r#"{"nn":1}"#);
    assert_eq!(finished.code, Some(2));
    assert!(finished.err.contains("the body is no `demo.OpenEcho`: unrecognized field name 'nn'"), "{finished:?}");
}

#[test]
fn a_trace_shows_frames_and_no_tokens() {
    let (_runtime, url) = demo_server();
    let call = |dialect: &str| {
        let arguments =
            ["call", &url, "open-echo", r#"{"text":"hi"}"#, "--ack", "--trace", "--dialect", dialect, "--proto", PROTO];
        psd(&arguments).env("PSD_TOKEN", "secret-token").run().err
    };
    let classic = call("classic");
    assert!(classic.contains(r#"> {"headers":{"messageType":"open-echo","authHeader":"***""#), "{classic}");
    assert!(classic.contains(r#"< {"headers":{"messageType":"echo-reply""#), "{classic}");
    assert!(!classic.contains("secret"), "{classic}");

    let json = call("v1-json");
    assert!(json.contains(r#"< {"headers":{"messageType":"psd.welcome"}"#), "{json}");

    let proto = call("v1-proto");
    let lines: Vec<&str> = proto.lines().collect();
    assert!(lines[0].starts_with("< ") && lines[0].contains(" bytes: "), "{proto}");
    assert!(lines[1].starts_with("    psd.welcome body="), "{proto}");
    let sent = lines.iter().position(|line| line.starts_with("> ")).unwrap();
    // protobuf of {"text":"hi"}, then the number
    assert!(lines[sent].ends_with("12 04 0a 02 68 69 18 01"), "{proto}");
    assert!(
        lines[sent + 1].starts_with("    open-echo uuid=") && lines[sent + 1].ends_with(" seq=1 body=4 bytes"),
        "{proto}"
    );
    assert!(proto.contains(" seq=1 result=ok body=4 bytes"), "{proto}");
}

#[test]
fn listening_hears_pushes_in_protobuf() {
    let (_runtime, url) = demo_server();
    let arguments =
        ["listen", &url, "--send", r#"join-room {"room":"r"}"#, "--send", r#"room-say {"room":"r","text":"hi"}"#];
    let mut listening = psd(&[&arguments[..], &["--dialect", "v1-proto", "--proto", PROTO]].concat()).start();
    assert_eq!(listening.line(), r#"push  room-event {"room":"r","text":"hi","seq":"1"}"#);
    #[cfg(unix)]
    listening.signal("INT");
    assert_eq!(listening.finish(), success(""));
}
