//! Frames that come in any pieces: of any length, in fragments, with pings between them.

use psd_tests::{DEADLINE, Running};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Numbers that look random and are the same on every run (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }
}

/// A client's frame, masked.
fn frame(random: &mut Random, first: u8, payload: &[u8]) -> Vec<u8> {
    let key: [u8; 4] = std::array::from_fn(|_| u8::try_from(random.below(256)).unwrap());
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend(key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A frame of the server: its opcode and its payload.
async fn server_frame(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> (u8, Vec<u8>) {
    let first = stream.read_u8().await.unwrap();
    let length = match stream.read_u8().await.unwrap() {
        126 => usize::from(stream.read_u16().await.unwrap()),
        length @ 0..126 => usize::from(length),
        _ => panic!("nothing here is as long"),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.unwrap();
    (first & 0x0f, payload)
}

/// Frames of any length, in fragments between which the client pings, and read by the server in any pieces.
#[tokio::test]
async fn requests_may_come_in_any_pieces() {
    const REQUESTS: usize = 40;
    let running = Running::start(demo_server::server(psd_core::Settings::default())).await;
    for seed in 1..=12 {
        let mut random = Random(seed * 0x9e37_79b9);
        let mut bytes = HANDSHAKE.as_bytes().to_vec();
        let (mut texts, mut pings) = (Vec::new(), 0);
        for number in 0..REQUESTS {
            let (part, times) = (["a", "é", "€", "😀"][random.below(4)], [3, 40, 700, 9000][random.below(4)]);
            let text = part.repeat(random.below(times));
            let body = format!(r#"{{"text":"{text}","n":{number}}}"#);
            let request =
                format!(r#"{{"headers":{{"messageType":"open-echo","uuid":"{number}","ack":true}},"body":{body}}}"#);
            texts.push(text);
            let mut rest = request.as_bytes();
            let mut opcode = 1;
            while random.below(3) == 0 && rest.len() > 1 {
                let (piece, behind) = rest.split_at(random.below(rest.len()));
                bytes.extend(frame(&mut random, opcode, piece));
                (opcode, rest) = (0, behind);
                if random.below(2) == 0 {
                    bytes.extend(frame(&mut random, 0x89, format!("{pings}").as_bytes()));
                    pings += 1;
                }
            }
            bytes.extend(frame(&mut random, 0x80 | opcode, rest));
        }
        let stream = TcpStream::connect(running.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (reading, mut writing) = stream.into_split();
        let mut reading = tokio::io::BufReader::new(reading);
        let write = async {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let most = [2, 50, 2000, 60_000][random.below(4)];
                let (piece, behind) = rest.split_at(1 + random.below(rest.len().min(most)));
                writing.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
                rest = behind;
            }
        };
        let read = async {
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                reading.read_line(&mut line).await.unwrap();
            }
            let (mut heard, mut acks, mut pongs) = (Vec::new(), Vec::new(), Vec::new());
            while acks.len() < REQUESTS || pongs.len() < pings {
                let (opcode, payload) = server_frame(&mut reading).await;
                if opcode == 0xa {
                    pongs.push(String::from_utf8(payload).unwrap());
                    continue;
                }
                assert_eq!(opcode, 1, "seed {seed}: {payload:?}");
                let answer: serde_json::Value = serde_json::from_slice(&payload).unwrap();
                let uuid = answer["headers"]["uuid"].as_str().unwrap().to_owned();
                match answer["headers"]["messageType"].as_str() {
                    Some("ack") => acks.push(uuid),
                    _ => heard.push((uuid, answer["body"]["text"].as_str().unwrap_or_default().to_owned())),
                }
            }
            let numbers = || (0..REQUESTS).map(|number| number.to_string());
            assert_eq!(acks, numbers().collect::<Vec<_>>(), "seed {seed}");
            assert!(heard == numbers().zip(texts).collect::<Vec<_>>(), "seed {seed}");
            assert_eq!(pongs, (0..pings).map(|ping| ping.to_string()).collect::<Vec<_>>(), "seed {seed}");
        };
        timeout(3 * DEADLINE, async { tokio::join!(write, read) }).await.unwrap();
    }
}
