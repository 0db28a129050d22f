//! The dialects a connection may speak; nothing else in the runtime knows what a message looks like on the wire.

use std::{
    borrow::Cow,
    cell::RefCell,
    ops::Range,
    sync::{LazyLock, OnceLock},
};

use bytes::{Buf as _, Bytes};
use psd_proto::{
    ClientMessage, ServerMessage,
    envelope::{
        Body, Envelope, EnvelopeError, Outgoing, RequestResult,
        classic::{self, Layouts},
        compression, v1_json, v1_proto,
    },
    json::{self, AnyTypes, Names, ReadOptions, WriteOptions},
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{Error, connection::frame, receiver::schemas};

thread_local! {
    /// How clients write their envelopes; the same in all connections of a kind, so that none has to hold it.
    static LAYOUTS: RefCell<Layouts> = const { RefCell::new(Layouts::new()) };
}

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// JSON text frames, as the clients in the field know them.
    Classic,
    /// v1 in text frames.
    V1Json,
    /// v1 in binary frames; bodies are compressed from this many bytes on, if the client can.
    V1Proto { compress_from: Option<usize> },
}

/// A message as it came, or one envelope of it, still to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Raw {
    Text(Utf8Bytes),
    Binary(Bytes),
}

impl Raw {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

/// An encoded message on its way to many connections.
#[derive(Debug)]
pub(crate) struct SharedMessage {
    envelope: SharedEnvelope,
    /// Frames of [`Form::Proto`] whose numbers have one byte, two and so on: for each connection only the number is another.
    frames: [OnceLock<Vec<u8>>; 4],
}

/// An encoded message without what differs from connection to connection.
#[derive(Debug, Clone)]
pub(crate) struct SharedEnvelope {
    bytes: Bytes,
    form: Form,
}

/// More than ever stands around what is shared of a message: its frame's header, and length and number of v1.
pub(crate) const AROUND: usize = 64;

/// What [`SharedEnvelope`] shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A frame: it is the same for all.
    Frame,
    /// An envelope of v1 that is numbered on each connection: its end is missing.
    Json,
    Proto,
}

impl SharedMessage {
    #[inline]
    pub(crate) fn envelope(&self) -> &SharedEnvelope {
        &self.envelope
    }

    /// Appends the frame of one connection, numbered with the next number of `seq`.
    #[inline]
    pub(crate) fn write(&self, buffer: &mut Vec<u8>, seq: &mut u64) {
        match self.envelope.form {
            Form::Frame => buffer.extend_from_slice(&self.envelope.bytes),
            Form::Proto => {
                let number = *seq + 1;
                match self.frames.get(v1_proto::seq_bytes(number) - 1) {
                    Some(frame) => {
                        *seq = number;
                        buffer.extend_from_slice(frame.get_or_init(|| self.numbered(number)));
                        v1_proto::renumber(buffer, number);
                    }
                    None => self.envelope.write(buffer, seq),
                }
            }
            Form::Json => self.envelope.write(buffer, seq),
        }
    }

    #[cold]
    fn numbered(&self, number: u64) -> Vec<u8> {
        let mut frame = Vec::new();
        self.envelope.write(&mut frame, &mut (number - 1));
        frame
    }

    #[cfg(test)]
    pub(crate) fn of(dialect: Dialect, text: &str) -> Self {
        dialect.shared(text.as_bytes().to_vec(), true)
    }
}

impl SharedEnvelope {
    #[inline]
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends the frame of one connection, numbered with the next number of `seq`.
    pub(crate) fn write(&self, buffer: &mut Vec<u8>, seq: &mut u64) {
        buffer.reserve(AROUND + self.len());
        self.write_before(buffer, seq);
        buffer.extend_from_slice(&self.bytes);
        self.write_behind(buffer, *seq);
    }

    /// Appends what stands before it in the frame of one connection, numbered with the next number of `seq`.
    pub(crate) fn write_before(&self, buffer: &mut Vec<u8>, seq: &mut u64) {
        let length = self.bytes.len();
        match self.form {
            Form::Frame => {}
            Form::Json => {
                *seq += 1;
                frame::header(buffer, length + v1_json::seq_length(*seq), frame::TEXT);
            }
            Form::Proto => {
                *seq += 1;
                frame::header(buffer, v1_proto::numbered_length(length, *seq), frame::BINARY);
                v1_proto::write_length(buffer, length, *seq);
            }
        }
    }

