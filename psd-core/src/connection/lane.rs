//! Publications that may be dropped, waiting for a client that reads slowly.
//!
//! They stand aside until what must not be lost has been written. Only then do they enter the outbox and get their
//! number, so that what is dropped here leaves no gap, and replies and acks overtake what nobody is sure to miss.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{codec::SharedEnvelope, publication::Policy};

#[derive(Default)]
pub(super) struct Lane {
    /// In the order of their places.
    waiting: BTreeMap<u64, Waiting>,
    /// The places of those that have a key.
    keys: HashMap<Arc<str>, u64>,
    next: u64,
    bytes: usize,
}

/// What is shared of a publication; its bytes are, among all outboxes that it waits in.
pub(super) struct Waiting {
    pub(super) envelope: SharedEnvelope,
    key: Option<Arc<str>>,
}

/// What a lane may hold at this moment.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) bytes: usize,
    pub(super) messages: usize,
}

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The bytes of what waits.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a publication as its policy says; returns how many, itself perhaps among them, were dropped.
    ///
    /// One with a key takes the place of the one before, so that a key that changes often waits no longer than others.
    pub(super) fn add(&mut self, envelope: &SharedEnvelope, policy: &Policy, room: Room) -> u64 {
        let (envelope, key) = (envelope.clone(), policy.key().cloned());
        let length = envelope.len();
        if let Some(place) = key.as_ref().and_then(|key| self.keys.get(key))
            && let Some(waiting) = self.waiting.get_mut(place)
        {
            self.bytes = self.bytes - waiting.envelope.len() + length;
            waiting.envelope = envelope;
            return 1 + self.shrink(room);
        }
        let with_it = Room { bytes: room.bytes.saturating_sub(length), messages: room.messages.saturating_sub(1) };
        let fits = length <= room.bytes && room.messages > 0;
        if !fits || (policy.keeps_oldest() && !self.fits(with_it)) {
            return 1;
        }
        let dropped = self.shrink(with_it);
        if let Some(key) = &key {
            self.keys.insert(key.clone(), self.next);
        }
        self.waiting.insert(self.next, Waiting { envelope, key });
        self.bytes += length;
        self.next += 1;
        dropped
    }

    /// Takes the oldest out.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let (_, waiting) = self.waiting.pop_first()?;
        self.bytes -= waiting.envelope.len();
        if let Some(key) = &waiting.key {
            self.keys.remove(key);
        }
        Some(waiting)
    }

    /// Drops the oldest until the others fit; returns how many.
    pub(super) fn shrink(&mut self, room: Room) -> u64 {
        let mut dropped = 0;
        while !self.fits(room) && self.pop().is_some() {
            dropped += 1;
        }
        dropped
    }

    fn fits(&self, room: Room) -> bool {
        self.bytes <= room.bytes && self.waiting.len() <= room.messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Dialect, SharedMessage};

    const ROOM: Room = Room { bytes: 100, messages: 3 };

    fn add(lane: &mut Lane, text: &str, policy: &Policy, room: Room) -> u64 {
        lane.add(SharedMessage::of(Dialect::V1Json, text).envelope(), policy, room)
    }

    fn texts(lane: &mut Lane) -> Vec<String> {
        let texts = std::iter::from_fn(|| lane.pop()).map(|waiting| waiting.envelope.text()).collect();
        assert_eq!((lane.bytes, lane.keys.len()), (0, 0));
        texts
    }

    #[test]
    fn the_oldest_goes() {
        let mut lane = Lane::default();
        let dropped: Vec<_> =
            ["a", "b", "c", "d", "e"].map(|text| add(&mut lane, text, &Policy::DropOldest, ROOM)).into();
        assert_eq!(dropped, [0, 0, 0, 1, 1]);
        assert_eq!(texts(&mut lane), ["c", "d", "e"]);
    }

    #[test]
    fn the_newest_goes() {
        let mut lane = Lane::default();
        let dropped: Vec<_> =
            ["a", "b", "c", "d", "e"].map(|text| add(&mut lane, text, &Policy::DropNewest, ROOM)).into();
        assert_eq!(dropped, [0, 0, 0, 1, 1]);
        assert_eq!(texts(&mut lane), ["a", "b", "c"]);
    }

    #[test]
    fn the_latest_of_a_key_stays_in_its_place() {
        let mut lane = Lane::default();
        let [a, b] = ["a", "b"].map(|key| Policy::Latest(key.into()));
        let dropped: Vec<_> = [(&a, "a1"), (&b, "b1"), (&a, "a2"), (&a, "a3")]
            .map(|(policy, text)| add(&mut lane, text, policy, ROOM))
            .into();
        assert_eq!(dropped, [0, 0, 1, 1]);
        assert_eq!(texts(&mut lane), ["a3", "b1"]);
        assert_eq!(add(&mut lane, "a4", &a, ROOM), 0, "what has left is not replaced");
        assert_eq!(texts(&mut lane), ["a4"]);
    }

    #[test]
    fn bytes_count_too() {
        let mut lane = Lane::default();
        let room = Room { bytes: 10, messages: 100 };
        for text in ["aaaa", "bbbb"] {
            assert_eq!(add(&mut lane, text, &Policy::DropOldest, room), 0);
        }
        assert_eq!(add(&mut lane, "cccccccc", &Policy::DropNewest, room), 1);
        assert_eq!(add(&mut lane, "ddddddddddd", &Policy::DropOldest, room), 1, "larger than everything: only it goes");
        assert_eq!(add(&mut lane, "eeeeeeee", &Policy::DropOldest, room), 2);
        let key = Policy::Latest("k".into());
        assert_eq!(add(&mut lane, "k", &key, room), 0);
        assert_eq!(add(&mut lane, "kkkkk", &key, room), 2, "the one replaced, and the oldest");
        assert_eq!(texts(&mut lane), ["kkkkk"]);
    }
}
