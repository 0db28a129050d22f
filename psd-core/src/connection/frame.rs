//! WebSocket frames from server to client (RFC 6455, section 5.2), unmasked and never fragmented; opcodes and close codes.

use crate::Error;

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;
const FIN: u8 = 0x80;

pub(crate) const NORMAL: u16 = 1000;
pub(crate) const GOING_AWAY: u16 = 1001;
pub(crate) const PROTOCOL_ERROR: u16 = 1002;
pub(crate) const NOT_UTF8: u16 = 1007;
pub(crate) const TOO_BIG: u16 = 1009;
pub(crate) const INTERNAL_ERROR: u16 = 1011;
pub(crate) const RESTART: u16 = 1012;
pub(crate) const UNREADABLE: u16 = 4400;
pub(crate) const UNAUTHENTICATED: u16 = 4401;
pub(crate) const KICKED: u16 = 4403;
pub(crate) const HEARTBEAT_MISSED: u16 = 4408;
pub(crate) const SLOW_CONSUMER: u16 = 4413;
pub(crate) const TOO_MANY: u16 = 4429;

/// With what a connection is closed that is refused with this error: whether its client may come back depends on it.
pub(crate) fn refusal(error: &Error) -> u16 {
    match error.code() {
        _ if error.source().is_some() => INTERNAL_ERROR,
        Some(401) => UNAUTHENTICATED,
        Some(429) => TOO_MANY,
        Some(503) => INTERNAL_ERROR,
        _ => KICKED,
    }
}

/// Reserves the header of a frame whose payload is appended next.
pub(crate) fn begin(buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(&[0; 4]); // Right for payloads from 126 bytes to 64 KiB, which is what most are.
}

/// Writes the header of the frame that began at `start` and ends where the buffer does.
pub(crate) fn finish(buffer: &mut Vec<u8>, start: usize, opcode: u8) {
    let payload = buffer.len() - start - 4;
    buffer[start] = FIN | opcode;
    match payload {
        0..126 => {
            buffer[start + 1] = payload as u8;
            buffer.copy_within(start + 4.., start + 2);
            buffer.truncate(start + 2 + payload);
        }
        126..0x1_0000 => {
            buffer[start + 1] = 126;
            buffer[start + 2..start + 4].copy_from_slice(&(payload as u16).to_be_bytes());
        }
        _ => {
            buffer[start + 1] = 127;
            let length = (payload as u64).to_be_bytes();
            buffer.splice(start + 2..start + 4, length);
        }
    }
}

/// Appends the header of a frame whose payload follows.
#[inline]
pub(crate) fn header(buffer: &mut Vec<u8>, payload: usize, opcode: u8) {
    match payload {
        0..126 => buffer.extend_from_slice(&[FIN | opcode, payload as u8]),
        126..0x1_0000 => {
            let [high, low] = (payload as u16).to_be_bytes();
            buffer.extend_from_slice(&[FIN | opcode, 126, high, low]);
        }
        _ => {
            buffer.extend_from_slice(&[FIN | opcode, 127]);
            buffer.extend_from_slice(&(payload as u64).to_be_bytes());
        }
    }
}

/// Appends a control frame; its payload has 125 bytes at most.
pub(crate) fn control(buffer: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    header(buffer, payload.len(), opcode);
    buffer.extend_from_slice(payload);
}

/// The length of the frame that begins with these bytes, which hold its header at least.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    let (header, payload) = match bytes.get(1)? & 0x7f {
        126 => (4, u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?).into()),
        127 => (10, usize::try_from(u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)).ok()?),
        short => (2, usize::from(short)),
    };
    Some(header + payload)
}

/// Appends a close frame; a reason beyond the 123 bytes that fit is cut at a character's end.
pub(crate) fn close(buffer: &mut Vec<u8>, code: u16, reason: &str) {
    let start = buffer.len();
    begin(buffer);
    buffer.extend_from_slice(&code.to_be_bytes());
    buffer.extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(123)]);
    finish(buffer, start, CLOSE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_fit_their_payloads() {
        for (payload, expected) in [
            (0_usize, &[0x81_u8, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xff, 0xff]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut frame = b"before".to_vec();
            begin(&mut frame);
            frame.resize(frame.len() + payload, b'x');
            finish(&mut frame, 6, TEXT);
            assert_eq!(&frame[6..6 + expected.len()], expected);
            assert_eq!(frame.len(), 6 + expected.len() + payload);
            let mut buffer = Vec::new();
            header(&mut buffer, payload, TEXT);
            assert_eq!(buffer, expected);
            assert_eq!(length(&buffer), Some(expected.len() + payload));
            assert_eq!(length(&buffer[..buffer.len() - 1]), None, "the header is not whole");
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut buffer = Vec::new();
        close(&mut buffer, 4400, &"é".repeat(100));
        assert_eq!(buffer.len(), 2 + 2 + 122);
        assert!(std::str::from_utf8(&buffer[4..]).is_ok());
    }
}
