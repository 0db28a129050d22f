//! How messages become frames and frames become envelopes: one module per family of dialects.
//!
//! A dialect knows neither sockets nor requests. docs/PROTOCOL.md is the specification.

mod classic;
mod v1;

use std::{fmt, sync::Arc};

use psd_proto::{
    envelope,
    json::{self, AnyTypes},
};

use crate::{
    body::Body,
    envelope::{Content, Envelope, Outcome},
    error::Error,
    opening::Terms,
    socket::{Bytes, Frame, Text},
};

/// The version of an application's contract, until a contract can say one.
const API_VERSION: u32 = 1;

/// What a connection speaks: see docs/PROTOCOL.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// JSON text frames, as servers before psd speak them; has no name in the handshake.
    Classic,
    /// `psd.v1.json`: v1 in text frames.
    V1Json,
    /// `psd.v1.proto`: v1 in binary frames.
    V1Proto,
}

impl Dialect {
    /// What a client offers that takes whatever the server speaks, most wanted first.
    pub(crate) const OFFERED: [Self; 2] = [Self::V1Proto, Self::V1Json];

    /// The name in the handshake.
    pub(crate) fn subprotocol(self) -> Option<&'static str> {
        match self {
            Self::Classic => None,
            Self::V1Json => Some("psd.v1.json"),
            Self::V1Proto => Some("psd.v1.proto"),
        }
    }

    /// What a server chose; it names nothing for classic.
    pub(crate) fn of_subprotocol(name: Option<&str>) -> Option<Self> {
        [Self::Classic, Self::V1Json, Self::V1Proto].into_iter().find(|dialect| dialect.subprotocol() == name)
    }

    /// Whether it has heartbeats, numbers, deadlines and the like.
    pub(crate) fn is_v1(self) -> bool {
        self != Self::Classic
    }

    /// Whether bodies are protobuf.
    pub(crate) fn is_binary(self) -> bool {
        self == Self::V1Proto
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.subprotocol().unwrap_or("classic"))
    }
}

/// What a client says besides the body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Headers<'a> {
    pub(crate) message_type: &'a str,
    pub(crate) uuid: Option<&'a str>,
    pub(crate) token: Option<&'a str>,
    /// Whether the server shall send an ack.
    pub(crate) ack: bool,
    /// Milliseconds since 1970.
    pub(crate) time: u64,
    /// How many milliseconds an answer is wanted (v1); 0 for any time.
    pub(crate) deadline_ms: u32,
}

/// Writes the frames of one connection.
#[derive(Debug)]
pub(crate) struct Encoder {
    dialect: Dialect,
    /// Bodies of this size are compressed (`psd.v1.proto`, where the welcome says so).
    compress_from: Option<usize>,
    /// The number of the last numbered envelope (v1).
    seq: u64,
    /// The token that the server knows (v1, where it keeps the last one).
    token: Option<Arc<str>>,
    /// Envelopes of the frame that is being filled.
    envelopes: usize,
    frame: Vec<u8>,
    /// How large a frame grows by joining.
    joined: usize,
}

/// Envelopes join each other in a frame (v1) up to so many bytes, or what the server takes …
const JOINED_BYTES: usize = 16 * 1024;
/// … and up to this number.
const JOINED: usize = 64;

impl Encoder {
    /// `token` is what the handshake said.
    pub(crate) fn new(terms: &Terms, token: Option<Arc<str>>) -> Self {
        let Terms { dialect, .. } = *terms;
        let joined = terms.max_frame_bytes().map_or(JOINED_BYTES, |limit| limit.min(JOINED_BYTES));
        let compress_from = terms.compress_from();
        Self { dialect, compress_from, seq: 0, token, envelopes: 0, frame: Vec::new(), joined }
    }

    /// Adds a message. Returns the frame before it, if that is full.
    pub(crate) fn message(
        &mut self,
        headers: Headers<'_>,
        token: Option<&Arc<str>>,
        body: &Body,
    ) -> Result<Option<Frame>, String> {
        let envelope = match self.dialect {
            Dialect::Classic => {
                classic::encode(Headers { token: token.map(|token| &**token), ..headers }, body.json()?)
            }
            Dialect::V1Json | Dialect::V1Proto => {
                let news = token.filter(|token| self.token.as_ref() != Some(token));
                let headers = Headers { token: news.map(|token| &**token), ..headers };
                let seq = self.seq + 1;
                let envelope = match self.dialect {
                    Dialect::V1Json => v1::encode_json(headers, body.json()?, seq, 0),
                    _ => v1::encode_proto(headers, body.proto()?, self.compress_from, seq, 0),
                };
                if let Some(news) = news {
                    self.token = Some(news.clone());
                }
                self.seq = seq;
                envelope
            }
        };
        Ok(self.append(&envelope))
    }

