//! What was read ahead of its turn.

use std::{collections::VecDeque, sync::Arc};

use super::Shared;
use crate::dispatch::{self, Arrived};

/// Envelopes read ahead while a handler runs; one more frame may begin below it.
const READ_AHEAD: usize = 16;
/// Bytes read ahead while a handler runs; one more frame may begin below it.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// Envelopes read ahead, and one whose token was just verified.
#[derive(Default)]
pub(super) struct Inbox {
    messages: VecDeque<Arrived>,
    bytes: usize,
}

impl Inbox {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether enough is read ahead.
    pub(super) fn is_full(&self) -> bool {
        self.messages.len() >= READ_AHEAD || self.bytes >= READ_AHEAD_BYTES
    }

    pub(super) fn add(&mut self, arrived: Arrived) {
        self.bytes += arrived.raw.len();
        self.messages.push_back(arrived);
    }

    /// Gives back what was taken out, to be taken next.
    pub(super) fn put_back(&mut self, arrived: Arrived) {
        self.bytes += arrived.raw.len();
        self.messages.push_front(arrived);
    }

    pub(super) fn next(&mut self) -> Option<Arrived> {
        let arrived = self.messages.pop_front()?;
        self.bytes -= arrived.raw.len();
        Some(arrived)
    }

    /// Answers the requests with this uuid with 499.
    pub(super) fn cancel(&mut self, shared: &Arc<Shared>, uuid: &str) {
        let digest = dispatch::digest(uuid);
        self.messages.retain_mut(|arrived| {
            let cancelled = dispatch::cancel(shared, arrived, uuid, digest);
            self.bytes -= if cancelled { arrived.raw.len() } else { 0 };
            !cancelled
        });
    }
}
