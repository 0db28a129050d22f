use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use psd_core::{Server, Settings};
use psd_tests::{
    Running, Seen, eventually, get,
    v1::{V1Client, headers, request, result},
};
use serde_json::json;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};

use crate::app::{pb, server, server_with};

/// The samples of a server, by name and labels as they are written.
pub(crate) fn samples(server: &Server) -> BTreeMap<String, f64> {
    let text = server.metrics();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    samples.collect()
}

#[track_caller]
pub(crate) fn check(server: &Server, sample: &str, expected: f64) {
    let samples = samples(server);
    assert_eq!(samples.get(sample), Some(&expected), "{sample} of {samples:#?}");
}

fn counting() -> Settings {
    Settings::default().metrics(true)
}

#[tokio::test]
async fn requests_are_counted_by_type_and_code() {
    let (builder, probe) = server_with(counting());
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    for _ in 0..3 {
        client.request("plain", json!({})).await;
    }
    client.request("plain", json!({"number": "x"})).await;
    client.request("a \"zebra\"\n", json!({})).await;
    client.request("another", json!({})).await;
    client.send("hang", json!({})).await;
    eventually("it runs", || probe.waiting() == 1).await;
    drop(client);
    let mut v1 = V1Client::welcomed(&running).await;
    assert_eq!(result(&v1.ask("u", &pb::Plain { number: 1 }).await), (0, ""));

    let server = running.server();
    let gone = r#"psd_requests_total{consumer="/ws",type="hang",code="gone"}"#;
    eventually("the client has gone", || samples(server).contains_key(gone)).await;
    check(server, r#"psd_requests_total{consumer="/ws",type="plain",code="ok"}"#, 4.0);
    check(server, r#"psd_requests_total{consumer="/ws",type="plain",code="400"}"#, 1.0);
    check(server, r#"psd_requests_total{consumer="/ws",type="unknown",code="404"}"#, 2.0);
    check(server, r#"psd_request_duration_seconds_count{consumer="/ws",type="plain"}"#, 5.0);
    check(server, r#"psd_request_duration_seconds_bucket{consumer="/ws",type="plain",le="+Inf"}"#, 5.0);
    assert!(!server.metrics().contains("zebra"), "what clients write is no label");
    check(server, r#"psd_connections{consumer="/ws",dialect="classic"}"#, 0.0);
    check(server, r#"psd_connections{consumer="/ws",dialect="psd.v1.proto"}"#, 1.0);
    check(server, r#"psd_connections_opened_total{consumer="/ws",dialect="classic"}"#, 1.0);
    check(server, r#"psd_connections_closed_total{code="client"}"#, 1.0);
}

#[tokio::test]
async fn without_a_reader_requests_are_not_counted() {
    let running = Running::start(server().0).await;
    running.connect().await.request("plain", json!({})).await;
    assert!(!samples(running.server()).keys().any(|name| name.starts_with("psd_requests_total")));
}

#[tokio::test]
async fn what_goes_wrong_is_counted() {
    let running = Running::start(server_with(counting()).0).await;
    let server = running.server();
    let refused = format!("ws://{}/ws", running.address()).into_client_request().map(|mut request| {
        request.headers_mut().insert("Origin", "https://elsewhere.example".parse().unwrap());
        request
    });
    tokio_tungstenite::connect_async(refused.unwrap()).await.expect_err("another's page");
    assert_eq!(get(running.address(), "/ws").await.map(|(status, _)| status), Some(426));
    check(server, r#"psd_handshakes_refused_total{reason="origin"}"#, 1.0);
    check(server, r#"psd_handshakes_refused_total{reason="not_websocket"}"#, 1.0);

    let mut client = running.connect().await;
    client.send_message(Message::binary("x")).await;
    client.send_with("plain", json!({}), json!({"authHeader": "nobody's"})).await;
    client.request("join", json!({"group": "g"})).await;
    check(server, "psd_protocol_errors_total", 1.0);
    check(server, r#"psd_tokens_refused_total{reason="refused"}"#, 1.0);

    server.broadcast("g", &crate::app::note("to one", 1)).unwrap();
    server.broadcast("empty", &crate::app::note("to nobody", 1)).unwrap();
    check(server, r#"psd_broadcast_fanout_bucket{le="0"}"#, 1.0);
    check(server, r#"psd_broadcast_fanout_bucket{le="1"}"#, 2.0);
    check(server, "psd_broadcast_fanout_sum", 1.0);
    check(server, "psd_groups", 1.0);
    server.connections()[0].close(4403, "bye");
    while !matches!(client.see().await, Seen::Closed(..)) {}
    drop(client);
    let kicked = r#"psd_connections_closed_total{code="4403"}"#;
    eventually("it is gone", || samples(server).get(kicked) == Some(&1.0)).await;
}

#[tokio::test]
async fn a_slow_consumer_shows_before_and_after() {
    let running = Running::start(server_with(counting().outbox_bytes(1 << 20)).0).await;
    let server = running.server();
    let mut stalled = running.connect().await;
    stalled.request("join", json!({"group": "g"})).await;
    let text = "x".repeat(1 << 18);
    let full = r#"psd_slow_consumers_total{reason="full"}"#;
    let mut waiting: f64 = 0.0;
    for _ in 0..64 {
        server.broadcast("g", &crate::app::note(text.clone(), 1)).unwrap();
        let samples = samples(server);
        waiting = waiting.max(samples["psd_outbox_bytes"]);
        if samples[full] > 0.0 {
            break;
        }
    }
    check(server, full, 1.0);
    assert!(waiting >= f64::from(1 << 18), "{waiting}");
    drop(stalled);
}

#[tokio::test]
async fn prometheus_reads_what_the_operator_has() {
    let (builder, _) = server_with(Settings::default().admin_address(Some(([127, 0, 0, 1], 0).into())));
    let listening = builder.listen("127.0.0.1:0").await.unwrap();
    let (address, admin, server) =
        (listening.local_addr(), listening.admin_addr().unwrap(), listening.server().clone());
    let run = tokio::spawn(listening.run());
    psd_tests::RawClient::connect(&format!("ws://{address}/ws")).await.request("plain", json!({})).await;
    let (status, text) = get(admin, "/metrics").await.unwrap();
    assert_eq!(status, 200);
    assert!(text.contains("\npsd_ready 1\n"), "{text}");
    assert!(text.contains(r#"psd_requests_total{consumer="/ws",type="plain",code="ok"} 1"#), "{text}");
    for metric in Server::METRICS {
        assert!(text.contains(&format!("# HELP {} {}\n", metric.name, metric.help)));
        assert!(text.contains(&format!("# TYPE {} {}\n", metric.name, metric.kind)));
    }
    assert_eq!(get(address, "/metrics").await.map(|(status, _)| status), Some(404), "not for the public");
    server.shut_down_now();
    run.await.unwrap();
}

/// Where logs go that a test reads.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn logs_are_found_by_connection_and_request_and_hold_no_secrets() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_env_filter("psd_core=debug").with_writer(log.clone());
    let subscriber = subscriber.with_span_events(FmtSpan::CLOSE).with_ansi(false).finish();
    // While there is one dispatcher only, whichever thread comes to a place first decides whether it logs, and the other
    // tests' log nothing. With two, both are asked.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    // The test's own thread runs everything.
    let _default = tracing::subscriber::set_default(subscriber);
    let running = Running::start(server().0).await;
    let mut client = V1Client::welcomed(&running).await;
    for (uuid, traceparent) in [("traced", TRACE), ("untraced", "nonsense")] {
        let mut envelope = request(uuid, &pb::Join { group: "a body's secret".into() });
        let headers = envelope.headers.as_mut().unwrap();
        headers.traceparent = traceparent.into();
        headers.auth_header = "t-ann".into();
        client.send(&[envelope]).await;
        assert_eq!(headers_of(&client.envelope().await), uuid);
    }
    drop(client);
    eventually("the connection has gone", || running.server().connections().is_empty()).await;
    let text = log.text();
    let end = |uuid: &str| {
        let found = text.lines().find(|line| line.contains("has ended") && line.contains(&format!("uuid=\"{uuid}\"")));
        found.unwrap_or_else(|| panic!("{uuid} in {text}")).to_owned()
    };
    let traced = end("traced");
    for part in [
        "connection{id=",
        "consumer=\"/ws\"",
        "request{message_type=join",
        "trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"",
        "parent_id=\"00f067aa0ba902b7\"",
        "user=\"1\"",
        "outcome=\"",
        "duration_ms=",
    ] {
        assert!(traced.contains(part), "{part} in {traced}");
    }
    assert!(!end("untraced").contains("trace_id"), "what is malformed is ignored");
    for secret in ["t-ann", "a body's secret"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

fn headers_of(envelope: &psd_core::proto::common::psd::v1::Envelope) -> &str {
    &headers(envelope).uuid
}
