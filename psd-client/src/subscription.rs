//! Streams of what the server sends.

use std::{
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::Stream;
use psd_proto::{ServerMessage, json::AnyTypes};

use crate::{
    body,
    envelope::Envelope,
    error::Error,
    inbox::{EnvelopeQueue, PushQueue},
    queue::Next,
};

/// The messages of one type; made by [`Client::subscribe`](crate::Client::subscribe).
///
/// A [`Stream`] that ends when the client is closed. [`Error::Lagged`] and [`Error::Decode`] are items like any other:
/// the next message may follow.
#[derive(Debug)]
pub struct Subscription<M> {
    queue: Arc<PushQueue>,
    types: AnyTypes,
    message: PhantomData<fn() -> M>,
}

impl<M: ServerMessage> Subscription<M> {
    pub(crate) fn new(queue: Arc<PushQueue>, types: AnyTypes) -> Self {
        Self { queue, types, message: PhantomData }
    }

    /// The next message; `None` once the client is closed. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<M, Error>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Result<M, Error>>> {
        Poll::Ready(match ready!(self.queue.poll_next(context)) {
            Next::Item(envelope) => Some(body::read(&envelope, self.types)),
            Next::Lost(messages) => Some(Err(Error::Lagged(messages))),
            Next::End(()) => None,
        })
    }
}

impl<M: ServerMessage> Stream for Subscription<M> {
    type Item = Result<M, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

/// Everything that arrives; made by [`Client::envelopes`](crate::Client::envelopes).
///
/// A [`Stream`] that ends when the client is closed. [`Error::Lagged`] and [`Error::Malformed`] are items like any other.
#[derive(Debug)]
pub struct Envelopes {
    queue: Arc<EnvelopeQueue>,
}

impl Envelopes {
    pub(crate) fn new(queue: Arc<EnvelopeQueue>) -> Self {
        Self { queue }
    }

    /// The next envelope; `None` once the client is closed. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Envelope, Error>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Result<Envelope, Error>>> {
        Poll::Ready(match ready!(self.queue.poll_next(context)) {
            Next::Item(arrived) => Some(arrived),
            Next::Lost(messages) => Some(Err(Error::Lagged(messages))),
            Next::End(()) => None,
        })
    }
}

impl Stream for Envelopes {
    type Item = Result<Envelope, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}
