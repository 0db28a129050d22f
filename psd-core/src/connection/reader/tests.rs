use std::io::{self, Read, Write};

use tokio_tungstenite::tungstenite::{
    self, Message, WebSocket,
    error::CapacityError,
    protocol::{Role, WebSocketConfig},
};

use super::*;
use crate::connection::random::Random;

const LIMIT: usize = 3000;

/// A frame as a client writes it; wrong in some way now and then.
fn frame(random: &mut Random, goes_on: &mut bool) -> Vec<u8> {
    let is_control = random.is_one_of(4);
    let mut opcode = match (is_control, *goes_on) {
        (true, _) => [frame::PING, frame::PONG, frame::PING, frame::CLOSE][random.below(4)],
        (false, true) => frame::CONTINUATION,
        (false, false) => [frame::TEXT, frame::BINARY][random.below(2)],
    };
    let mut is_last = is_control || !random.is_one_of(3);
    let mut payload: Vec<u8> = match opcode {
        frame::CLOSE if random.is_one_of(8) => vec![3],
        frame::CLOSE if random.is_one_of(4) => Vec::new(),
        frame::CLOSE => {
            let codes = [1000, 1001, 1004, 1005, 1006, 1007, 1011, 1013, 1015, 1016, 2999, 3000, 4400, 4999, 5000, 999];
            let mut payload = (codes[random.below(codes.len())] as u16).to_be_bytes().to_vec();
            payload.extend_from_slice(["", "bye", "é"][random.below(3)].as_bytes());
            payload
        }
        _ if is_control => vec![b'p'; random.below(126)],
        _ => "aé€🎈".chars().cycle().take([0, 1, 40, 200, 900][random.below(5)]).collect::<String>().into(),
    };
    let mut reserved = 0;
    match random.below(60) {
        0 => opcode = random.below(16) as u8,
        1 => reserved = (1 + random.below(7) as u8) << 4,
        2 => is_last = !is_last,
        3 => payload.push(0xff),
        4 => payload = vec![b'x'; [126, LIMIT, LIMIT + 1, 70_000][random.below(4)]],
        _ => {}
    }
    if opcode < frame::CLOSE {
        *goes_on = !is_last;
    }
    let is_masked = !random.is_one_of(100);
    let mask: [u8; 4] = std::array::from_fn(|_| random.below(256) as u8);
    let mut bytes = vec![u8::from(is_last) << 7 | reserved | opcode];
    let masked = u8::from(is_masked) << 7;
    match payload.len() {
        short @ ..126 => bytes.push(masked | short as u8),
        middle @ ..0x1_0000 => {
            bytes.push(masked | 126);
            bytes.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(masked | 127);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    if is_masked {
        bytes.extend_from_slice(&mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    } else {
        bytes.extend_from_slice(&payload);
    }
    bytes
}

/// What a server hears and answers, and how it ends.
#[derive(Debug, Default, PartialEq, Eq)]
struct Log {
    messages: Vec<Raw>,
    answers: Vec<u8>,
    end: Option<&'static str>,
}

fn ours(bytes: &[u8], random: &mut Random) -> Log {
    let (mut log, mut rest) = (Log::default(), bytes);
    let mut reader = Reader::new(&[], LIMIT);
    loop {
        let heard = match reader.next() {
            Ok(None) if rest.is_empty() => return log,
            Ok(None) => {
                let now;
                (now, rest) = rest.split_at((1 + random.below(2000)).min(rest.len()));
                reader.receive(now)
            }
            heard => heard,
        };
        match heard {
            Ok(None) => {}
            Ok(Some(Heard::Message(raw))) => log.messages.push(raw),
            Ok(Some(Heard::Ping(payload))) => frame::control(&mut log.answers, frame::PONG, &payload),
            Ok(Some(Heard::Pong)) => {}
            Ok(Some(Heard::Close(payload))) => {
                frame::control(&mut log.answers, frame::CLOSE, &payload);
                log.end = Some("closed");
                return log;
            }
            Err(broken) => {
                log.end = Some(match broken {
                    Broken::Protocol(_) => "protocol",
                    Broken::TooBig { .. } => "too big",
                    Broken::NotUtf8 => "not UTF-8",
                });
                return log;
            }
        }
    }
}

/// A stream that gives bytes and keeps what is written.
struct Ends<'a>(&'a [u8], Vec<u8>);

impl Read for Ends<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.is_empty() {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => self.0.read(buffer),
        }
    }
}

