//! Looking for the bytes that interrupt plain string text: eight at a time, and thirty-two in long strings.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The offset of the first quote, backslash or control character at or after `from`; the length if there is none.
///
/// Both directions need exactly these three: in a reader they end the plain part of a string, in a writer they must
/// be escaped.
#[inline]
pub(crate) fn plain_end(bytes: &[u8], from: usize) -> usize {
    // Names and short values end here.
    match words(bytes, from, 2) {
        Ok(end) => end,
        Err(at) => long_plain_end(bytes, at),
    }
}

fn long_plain_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<32>) {
        // Without an early exit, so that the compiler makes vector instructions of it.
        if block.iter().fold(false, |found, byte| found | is_interrupting(*byte)) {
            break;
        }
        at += 32;
    }
    match words(bytes, at, usize::MAX) {
        Ok(end) | Err(end) => end,
    }
}

/// Looks at so many words, and single bytes where no word is left. `Err` is where to go on.
#[inline]
fn words(bytes: &[u8], from: usize, count: usize) -> Result<usize, usize> {
    let mut at = from;
    for _ in 0..count {
        let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) else {
            let rest = bytes.get(at..).unwrap_or_default();
            return Ok(at + rest.iter().position(|byte| is_interrupting(*byte)).unwrap_or(rest.len()));
        };
        let found = interrupting(u64::from_le_bytes(*chunk));
        if found != 0 {
            return Ok(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    Err(at)
}

/// With the second bit flipped, the quote (0x22) comes to lie behind the control characters: one comparison for all.
#[inline]
pub(super) const fn is_interrupting(byte: u8) -> bool {
    byte ^ 2 < 0x21 || byte == b'\\'
}

/// The high bit of every byte that interrupts. A borrow can set bits above a true match, never below it, so the
/// lowest set bit is always right; that is the only one used.
#[inline]
const fn interrupting(word: u64) -> u64 {
    let backslash = word ^ (ONES * b'\\' as u64);
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let is_quote_or_control = (word ^ (ONES * 2)).wrapping_sub(ONES * 0x21) & !word;
    (is_backslash | is_quote_or_control) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_offset() {
        for length in (0..42).chain([63, 64, 65, 80]) {
            for at in 0..length {
                for byte in 0..=255_u8 {
                    for filler in [b'a', 0x7f, 0x80, 0xff, b' ', b'!', b'#', b'[', b']'] {
                        let mut bytes = vec![filler; length];
                        bytes[at] = byte;
                        let expected = if matches!(byte, 0..0x20 | b'"' | b'\\') { at } else { length };
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
