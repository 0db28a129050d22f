//! v1 in binary: a frame is a sequence of `psd.v1.Envelope`s, each behind its length.
//!
//! Written and read by hand, since an envelope borrows from its frame and is written around a body that is encoded in
//! place. Field numbers are those of psd-build/protos/v1.proto.

use std::borrow::Cow;

use super::{Body, Ended, Envelope, EnvelopeError, MOST_ENVELOPES, Outgoing};

/// A field's number and wire type, as one byte.
mod key {
    pub(super) const HEADERS: u8 = 0x0a;
    pub(super) const BODY: u8 = 0x12;
    pub(super) const SEQ: u8 = 0x18;
    pub(super) const SEEN: u8 = 0x20;

    pub(super) const MESSAGE_TYPE: u8 = 0x0a;
    pub(super) const UUID: u8 = 0x12;
    pub(super) const AUTH_HEADER: u8 = 0x1a;
    pub(super) const EVENT_TIME: u8 = 0x20;
    pub(super) const LOCAL_TIME: u8 = 0x28;
    pub(super) const ACK: u8 = 0x30;
    pub(super) const RETRY_COUNT: u8 = 0x38;
    pub(super) const API_VERSION: u8 = 0x40;
    pub(super) const DEADLINE_MS: u8 = 0x48;
    pub(super) const RESULT: u8 = 0x52;
    pub(super) const COMPRESSED: u8 = 0x58;
    pub(super) const TRACEPARENT: u8 = 0x62;

    pub(super) const ERROR_MESSAGE: u8 = 0x0a;
    pub(super) const ERROR_CODE: u8 = 0x10;
}

/// The extent of a frame's envelope, if it is the only one.
#[must_use]
pub fn only(frame: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut fields = Fields { bytes: frame, at: 0 };
    let length = fields.varint()?;
    let envelope = fields.at..frame.len();
    (length == envelope.len() as u64).then_some(envelope)
}

/// The extents of a frame's envelopes.
///
/// # Errors
/// An envelope does not end within the frame, or there are too many; the ones before it are returned with the error.
pub fn split(frame: &[u8]) -> (Vec<std::ops::Range<usize>>, Result<(), EnvelopeError>) {
    let mut envelopes = Vec::with_capacity(1);
    let mut fields = Fields { bytes: frame, at: 0 };
    while fields.at < frame.len() {
        if envelopes.len() == MOST_ENVELOPES {
            return (envelopes, Err(EnvelopeError::new(format!("a frame holds at most {MOST_ENVELOPES} envelopes"))));
        }
        let number = envelopes.len() + 1;
        match fields.varint().and_then(|length| fields.take(length)) {
            Some(envelope) => envelopes.push(fields.at - envelope.len()..fields.at),
            None => {
                let error = EnvelopeError::new(format!("envelope {number} of the frame does not end within it"));
                return (envelopes, Err(error));
            }
        }
    }
    (envelopes, Ok(()))
}

/// Reads one envelope.
///
/// # Errors
/// The bytes are no envelope, or it has no message type.
pub fn read(bytes: &[u8]) -> Result<Envelope<'_>, EnvelopeError> {
    let malformed = || EnvelopeError::new("the envelope is no `psd.v1.Envelope`");
    let mut envelope = Envelope::of(Body::Proto(&[]));
    let mut body: &[u8] = &[];
    let mut compressed = false;
    let mut fields = Fields { bytes, at: 0 };
    while let Some(field) = fields.next().ok_or_else(malformed)? {
        match field {
            Field::Bytes(key::HEADERS, headers) => read_headers(headers, &mut envelope, &mut compressed)?,
            Field::Bytes(key::BODY, bytes) => body = bytes,
            Field::Varint(key::SEQ, seq) => envelope.seq = seq,
            Field::Varint(key::SEEN, seen) => envelope.seen = seen,
            _ => {}
        }
    }
    envelope.body = if compressed { Body::Deflated(body) } else { Body::Proto(body) };
    envelope.checked()
}

