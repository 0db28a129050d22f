//! What a client writes and reads in each dialect.

use std::{convert::Infallible, fmt, ops::Range};

use psd_proto::{
    ClientMessage, ServerMessage,
    envelope::{self, Envelope, EnvelopeError, classic, compression, v1_json, v1_proto},
    json::{self, Names, ReadOptions, WriteOptions},
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame, FrameHeader,
        coding::{Data, OpCode},
    },
};

use super::AckError;
use crate::codec::TYPES;

/// More than any body that a test compresses.
const INFLATED: usize = 64 * 1024 * 1024;

/// What a test client speaks: see docs/PROTOCOL.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// v1 in binary frames.
    #[default]
    V1Proto,
    /// v1 in text frames.
    V1Json,
    /// The JSON of clients before psd.
    Classic,
}

impl Dialect {
    pub(super) fn subprotocol(self) -> Option<&'static str> {
        match self {
            Self::V1Proto => Some("psd.v1.proto"),
            Self::V1Json => Some("psd.v1.json"),
            Self::Classic => None,
        }
    }

    /// The frame of one message; the envelope's own body does not count.
    pub(super) fn encode<M: ClientMessage>(self, envelope: &Envelope<'_>, message: &M) -> json::Result<Vec<u8>> {
        let write_json =
            |names| move |out: &mut Vec<u8>| json::write(message, out, &WriteOptions { names, types: *TYPES });
        let mut out = Vec::new();
        match self {
            Self::Classic => classic::write_request(&mut out, envelope, write_json(Names::Classic))?,
            Self::V1Json => {
                v1_json::write_request(&mut out, envelope, write_json(Names::Proto3))?;
                v1_json::write_seq(&mut out, envelope.seq);
            }
            Self::V1Proto => {
                let body = message.encode_to_vec();
                let envelope = Envelope { body: envelope::Body::Proto(&body), ..envelope.clone() };
                v1_proto::write_numbered(&mut out, envelope.seq, |out| v1_proto::write_request(out, &envelope));
            }
        }
        Ok(self.frame(out))
    }

    /// The frame of a message of v1 itself, which has neither body nor number; empty in classic, which has none.
    pub(super) fn control(self, message_type: &str, uuid: Option<&str>) -> Vec<u8> {
        let envelope = Envelope {
            message_type: message_type.into(),
            uuid: uuid.map(Into::into),
            ..Envelope::of(envelope::Body::Proto(&[]))
        };
        let mut out = Vec::new();
        match self {
            Self::Classic => return out,
            Self::V1Json => {
                let Ok(()) = v1_json::write_request(&mut out, &envelope, |out| {
                    out.extend_from_slice(b"{}");
                    Ok::<(), Infallible>(())
                });
                v1_json::write_seq(&mut out, 0);
            }
            Self::V1Proto => v1_proto::write_numbered(&mut out, 0, |out| v1_proto::write_request(out, &envelope)),
        }
        self.frame(out)
    }

    fn frame(self, payload: Vec<u8>) -> Vec<u8> {
        let kind = if self == Self::V1Proto { Data::Binary } else { Data::Text };
        frame(payload, OpCode::Data(kind))
    }

    /// The envelopes of a frame of the server, or why it holds none.
    pub(super) fn decode(self, message: &Message) -> Result<Vec<Received>, EnvelopeError> {
        match (self, message) {
            (Self::Classic, Message::Text(text)) => Ok(vec![Received::new(classic::read_answer(text)?)?]),
            (Self::V1Json, Message::Text(text)) => {
                let (ranges, result) = v1_json::split(text);
                result?;
                ranges.into_iter().map(|range| Received::new(v1_json::read(&text[range])?)).collect()
            }
            (Self::V1Proto, Message::Binary(bytes)) => {
                let (ranges, result) = v1_proto::split(bytes);
                result?;
                let read = |range: Range<usize>| Received::new(v1_proto::read(&bytes[range])?);
                ranges.into_iter().map(read).collect()
            }
            _ => Err(EnvelopeError::new("a frame of the wrong kind for the dialect")),
        }
    }
}

/// One whole frame of a client. The mask is zero: nothing between client and server could be misled here.
pub(super) fn frame(payload: Vec<u8>, opcode: OpCode) -> Vec<u8> {
    let header = FrameHeader { opcode, mask: Some([0; 4]), ..FrameHeader::default() };
    let mut out = Vec::new();
    Frame::from_payload(header, payload.into()).format(&mut out).expect("memory takes everything");
    out
}

/// A message of the server.
#[derive(Clone)]
pub struct Received {
    pub(super) message_type: String,
    pub(super) uuid: Option<String>,
    pub(super) result: Option<Result<(), AckError>>,
    seq: u64,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Json(String),
    Proto(Vec<u8>),
}

impl Received {
    fn new(envelope: Envelope<'_>) -> Result<Self, EnvelopeError> {
        let body = match envelope.body {
            envelope::Body::Json(text) => Body::Json(text.to_owned()),
            envelope::Body::Proto(bytes) => Body::Proto(bytes.to_vec()),
            envelope::Body::Deflated(bytes) => {
                let inflated = compression::inflate(bytes, INFLATED);
                Body::Proto(inflated.map_err(|error| EnvelopeError::new(error.to_string()))?)
            }
        };
        let refused =
            |(text, code): (std::borrow::Cow<'_, str>, Option<i32>)| AckError { code, text: text.into_owned() };
        Ok(Self {
            message_type: envelope.message_type.into_owned(),
            uuid: envelope.uuid.map(Into::into),
            result: envelope.result.map(|result| result.map_err(refused)),
            seq: envelope.seq,
            body,
        })
    }

    /// The type of the message, such as `chat-sent`.
    #[must_use]
    pub fn message_type(&self) -> &str {
        &self.message_type
    }

    /// The request that it answers; `None` for a push.
    #[must_use]
    pub fn uuid(&self) -> Option<&str> {
        self.uuid.as_deref()
    }

    /// The number that it has on its connection (v1); 0 if it has none.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The message, if it is of this type.
    ///
    /// # Panics
    /// It is of this type and its body cannot be read.
    #[must_use]
    pub fn read<M: ServerMessage>(&self) -> Option<M> {
        if !self.is::<M>() {
            return None;
        }
        let message = match &self.body {
            Body::Json(text) => {
                let options = ReadOptions { types: *TYPES, ..ReadOptions::default() };
                json::read(text, &options).map_err(|error| error.with_root("body").to_string())
            }
            Body::Proto(bytes) => M::decode(&**bytes).map_err(|error| error.to_string()),
        };
        Some(message.unwrap_or_else(|error| panic!("`{}` cannot be read: {error}", self.message_type)))
    }

    pub(super) fn is<M: ServerMessage>(&self) -> bool {
        self.message_type == M::INFO.message_type
    }

    /// Whether it says how a request ended and nothing else.
    pub(super) fn is_ack(&self) -> bool {
        self.result.is_some() && self.message_type == "ack"
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.body {
            Body::Json(text) => write!(f, "`{}` {text}", self.message_type),
            Body::Proto(bytes) => write!(f, "`{}` ({} bytes)", self.message_type, bytes.len()),
        }
    }
}
