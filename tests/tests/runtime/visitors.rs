use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use psd_core::{Rate, Server, Settings};
use psd_tests::{DEADLINE, RawClient, Running, eventually};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::{
    app::{Probe, server_with},
    observed::samples,
    tls::Files,
};

/// Longer than a test takes.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// Settings with which nobody goes because of the time.
fn patient() -> Settings {
    Settings::default().handshake_timeout(FOR_EVER).write_timeout(FOR_EVER).reconnect_window(Duration::ZERO)
}

/// A server with pages: a large one, one that takes what it is sent, one that never answers.
async fn start(settings: Settings) -> (Running, Probe) {
    let (builder, probe) = server_with(settings);
    let inside = probe.clone();
    let hang = move || {
        let inside = inside.clone();
        async move {
            inside.event("a request hangs");
            std::future::pending::<()>().await;
        }
    };
    let pages = Router::new()
        .route("/page", get(async || "x".repeat(64 << 20)))
        .route("/upload", post(async |body: Bytes| body.len().to_string()))
        .route("/hang", get(hang));
    (Running::start(builder.router(pages)).await, probe)
}

/// A socket that comes from an address of this machine.
async fn from(source: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::from(source), 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Opens sockets that say the beginning of something, and no more.
async fn flood(to: SocketAddr, source: [u8; 4], count: usize, beginning: &[u8]) -> Vec<TcpStream> {
    let mut sockets = Vec::new();
    for _ in 0..count {
        let mut socket = from(source, to).await;
        // It may be closed already.
        let _ = socket.write_all(beginning).await;
        sockets.push(socket);
    }
    sockets
}

fn http_connections(server: &Server) -> f64 {
    samples(server)["psd_http_connections"]
}

fn dropped(server: &Server, reason: &str) -> f64 {
    samples(server)[&format!("psd_http_connections_dropped_total{{reason=\"{reason}\"}}")]
}

/// That the server closes a socket; what it said before.
async fn closed(mut socket: TcpStream) -> String {
    let mut text = Vec::new();
    let end = tokio::time::timeout(DEADLINE, socket.read_to_end(&mut text)).await.expect("it is not closed");
    // What was not read of what the client said makes it a reset.
    let _ = end;
    String::from_utf8_lossy(&text).into_owned()
}

/// Sends a request by hand and reads the answer to its end.
async fn answer(to: SocketAddr, request: &str) -> String {
    closed(flood(to, [127, 0, 0, 1], 1, request.as_bytes()).await.remove(0)).await
}

/// A client works: it opens a WebSocket, asks and is answered, and so does a page.
async fn works(running: &Running) -> RawClient {
    let mut client = running.connect().await;
    assert_eq!(client.request("plain", json!({})).await.len(), 2);
    let upload = "POST /upload HTTP/1.1\r\nHost: psd\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";
    let answer = answer(running.address(), upload).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n3"), "{answer}");
    client
}

#[tokio::test]
async fn whoever_speaks_gets_in_beside_a_flood_that_does_not() {
    for beginning in [
        "",
        "GET /ws HTTP/1.1\r\nHost: psd\r\nConnection: Up",
        "POST /upload HTTP/1.1\r\nHost: psd\r\nContent-Length: 1000\r\n\r\nabc",
    ] {
        let (running, _) = start(patient().max_http_connections(32)).await;
        let mut sockets = Vec::new();
        let mut clients = Vec::new();
        for round in 0..4 {
            for host in 2..4 {
                sockets.extend(flood(running.address(), [127, 0, 0, host], 40, beginning.as_bytes()).await);
            }
            clients.push(works(&running).await);
            assert_eq!(clients.len(), round + 1);
        }
        let count = http_connections(running.server());
        assert!(count <= 32.0, "{count} after {beginning}");
        let replaced = || dropped(running.server(), "replaced");
        eventually("all but 32 have gone", || replaced() >= (sockets.len() - 32) as f64).await;
        closed(sockets.remove(0)).await;
        for client in &mut clients {
            assert_eq!(client.request("plain", json!({})).await.len(), 2, "who is in stays in");
        }
    }
}

#[tokio::test]
async fn whoever_speaks_gets_in_beside_tls_handshakes_that_never_end() {
    let files = Files::new();
    let running = Running::start(server_with(files.settings_of(patient().max_http_connections(32))).0).await;
    // The beginning of a ClientHello.
    let mut sockets = flood(running.address(), [127, 0, 0, 2], 80, &[0x16, 3, 1, 2, 0, 1]).await;
    for host in 2..5 {
        sockets.extend(flood(running.address(), [127, 0, 0, host], 20, b"").await);
        let client = files.connect(&running, "127.0.0.1").await.unwrap();
        client.fetch::<crate::app::pb::Note>(&crate::app::pb::Plain { number: 1 }).await.unwrap();
    }
    closed(sockets.remove(0)).await;
    let count = http_connections(running.server());
    assert!(count <= 32.0, "{count}");
}

#[tokio::test]
async fn an_address_has_so_many_sockets_beside_its_connections() {
    let settings = patient().http_connections_per_address(4).connections_per_address(4).max_http_connections(64);
    let (running, _) = start(settings).await;
    let server = running.server();
    let mut sockets = Vec::new();
    for host in 2..6 {
        sockets.extend(flood(running.address(), [127, 0, 0, host], 25, b"").await);
    }
    eventually("the rest was refused", || dropped(server, "address_full") == 84.0).await;
    assert_eq!(http_connections(server), 16.0);
    // What is a WebSocket is none of them any more.
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(works(&running).await);
        eventually("its sockets are counted elsewhere", || http_connections(server) == 16.0).await;
    }
    drop(sockets);
    eventually("they have gone", || http_connections(server) == 0.0).await;
    let mut socket = from([127, 0, 0, 2], running.address()).await;
    socket.write_all(b"GET /upload HTTP/1.1\r\nHost: psd\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(closed(socket).await.starts_with("HTTP/1.1 405 "));
}

#[tokio::test]
async fn behind_a_proxy_it_is_its_clients_that_are_counted() {
    let settings = patient().http_connections_per_address(2).trusted_proxies("127.0.0.1".parse().unwrap());
    let (running, _) = start(settings.proxy_protocol(true)).await;
    let server = running.server();
    let request = "GET /upload HTTP/1.1\r\nHost: psd\r\nConnection: close\r\n\r\n";
    let line = |client: &str| format!("PROXY TCP4 {client} 127.0.0.1 4711 443\r\n");
    let sockets = flood(running.address(), [127, 0, 0, 1], 10, line("203.0.113.9").as_bytes()).await;
    eventually("eight were refused", || dropped(server, "address_full") == 8.0).await;
    let other = answer(running.address(), &(line("203.0.113.10") + request)).await;
    assert!(other.starts_with("HTTP/1.1 405 "), "{other}");
    assert_eq!(answer(running.address(), "GET / HTTP/1.1\r\n\r\n").await, "");
    eventually("it was counted", || dropped(server, "proxy_header") == 1.0).await;
    drop(sockets);
    eventually("they have gone", || http_connections(server) == 0.0).await;
    let same = answer(running.address(), &(line("203.0.113.9") + request)).await;
    assert!(same.starts_with("HTTP/1.1 405 "), "{same}");
}

#[tokio::test]
async fn a_tls_handshake_counts_once_and_is_refused_before_it_costs_anything() {
    let files = Files::new();
    let settings = files.settings_of(patient().handshakes(Rate::per_hour(3)).handshakes_per_address(Rate::per_hour(2)));
    let running = Running::start(server_with(settings).0).await;
    for _ in 0..2 {
        files.connect(&running, "127.0.0.1").await.unwrap();
    }
    assert!(files.connect(&running, "127.0.0.1").await.is_err());
    assert_eq!(dropped(running.server(), "address_busy"), 1.0);
    for host in 2..4 {
        closed(flood(running.address(), [127, 0, 0, host], 1, b"no TLS at all, but much of it").await.remove(0)).await;
    }
    eventually("both were refused", || {
        (dropped(running.server(), "tls"), dropped(running.server(), "busy")) == (1.0, 1.0)
    })
    .await;
}

#[tokio::test]
async fn nobody_keeps_a_place_by_sending_nothing() {
    let (running, _) = start(Settings::default().handshake_timeout(Duration::from_millis(100))).await;
    let mut count = 0.0;
    for beginning in ["", "GET", "POST /upload HTTP/1.1\r\nHost: psd\r\nContent-Length: 1000\r\n\r\nabc"] {
        closed(flood(running.address(), [127, 0, 0, 1], 1, beginning.as_bytes()).await.remove(0)).await;
        count += 1.0;
        eventually("it was counted", || dropped(running.server(), "timeout") == count).await;
    }
    let files = Files::new();
    let settings = files.settings_of(Settings::default().handshake_timeout(Duration::from_millis(100)));
    let running = Running::start(server_with(settings).0).await;
    closed(from([127, 0, 0, 1], running.address()).await).await;
    eventually("it was counted", || dropped(running.server(), "timeout") == 1.0).await;
}

#[tokio::test]
async fn nobody_keeps_a_place_by_reading_nothing() {
    let (running, _) = start(patient().write_timeout(Duration::from_millis(100))).await;
    let socket = flood(running.address(), [127, 0, 0, 1], 1, b"GET /page HTTP/1.1\r\nHost: psd\r\n\r\n").await;
    eventually("it was noticed", || dropped(running.server(), "stalled") == 1.0).await;
    eventually("its place is free", || http_connections(running.server()) == 0.0).await;
    drop(socket);
    // Who reads, however late, gets all of it.
    let (running, _) = start(patient()).await;
    let text = answer(running.address(), "GET /page HTTP/1.1\r\nHost: psd\r\nConnection: close\r\n\r\n").await;
    assert_eq!(text.split_once("\r\n\r\n").map(|(_, body)| body.len()), Some(64 << 20));
}

#[tokio::test]
async fn a_head_has_its_size() {
    let (running, _) = start(patient()).await;
    let request = |bytes| format!("GET /upload HTTP/1.1\r\nConnection: close\r\nX: {}\r\n\r\n", "x".repeat(bytes));
    assert!(answer(running.address(), &request(40 << 10)).await.starts_with("HTTP/1.1 405 "));
    let large = answer(running.address(), &request(70 << 10)).await;
    assert!(large.starts_with("HTTP/1.1 431 ") || large.is_empty(), "{large}");
}

/// Serves until the test says how it ends, and returns when it has ended.
async fn ended(running: &Running) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    // The port closes when the server drains, and what is left is counted until it has gone.
    while samples(running.server())["psd_tasks"] > 0.0 {
        assert!(tokio::time::Instant::now() < deadline, "it does not end");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_request_that_runs_is_waited_for_until_the_second_signal() {
    let (running, probe) = start(patient().drain_timeout(FOR_EVER)).await;
    let mut sockets = flood(running.address(), [127, 0, 0, 1], 1, b"GET /hang HTTP/1.1\r\nHost: psd\r\n\r\n").await;
    eventually("it runs", || probe.events().contains(&"a request hangs".to_owned())).await;
    let mut others = flood(running.address(), [127, 0, 0, 1], 1, b"").await;
    others.extend(flood(running.address(), [127, 0, 0, 1], 1, b"GET /page HTTP/1.1\r\n").await);
    eventually("they were taken", || http_connections(running.server()) == 3.0).await;
    running.server().shut_down();
    for other in others {
        assert_eq!(closed(other).await, "");
    }
    eventually("only one is waited for", || samples(running.server())["psd_tasks"] == 1.0).await;
    running.server().shut_down_now();
    assert_eq!(closed(sockets.remove(0)).await, "");
    ended(&running).await;
}

#[tokio::test]
async fn handshakes_before_http_do_not_hold_up_the_end() {
    let files = Files::new();
    let settings = files.settings_of(patient().drain_timeout(FOR_EVER));
    let settings = settings.proxy_protocol(true).trusted_proxies("127.0.0.2".parse().unwrap());
    let running = Running::start(server_with(settings).0).await;
    let in_tls = from([127, 0, 0, 1], running.address()).await;
    let in_proxy_header = from([127, 0, 0, 2], running.address()).await;
    eventually("they were taken", || http_connections(running.server()) == 2.0).await;
    running.server().shut_down();
    closed(in_tls).await;
    closed(in_proxy_header).await;
    ended(&running).await;
}

#[tokio::test]
async fn the_operator_is_served_whatever_happens_at_the_ports() {
    let settings = patient().max_http_connections(16).admin_address(Some(([127, 0, 0, 1], 0).into()));
    let listening = server_with(settings).0.listen("127.0.0.1:0").await.unwrap();
    let (address, admin) = (listening.local_addr(), listening.admin_addr().unwrap());
    let server = listening.server().clone();
    let run = tokio::spawn(listening.run());
    let public = flood(address, [127, 0, 0, 2], 100, b"").await;
    // Even if they find the operator's port.
    let private = flood(admin, [127, 0, 0, 2], 200, b"GET /metrics HTTP/1.1\r\n").await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(psd_tests::get(admin, path).await.map(|(status, _)| status), Some(200), "{path}");
    }
    server.shut_down_now();
    tokio::time::timeout(DEADLINE, run).await.expect("it ends").unwrap();
    for socket in private {
        closed(socket).await;
    }
    drop(public);
}
