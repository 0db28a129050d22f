//! Compressed bodies: raw DEFLATE (RFC 1951).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The name by which both sides negotiate it.
pub const DEFLATE_RAW: &str = "deflate-raw";

/// Favours speed: bodies are small, and the saving is nearly all there at the lowest levels.
const LEVEL: Compression = Compression::fast();

/// Why a body could not be decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// The bytes are no raw DEFLATE stream, or not a whole one.
    #[error("the body is not compressed as `deflate-raw`")]
    Malformed,
    /// The body would grow beyond the limit; nothing more of it was decompressed.
    #[error("the decompressed body is over the limit of {0} bytes")]
    TooLarge(usize),
}

/// Compresses a body; `None` if that does not make it smaller.
#[must_use]
pub fn deflate(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let status = Compress::new(LEVEL, false).compress_vec(body, &mut out, FlushCompress::Finish);
    match status {
        // The capacity is the limit: more output than input is of no use.
        Ok(Status::StreamEnd) if out.len() < body.len() => Some(out),
        _ => None,
    }
}

/// Decompresses a body of at most `limit` bytes. Memory grows with what comes out, never beyond the limit.
///
/// # Errors
/// The body is malformed, or larger than the limit.
pub fn inflate(body: &[u8], limit: usize) -> Result<Vec<u8>, InflateError> {
    let mut stream = Decompress::new(false);
    let mut out = Vec::with_capacity(body.len().saturating_mul(2).min(limit));
    loop {
        let consumed = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = body.get(consumed..).unwrap_or_default();
        let before = out.len();
        let status = stream.decompress_vec(rest, &mut out, FlushDecompress::None);
        match status.map_err(|_| InflateError::Malformed)? {
            Status::StreamEnd => return Ok(out),
            Status::Ok | Status::BufError if out.len() == out.capacity() => {
                if out.capacity() >= limit {
                    // The stream may still end exactly here.
                    return if ends(&mut stream, body) { Ok(out) } else { Err(InflateError::TooLarge(limit)) };
                }
                out.reserve_exact(out.capacity().max(256).min(limit - out.capacity()));
            }
            Status::Ok | Status::BufError if out.len() == before => return Err(InflateError::Malformed),
            Status::Ok | Status::BufError => {}
        }
    }
}

/// Whether the stream has nothing left but its end.
fn ends(stream: &mut Decompress, body: &[u8]) -> bool {
    let consumed = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
    let mut more = [0];
    let before = stream.total_out();
    let status = stream.decompress(body.get(consumed..).unwrap_or_default(), &mut more, FlushDecompress::None);
    matches!(status, Ok(Status::StreamEnd)) && stream.total_out() == before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was() {
        for body in [&b"a".repeat(10)[..], &b"abc".repeat(1000), &[0; 100_000]] {
            let deflated = deflate(body).expect("it gets smaller");
            assert!(deflated.len() < body.len());
            assert_eq!(inflate(&deflated, body.len()).as_deref(), Ok(body));
            assert_eq!(inflate(&deflated, body.len() + 1).as_deref(), Ok(body));
            assert_eq!(inflate(&deflated, body.len() - 1), Err(InflateError::TooLarge(body.len() - 1)));
        }
        assert_eq!(deflate(b"abc"), None);
        assert_eq!(deflate(b""), None);
    }

    #[test]
    fn a_bomb_is_refused_without_being_unpacked() {
        let bomb = deflate(&vec![0; 100 << 20]).expect("it gets smaller");
        assert!(bomb.len() < 1 << 20);
        assert_eq!(inflate(&bomb, 1 << 20), Err(InflateError::TooLarge(1 << 20)));
    }

    #[test]
    fn nonsense_is_refused() {
        let whole = deflate(&b"abc".repeat(100)).expect("it gets smaller");
        for body in [&b""[..], b"\xff\xff\xff", &whole[..whole.len() - 1], &whole[1..]] {
            assert_eq!(inflate(body, 1 << 20), Err(InflateError::Malformed), "{body:?}");
        }
    }
}