    /// Appends what stands behind it.
    pub(crate) fn write_behind(&self, buffer: &mut Vec<u8>, seq: u64) {
        match self.form {
            Form::Frame => {}
            Form::Json => v1_json::write_seq(buffer, seq),
            Form::Proto => v1_proto::write_seq(buffer, seq),
        }
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Dialect {
    /// The subprotocols by which clients ask for a dialect, and what they get.
    pub(crate) fn of_subprotocol(name: &str, compress_from: Option<usize>) -> Option<Self> {
        match name {
            "psd.v1.json" => Some(Self::V1Json),
            "psd.v1.proto" => Some(Self::V1Proto { compress_from }),
            _ => None,
        }
    }

    pub(crate) fn is_v1(self) -> bool {
        self != Self::Classic
    }

    /// The opcode of the frames the server writes.
    pub(crate) fn opcode(self) -> u8 {
        match self {
            Self::Classic | Self::V1Json => frame::TEXT,
            Self::V1Proto { .. } => frame::BINARY,
        }
    }

    /// The envelope of a data frame that holds no more than that, as most do; else the frame again.
    pub(crate) fn only(self, message: Raw) -> Result<Raw, Raw> {
        match (self, message) {
            (Self::Classic, Raw::Text(text)) => Ok(Raw::Text(text)),
            (Self::V1Json, Raw::Text(text)) if v1_json::is_alone(&text) => Ok(Raw::Text(text)),
            (Self::V1Proto { .. }, Raw::Binary(mut bytes)) => match v1_proto::only(&bytes) {
                Some(range) => {
                    bytes.advance(range.start);
                    Ok(Raw::Binary(bytes))
                }
                None => Err(Raw::Binary(bytes)),
            },
            (_, message) => Err(message),
        }
    }

    /// The envelopes of a data frame. Those before a mistake come with it.
    pub(crate) fn split(self, message: Raw) -> (Vec<Raw>, Result<(), EnvelopeError>) {
        match (self, message) {
            (Self::V1Json, Raw::Text(text)) => {
                let (ranges, result) = v1_json::split(&text);
                let bytes: Bytes = text.into();
                let envelope = |range| Utf8Bytes::try_from(part(&bytes, range)).ok().map(Raw::Text);
                (ranges.into_iter().filter_map(envelope).collect(), result)
            }
            (Self::V1Proto { .. }, Raw::Binary(bytes)) => {
                let (ranges, result) = v1_proto::split(&bytes);
                (ranges.into_iter().map(|range| Raw::Binary(part(&bytes, range))).collect(), result)
            }
            (Self::V1Proto { .. }, _) => (Vec::new(), Err(wrong_frame("text", "binary"))),
            _ => (Vec::new(), Err(wrong_frame("binary", "text"))),
        }
    }

    /// Reads headers and the extent of the body; the body itself stays undecoded.
    pub(crate) fn read_envelope(self, raw: &Raw) -> Result<Envelope<'_>, EnvelopeError> {
        match (self, raw) {
            (Self::Classic, Raw::Text(text)) => LAYOUTS.with_borrow_mut(|layouts| layouts.read(text)),
            (_, Raw::Text(text)) => v1_json::read(text),
            (_, Raw::Binary(bytes)) => v1_proto::read(bytes),
        }
    }

    /// Decodes a body; decompressed it may have `limit` bytes.
    pub(crate) fn read_body<M: ClientMessage>(self, body: Body<'_>, depth: u32, limit: usize) -> Result<M, Error> {
        let bytes: Cow<'_, [u8]> = match body {
            Body::Json(text) => {
                let objects_for_well_known = self == Self::Classic;
                let options = ReadOptions { ignore_unknown: true, depth, objects_for_well_known, types: *TYPES };
                return json::read(text, &options)
                    .map_err(|error| Error::new(400, error.with_root("body").to_string()));
            }
            Body::Proto(bytes) => bytes.into(),
            Body::Deflated(_) if !self.compresses() => {
                return Err(Error::new(400, "the body is compressed, which was not negotiated"));
            }
            Body::Deflated(bytes) => match compression::inflate(bytes, limit) {
                Ok(bytes) => bytes.into(),
                Err(error @ compression::InflateError::TooLarge(_)) => return Err(Error::new(413, error.to_string())),
                Err(error) => return Err(Error::new(400, error.to_string())),
            },
        };
        M::decode(&*bytes).map_err(|error| Error::new(400, format!("body: {error}")))
    }