impl Write for Ends<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.1.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tungstenites(bytes: &[u8]) -> Log {
    let config = WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
    let mut socket = WebSocket::from_raw_socket(Ends(bytes, Vec::new()), Role::Server, Some(config));
    let mut log = Log::default();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => log.messages.push(Raw::Text(text)),
            Ok(Message::Binary(bytes)) => log.messages.push(Raw::Binary(bytes)),
            Ok(Message::Close(_)) => log.end = Some("closed"),
            Ok(_) => {}
            Err(error) => {
                log.end = log.end.or(match error {
                    tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }) => Some("too big"),
                    tungstenite::Error::Utf8(_) => Some("not UTF-8"),
                    tungstenite::Error::Protocol(_) => Some("protocol"),
                    _ => None,
                });
                break;
            }
        }
        let _ = socket.flush();
    }
    let _ = socket.flush();
    log.answers = std::mem::take(&mut socket.get_mut().1);
    // Its words for a code that may not be sent are not ours.
    if let Some(before) = log.answers.strip_suffix(b"\x88\x14\x03\xeaProtocol violation") {
        let mut answers = before.to_vec();
        frame::control(&mut answers, frame::CLOSE, &[b"\x03\xea", FORBIDDEN.as_bytes()].concat());
        log.answers = answers;
    }
    log
}

/// Frames of every kind, whole and in fragments, right and wrong, in pieces of any size, are heard as tungstenite hears them.
#[test]
fn it_hears_what_tungstenite_hears() {
    let mut ends = std::collections::BTreeMap::<_, usize>::new();
    for seed in 1..=4000 {
        let mut random = Random(seed * 0x9e37_79b9);
        let mut goes_on = false;
        let bytes: Vec<u8> = (0..1 + random.below(12)).flat_map(|_| frame(&mut random, &mut goes_on)).collect();
        let (ours, theirs) = (ours(&bytes, &mut random), tungstenites(&bytes));
        assert!(ours == theirs, "seed {seed}: {:?}, {:?}", ours.end, theirs.end);
        *ends.entry(ours.end).or_default() += 1;
    }
    assert!(ends.len() == 5 && ends.values().all(|count| *count > 20), "{ends:?}");
}

#[test]
fn a_frame_is_refused_by_its_header_alone() {
    for (bytes, expected) in [
        (&b"\x82\xfe\x0b\xb9"[..], "a frame of 3001 bytes is over the limit of 3000"),
        (
            b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            "a frame of 18446744073709551615 bytes is over the limit of 3000",
        ),
        (b"\x82\x05", "a frame of a client is not masked"),
        (b"\x09\x80", "a control frame is fragmented"),
        (b"\x89\xfe\x00\x7e", "a control frame is too long"),
        (b"\x80\x80", "a message goes on that has not begun"),
        (b"\xc1\x80", "a frame uses bits of an extension that was not agreed on"),
        (b"\x83\x80", "a frame is of no known kind"),
    ] {
        let mut reader = Reader::new(bytes, LIMIT);
        assert_eq!(reader.next().expect_err("it is refused").to_string(), expected);
    }
}

#[test]
fn nothing_is_kept_between_frames() {
    let mut reader = Reader::new(b"\x81\x82\0\0\0\0hi", LIMIT);
    let hi = Ok(Some(Heard::Message(Raw::Text("hi".into()))));
    assert_eq!(reader.next(), hi);
    assert_eq!((reader.pending.capacity(), reader.next()), (0, Ok(None)));
    assert_eq!(reader.receive(b"\x81\x82\0\0\0\0hi"), hi);
    assert_eq!((reader.pending.capacity(), reader.next()), (0, Ok(None)));
}
