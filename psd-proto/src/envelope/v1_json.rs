//! v1 in JSON: a text frame is one envelope, or an array of them.

use super::{Body, Envelope, EnvelopeError, MOST_ENVELOPES, Outgoing, headers};
use crate::json::{Kind, ReadOptions, Reader, WriteOptions, Writer};

/// Whether a frame holds one envelope and no list of them.
#[must_use]
pub fn is_alone(text: &str) -> bool {
    Reader::new(text, &ReadOptions::default()).peek() != Kind::Array
}

/// The extents of a frame's envelopes.
///
/// # Errors
/// The text is neither an object nor an array of values, or there are too many; the ones before it are returned with
/// the error.
pub fn split(text: &str) -> (Vec<std::ops::Range<usize>>, Result<(), EnvelopeError>) {
    let mut envelopes = Vec::with_capacity(1);
    let result = collect(text, &mut envelopes);
    (envelopes, result)
}

fn collect(text: &str, envelopes: &mut Vec<std::ops::Range<usize>>) -> Result<(), EnvelopeError> {
    if is_alone(text) {
        // Whether it is an object is for whoever reads it to say.
        envelopes.push(0..text.len());
        return Ok(());
    }
    let mut reader = Reader::new(text, &ReadOptions::default());
    reader.begin_array()?;
    while reader.next_element()? {
        if envelopes.len() == MOST_ENVELOPES {
            return Err(EnvelopeError::new(format!("a frame holds at most {MOST_ENVELOPES} envelopes")));
        }
        let length = reader.skim()?.len();
        envelopes.push(reader.offset() - length..reader.offset());
    }
    Ok(reader.finish()?)
}

/// Reads one envelope.
///
/// # Errors
/// The text is no envelope, or it has no message type.
pub fn read(text: &str) -> Result<Envelope<'_>, EnvelopeError> {
    let mut reader = Reader::new(text, &ReadOptions::default());
    let mut envelope = None;
    let (mut body, mut seq, mut seen) = (headers::NO_BODY, 0, 0);
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match &*key {
            "headers" if !reader.null()? => envelope = Some(headers::read(&mut reader)?),
            "headers" => {}
            "body" => body = headers::body(&mut reader)?,
            "seq" => seq = number(&mut reader)?,
            "seen" => seen = number(&mut reader)?,
            _ => drop(reader.skim()?),
        }
    }
    reader.finish()?;
    let envelope = envelope.ok_or_else(|| EnvelopeError::new("`headers` is missing"))?;
    Envelope { body: Body::Json(body), seq, seen, ..envelope }.checked()
}

fn number(reader: &mut Reader<'_>) -> Result<u64, EnvelopeError> {
    Ok(reader.skim()?.trim_matches('"').parse().unwrap_or(0))
}

/// Appends one envelope without its number and its closing brace: what every connection gets of a publication.
///
/// # Errors
/// Those of `write_body`, which appends the body; `None` is for an envelope without one.
pub fn write<E>(
    out: &mut Vec<u8>,
    outgoing: &Outgoing<'_>,
    write_body: Option<impl FnOnce(&mut Vec<u8>) -> Result<(), E>>,
) -> Result<(), E> {
    headers::begin(out, outgoing.message_type, outgoing.uuid);
    if let Some(result) = outgoing.result {
        let mut writer = Writer::new(out, &WriteOptions::default());
        writer.raw(",\"result\":");
        let start = writer.begin();
        headers::write_result(&mut writer, result);
        writer.end_object(start);
    }
    out.push(b'}');
    if let Some(write_body) = write_body {
        out.extend_from_slice(b",\"body\":");
        write_body(out)?;
    }
    if outgoing.seen > 0 {
        write_number(out, b",\"seen\":", outgoing.seen);
    }
    Ok(())
}

