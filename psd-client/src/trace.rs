//! Every frame, for those who want to see it.

use std::{fmt, sync::Arc};

use crate::{dialect::Dialect, socket::Frame};

/// One frame, sent or received: what [`Builder::trace`](crate::Builder::trace) shows.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Trace<'a> {
    /// Who sent it.
    pub direction: Direction,
    /// What the connection speaks.
    pub dialect: Dialect,
    /// What is in it.
    pub payload: Payload<'a>,
}

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the server.
    Sent,
    /// From the server.
    Received,
}

/// What is in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// A text frame.
    Text(&'a str),
    /// A binary frame.
    Binary(&'a [u8]),
}

/// Who wants to see frames; usually nobody.
#[derive(Clone, Default)]
pub(crate) struct Tracer(Option<Arc<Show>>);

type Show = dyn Fn(Trace<'_>) + Send + Sync;

impl Tracer {
    pub(crate) fn new(show: impl Fn(Trace<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(show)))
    }

    pub(crate) fn show(&self, direction: Direction, dialect: Dialect, frame: &Frame) {
        if let Some(show) = &self.0 {
            let payload = match frame {
                Frame::Text(text) => Payload::Text(text),
                Frame::Binary(bytes) => Payload::Binary(bytes),
            };
            show(Trace { direction, dialect, payload });
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Tracer" } else { "no tracer" })
    }
}
