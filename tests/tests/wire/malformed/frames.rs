use psd_core::Settings;
use psd_tests::{DEADLINE, Running};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const FIN: u8 = 0x80;

/// A connection as bytes.
struct Bytes(TcpStream);

impl Bytes {
    async fn connect(running: &Running) -> Self {
        let mut stream = TcpStream::connect(running.address()).await.unwrap();
        let request = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(timeout(DEADLINE, stream.read_u8()).await.unwrap().unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 101 "));
        Self(stream)
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The next frame, its first byte and its payload; `None` at the end.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let read = async {
            let first = self.0.read_u8().await.ok()?;
            let length = match self.0.read_u8().await.ok()? {
                126 => u64::from(self.0.read_u16().await.ok()?),
                127 => self.0.read_u64().await.ok()?,
                short => u64::from(short), // Never masked.
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut payload).await.ok()?;
            Some((first, payload))
        };
        timeout(DEADLINE, read).await.expect("the server says nothing")
    }

    /// A text frame that comes next.
    async fn text(&mut self) -> String {
        let (first, payload) = self.frame().await.expect("the connection lives");
        assert_eq!(first, FIN | TEXT, "{payload:?}");
        String::from_utf8(payload).unwrap()
    }

    /// A close frame that comes next and ends the connection: its code, 1005 if it has none, and its reason.
    async fn closed(&mut self) -> (u16, String) {
        let (first, payload) = self.frame().await.expect("a close frame comes before the end");
        assert_eq!(first, FIN | CLOSE, "{}", String::from_utf8_lossy(&payload));
        let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
        // The client's own close frame and its end; then nothing more comes.
        let _ = self.0.write_all(&masked(FIN | CLOSE, b"")).await;
        let _ = self.0.shutdown().await;
        assert_eq!(self.frame().await, None);
        (code, String::from_utf8(payload.get(2..).unwrap_or_default().to_vec()).unwrap())
    }

    /// That the connection lives: a ping is answered, and so is a request.
    async fn lives(&mut self) {
        self.send(&masked(FIN | PING, b"still there?")).await;
        assert_eq!(self.frame().await, Some((FIN | PONG, b"still there?".to_vec())));
        self.send(&masked(FIN | TEXT, REQUEST)).await;
        assert_eq!(self.text().await, REPLY);
    }
}

const REQUEST: &[u8] = br#"{"headers": {"messageType": "open-echo", "uuid": "u"}, "body": {"text": "h\u00e9 "}}"#;
const REPLY: &str = "{\"headers\":{\"messageType\":\"echo-reply\",\"uuid\":\"u\"},\"body\":{\"text\":\"hé \"}}";

/// A frame of a client.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len(), FIN);
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn header(first: u8, length: usize, mask_bit: u8) -> Vec<u8> {
    let mut header = vec![first];
    match length {
        0..126 => header.push(mask_bit | u8::try_from(length).unwrap()),
        126..0x1_0000 => {
            header.push(mask_bit | 126);
            header.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
        _ => {
            header.push(mask_bit | 127);
            header.extend_from_slice(&u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    header
}

async fn start(limit: usize) -> Running {
    Running::start(demo_server::server(Settings::default().max_frame_bytes(limit))).await
}

#[tokio::test]
async fn frames_that_close_the_connection() {
    let running = start(1 << 20).await;
    let unmasked = [&header(FIN | TEXT, REQUEST.len(), 0)[..], REQUEST].concat();
    let mut mistakes = Vec::new();
    let half = |rest: &[u8]| [&masked(TEXT, b"{\"headers\"")[..], rest].concat();
    for (what, bytes, code, reason) in [
        ("unmasked text", unmasked, 1002, "a frame of a client is not masked"),
        ("unmasked ping", b"\x89\0".to_vec(), 1002, "a frame of a client is not masked"),
        ("RSV1", masked(FIN | 0x40 | TEXT, REQUEST), 1002, "a frame uses bits of an extension that was not agreed on"),
        ("RSV2", masked(FIN | 0x20 | TEXT, REQUEST), 1002, "a frame uses bits of an extension that was not agreed on"),
        ("RSV3", masked(FIN | 0x10 | PING, b""), 1002, "a frame uses bits of an extension that was not agreed on"),
        ("opcode 3", masked(FIN | 0x3, b"x"), 1002, "a frame is of no known kind"),
        ("opcode 7", masked(FIN | 0x7, b""), 1002, "a frame is of no known kind"),
        ("opcode 11", masked(FIN | 0xb, b""), 1002, "a frame is of no known kind"),
        ("opcode 15", masked(FIN | 0xf, b""), 1002, "a frame is of no known kind"),
        ("a ping in fragments", masked(PING, b"a"), 1002, "a control frame is fragmented"),
        ("a close in fragments", masked(CLOSE, b""), 1002, "a control frame is fragmented"),
        ("a ping of 126 bytes", masked(FIN | PING, &[b'x'; 126]), 1002, "a control frame is too long"),
        ("a continuation of nothing", masked(FIN, b"x"), 1002, "a message goes on that has not begun"),
        ("a text within a text", half(&masked(FIN | TEXT, REQUEST)), 1002, "a message begins while another goes on"),
        ("a binary within a text", half(&masked(BINARY, b"x")), 1002, "a message begins while another goes on"),
        ("a close of one byte", masked(FIN | CLOSE, b"\x03"), 1002, "a close frame has half a code"),
        ("no UTF-8", masked(FIN | TEXT, b"{\"a\": \"\xff\"}"), 1007, "a text frame is not UTF-8"),
        ("an overlong character", masked(FIN | TEXT, b"\xc0\xaf"), 1007, "a text frame is not UTF-8"),
        ("a surrogate", masked(FIN | TEXT, b"\xed\xa0\x80"), 1007, "a text frame is not UTF-8"),
        ("half a character", masked(FIN | TEXT, b"\xe6\xbc"), 1007, "a text frame is not UTF-8"),
        (
            "half a character at the end of the fragments",
            [masked(TEXT, b"\xe6"), masked(FIN, b"\xbc")].concat(),
            1007,
            "a text frame is not UTF-8",
        ),
        ("a close reason that is no UTF-8", masked(FIN | CLOSE, b"\x03\xe8\xff"), 1007, "a text frame is not UTF-8"),
        (
            "one byte over the limit, of which only the header is sent",
            [header(FIN | TEXT, (1 << 20) + 1, FIN), vec![0; 4]].concat(),
            1009,
            "a frame of 1048577 bytes is over the limit of 1048576",
        ),
        (
            "all the bytes there can be",
            b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec(),
            1009,
            "a frame of 18446744073709551615 bytes is over the limit of 1048576",
        ),
        (
            "a message over the limit in fragments below it",
            [masked(TEXT, &[b' '; 1 << 19]), masked(0, &[b' '; 1 << 19]), masked(FIN, b" ")].concat(),
            1009,
            "a frame of 1048577 bytes is over the limit of 1048576",
        ),
    ] {
        let mut client = Bytes::connect(&running).await;
        client.send(&bytes).await;
        let closed = client.closed().await;
        if (closed.0, closed.1.as_str()) != (code, reason) {
            mistakes.push(format!("{what}: expected {code} {reason:?}, saw {closed:?}"));
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    let mut other = Bytes::connect(&running).await;
    other.lives().await;
}

#[tokio::test]
async fn close_frames_are_answered() {
    let running = start(1 << 20).await;
    for (sent, code, reason) in [
        (&b""[..], 1005, ""),
        (b"\x03\xe8", 1000, ""),
        (b"\x03\xe8bye \xc3\xa9", 1000, "bye é"),
        (b"\x03\xe9", 1001, ""),
        (b"\x03\xf0", 1008, ""),
        (b"\x0b\xb8", 3000, ""),
        (b"\x13\x87no", 4999, "no"),
        // Codes that must not be on the wire.
        (b"\x03\xed", 1002, "a close frame with a code that may not be sent"),
        (b"\x03\xee", 1002, "a close frame with a code that may not be sent"),
        (b"\x03\xf7", 1002, "a close frame with a code that may not be sent"),
        (b"\x03\xec", 1002, "a close frame with a code that may not be sent"),
        (b"\0\0", 1002, "a close frame with a code that may not be sent"),
        (b"\x03\xe7", 1002, "a close frame with a code that may not be sent"),
        (b"\x13\x88", 1002, "a close frame with a code that may not be sent"),
        (b"\xff\xff", 1002, "a close frame with a code that may not be sent"),
    ] {
        let mut bytes = Bytes::connect(&running).await;
        bytes.send(&masked(FIN | CLOSE, sent)).await;
        let closed = bytes.closed().await;
        assert_eq!((closed.0, closed.1.as_str()), (code, reason), "{sent:?}");
    }
}

#[tokio::test]
async fn frames_that_are_unusual() {
    let running = start(1 << 16).await;
    let mut bytes = Bytes::connect(&running).await;
    let (start, end) = REQUEST.split_at(40);

    bytes.send(&[masked(TEXT, start), masked(FIN, end)].concat()).await;
    assert_eq!(bytes.text().await, REPLY, "two fragments");

    let fragments: Vec<u8> = REQUEST.iter().flat_map(|byte| [masked(0, &[*byte]), masked(0, b"")].concat()).collect();
    bytes.send(&[masked(TEXT, b""), fragments, masked(FIN, b"")].concat()).await;
    assert_eq!(bytes.text().await, REPLY, "a fragment for each byte, and empty ones");

    let unicode =
        "{\"headers\": {\"messageType\": \"open-echo\", \"uuid\": \"u\"}, \"body\": {\"text\": \"h\u{e9} \"}}";
    let middle = unicode.find('\u{e9}').unwrap() + 1;
    let (start, end) = unicode.as_bytes().split_at(middle);
    bytes.send(&[masked(TEXT, start), masked(FIN | PING, b"between"), masked(FIN, end)].concat()).await;
    assert_eq!(bytes.frame().await, Some((FIN | PONG, b"between".to_vec())));
    assert_eq!(bytes.text().await, REPLY, "a character in two fragments, and a ping between them");

    for byte in masked(FIN | TEXT, REQUEST) {
        bytes.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(bytes.text().await, REPLY, "byte by byte");

    bytes.send(&masked(FIN | TEXT, REQUEST).repeat(50)).await;
    for _ in 0..50 {
        assert_eq!(bytes.text().await, REPLY, "many frames at once");
    }

    for payload in [&b""[..], b"x", &[0xff; 125]] {
        bytes.send(&masked(FIN | PING, payload)).await;
        assert_eq!(bytes.frame().await, Some((FIN | PONG, payload.to_vec())));
    }
    bytes.send(&[masked(FIN | PONG, b"unasked"), masked(FIN | PONG, b"")].concat()).await;

    bytes.send(&masked(FIN | TEXT, b"")).await;
    let expected = "expected an object, found the end of the text";
    assert_eq!(bytes.text().await, unreadable(expected), "an empty text");
    for payload in [&b""[..], b"\0\xff", REQUEST] {
        bytes.send(&masked(FIN | BINARY, payload)).await;
        assert_eq!(bytes.text().await, unreadable("a binary frame: this protocol uses text frames"));
    }
    bytes.send(&[masked(BINARY, b"\xff"), masked(FIN, b"\xff")].concat()).await;
    assert_eq!(bytes.text().await, unreadable("a binary frame: this protocol uses text frames"), "in fragments");

    // Exactly the limit.
    let mut longest = REQUEST.to_vec();
    longest.resize(1 << 16, b' ');
    bytes.send(&masked(FIN | TEXT, &longest)).await;
    assert_eq!(bytes.text().await, REPLY);

    // Lengths in more bytes than it takes, and a mask of zeros.
    let mut long = vec![FIN | TEXT, FIN | 127];
    long.extend_from_slice(&u64::try_from(REQUEST.len()).unwrap().to_be_bytes());
    bytes.send(&[&long[..], &[0; 4], REQUEST].concat()).await;
    assert_eq!(bytes.text().await, REPLY);
    bytes.lives().await;
}

/// Half a frame, and then nothing more: the client has gone, and the server knows.
#[tokio::test]
async fn clients_that_go_in_the_middle() {
    let running = start(1 << 20).await;
    let frame = masked(FIN | TEXT, REQUEST);
    for length in [0, 1, 2, 5, 6, 7, frame.len() - 1] {
        let mut bytes = Bytes::connect(&running).await;
        bytes.send(&frame[..length]).await;
        psd_tests::eventually("the connection is there", || running.server().connections().len() == 1).await;
        drop(bytes);
        psd_tests::eventually("the connection is gone", || running.server().connections().is_empty()).await;
    }
    // One that only stops sending gets what it asked for.
    let mut bytes = Bytes::connect(&running).await;
    bytes.send(&frame).await;
    assert_eq!(bytes.text().await, REPLY);
    bytes.0.shutdown().await.unwrap();
    assert_eq!(bytes.frame().await, None);
}

fn unreadable(reason: &str) -> String {
    format!(r#"{{"headers":{{"messageType":"protocol-error"}},"body":{{"errorMessage":"{reason}","errorCode":400}}}}"#)
}
