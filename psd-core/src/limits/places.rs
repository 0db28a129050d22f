//! The places at the door: for sockets that are not WebSockets, or not yet.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

/// So many places. Where all are taken, whoever has kept the server waiting for longest makes room for the next: under a
/// flood of sockets that say nothing, those who speak get in.
pub(crate) struct Places {
    most: usize,
    /// Held for one change.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    turns: u64,
    /// Who keeps the server waiting, the longest first.
    awaited: BTreeMap<u64, Arc<Seat>>,
}

/// A place, free again when dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    seat: Arc<Seat>,
}

/// What is known of whoever has a place; changed only while the state is locked.
#[derive(Default)]
struct Seat {
    /// Its turn among those who are awaited.
    turn: AtomicU64,
    doing: AtomicU8,
    is_dismissed: AtomicBool,
    dismissal: Notify,
}

/// What goes on at a place. Nothing of it is how everybody begins: the server waits for a request.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum Doing {
    /// A request has come and is not answered yet.
    Request = 1,
    /// The server waits for more of the request's body.
    Upload = 2,
    /// The server waits until the client takes what was written.
    Stall = 4,
}

/// All places are taken, and nobody who has one keeps the server waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoPlace;

impl Places {
    /// `most` 0 is no limit.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: if most == 0 { usize::MAX } else { most }, state: Mutex::default() })
    }

    /// Gives a place to whoever comes.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Place, NoPlace> {
        let mut state = self.lock();
        if state.taken >= self.most && !state.dismiss() {
            return Err(NoPlace);
        }
        state.taken += 1;
        let seat = Arc::new(Seat::default());
        state.wait_for(&seat);
        Ok(Place { places: self.clone(), seat })
    }

    /// Frees a sixteenth of the places of those who keep the server waiting, but one at least.
    pub(crate) fn make_room(&self) {
        let mut state = self.lock();
        for _ in 0..=state.awaited.len() / 16 {
            state.dismiss();
        }
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.lock().taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether there was somebody to dismiss. His place is free at once, a moment before his socket is closed.
    fn dismiss(&mut self) -> bool {
        let Some((_, seat)) = self.awaited.pop_first() else { return false };
        seat.is_dismissed.store(true, Ordering::Relaxed);
        seat.dismissal.notify_one();
        self.taken -= 1;
        true
    }

    fn wait_for(&mut self, seat: &Arc<Seat>) {
        self.turns += 1;
        seat.turn.store(self.turns, Ordering::Relaxed);
        self.awaited.insert(self.turns, seat.clone());
    }
}

impl Place {
    /// Says that something begins or ends.
    pub(crate) fn set(&self, doing: Doing, on: bool) {
        let mut state = self.places.lock();
        if self.seat.is_dismissed.load(Ordering::Relaxed) {
            return;
        }
        let bit = doing as u8;
        let before = self.seat.doing.load(Ordering::Relaxed);
        let now = if on { before | bit } else { before & !bit };
        self.seat.doing.store(now, Ordering::Relaxed);
        state.awaited.remove(&self.seat.turn.load(Ordering::Relaxed));
        if now != Doing::Request as u8 {
            state.wait_for(&self.seat);
        }
    }

    /// Whether a request is under way.
    pub(crate) fn has_request(&self) -> bool {
        self.seat.doing.load(Ordering::Relaxed) & Doing::Request as u8 != 0
    }

    /// Waits until somebody else needs the place.
    pub(crate) async fn dismissed(&self) {
        self.seat.dismissal.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        if !self.seat.is_dismissed.load(Ordering::Relaxed) {
            state.awaited.remove(&self.seat.turn.load(Ordering::Relaxed));
            state.taken -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn is_dismissed(place: &Place) -> bool {
        place.dismissed().now_or_never().is_some()
    }

    #[test]
    fn whoever_was_silent_for_longest_makes_room() {
        let places = Places::new(3);
        let [first, second, third] = [(); 3].map(|()| places.enter().expect("there is room"));
        // The first says something, and is silent again.
        first.set(Doing::Request, true);
        first.set(Doing::Request, false);
        let fourth = places.enter().expect("the second makes room");
        assert!(is_dismissed(&second) && !is_dismissed(&first) && !is_dismissed(&third));
        let _fifth = places.enter().expect("the third makes room");
        assert!(is_dismissed(&third) && !is_dismissed(&first));
        assert_eq!(places.taken(), 3);
        // Those who were dismissed have no place to give back, and nothing to say.
        second.set(Doing::Request, true);
        drop((second, third));
        assert_eq!(places.taken(), 3);
        drop((first, fourth));
        assert_eq!(places.taken(), 1);
    }

    #[test]
    fn whoever_waits_for_the_server_stays() {
        let places = Places::new(2);
        let [first, second] = [(); 2].map(|()| places.enter().expect("there is room"));
        first.set(Doing::Request, true);
        second.set(Doing::Request, true);
        assert_eq!(places.enter().err(), Some(NoPlace));
        for doing in [Doing::Upload, Doing::Stall] {
            first.set(doing, true);
            first.set(doing, false);
            assert_eq!(places.enter().err(), Some(NoPlace), "{doing:?} has ended");
        }
        first.set(Doing::Upload, true);
        let _third = places.enter().expect("it is the client who keeps the server waiting");
        assert!(is_dismissed(&first) && !is_dismissed(&second));
        drop(second);
        assert!(places.enter().is_ok());
    }

    #[test]
    fn room_is_made_for_others() {
        let places = Places::new(0);
        places.make_room();
        let held: Vec<_> = (0..32).map(|_| places.enter().expect("there is no limit")).collect();
        held[0].set(Doing::Request, true);
        places.make_room();
        assert_eq!(places.taken(), 30);
        assert!(!is_dismissed(&held[0]) && is_dismissed(&held[1]) && is_dismissed(&held[2]));
        drop(held);
        assert_eq!(places.taken(), 0);
    }
}
