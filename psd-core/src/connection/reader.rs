//! WebSocket frames from client to server (RFC 6455, section 5).
//!
//! What has come lies in one buffer, out of which messages are cut without a copy; it holds one frame and what was read with
//! it at most. A connection that waits for the next frame has no buffer.

use std::{
    cell::RefCell,
    fmt, io, mem,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::{io::ReadBuf, net::TcpStream};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{
    frame,
    socket::{self, Socket},
};
use crate::codec::Raw;

/// What is asked of the socket at once.
const CHUNK: usize = 16 * 1024;

thread_local! {
    /// Where the socket's bytes arrive, so that no connection has to keep room for them.
    static ARRIVING: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK]);
}

/// Reads the frames of one connection.
pub(super) struct Reader {
    /// What has come and was not taken.
    pending: BytesMut,
    /// What has come of a message in fragments.
    begun: Option<Begun>,
    /// The most bytes of a message, and so of a frame.
    limit: usize,
    /// Whether nothing comes any more.
    is_over: bool,
}

struct Begun {
    is_text: bool,
    bytes: BytesMut,
    /// How many of them are whole characters.
    read: usize,
}

/// What a frame, or the last of several, says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    Message(Raw),
    /// To be answered by a pong of the same payload.
    Ping(Bytes),
    Pong,
    /// To be answered by a close frame with this payload; nothing comes behind it.
    Close(Bytes),
}

/// Why no frame can be read any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// What the client sent is no frame, or not in its place.
    Protocol(&'static str),
    /// A message has more bytes than are allowed.
    TooBig {
        bytes: u64,
        limit: usize,
    },
    NotUtf8,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(what) => f.write_str(what),
            Self::TooBig { bytes, limit } => write!(f, "a frame of {bytes} bytes is over the limit of {limit}"),
            Self::NotUtf8 => f.write_str("a text frame is not UTF-8"),
        }
    }
}

/// What a frame's header says.
#[derive(Clone, Copy)]
struct Header {
    is_last: bool,
    opcode: u8,
    mask: [u8; 4],
    /// Its own length, and that of what follows.
    length: usize,
    payload: usize,
}

impl Reader {
    /// `prefix` was read beyond the handshake.
    pub(super) fn new(prefix: &[u8], limit: usize) -> Self {
        // More than there can be would overflow with what stands before it.
        Self { pending: prefix.into(), begun: None, limit: limit.min(isize::MAX as usize / 2), is_over: false }
    }