fn read_headers<'a>(bytes: &'a [u8], headers: &mut Envelope<'a>, compressed: &mut bool) -> Result<(), EnvelopeError> {
    let mut fields = Fields { bytes, at: 0 };
    while let Some(field) = fields.next().ok_or_else(|| EnvelopeError::new("`headers` is no `psd.v1.Headers`"))? {
        match field {
            Field::Bytes(key::MESSAGE_TYPE, bytes) => headers.message_type = text("messageType", bytes)?,
            Field::Bytes(key::UUID, bytes) => headers.uuid = some_text("uuid", bytes)?,
            Field::Bytes(key::AUTH_HEADER, bytes) => headers.auth_header = some_text("authHeader", bytes)?,
            Field::Bytes(key::TRACEPARENT, bytes) => headers.traceparent = some_text("traceparent", bytes)?,
            Field::Bytes(key::RESULT, bytes) => headers.result = Some(read_result(bytes)?),
            Field::Varint(key::EVENT_TIME, time) => headers.event_time = Some(time as i64 as f64),
            Field::Varint(key::LOCAL_TIME, time) => headers.local_time = Some(time as i64 as f64),
            Field::Varint(key::ACK, ack) => headers.ack = ack != 0,
            Field::Varint(key::RETRY_COUNT, count) => headers.retry_count = count as u32,
            Field::Varint(key::API_VERSION, version) => headers.api_version = version as u32,
            Field::Varint(key::DEADLINE_MS, deadline) => headers.deadline_ms = deadline as u32,
            Field::Varint(key::COMPRESSED, is_compressed) => *compressed = is_compressed != 0,
            _ => {}
        }
    }
    Ok(())
}

/// Either of text and code makes an error.
fn read_result(bytes: &[u8]) -> Result<Ended<'_>, EnvelopeError> {
    let malformed = || EnvelopeError::new("`headers.result` is no `psd.v1.RequestResult`");
    let (mut message, mut code) = (Cow::Borrowed(""), 0);
    let mut fields = Fields { bytes, at: 0 };
    while let Some(field) = fields.next().ok_or_else(malformed)? {
        match field {
            Field::Bytes(key::ERROR_MESSAGE, bytes) => message = text("result.errorMessage", bytes)?,
            Field::Varint(key::ERROR_CODE, number) => code = number as i32,
            _ => {}
        }
    }
    Ok(if message.is_empty() && code == 0 { Ok(()) } else { Err((message, Some(code).filter(|code| *code != 0))) })
}

fn text<'a>(name: &str, bytes: &'a [u8]) -> Result<Cow<'a, str>, EnvelopeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| EnvelopeError::new(format!("`headers.{name}` is not UTF-8")))?;
    Ok(Cow::Borrowed(text))
}

/// An empty string is what proto3 has for none.
fn some_text<'a>(name: &str, bytes: &'a [u8]) -> Result<Option<Cow<'a, str>>, EnvelopeError> {
    text(name, bytes).map(|text| Some(text).filter(|text| !text.is_empty()))
}

/// Appends one envelope without its length and number: what every connection gets of a publication.
///
/// `body_length` is what `write_body` will append.
pub fn write(
    out: &mut Vec<u8>,
    outgoing: &Outgoing<'_>,
    compressed: bool,
    body_length: usize,
    write_body: impl FnOnce(&mut Vec<u8>),
) {
    let result_length = outgoing.result.map(|result| match result {
        Ok(()) => 0,
        Err((text, code)) => {
            field_length(text.len()) + code.map_or(0, |code| 1 + varint_length(i64::from(code) as u64))
        }
    });
    let headers_length = field_length(outgoing.message_type.len())
        + outgoing.uuid.map_or(0, |uuid| field_length(uuid.len()))
        + result_length.map_or(0, field_length)
        + if compressed { 2 } else { 0 };
    out.push(key::HEADERS);
    write_varint(out, headers_length as u64);
    write_field(out, key::MESSAGE_TYPE, outgoing.message_type.as_bytes());
    if let Some(uuid) = outgoing.uuid {
        write_field(out, key::UUID, uuid.as_bytes());
    }
    if let (Some(result), Some(length)) = (outgoing.result, result_length) {
        out.push(key::RESULT);
        write_varint(out, length as u64);
        if let Err((text, code)) = result {
            write_field(out, key::ERROR_MESSAGE, text.as_bytes());
            if let Some(code) = code {
                out.push(key::ERROR_CODE);
                write_varint(out, i64::from(code) as u64);
            }
        }
    }
    if compressed {
        out.extend_from_slice(&[key::COMPRESSED, 1]);
    }
    if body_length > 0 {
        out.push(key::BODY);
        write_varint(out, body_length as u64);
        write_body(out);
    }
    if outgoing.seen > 0 {
        out.push(key::SEEN);
        write_varint(out, outgoing.seen);
    }
}

