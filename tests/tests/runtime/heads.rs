//! A handshake is answered the same however its bytes come: at once, where no HTTP stands between, or in pieces.

use psd_core::{Consumer, Server, Unhandled};
use psd_tests::{DEADLINE, Running};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::app::Probe;

/// A path that only a router understands.
struct Rooms;

impl Consumer for Rooms {
    const PATH: &'static str = "/rooms/{room}";
    type Session = ();
}

const KEY: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Heads, and the status that they are answered with.
fn heads() -> Vec<(String, &'static str)> {
    let head = |line: &str, fields: &str| format!("{line}\r\nHost: localhost\r\n{KEY}{fields}\r\n");
    let get = |fields: &str| head("GET /ws HTTP/1.1", fields);
    let many: String = (0..60).map(|number| format!("X-Field-{number}: {number}\r\n")).collect();
    vec![
        (get(""), "101"),
        (get("Sec-WebSocket-Protocol: psd.v1.json, psd.v1.proto\r\n"), "101"),
        (get("Content-Length: 2\r\n") + "hi", "101"),
        (get("Origin: https://elsewhere.example\r\n"), "403"),
        (get(&format!("Cookie: a={}\r\n", "x".repeat(6000))), "101"),
        (get(&format!("Authorization: Bearer {}\r\n", "x".repeat(17 * 1024))), "431"),
        (get(&format!("Cookie: a={}\r\n", "x".repeat(70 * 1024))), "431"),
        (get(&many), "101"),
        (get("").replace("Sec-WebSocket-", "sec-websocket-").replace("Upgrade:", "UPGRADE:"), "101"),
        (get("").replace("\r\n", "\n"), "101"),
        (get("").replace("Version: 13", "Version: 8"), "426"),
        (get("").replace("Sec-WebSocket-Key", "X-Key"), "400"),
        (get("").replace("Upgrade: websocket", "X-Upgrade: websocket"), "426"),
        (get("Bad Name: x\r\n"), "400"),
        (head("GET /ws?room=a%20b HTTP/1.1", ""), "101"),
        (head("GET http://localhost/ws HTTP/1.1", ""), "101"),
        (head("GET /rooms/a HTTP/1.1", ""), "101"),
        (head("GET /elsewhere HTTP/1.1", ""), "404"),
        (head("POST /ws HTTP/1.1", ""), "405"),
        (head("GET /ws HTTP/3.1", ""), "400"),
        ("nonsense\r\n\r\n".into(), "400"),
    ]
}

/// The head of the answer to these pieces.
async fn answer(running: &Running, pieces: impl Iterator<Item = &[u8]>) -> String {
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        // A server that has read enough may answer before it has read all.
        if stream.write_all(piece).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        match timeout(DEADLINE, stream.read_u8()).await.unwrap() {
            Ok(byte) => answer.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_handshake_may_come_in_pieces() {
    let builder = Server::builder().consumer::<Rooms>().unhandled(Unhandled::Allow).state(Probe::default());
    let running = Running::start(builder).await;
    for (head, status) in heads() {
        let bytes = head.as_bytes();
        let line = head.lines().next().unwrap();
        let mut subprotocols = Vec::new();
        for size in [bytes.len(), bytes.len() - 1, bytes.len().div_ceil(2), bytes.len().div_ceil(300)] {
            let answer = answer(&running, bytes.chunks(size)).await;
            assert_eq!(
                answer.split(' ').nth(1),
                Some(status),
                "{line} of {} in pieces of {size}: {answer}",
                bytes.len()
            );
            let answer = answer.to_lowercase();
            assert_eq!(
                answer.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
                status == "101",
                "{answer}"
            );
            subprotocols
                .push(answer.lines().find(|line| line.starts_with("sec-websocket-protocol")).map(str::to_owned));
        }
        assert!(subprotocols.iter().all(|other| *other == subprotocols[0]), "{line}: {subprotocols:?}");
    }
}

/// A client that knows this server may speak before it is answered.
#[tokio::test]
async fn frames_may_come_with_the_handshake() {
    let builder = Server::builder().unhandled(Unhandled::Allow).state(Probe::default());
    let running = Running::start(builder).await;
    let head = format!("GET /ws HTTP/1.1\r\nHost: localhost\r\n{KEY}\r\n").into_bytes();
    let ping = [0x89, 0x82, 0, 0, 0, 0, b'h', b'i'];
    let bytes = [&head[..], &ping].concat();
    for split in [0, 1, head.len() - 1, head.len(), head.len() + 1, bytes.len() - 1] {
        let mut stream = TcpStream::connect(running.address()).await.unwrap();
        let (before, behind) = bytes.split_at(split);
        stream.write_all(before).await.unwrap();
        tokio::task::yield_now().await;
        stream.write_all(behind).await.unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n\x8a\x02hi") {
            heard.push(timeout(DEADLINE, stream.read_u8()).await.unwrap().unwrap());
        }
    }
}
