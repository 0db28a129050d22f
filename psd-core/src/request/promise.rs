//! The promise of exactly one ack, and of one end.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::explore::step;

/// How far a request is: flags, each of which is set once (and the first perhaps taken back).
pub(super) struct Promise(AtomicU8);

impl Promise {
    /// The ack has been sent, or is nobody's to send.
    const ACKED: u8 = 1;
    /// It has ended.
    const ENDED: u8 = 2;
    /// Its deadline has passed or its client cancelled it: what still comes of its work on a thread is dropped.
    const GIVEN_UP: u8 = 4;
    /// Its work outlives its ack.
    const DETACHED: u8 = 8;
    /// No ack was asked for.
    const UNASKED: u8 = 16;

    pub(super) fn new(wants_ack: bool) -> Self {
        Self(AtomicU8::new(if wants_ack { 0 } else { Self::ACKED | Self::UNASKED }))
    }

    fn set(&self, flags: u8) -> u8 {
        step();
        self.0.fetch_or(flags, Ordering::AcqRel)
    }

    /// Whether the caller is the one who sends the ack.
    pub(super) fn claim_ack(&self) -> bool {
        self.set(Self::ACKED) & Self::ACKED == 0
    }

    /// Gives a claimed ack back. Whether the caller must send it after all: the request has ended meanwhile, and whoever
    /// ended it left the ack to the caller.
    pub(super) fn return_ack(&self) -> bool {
        step();
        let before = self.0.fetch_and(!Self::ACKED, Ordering::AcqRel);
        before & Self::ENDED != 0 && self.claim_ack()
    }

    pub(super) fn end(&self) -> End {
        let before = self.set(Self::ENDED | Self::ACKED);
        End { is_first: before & Self::ENDED == 0, acks: before & Self::ACKED == 0 }
    }

    pub(super) fn detach(&self) {
        self.set(Self::DETACHED);
    }

    pub(super) fn is_detached(&self) -> bool {
        self.0.load(Ordering::Acquire) & Self::DETACHED != 0
    }

    /// Whether its result is on the way, or it has ended without one, and no work was said to go on beyond that.
    pub(super) fn is_answered(&self) -> bool {
        let flags = self.0.load(Ordering::Acquire);
        let is_over = flags & Self::ENDED != 0 || flags & (Self::ACKED | Self::UNASKED) == Self::ACKED;
        is_over && flags & Self::DETACHED == 0
    }

    pub(super) fn give_up(&self) {
        self.set(Self::GIVEN_UP);
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.0.load(Ordering::Acquire) & Self::GIVEN_UP != 0
    }
}

/// What is left to whoever ends a request.
pub(super) struct End {
    pub(super) is_first: bool,
    pub(super) acks: bool,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::explore::explore;

    /// A worker sends the reply that carries the result, and fails to; meanwhile the deadline passes. Whatever comes first,
    /// there is one ack and one end.
    #[test]
    fn there_is_one_ack_in_every_order() {
        for fails in [false, true] {
            let runs = explore(|| {
                let promise = Arc::new(Promise::new(true));
                let (acks, ends) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicU8::new(0)));
                let finish = {
                    let (promise, acks, ends) = (promise.clone(), acks.clone(), ends.clone());
                    move || {
                        let end = promise.end();
                        acks.fetch_add(end.acks.into(), Ordering::SeqCst);
                        ends.fetch_add(end.is_first.into(), Ordering::SeqCst);
                    }
                };
                let worker = {
                    let (promise, acks, finish) = (promise.clone(), acks.clone(), finish.clone());
                    move || {
                        if promise.claim_ack() {
                            let owes = fails && promise.return_ack();
                            acks.fetch_add((owes || !fails).into(), Ordering::SeqCst);
                        }
                        finish();
                    }
                };
                let deadline = {
                    let finish = finish.clone();
                    move || {
                        promise.give_up();
                        finish();
                    }
                };
                let threads: Vec<Box<dyn FnOnce() + Send>> = vec![Box::new(worker), Box::new(deadline)];
                let check = move || assert_eq!((acks.load(Ordering::SeqCst), ends.load(Ordering::SeqCst)), (1, 1));
                (threads, Box::new(check))
            });
            assert!(runs >= 10, "{runs} interleavings");
        }
    }
}