/// Appends one envelope of a client without its numbers and its closing brace.
///
/// # Errors
/// Those of `write_body`, which appends the body.
pub fn write_request<E>(
    out: &mut Vec<u8>,
    envelope: &Envelope<'_>,
    write_body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    out.extend_from_slice(b"{\"headers\":");
    let mut writer = Writer::new(out, &WriteOptions::default());
    let start = writer.begin();
    writer.key("messageType");
    writer.string(&envelope.message_type);
    for (name, text) in
        [("uuid", &envelope.uuid), ("authHeader", &envelope.auth_header), ("traceparent", &envelope.traceparent)]
    {
        if let Some(text) = text {
            writer.key(name);
            writer.string(text);
        }
    }
    for (name, time) in [("eventTime", envelope.event_time), ("localTime", envelope.local_time)] {
        if let Some(time) = time {
            writer.key(name);
            writer.raw(itoa::Buffer::new().format(time as i64));
        }
    }
    if envelope.ack {
        writer.key("ack");
        writer.raw("true");
    }
    for (name, count) in [
        ("retryCount", envelope.retry_count),
        ("apiVersion", envelope.api_version),
        ("deadlineMs", envelope.deadline_ms),
    ] {
        if count > 0 {
            writer.key(name);
            writer.raw(itoa::Buffer::new().format(count));
        }
    }
    writer.end_object(start);
    out.extend_from_slice(b",\"body\":");
    write_body(out)
}

/// Appends the highest number received, unless it is 0; comes before [`write_seq`].
pub fn write_seen(out: &mut Vec<u8>, seen: u64) {
    if seen > 0 {
        out.extend_from_slice(b",\"seen\":");
        out.extend_from_slice(itoa::Buffer::new().format(seen).as_bytes());
    }
}

const SEQ: &[u8] = b",\"seq\":";

/// Appends an envelope's number, unless it is 0, and its closing brace.
pub fn write_seq(out: &mut Vec<u8>, seq: u64) {
    if seq > 0 {
        write_number(out, SEQ, seq);
    }
    out.push(b'}');
}

/// The length of what [`write_seq`] appends.
pub fn seq_length(seq: u64) -> usize {
    seq.checked_ilog10().map_or(0, |log| SEQ.len() + log as usize + 1) + 1
}

fn write_number(out: &mut Vec<u8>, key: &[u8], number: u64) {
    out.extend_from_slice(key);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Body;

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let envelope = Envelope {
            message_type: "fetch-\"history\"".into(),
            uuid: Some("1".into()),
            auth_header: Some("t\n".into()),
            ack: true,
            event_time: Some(1_795_396_112_099.0),
            local_time: Some(0.0),
            retry_count: 2,
            api_version: 3,
            deadline_ms: u32::MAX,
            traceparent: Some("00-1-2-03".into()),
            seq: u64::MAX,
            seen: 7,
            ..Envelope::of(Body::Json(r#"{"room":"a"}"#))
        };
        let mut out = Vec::new();
        let Ok(()) = write_request(&mut out, &envelope, |out| {
            out.extend_from_slice(br#"{"room":"a"}"#);
            Ok::<(), std::convert::Infallible>(())
        });
        write_seen(&mut out, envelope.seen);
        write_seq(&mut out, envelope.seq);
        assert_eq!(read(std::str::from_utf8(&out).expect("it is UTF-8")), Ok(envelope));
    }

    #[test]
    fn a_result_is_read_as_it_was_written() {
        for result in [Ok(()), Err(("no", None)), Err(("no", Some(422))), Err(("no", Some(-1)))] {
            let outgoing = Outgoing { message_type: "ack", uuid: Some("1"), result: Some(result), seen: 0 };
            let mut out = Vec::new();
            let Ok(()) = write(&mut out, &outgoing, None::<fn(&mut Vec<u8>) -> Result<(), std::convert::Infallible>>);
            write_seq(&mut out, 9);
            let expected = Envelope {
                message_type: "ack".into(),
                uuid: Some("1".into()),
                result: Some(result.map_err(|(text, code)| (text.into(), code))),
                seq: 9,
                ..Envelope::of(Body::Json("{}"))
            };
            assert_eq!(read(std::str::from_utf8(&out).expect("it is UTF-8")), Ok(expected));
        }
    }
}
