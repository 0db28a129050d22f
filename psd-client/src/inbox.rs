//! Who waits for what: requests by uuid, subscriptions by type.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use crate::{
    envelope::{Envelope, Outcome},
    error::{Disconnect, Error},
    queue::{Limit, Queue},
};

/// How a request's queue ends.
pub(crate) type RequestEnd = Result<Outcome, Disconnect>;
/// What arrives for one request: its replies, then its ack.
pub(crate) type RequestQueue = Queue<Envelope, RequestEnd>;
/// What arrives for one subscription.
pub(crate) type PushQueue = Queue<Envelope, ()>;
/// Everything that arrives.
pub(crate) type EnvelopeQueue = Queue<Result<Envelope, Error>, ()>;

/// The replies to one request that nobody has read yet; more are dropped and the loss is reported.
const REPLIES: Limit = Limit { items: 65_536, bytes: 64 << 20 };

/// Hands every envelope to those who wait for it. Readers hold the queues; here are only weak references, so that
/// dropping a subscription is all it takes to end it.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    requests: HashMap<Box<str>, Request>,
    subscriptions: HashMap<&'static str, Vec<Weak<PushQueue>>>,
    all: Vec<Weak<EnvelopeQueue>>,
    /// Why the last connection ended.
    last: Option<Disconnect>,
    /// Nothing comes any more.
    closed: bool,
}

#[derive(Debug)]
struct Request {
    queue: Arc<RequestQueue>,
    /// Handed to the socket: when the connection ends, nobody knows whether the server has handled it.
    written: bool,
}

impl Inbox {
    /// Starts to wait for the replies and the ack of a request.
    pub(crate) fn expect(&mut self, uuid: &str) -> Arc<RequestQueue> {
        let queue = Arc::new(Queue::new(REPLIES));
        if self.closed {
            queue.finish(Err(self.reason()));
        } else {
            self.requests.insert(uuid.into(), Request { queue: queue.clone(), written: false });
        }
        queue
    }

    /// Stops waiting for a request; says whether it was sent and is not answered.
    pub(crate) fn forget(&mut self, uuid: &str) -> bool {
        self.requests.remove(uuid).is_some_and(|request| request.written)
    }

    /// Fails a request that cannot be sent.
    pub(crate) fn fail(&mut self, uuid: &str, reason: Disconnect) {
        if let Some(request) = self.requests.remove(uuid) {
            request.queue.finish(Err(reason));
        }
    }

    /// Marks a request as handed to the socket; `false` when nobody waits for it any more, and it need not be sent.
    pub(crate) fn mark_written(&mut self, uuid: &str) -> bool {
        match self.requests.get_mut(uuid) {
            Some(request) => {
                request.written = true;
                true
            }
            None => false,
        }
    }

    pub(crate) fn subscribe(&mut self, message_type: &'static str, limit: Limit) -> Arc<PushQueue> {
        let queue = Arc::new(Queue::new(limit));
        if self.closed {
            queue.finish(());
        } else {
            let queues = self.subscriptions.entry(message_type).or_default();
            queues.retain(|queue| queue.strong_count() > 0);
            queues.push(Arc::downgrade(&queue));
        }
        queue
    }

    pub(crate) fn subscribe_to_all(&mut self, limit: Limit) -> Arc<EnvelopeQueue> {
        let queue = Arc::new(Queue::new(limit));
        if self.closed {
            queue.finish(());
        } else {
            self.all.retain(|queue| queue.strong_count() > 0);
            self.all.push(Arc::downgrade(&queue));
        }
        queue
    }

    /// Hands out what arrived.
    pub(crate) fn deliver(&mut self, arrived: Result<Envelope, Error>) {
        let weight = arrived.as_ref().map_or(0, |envelope| envelope.weight);
        for queue in self.all.iter().filter_map(Weak::upgrade) {
            queue.push(arrived.clone(), weight);
        }
        let Ok(envelope) = arrived else { return };
        if !envelope.is_ack()
            && let Some(queues) = self.subscriptions.get(envelope.message_type())
        {
            for queue in queues.iter().filter_map(Weak::upgrade) {
                queue.push(envelope.clone(), weight);
            }
        }
        let Some(uuid) = envelope.uuid() else { return };
        match envelope.outcome().cloned() {
            Some(outcome) => {
                let Some(request) = self.requests.remove(uuid) else { return };
                if !envelope.is_ack() {
                    request.queue.push(envelope, weight);
                }
                request.queue.finish(Ok(outcome));
            }
            None => {
                if let Some(request) = self.requests.get(uuid) {
                    request.queue.push(envelope, weight);
                }
            }
        }
    }

    /// The connection ended: fails what was sent over it. What was not sent yet waits for the next connection.
    pub(crate) fn disconnect(&mut self, reason: &Disconnect) {
        self.requests.retain(|_, request| {
            if request.written {
                request.queue.finish(Err(reason.clone()));
            }
            !request.written
        });
        self.last = Some(reason.clone());
    }

    /// There will be no further connection: fails and ends everything, now and in future.
    pub(crate) fn close(&mut self, reason: &Disconnect) {
        self.closed = true;
        self.last = Some(reason.clone());
        for (_, request) in self.requests.drain() {
            request.queue.finish(Err(reason.clone()));
        }
        for queue in self.subscriptions.drain().flat_map(|(_, queues)| queues).filter_map(|queue| queue.upgrade()) {
            queue.finish(());
        }
        for queue in self.all.drain(..).filter_map(|queue| queue.upgrade()) {
            queue.finish(());
        }
    }

    /// Why there is no connection, or was none lately.
    pub(crate) fn reason(&self) -> Disconnect {
        self.last.clone().unwrap_or_else(|| Disconnect::Lost("there was no connection yet".to_owned()))
    }
}
