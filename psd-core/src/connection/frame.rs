//! WebSocket frames from server to client (RFC 6455, section 5.2): unmasked and never fragmented.

use bytes::Bytes;

pub(crate) const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const FIN: u8 = 0x80;

/// The most a frame's header takes.
const LONGEST_HEADER: usize = 10;

pub(crate) const NORMAL: u16 = 1000;
pub(crate) const GOING_AWAY: u16 = 1001;
pub(crate) const PROTOCOL_ERROR: u16 = 1002;
pub(crate) const NOT_UTF8: u16 = 1007;
pub(crate) const TOO_BIG: u16 = 1009;
pub(crate) const RESTART: u16 = 1012;
pub(crate) const UNREADABLE: u16 = 4400;
pub(crate) const KICKED: u16 = 4403;
pub(crate) const SLOW_CONSUMER: u16 = 4413;

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
            buffer.drain(start + 2..start + 4);
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

/// A text frame to be shared.
pub(crate) fn text(payload: &[u8]) -> Bytes {
    let mut buffer = Vec::with_capacity(payload.len() + LONGEST_HEADER);
    begin(&mut buffer);
    buffer.extend_from_slice(payload);
    finish(&mut buffer, 0, TEXT);
    buffer.into()
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
        for (payload, header) in [
            (0_usize, &[0x81_u8, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xff, 0xff]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = text(&vec![b'x'; payload]);
            assert_eq!(&frame[..header.len()], header);
            assert_eq!(frame.len(), header.len() + payload);
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
