//! The classic dialect: text frames, one JSON object each.

use psd_proto::envelope::{self, classic};

use super::{Headers, answer, content, malformed, request};
use crate::{envelope::Envelope, error::Error, socket::Text};

/// An envelope around a body: one JSON object.
pub(super) fn encode(headers: Headers<'_>, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + headers.token.map_or(0, str::len) + body.len());
    let Ok(()) = classic::write_request(&mut out, &request(headers, envelope::Body::Json("")), |out| {
        out.extend_from_slice(body);
        Ok::<(), std::convert::Infallible>(())
    });
    out
}

/// Reads a frame of the server. Unknown keys are passed over.
pub(super) fn decode(frame: &Text) -> Result<Envelope, Error> {
    let envelope = classic::read_answer(frame).map_err(malformed)?;
    Ok(answer(&envelope, content(frame, envelope.body), frame.len()))
}