    /// Appends a message, numbered with the next number of `seq`.
    pub(crate) fn write_message<M: ServerMessage>(
        self,
        buffer: &mut Vec<u8>,
        message: &M,
        outgoing: &Outgoing<'_>,
        seq: &mut u64,
    ) -> Result<(), Error> {
        match self {
            Self::Classic => write_classic(buffer, message, outgoing),
            Self::V1Json => {
                write_v1_json(buffer, message, outgoing)?;
                v1_json::write_seq(buffer, next(seq, is_numbered::<M>()));
                Ok(())
            }
            Self::V1Proto { compress_from } => {
                let number = next(seq, is_numbered::<M>());
                v1_proto::write_numbered(buffer, number, |buffer| {
                    write_v1_proto(buffer, message, outgoing, compress_from);
                });
                Ok(())
            }
        }
    }

    /// Encodes what connections share of a message that belongs to no request.
    pub(crate) fn share<M: ServerMessage>(self, message: &M) -> Result<SharedMessage, Error> {
        let outgoing = Outgoing { message_type: M::INFO.message_type, uuid: None, result: None, seen: 0 };
        let mut buffer = Vec::new();
        match self {
            Self::Classic => write_classic(&mut buffer, message, &outgoing)?,
            Self::V1Json => write_v1_json(&mut buffer, message, &outgoing)?,
            Self::V1Proto { compress_from } => write_v1_proto(&mut buffer, message, &outgoing, compress_from),
        }
        Ok(self.shared(buffer, is_numbered::<M>()))
    }

    fn shared(self, envelope: Vec<u8>, numbered: bool) -> SharedMessage {
        let form = match self {
            Self::V1Json if numbered => Form::Json,
            Self::V1Proto { .. } if numbered => Form::Proto,
            _ => Form::Frame,
        };
        let bytes = if form == Form::Frame { self.whole_frame(&envelope) } else { envelope };
        SharedMessage { envelope: SharedEnvelope { bytes: bytes.into(), form }, frames: Default::default() }
    }

    /// A frame with one envelope that has no number.
    fn whole_frame(self, envelope: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        frame::begin(&mut frame);
        if matches!(self, Self::V1Proto { .. }) {
            v1_proto::write_length(&mut frame, envelope.len(), 0);
        }
        frame.extend_from_slice(envelope);
        if self == Self::V1Json {
            v1_json::write_seq(&mut frame, 0);
        }
        frame::finish(&mut frame, 0, self.opcode());
        frame
    }

    /// Appends an ack: a message of its own that says how a request ended.
    pub(crate) fn write_ack(self, buffer: &mut Vec<u8>, uuid: Option<&str>, result: RequestResult<'_>, seq: &mut u64) {
        let outgoing = Outgoing { message_type: "ack", uuid, result: Some(result), seen: 0 };
        match self {
            Self::Classic => classic::write_ack(buffer, uuid, result),
            Self::V1Json => {
                let body = None::<fn(&mut Vec<u8>) -> Result<(), std::convert::Infallible>>;
                let Ok(()) = v1_json::write(buffer, &outgoing, body);
                v1_json::write_seq(buffer, next(seq, true));
            }
            Self::V1Proto { .. } => {
                let number = next(seq, true);
                v1_proto::write_numbered(buffer, number, |buffer| {
                    v1_proto::write(buffer, &outgoing, false, 0, |_| {});
                });
            }
        }
    }

    /// Whether bodies may come compressed.
    fn compresses(self) -> bool {
        matches!(self, Self::V1Proto { compress_from: Some(_) })
    }
}

/// One envelope of several. It may have to wait, and must not keep a frame that is much larger.
fn part(frame: &Bytes, range: Range<usize>) -> Bytes {
    const KEPT_WHOLE: usize = 16 * 1024;
    if frame.len() > KEPT_WHOLE && range.len() < frame.len() / 2 {
        Bytes::copy_from_slice(&frame[range])
    } else {
        frame.slice(range)
    }
}

fn wrong_frame(came: &str, spoken: &str) -> EnvelopeError {
    EnvelopeError::new(format!("a {came} frame: this protocol uses {spoken} frames"))
}

