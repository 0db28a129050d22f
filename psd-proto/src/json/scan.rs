//! Looking for the bytes that interrupt plain string text, eight at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The offset of the first quote, backslash or control character at or after `from`; the length if there is none.
///
/// Both directions need exactly these three: in a reader they end the plain part of a string, in a writer they must
/// be escaped.
#[inline]
pub(super) fn plain_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let found = interrupting(u64::from_le_bytes(*chunk));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = bytes.get(at) {
        if is_interrupting(byte) {
            return at;
        }
        at += 1;
    }
    at
}

#[inline]
pub(super) const fn is_interrupting(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The high bit of every byte that interrupts. A borrow can set bits above a true match, never below it, so the
/// lowest set bit is always right; that is the only one used.
#[inline]
const fn interrupting(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let is_control = word.wrapping_sub(ONES * 0x20) & !word;
    (is_quote | is_backslash | is_control) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_offset() {
        for length in 0..40 {
            for at in 0..length {
                for byte in 0..=255_u8 {
                    for filler in [b'a', 0x7f, 0x80, 0xff, b'!', b'#', b'[', b']'] {
                        let mut bytes = vec![filler; length];
                        bytes[at] = byte;
                        let expected = if is_interrupting(byte) { at } else { length };
                        assert_eq!(plain_end(&bytes, 0), expected, "{byte:#x} at {at} of {length}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_of_several_is_found() {
        assert_eq!(plain_end(b"abc\"\\\n", 0), 3);
        assert_eq!(plain_end(b"abc\"\\\n", 4), 4);
        assert_eq!(plain_end(b"\x01!\"\"!!!!!!", 1), 2);
    }
}
