use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _};

use psd_core::{ForwardedHeader, ServeError, Settings};
use psd_tests::{DEADLINE, RawClient, Running, eventually};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};

use crate::app::{Probe, server, server_with};

/// Opens a WebSocket by hand; whom the server takes the client for, or nothing if it does not let it in.
pub(crate) async fn visit(
    probe: &Probe,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    before: &[u8],
    headers: &str,
) -> Option<String> {
    let handshake = format!(
        "GET /admin?peer HTTP/1.1\r\nHost: psd\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    let said = || probe.events().into_iter().filter(|event| event.contains("secure:")).collect::<Vec<_>>();
    let seen = said().len();
    stream.write_all(&[before, handshake.as_bytes()].concat()).await.ok()?;
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        response.push(tokio::time::timeout(DEADLINE, stream.read_u8()).await.expect("an answer").ok()?);
    }
    assert!(response.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&response));
    eventually("it was let in", || said().len() > seen).await;
    said().get(seen).cloned()
}

fn trusting(proxies: &str) -> Settings {
    Settings::default().trusted_proxies(proxies.parse().unwrap())
}

async fn connect(running: &Running) -> (TcpStream, SocketAddr) {
    let stream = TcpStream::connect(running.address()).await.unwrap();
    let own = stream.local_addr().unwrap();
    (stream, own)
}

#[tokio::test]
async fn only_trusted_proxies_say_who_their_client_is() {
    let headers = "X-Forwarded-For: 1.1.1.1, 203.0.113.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=2.2.2.2\r\n";
    let forwarded = "Some(203.0.113.9:0), secure: true";
    for (settings, expected) in [
        (trusting("127.0.0.0/8"), Some(forwarded)),
        (trusting("10.0.0.0/8"), None),
        (Settings::default(), None),
        (trusting("127.0.0.1").forwarded_header(ForwardedHeader::Forwarded), Some("Some(2.2.2.2:0), secure: false")),
    ] {
        let (builder, probe) = server_with(settings);
        let running = Running::start(builder).await;
        let (stream, own) = connect(&running).await;
        let itself = format!("Some({own}), secure: false");
        assert_eq!(visit(&probe, stream, b"", headers).await, Some(expected.map_or(itself, str::to_owned)));
    }
}

#[tokio::test]
async fn trusted_proxies_may_begin_with_a_proxy_header() {
    let (builder, probe) = server_with(trusting("127.0.0.1").proxy_protocol(true));
    let running = Running::start(builder).await;
    let line = b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n";
    let seen = visit(&probe, connect(&running).await.0, line, "").await;
    assert_eq!(seen.as_deref(), Some("Some(203.0.113.9:4711), secure: false"));
    // The one behind the first proxy is not trusted, so what it says of others is not believed.
    let seen = visit(&probe, connect(&running).await.0, line, "X-Forwarded-For: 1.1.1.1\r\n").await;
    assert_eq!(seen.as_deref(), Some("Some(203.0.113.9:4711), secure: false"));
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let (stream, own) = connect(&running).await;
    assert_eq!(visit(&probe, stream, local, "").await, Some(format!("Some({own}), secure: false")));
    assert_eq!(visit(&probe, connect(&running).await.0, b"", "").await, None, "it has to say who its client is");

    let (builder, probe) = server_with(trusting("10.0.0.1").proxy_protocol(true));
    let running = Running::start(builder).await;
    let (stream, own) = connect(&running).await;
    assert_eq!(visit(&probe, stream, b"", "").await, Some(format!("Some({own}), secure: false")));
}

