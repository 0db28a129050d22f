//! Bytes as base64: written padded in the standard alphabet; read in either alphabet, padded or not.
//!
//! Accepting both alphabets within one value is what the proto3 JSON rules amount to, and what no engine of the
//! `base64` crate does in one pass.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The value of each byte; 255 for what is in neither alphabet.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 64 {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values[b'-' as usize] = 62;
    values[b'_' as usize] = 63;
    values
};

pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    let letter = |bits: u32| ALPHABET[(bits & 63) as usize];
    let mut triples = bytes.chunks_exact(3);
    for triple in &mut triples {
        let bits = u32::from(triple[0]) << 16 | u32::from(triple[1]) << 8 | u32::from(triple[2]);
        out.extend_from_slice(&[letter(bits >> 18), letter(bits >> 12), letter(bits >> 6), letter(bits)]);
    }
    match *triples.remainder() {
        [a] => {
            let bits = u32::from(a) << 16;
            out.extend_from_slice(&[letter(bits >> 18), letter(bits >> 12), b'=', b'=']);
        }
        [a, b] => {
            let bits = u32::from(a) << 16 | u32::from(b) << 8;
            out.extend_from_slice(&[letter(bits >> 18), letter(bits >> 12), letter(bits >> 6), b'=']);
        }
        _ => {}
    }
}

/// `None` if `text` is not base64.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    let bytes = match bytes {
        [rest @ .., b'=', b'='] | [rest @ .., b'='] if bytes.len().is_multiple_of(4) => rest,
        _ => bytes,
    };
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3 + 2);
    let value = |byte: u8| u32::from(VALUES[usize::from(byte)]);
    let mut quads = bytes.chunks_exact(4);
    for quad in &mut quads {
        let (a, b, c, d) = (value(quad[0]), value(quad[1]), value(quad[2]), value(quad[3]));
        if a | b | c | d > 63 {
            return None;
        }
        let bits = a << 18 | b << 12 | c << 6 | d;
        out.extend_from_slice(&[(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
    }
    match *quads.remainder() {
        [] => {}
        [a, b] if value(a) | value(b) < 64 => out.push((value(a) << 2 | value(b) >> 4) as u8),
        [a, b, c] if value(a) | value(b) | value(c) < 64 => {
            let bits = value(a) << 10 | value(b) << 4 | value(c) >> 2;
            out.extend_from_slice(&[(bits >> 8) as u8, bits as u8]);
        }
        _ => return None,
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..=256 {
            let mut text = Vec::new();
            encode(&bytes[..length], &mut text);
            let text = String::from_utf8(text).expect("base64 is ASCII");
            assert_eq!(text.len(), length.div_ceil(3) * 4);
            let unpadded = text.trim_end_matches('=');
            let url = unpadded.replace('+', "-").replace('/', "_");
            for spelling in [&text, unpadded, &url] {
                assert_eq!(decode(spelling).as_deref(), Some(&bytes[..length]), "{spelling}");
            }
        }
    }

    #[test]
    fn known_values() {
        for (bytes, text) in [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"\xff\xfe", "//4=")]
        {
            let mut out = Vec::new();
            encode(bytes, &mut out);
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn refused() {
        for text in ["A", "AAAAA", "A=", "A===", "====", "AA=A", "AA A", "AAA!", "é===", "AAAA=", "AAAA=="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