/// Appends one envelope with its length and number, encoded in place: `write_envelope` appends the envelope without
/// either.
pub fn write_numbered(out: &mut Vec<u8>, seq: u64, write_envelope: impl FnOnce(&mut Vec<u8>)) {
    /// Right for envelopes from 128 bytes to 16 KiB; what is shorter or longer is moved.
    const USUAL: usize = 2;
    let start = out.len();
    out.extend_from_slice(&[0; USUAL]);
    write_envelope(out);
    write_seq(out, seq);
    let envelope = start + USUAL;
    let length = out.len() - envelope;
    match length {
        0..0x80 => {
            out[start] = length as u8;
            out.copy_within(envelope.., start + 1);
            out.truncate(start + 1 + length);
        }
        0x80..0x4000 => out[start..envelope].copy_from_slice(&[length as u8 | 0x80, (length >> 7) as u8]),
        _ => {
            let mut varint = Vec::new();
            write_varint(&mut varint, length as u64);
            out.splice(start..envelope, varint);
        }
    }
}

/// Appends one envelope of a client, without its length and number, around a body that is encoded already.
pub fn write_request(out: &mut Vec<u8>, envelope: &Envelope<'_>) {
    let (body, compressed) = match envelope.body {
        Body::Deflated(body) => (body, true),
        Body::Proto(body) => (body, false),
        // An envelope with a body in JSON is none of this dialect; there is nothing to write of it.
        Body::Json(_) => (&[][..], false),
    };
    let texts = [
        (key::MESSAGE_TYPE, Some(&envelope.message_type)),
        (key::UUID, envelope.uuid.as_ref()),
        (key::AUTH_HEADER, envelope.auth_header.as_ref()),
        (key::TRACEPARENT, envelope.traceparent.as_ref()),
    ];
    let time = |time: Option<f64>| time.map_or(0, |time| time as i64 as u64);
    let numbers = [
        (key::EVENT_TIME, time(envelope.event_time)),
        (key::LOCAL_TIME, time(envelope.local_time)),
        (key::ACK, u64::from(envelope.ack)),
        (key::RETRY_COUNT, envelope.retry_count.into()),
        (key::API_VERSION, envelope.api_version.into()),
        (key::DEADLINE_MS, envelope.deadline_ms.into()),
        (key::COMPRESSED, u64::from(compressed)),
    ];
    let texts = texts.into_iter().filter_map(|(key, text)| Some((key, text?)));
    let numbers = numbers.into_iter().filter(|(_, number)| *number > 0);
    let headers_length = texts.clone().map(|(_, text)| field_length(text.len())).sum::<usize>()
        + numbers.clone().map(|(_, number)| 1 + varint_length(number)).sum::<usize>();
    out.push(key::HEADERS);
    write_varint(out, headers_length as u64);
    for (key, text) in texts {
        write_field(out, key, text.as_bytes());
    }
    for (key, number) in numbers {
        out.push(key);
        write_varint(out, number);
    }
    if !body.is_empty() {
        write_field(out, key::BODY, body);
    }
    if envelope.seen > 0 {
        out.push(key::SEEN);
        write_varint(out, envelope.seen);
    }
}

/// The length that precedes an envelope of `length` bytes whose number is appended to it.
#[inline]
pub fn write_length(out: &mut Vec<u8>, length: usize, seq: u64) {
    write_varint(out, (length + seq_length(seq)) as u64);
}

/// The length of what [`write_length`], the envelope of `length` bytes and [`write_seq`] append together.
#[inline]
pub fn numbered_length(length: usize, seq: u64) -> usize {
    let envelope = length + seq_length(seq);
    varint_length(envelope as u64) + envelope
}

/// Appends an envelope's number: protobuf does not care where in a message a field stands. 0 is not written.
#[inline]
pub fn write_seq(out: &mut Vec<u8>, seq: u64) {
    // Most numbers are small; those are written at once.
    match seq {
        0 => {}
        1..0x80 => out.extend_from_slice(&[key::SEQ, seq as u8]),
        0x80..0x4000 => out.extend_from_slice(&[key::SEQ, seq as u8 | 0x80, (seq >> 7) as u8]),
        _ => {
            out.push(key::SEQ);
            write_varint(out, seq);
        }
    }
}

/// How many bytes a number has, without the key before it.
#[inline]
pub fn seq_bytes(seq: u64) -> usize {
    varint_length(seq)
}

/// Gives an envelope at the end of a buffer another number, of as many bytes as the one that it has.
#[inline]
pub fn renumber(out: &mut [u8], seq: u64) {
    match (seq, out) {
        (0..0x80, [.., last]) => *last = seq as u8,
        (0x80..0x4000, [.., first, last]) => (*first, *last) = (seq as u8 | 0x80, (seq >> 7) as u8),
        (_, out) => {
            let start = out.len().saturating_sub(seq_bytes(seq));
            prost::encoding::encode_varint(seq, &mut &mut out[start..]);
        }
    }
}

#[inline]
fn seq_length(seq: u64) -> usize {
    if seq > 0 { 1 + varint_length(seq) } else { 0 }
}