    /// The next that the client says; `None` when its bytes have ended, which also a broken frame does.
    pub(super) fn poll_next(
        &mut self,
        socket: &Socket,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Heard, Broken>>> {
        loop {
            match self.next() {
                Ok(None) if self.is_over => return Poll::Ready(None),
                Ok(None) => {}
                heard => return Poll::Ready(heard.transpose()),
            }
            let heard = ARRIVING.with_borrow_mut(|arriving| {
                let mut arriving = ReadBuf::new(arriving);
                ready!(socket.poll_read(context, &mut arriving))?;
                Poll::Ready(io::Result::Ok(self.receive(arriving.filled())))
            });
            match ready!(heard) {
                Ok(Ok(None)) => {}
                Ok(heard) => return Poll::Ready(heard.transpose()),
                Err(_) => self.is_over = true,
            }
        }
    }

    /// Takes what has come. A whole frame at its beginning, as most of the time it is one, is heard at once, so that nothing
    /// has to lie in the buffer.
    fn receive(&mut self, arrived: &[u8]) -> Result<Option<Heard>, Broken> {
        self.is_over = arrived.is_empty();
        if self.pending.is_empty()
            && let Some(header) = self.header(arrived).inspect_err(|_| self.is_over = true)?
            && let Some((frame, rest)) = arrived.split_at_checked(header.length + header.payload)
        {
            self.pending.extend_from_slice(rest);
            let mut payload = frame[header.length..].to_vec();
            unmask(&mut payload, header.mask);
            return self.heard(header, payload.into()).inspect_err(|_| self.is_over = true);
        }
        self.pending.extend_from_slice(arrived);
        Ok(None)
    }

    /// Cuts the next out of what has come.
    fn next(&mut self) -> Result<Option<Heard>, Broken> {
        while let Some(header) = self.header(&self.pending).inspect_err(|_| self.is_over = true)? {
            let Some(payload) = self.payload(header) else { return Ok(None) };
            let heard = self.heard(header, payload).inspect_err(|_| self.is_over = true)?;
            if heard.is_some() {
                return Ok(heard);
            }
        }
        Ok(None)
    }

    /// Reads the header of the frame that comes next, and says whether that may come, before its payload has.
    fn header(&self, bytes: &[u8]) -> Result<Option<Header>, Broken> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let (is_last, opcode) = (first & 0x80 != 0, first & 0x0f);
        let (before, payload, rest) = match (second & 0x7f, rest) {
            (126, [a, b, rest @ ..]) => (4, u64::from(u16::from_be_bytes([*a, *b])), rest),
            (127, [a, b, c, d, e, f, g, h, rest @ ..]) => {
                (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), rest)
            }
            (126 | 127, _) => return Ok(None),
            (short, rest) => (2, u64::from(short), rest),
        };
        let too_big = |bytes| Err(Broken::TooBig { bytes, limit: self.limit });
        let payload = match usize::try_from(payload) {
            Ok(payload) if payload <= self.limit => payload,
            _ => return too_big(payload),
        };
        if first & 0x70 != 0 {
            return Err(Broken::Protocol("a frame uses bits of an extension that was not agreed on"));
        }
        if second & 0x80 == 0 {
            return Err(Broken::Protocol("a frame of a client is not masked"));
        }
        match opcode {
            frame::CONTINUATION if self.begun.is_none() => {
                return Err(Broken::Protocol("a message goes on that has not begun"));
            }
            frame::TEXT | frame::BINARY if self.begun.is_some() => {
                return Err(Broken::Protocol("a message begins while another goes on"));
            }
            frame::CONTINUATION | frame::TEXT | frame::BINARY => {}
            frame::CLOSE | frame::PING | frame::PONG if !is_last => {
                return Err(Broken::Protocol("a control frame is fragmented"));
            }
            frame::CLOSE | frame::PING | frame::PONG if payload > 125 => {
                return Err(Broken::Protocol("a control frame is too long"));
            }
            frame::CLOSE | frame::PING | frame::PONG => {}
            _ => return Err(Broken::Protocol("a frame is of no known kind")),
        }
        let sum = payload + self.begun.as_ref().map_or(0, |begun| begun.bytes.len());
        if opcode < frame::CLOSE && sum > self.limit {
            return too_big(sum as u64);
        }
        let Some(mask) = rest.first_chunk() else { return Ok(None) };
        Ok(Some(Header { is_last, opcode, mask: *mask, length: before + 4, payload }))
    }

    /// Cuts out the payload and unmasks it, if all of it is there.
    fn payload(&mut self, header: Header) -> Option<Bytes> {
        let length = header.length + header.payload;
        let mut payload = match self.pending.len() {
            less if less < length => return None,
            // As most are: the buffer itself, so that none is left.
            all if all == length => mem::take(&mut self.pending),
            _ => self.pending.split_to(length),
        };
        // What comes behind a large frame must not keep its memory.
        if length > CHUNK && !self.pending.is_empty() {
            self.pending = BytesMut::from(&*self.pending);
        }
        payload.advance(header.length);
        unmask(&mut payload, header.mask);
        Some(payload.freeze())
    }

    /// What a frame says; nothing where more of its message has to come.
    fn heard(&mut self, header: Header, payload: Bytes) -> Result<Option<Heard>, Broken> {
        let is_text = match header.opcode {
            frame::PING => return Ok(Some(Heard::Ping(payload))),
            frame::PONG => return Ok(Some(Heard::Pong)),
            frame::CLOSE => {
                let answer = answer_to_close(payload)?;
                (self.is_over, self.pending) = (true, BytesMut::new());
                return Ok(Some(Heard::Close(answer)));
            }
            opcode => opcode == frame::TEXT,
        };
        if header.is_last && self.begun.is_none() {
            return message(is_text, payload);
        }
        let begun = self.begun.get_or_insert_with(|| Begun { is_text, bytes: BytesMut::new(), read: 0 });
        begun.bytes.extend_from_slice(&payload);
        begun.read_on()?;
        match self.begun.take_if(|_| header.is_last) {
            Some(Begun { is_text, bytes, .. }) => message(is_text, bytes.freeze()),
            None => Ok(None),
        }
    }
}

fn message(is_text: bool, bytes: Bytes) -> Result<Option<Heard>, Broken> {
    Ok(Some(Heard::Message(match is_text {
        true => Raw::Text(Utf8Bytes::try_from(bytes).map_err(|_| Broken::NotUtf8)?),
        false => Raw::Binary(bytes),
    })))
}

impl Begun {
    /// Refuses what no bytes behind it can make a text.
    fn read_on(&mut self) -> Result<(), Broken> {
        if self.is_text {
            self.read += match std::str::from_utf8(&self.bytes[self.read..]) {
                Ok(text) => text.len(),
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                Err(_) => return Err(Broken::NotUtf8),
            };
        }
        Ok(())
    }
}

/// What a close frame is answered whose code may not be in one.
const FORBIDDEN: &str = "a close frame with a code that may not be sent";

/// The payload of the close frame that answers one with this: the same, if it may be.
fn answer_to_close(payload: Bytes) -> Result<Bytes, Broken> {
    let (code, reason) = match &*payload {
        [] => return Ok(payload),
        [_] => return Err(Broken::Protocol("a close frame has half a code")),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if std::str::from_utf8(reason).is_err() {
        return Err(Broken::NotUtf8);
    }
    // Those that RFC 6455 and the registry of IANA let somebody send.
    Ok(match code {
        1000..=1003 | 1007..=1014 | 3000..=4999 => payload,
        _ => [&frame::PROTOCOL_ERROR.to_be_bytes(), FORBIDDEN.as_bytes()].concat().into(),
    })
}

fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let twice = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (eights, rest) = bytes.as_chunks_mut::<8>();
    for eight in eights {
        *eight = (u64::from_ne_bytes(*eight) ^ twice).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// What a socket has received already, `most` bytes of it; nothing where that cannot be known without waiting. tokio is not
/// asked: it knows of a socket that was just taken only when it has looked at all of them.
pub(crate) fn receive_at_once(stream: &TcpStream, most: usize) -> Option<Bytes> {
    ARRIVING.with_borrow_mut(|arriving| {
        let room = most.min(arriving.len());
        let length = socket::receive(stream, &mut arriving[..room]).ok()?;
        Some(Bytes::copy_from_slice(&arriving[..length]))
    })
}

#[cfg(test)]
mod tests;
