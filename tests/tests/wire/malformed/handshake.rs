use psd_tests::Running;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::start;

const UPGRADE: &str = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Sends a request and returns the status line and the body of the answer, which ends with the connection.
async fn request(running: &Running, request: &[u8]) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    // The server may refuse, and hang up, before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let read = async { while stream.read_buf(&mut answer).await.is_ok_and(|length| length > 0) {} };
    tokio::time::timeout(psd_tests::DEADLINE, read).await.expect("the server hangs up");
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or(answer.len());
    let body = answer.split_off(end);
    let head = String::from_utf8(answer).unwrap();
    (head.lines().next().unwrap_or_default().to_owned(), body.get(4..).unwrap_or_default().to_vec())
}

#[tokio::test]
async fn requests_that_open_no_connection() {
    let running = start().await;
    let not_a_client = "this is a WebSocket endpoint: connect with a WebSocket client";
    let only_get = "this is a WebSocket endpoint: only GET opens it";
    let only_13 = "only version 13 of the WebSocket protocol is spoken here";
    let without = |header: &str| {
        let kept: String = UPGRADE.split_inclusive("\r\n").filter(|line| !line.starts_with(header)).collect();
        format!("GET /ws HTTP/1.1\r\n{kept}")
    };
    let with = |from: &str, to: &str| format!("GET /ws HTTP/1.1\r\n{}", UPGRADE.replace(from, to));
    for (head, status, body) in [
        ("GET /ws HTTP/1.1\r\nHost: x\r\n".into(), "426 Upgrade Required", not_a_client),
        (without("Connection"), "426 Upgrade Required", not_a_client),
        (without("Upgrade"), "426 Upgrade Required", not_a_client),
        (with("Upgrade: websocket", "Upgrade: h2c"), "426 Upgrade Required", not_a_client),
        (without("Sec-WebSocket-Version"), "426 Upgrade Required", only_13),
        (with(": 13", ": 8"), "426 Upgrade Required", only_13),
        (with(": 13", ": thirteen"), "426 Upgrade Required", only_13),
        (without("Sec-WebSocket-Key"), "400 Bad Request", "the `Sec-WebSocket-Key` header is missing"),
        (format!("POST /ws HTTP/1.1\r\n{UPGRADE}"), "405 Method Not Allowed", only_get),
        (format!("DELETE /ws HTTP/1.1\r\n{UPGRADE}"), "405 Method Not Allowed", only_get),
        (format!("BREW /ws HTTP/1.1\r\n{UPGRADE}"), "405 Method Not Allowed", only_get),
        (format!("GET / HTTP/1.1\r\n{UPGRADE}"), "404 Not Found", ""),
        (format!("GET /ws/ HTTP/1.1\r\n{UPGRADE}"), "404 Not Found", ""),
        (format!("GET /WS HTTP/1.1\r\n{UPGRADE}"), "404 Not Found", ""),
        (format!("GET /%77%73%2f HTTP/1.1\r\n{UPGRADE}"), "404 Not Found", ""),
        (format!("GET /ws/../../etc/passwd HTTP/1.1\r\n{UPGRADE}"), "404 Not Found", ""),
        ("GARBAGE\r\n".into(), "400 Bad Request", ""),
        ("\x16\x03\x01\x02\0\x01\0\x01\u{fc}\r\n".into(), "400 Bad Request", ""),
        ("GET /ws HTTP/9.9\r\n".into(), "400 Bad Request", ""),
        (format!("GET /ws HTTP/1.1\r\n{UPGRADE}bad header\r\n"), "400 Bad Request", ""),
        (format!("GET /ws HTTP/1.1\r\n{UPGRADE}a\0b: c\r\n"), "400 Bad Request", ""),
        (format!("GET /{} HTTP/1.1\r\n{UPGRADE}", "a".repeat(100_000)), "431 Request Header Fields Too Large", ""),
        (
            format!("GET /ws HTTP/1.1\r\n{UPGRADE}x: {}\r\n", "a".repeat(1 << 20)),
            "431 Request Header Fields Too Large",
            "",
        ),
        (
            format!("GET /ws HTTP/1.1\r\n{UPGRADE}Authorization: Bearer {}\r\n", "a".repeat(50_000)),
            "431 Request Header Fields Too Large",
            "the token has 50000 bytes; 16384 are allowed",
        ),
        (
            format!("GET /ws HTTP/1.1\r\n{UPGRADE}Sec-WebSocket-Protocol: psd.token.{}\r\n", "a".repeat(16_385)),
            "431 Request Header Fields Too Large",
            "the token has 16385 bytes; 16384 are allowed",
        ),
        (format!("GET /ws HTTP/1.1\r\n{UPGRADE}{}", "x: y\r\n".repeat(200)), "431 Request Header Fields Too Large", ""),
    ] {
        let head = head.replace("Host: x\r\n", "Host: x\r\nConnection: close\r\n");
        let shown: String = head.chars().take(200).collect();
        let (line, text) = request(&running, format!("{head}\r\n").as_bytes()).await;
        assert_eq!(
            (line.as_str(), text.as_slice()),
            (format!("HTTP/1.1 {status}").as_str(), body.as_bytes()),
            "{shown}"
        );
    }
    // Nobody was let in, and the next one is.
    assert_eq!(running.server().connections().len(), 0);
    let mut client = running.connect().await;
    assert!(client.settle().await.is_empty());
    client.close().await;
}

/// What RFC 6455 leaves to the client.
#[tokio::test]
async fn handshakes_that_open_a_connection() {
    let running = start().await;
    for head in [
        format!("GET /ws HTTP/1.1\r\n{UPGRADE}"),
        format!("GET /ws?token=secret&x=%00 HTTP/1.1\r\n{UPGRADE}"),
        format!("GET /ws HTTP/1.1\r\n{}", UPGRADE.replace("Upgrade\r\n", "keep-alive , UPGRADE\r\n")),
        format!("GET /ws HTTP/1.1\r\n{}", UPGRADE.replace("websocket", "h2c, WebSocket")),
        format!("GET /ws HTTP/1.1\r\n{UPGRADE}Sec-WebSocket-Protocol: unheard-of\r\n"),
        format!("GET /ws HTTP/1.1\r\n{UPGRADE}Origin: http://X\r\n"),
        format!("GET /ws HTTP/1.1\r\n{UPGRADE}Sec-WebSocket-Extensions: permessage-deflate\r\n"),
        format!("GET /ws HTTP/1.1\r\n{UPGRADE}Sec-WebSocket-Key: another\r\n"),
    ] {
        // A close frame follows at once, so that the connection ends.
        let mut bytes = format!("{head}\r\n").into_bytes();
        bytes.extend_from_slice(b"\x88\x80\0\0\0\0");
        let (line, frames) = request(&running, &bytes).await;
        assert_eq!(line, "HTTP/1.1 101 Switching Protocols", "{head}");
        assert_eq!(frames, b"\x88\0", "{head}");
    }
}