/// The length of a field of bytes with a key of one byte.
fn field_length(length: usize) -> usize {
    1 + varint_length(length as u64) + length
}

fn write_field(out: &mut Vec<u8>, key: u8, bytes: &[u8]) {
    out.push(key);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[inline]
fn varint_length(value: u64) -> usize {
    prost::encoding::encoded_len_varint(value)
}

#[inline]
fn write_varint(out: &mut Vec<u8>, value: u64) {
    match value {
        0..0x80 => out.push(value as u8),
        0x80..0x4000 => out.extend_from_slice(&[value as u8 | 0x80, (value >> 7) as u8]),
        _ => prost::encoding::encode_varint(value, out),
    }
}

/// A field of a message; keys of more than one byte are none of ours and come as 0.
enum Field<'a> {
    Varint(u8, u64),
    Bytes(u8, &'a [u8]),
    Other,
}

struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// The next field, `Some(None)` at the end; `None` if the bytes are no protobuf message.
    #[expect(clippy::option_option, reason = "the outer one is an error without words")]
    fn next(&mut self) -> Option<Option<Field<'a>>> {
        if self.at == self.bytes.len() {
            return Some(None);
        }
        let key = self.varint()?;
        if key < 8 {
            return None; // There is no field 0.
        }
        let short = u8::try_from(key).ok().filter(|key| *key < 0x80).unwrap_or(0);
        Some(Some(match key & 7 {
            0 => Field::Varint(short, self.varint()?),
            1 => self.take(8).map(|_| Field::Other)?,
            2 => {
                let length = self.varint()?;
                Field::Bytes(short, self.take(length)?)
            }
            5 => self.take(4).map(|_| Field::Other)?,
            _ => return None, // Groups are gone since proto3.
        }))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // The tenth byte holds one bit.
                return if shift == 63 && byte > 1 { None } else { Some(value) };
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let end = self.at.checked_add(usize::try_from(length).ok()?)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One envelope with its length and number, read back.
    fn complete(envelope: &[u8], seq: u64) -> Vec<u8> {
        let mut frame = Vec::new();
        write_length(&mut frame, envelope.len(), seq);
        frame.extend_from_slice(envelope);
        write_seq(&mut frame, seq);
        frame
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        for (body, seq, seen) in
            [(Body::Proto(b"\x0a\x01a"), 1, 0), (Body::Deflated(b"x"), u64::MAX, 7), (Body::Proto(b""), 0, 300)]
        {
            let envelope = Envelope {
                message_type: "fetch-history".into(),
                uuid: Some("1".into()),
                auth_header: Some("t".into()),
                ack: true,
                event_time: Some(1_795_396_112_099.0),
                local_time: Some(-5.0),
                retry_count: 2,
                api_version: 3,
                deadline_ms: u32::MAX,
                traceparent: Some("00-1-2-03".into()),
                seq,
                seen,
                ..Envelope::of(body)
            };
            let mut out = Vec::new();
            write_request(&mut out, &envelope);
            let frame = complete(&out, seq);
            let (envelopes, result) = split(&frame);
            assert_eq!((envelopes.len(), result), (1, Ok(())));
            assert_eq!(read(&frame[envelopes[0].clone()]), Ok(envelope));
        }
    }

    #[test]
    fn the_example_of_the_specification() {
        let envelope = Envelope {
            message_type: "fetch-history".into(),
            uuid: Some("1".into()),
            ack: true,
            deadline_ms: 5000,
            ..Envelope::of(Body::Proto(b"\x0a\x01a"))
        };
        let mut out = Vec::new();
        write_request(&mut out, &envelope);
        assert_eq!(
            complete(&out, 1),
            b"\x20\x0a\x17\x0a\x0dfetch-history\x12\x011\x30\x01\x48\x88\x27\x12\x03\x0a\x01a\x18\x01"
        );
    }

    #[test]
    fn a_result_is_read_as_it_was_written() {
        for result in [Ok(()), Err(("no", None)), Err(("no", Some(422))), Err(("no", Some(-1)))] {
            let outgoing = Outgoing { message_type: "ack", uuid: Some("1"), result: Some(result), seen: 0 };
            let mut out = Vec::new();
            write(&mut out, &outgoing, false, 0, |_| {});
            write_seq(&mut out, 9);
            let expected = Envelope {
                message_type: "ack".into(),
                uuid: Some("1".into()),
                result: Some(result.map_err(|(text, code)| (text.into(), code))),
                seq: 9,
                ..Envelope::of(Body::Proto(&[]))
            };
            assert_eq!(read(&out), Ok(expected));
        }
    }
}