#[tokio::test]
async fn a_proxy_by_a_unix_socket_may_begin_with_a_proxy_header_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("psd.sock");
    let connect = async || UnixStream::connect(&path).await.unwrap();
    let line = b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n";
    let (builder, probe) = server_with(trusting("unix").proxy_protocol(true));
    let listening = builder.listen_unix(&path).await.unwrap();
    let server = listening.server().clone();
    let run = tokio::spawn(listening.run());
    let seen = visit(&probe, connect().await, line, "X-Forwarded-For: 1.1.1.1\r\n").await;
    assert_eq!(seen.as_deref(), Some("Some(203.0.113.9:4711), secure: false"));
    assert_eq!(visit(&probe, connect().await, b"", "").await, None, "it has to say who its client is");
    server.shut_down_now();
    run.await.unwrap();

    // Where only others are trusted, it is whoever it is.
    let (builder, probe) = server_with(trusting("10.0.0.1").proxy_protocol(true));
    let listening = builder.listen_unix(&path).await.unwrap();
    let server = listening.server().clone();
    let run = tokio::spawn(listening.run());
    let seen = visit(&probe, connect().await, b"", "X-Forwarded-For: 1.1.1.1\r\n").await;
    assert_eq!(seen.as_deref(), Some("None, secure: false"));
    server.shut_down_now();
    run.await.unwrap();
}

#[tokio::test]
async fn a_unix_socket_is_served_beside_ports_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("psd.sock");
    let (builder, probe) = server_with(trusting("unix"));
    let listening = builder.listen_unix(&path).await.unwrap();
    assert_eq!(listening.local_addr().port(), 0);
    let listening = listening.and("127.0.0.1:0").await.unwrap().and("127.0.0.1:0").await.unwrap();
    let (addresses, server) = (listening.local_addrs(), listening.server().clone());
    let run = tokio::spawn(listening.run());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);

    let headers = "X-Forwarded-For: 203.0.113.9\r\n";
    let seen = visit(&probe, UnixStream::connect(&path).await.unwrap(), b"", headers).await;
    assert_eq!(seen.as_deref(), Some("Some(203.0.113.9:0), secure: false"));
    assert_eq!(
        visit(&probe, UnixStream::connect(&path).await.unwrap(), b"", "").await.as_deref(),
        Some("None, secure: false")
    );
    let (socket, _) =
        tokio_tungstenite::client_async("ws://psd/ws", UnixStream::connect(&path).await.unwrap()).await.unwrap();
    drop(socket);
    for address in addresses {
        let mut client = RawClient::connect(&format!("ws://{address}/ws")).await;
        assert_eq!(client.request("plain", json!({})).await.len(), 2);
    }
    server.shut_down();
    tokio::time::timeout(DEADLINE, run).await.expect("it ends").unwrap();
    assert!(!path.exists());
}

/// Connects unless that would have to wait.
fn knock(path: &std::path::Path) -> std::io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&socket2::SockAddr::unix(path)?)?;
    Ok(socket)
}

#[tokio::test]
async fn a_socket_that_was_left_behind_is_replaced_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("psd.sock");
    let refused = async |reason: &str| {
        let error = server().0.listen_unix(&path).await.expect_err(reason);
        assert!(matches!(error, ServeError::ListenAt { .. }));
        let expected = format!("cannot listen at `{}`: {reason}; may the server write to that folder?", path.display());
        assert_eq!(error.to_string(), expected);
    };
    fs::write(&path, "somebody's").unwrap();
    refused("there is a file that is no socket").await;
    assert_eq!(fs::read(&path).unwrap(), b"somebody's");
    fs::remove_file(&path).unwrap();

    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listening = server().0.listen_unix(&path).await.unwrap();
    refused("a server listens there").await;
    // One that takes nobody any more is there all the same, and nobody waits for it.
    let mut waiting = Vec::new();
    while let Ok(stream) = knock(&path) {
        waiting.push(stream);
    }
    refused("a server listens there").await;
    drop(waiting);
    // What stands there by now is another's.
    fs::remove_file(&path).unwrap();
    let other = server().0.listen_unix(&path).await.unwrap();
    drop(listening);
    assert!(path.exists());
    drop(other);
    assert!(!path.exists());
}