    /// Adds a message of v1 itself, which has no body and no number; nothing in classic, which has none.
    pub(crate) fn control(&mut self, message_type: &str, uuid: Option<&str>, seen: u64) -> Option<Frame> {
        let headers = Headers { message_type, uuid, token: None, ack: false, time: 0, deadline_ms: 0 };
        let envelope = match self.dialect {
            Dialect::Classic => return None,
            Dialect::V1Json => v1::encode_json(headers, b"{}", 0, seen),
            Dialect::V1Proto => v1::encode_proto(headers, &[], None, 0, seen),
        };
        self.append(&envelope)
    }

    /// The frame that has been filled so far, if there is any.
    pub(crate) fn finish(&mut self) -> Option<Frame> {
        let envelopes = std::mem::take(&mut self.envelopes);
        let mut frame = std::mem::take(&mut self.frame);
        if envelopes == 0 {
            return None;
        }
        if self.dialect.is_binary() {
            return Some(Frame::Binary(frame.into()));
        }
        if envelopes > 1 {
            frame.insert(0, b'[');
            frame.push(b']');
        }
        // Everything in it was text before.
        Text::try_from(frame).ok().map(Frame::Text)
    }

    fn append(&mut self, envelope: &[u8]) -> Option<Frame> {
        // With two brackets and a comma in JSON.
        let length = self.frame.len() + envelope.len() + 3;
        let is_full = !self.dialect.is_v1() || self.envelopes >= JOINED || length > self.joined;
        let full = if is_full { self.finish() } else { None };
        if self.envelopes > 0 && self.dialect == Dialect::V1Json {
            self.frame.push(b',');
        }
        self.frame.extend_from_slice(envelope);
        self.envelopes += 1;
        full
    }
}

/// Reads a frame of the server: its envelopes in order, and what is none. Decompressed, a body has `limit` bytes at most.
pub(crate) fn decode(dialect: Dialect, frame: Frame, limit: usize) -> Vec<Result<Envelope, Error>> {
    match (dialect, frame) {
        (Dialect::Classic, Frame::Text(text)) => vec![classic::decode(&text)],
        (Dialect::V1Json, Frame::Text(text)) => v1::decode_json(&text),
        (Dialect::V1Proto, Frame::Binary(bytes)) => v1::decode_proto(&bytes, limit),
        (_, Frame::Text(_)) => vec![Err(wrong_frame(dialect, "text"))],
        (_, Frame::Binary(_)) => vec![Err(wrong_frame(dialect, "binary"))],
    }
}

/// What a client says, as the envelope of a body that is written elsewhere.
fn request<'a>(headers: Headers<'a>, body: envelope::Body<'a>) -> envelope::Envelope<'a> {
    let time = (headers.time > 0).then_some(headers.time as f64);
    envelope::Envelope {
        message_type: headers.message_type.into(),
        uuid: headers.uuid.map(Into::into),
        auth_header: headers.token.map(Into::into),
        ack: headers.ack,
        event_time: time,
        local_time: time,
        api_version: if headers.time > 0 { API_VERSION } else { 0 },
        deadline_ms: headers.deadline_ms,
        ..envelope::Envelope::of(body)
    }
}

/// What the server said.
fn answer(envelope: &envelope::Envelope<'_>, content: Content, weight: usize) -> Envelope {
    let outcome = envelope.result.as_ref().map(|result| match result {
        Ok(()) => Outcome::Success,
        Err((text, code)) => Outcome::Refused { code: *code, message: text.clone().into_owned() },
    });
    Envelope {
        message_type: (*envelope.message_type).into(),
        uuid: envelope.uuid.as_deref().map(Into::into),
        outcome,
        seq: envelope.seq,
        content,
        weight,
    }
}

fn malformed(error: envelope::EnvelopeError) -> Error {
    Error::Malformed { reason: error.to_string() }
}

/// A frame, and where in it the body of one of its envelopes lies.
fn content(frame: &Text, body: envelope::Body<'_>) -> Content {
    let body = match body {
        // The body lies within the frame, unless it is the one that stands for none.
        envelope::Body::Json(body) => match (body.as_ptr() as usize).checked_sub(frame.as_ptr() as usize) {
            Some(start) if start + body.len() <= frame.len() => start..start + body.len(),
            _ => 0..0,
        },
        _ => 0..0,
    };
    Content::Text(frame.clone(), body)
}

fn wrong_frame(dialect: Dialect, kind: &str) -> Error {
    Error::Malformed { reason: format!("a {kind} frame: `{dialect}` has none") }
}

/// Where a body is written for a connection that is not there yet, in the form that is the likeliest.
pub(crate) fn likely(current: Option<Dialect>, wanted: Option<Dialect>) -> Dialect {
    current.or(wanted).unwrap_or(Dialect::OFFERED[0])
}

/// How a body that is written in one form is written in the other.
pub(crate) type Recode = fn(&Body, AnyTypes) -> Result<Body, json::Error>;

/// A body's bytes in a frame.
pub(crate) fn slice(frame: &Bytes, part: &[u8]) -> Bytes {
    if part.is_empty() { Bytes::new() } else { frame.slice_ref(part) }
}
