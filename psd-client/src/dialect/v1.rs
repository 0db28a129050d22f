//! v1: numbered envelopes, several to a frame, in binary or JSON.

use psd_proto::envelope::{self, compression, v1_json, v1_proto};

use super::{Headers, answer, content, malformed, request, slice};
use crate::{
    envelope::{Content, Envelope},
    error::Error,
    socket::{Bytes, Text},
};

/// One envelope around a body in JSON.
pub(super) fn encode_json(headers: Headers<'_>, body: &[u8], seq: u64, seen: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(192 + body.len());
    let Ok(()) = v1_json::write_request(&mut out, &request(headers, envelope::Body::Json("")), |out| {
        out.extend_from_slice(body);
        Ok::<(), std::convert::Infallible>(())
    });
    v1_json::write_seen(&mut out, seen);
    v1_json::write_seq(&mut out, seq);
    out
}

/// One envelope, its length before it, around a body in protobuf.
pub(super) fn encode_proto(
    headers: Headers<'_>,
    body: &[u8],
    compress_from: Option<usize>,
    seq: u64,
    seen: u64,
) -> Vec<u8> {
    let deflated = compress_from.filter(|from| body.len() >= *from).and_then(|_| compression::deflate(body));
    let body = deflated.as_deref().map_or(envelope::Body::Proto(body), envelope::Body::Deflated);
    let envelope = envelope::Envelope { seen, ..request(headers, body) };
    let mut out = Vec::new();
    v1_proto::write_numbered(&mut out, seq, |out| v1_proto::write_request(out, &envelope));
    out
}

pub(super) fn decode_json(frame: &Text) -> Vec<Result<Envelope, Error>> {
    let (ranges, result) = v1_json::split(frame);
    let read = |range: std::ops::Range<usize>| {
        let text = &frame[range.clone()];
        let envelope = v1_json::read(text).map_err(malformed)?;
        Ok(answer(&envelope, content(frame, envelope.body), text.len()))
    };
    ranges.into_iter().map(read).chain(result.err().map(|error| Err(malformed(error)))).collect()
}

pub(super) fn decode_proto(frame: &Bytes, limit: usize) -> Vec<Result<Envelope, Error>> {
    let (ranges, result) = v1_proto::split(frame);
    let read = |range: std::ops::Range<usize>| {
        let bytes = &frame[range];
        let envelope = v1_proto::read(bytes).map_err(malformed)?;
        let body = match envelope.body {
            envelope::Body::Proto(body) => slice(frame, body),
            envelope::Body::Deflated(body) => {
                let message_type = &envelope.message_type;
                compression::inflate(body, limit)
                    .map_err(|error| Error::Malformed { reason: format!("`{message_type}`: {error}") })?
                    .into()
            }
            envelope::Body::Json(_) => Bytes::new(),
        };
        let weight = bytes.len().max(body.len());
        Ok(answer(&envelope, Content::Binary(body), weight))
    };
    ranges.into_iter().map(read).chain(result.err().map(|error| Err(malformed(error)))).collect()
}