/// What means something only on the connection it came by is not numbered (PROTOCOL.md, section 8).
fn is_numbered<M: ServerMessage>() -> bool {
    let message_type = M::INFO.message_type;
    !(message_type.starts_with("psd.") || matches!(message_type, "protocol-error" | "token-invalid"))
}

fn next(seq: &mut u64, numbered: bool) -> u64 {
    if !numbered {
        return 0;
    }
    *seq += 1;
    *seq
}

fn no_json_form<M: ServerMessage>(error: &json::Error) -> Error {
    Error::internal(format!("`{}` has no JSON form: {error}", M::INFO.full_name))
}

fn write_classic<M: ServerMessage>(buffer: &mut Vec<u8>, message: &M, outgoing: &Outgoing<'_>) -> Result<(), Error> {
    let options = WriteOptions { names: Names::Classic, types: *TYPES };
    let body = |buffer: &mut Vec<u8>| json::write(message, buffer, &options);
    classic::write(buffer, outgoing.message_type, outgoing.uuid, body).map_err(|error| no_json_form::<M>(&error))
}

fn write_v1_json<M: ServerMessage>(buffer: &mut Vec<u8>, message: &M, outgoing: &Outgoing<'_>) -> Result<(), Error> {
    let options = WriteOptions { names: Names::Proto3, types: *TYPES };
    let body = |buffer: &mut Vec<u8>| json::write(message, buffer, &options);
    v1_json::write(buffer, outgoing, Some(body)).map_err(|error| no_json_form::<M>(&error))
}

fn write_v1_proto<M: ServerMessage>(
    buffer: &mut Vec<u8>,
    message: &M,
    outgoing: &Outgoing<'_>,
    compress_from: Option<usize>,
) {
    let length = message.encoded_len();
    if compress_from.is_some_and(|from| length >= from)
        && let Some(deflated) = compression::deflate(&message.encode_to_vec())
    {
        let body = |buffer: &mut Vec<u8>| buffer.extend_from_slice(&deflated);
        return v1_proto::write(buffer, outgoing, true, deflated.len(), body);
    }
    v1_proto::write(buffer, outgoing, false, length, |buffer| message.encode_raw(buffer));
}

/// Every type that `google.protobuf.Any` may hold in JSON: those of all registered schemas.
pub(crate) static TYPES: LazyLock<AnyTypes> = LazyLock::new(|| AnyTypes::of(&schemas().collect::<Vec<_>>()));

/// Keeps what outlives the frame an envelope was read from.
pub(crate) fn owned(text: Option<&Cow<'_, str>>) -> Option<Box<str>> {
    text.map(|text| Box::from(text.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame that is made from another connection's is the one that would be made from its parts.
    #[test]
    fn a_shared_frame_is_the_connections_own_but_for_its_number() {
        for length in [0, 1, 100, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 200, 70_000] {
            let envelope = "x".repeat(length);
            for dialect in [Dialect::V1Json, Dialect::V1Proto { compress_from: None }] {
                let message = SharedMessage::of(dialect, &envelope);
                let mut highest = 0;
                for bits in [0, 1, 7, 14, 21, 28, 35, 63] {
                    for before in [(1_u64 << bits).saturating_sub(2), (1 << bits) - 1, 1 << bits]
                        .map(|number| number.min(1 << 63))
                    {
                        let (mut number, mut same) = (before, before);
                        let (mut frame, mut parts) = (b"before".to_vec(), b"before".to_vec());
                        message.write(&mut frame, &mut number);
                        message.envelope.write(&mut parts, &mut same);
                        assert!(frame == parts, "{dialect:?}, {length} bytes, number {number}");
                        assert_eq!((number, same), (before + 1, before + 1));
                        assert_eq!(frame::length(&frame[6..]), Some(frame.len() - 6));
                        highest = highest.max(number);
                    }
                }
                assert!(highest > 1 << 62);
            }
        }
    }

    #[test]
    fn what_has_no_number_is_a_frame_for_all() {
        let proto = Dialect::V1Proto { compress_from: None };
        for (dialect, expected) in
            [(Dialect::Classic, &b"\x81\x02{}"[..]), (Dialect::V1Json, b"\x81\x03{}}"), (proto, b"\x82\x03\x02{}")]
        {
            let (mut frame, mut seq) = (Vec::new(), 5);
            dialect.shared(b"{}".to_vec(), false).write(&mut frame, &mut seq);
            assert_eq!((&*frame, seq), (expected, 5));
        }
    }
}
