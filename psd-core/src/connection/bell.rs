//! How whoever has something for a connection's task wakes it: once, however much there is.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    task::Waker,
};

use futures_util::task::AtomicWaker;

use crate::explore::step;

/// Rung by anybody, heard by one task. `SeqCst` throughout: the sleeper sets one flag and reads the other, the ringer the
/// other way round, and at least one of them must see what the other did.
pub(super) struct Bell {
    waker: AtomicWaker,
    /// Whether the task runs, or is about to; saves a wake-up for each message.
    scheduled: AtomicBool,
    /// Whether it was rung since the task last looked around.
    rung: AtomicBool,
}

impl Bell {
    /// Its task is about to run for the first time.
    pub(super) fn new() -> Self {
        Self { waker: AtomicWaker::new(), scheduled: AtomicBool::new(true), rung: AtomicBool::new(false) }
    }

    /// Declares that the task looks around now: whatever was rung for until here is seen.
    pub(super) fn awake(&self) {
        step();
        // Nobody else unsets it.
        if !self.scheduled.load(Ordering::SeqCst) {
            self.scheduled.store(true, Ordering::SeqCst);
        }
        set(&self.rung, false);
    }

    /// Declares that the task sleeps: whatever is rung for next wakes it. False if something was since it looked around.
    pub(super) fn sleep(&self, waker: &Waker) -> bool {
        step();
        self.waker.register(waker);
        step();
        self.scheduled.store(false, Ordering::SeqCst);
        step();
        !self.rung.load(Ordering::SeqCst)
    }

    /// Like [`ring`](Self::ring), but leaves a task asleep that sleeps; true if it does. Whoever called then does what the
    /// task would have done, or rings.
    pub(super) fn ring_softly(&self) -> bool {
        set(&self.rung, true);
        step();
        !self.scheduled.load(Ordering::SeqCst)
    }

    /// Lets the task look around.
    pub(super) fn ring(&self) {
        if self.ring_softly() && !self.scheduled.swap(true, Ordering::SeqCst) {
            step();
            self.waker.wake();
        }
    }
}

/// Stores a value, unless it is there: a look costs a fraction of a store that all processors agree on.
fn set(flag: &AtomicBool, value: bool) {
    step();
    if flag.load(Ordering::SeqCst) != value {
        step();
        flag.store(value, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, AtomicUsize, Ordering},
        },
        task::{Wake, Waker},
    };

    use super::*;
    use crate::explore::explore;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    /// A task that looks around and sleeps, and somebody who brings it something, and with `softly` does its
    /// work where it sleeps: in whatever order they come, nothing that was brought is left lying while the task
    /// sleeps and nobody has woken it.
    fn explore_bringers(softly: bool) -> usize {
        explore(|| {
            let (bell, woken) = (Arc::new(Bell::new()), Arc::new(Woken::default()));
            let (brought, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let asleep = Arc::new(AtomicBool::new(false));
            let task = {
                let (bell, waker) = (bell.clone(), Waker::from(woken.clone()));
                let (brought, seen, asleep) = (brought.clone(), seen.clone(), asleep.clone());
                Box::new(move || {
                    // Two turns: what comes during the second is what `asleep` is about.
                    for _ in 0..2 {
                        bell.awake();
                        step();
                        seen.fetch_max(brought.load(Ordering::SeqCst), Ordering::SeqCst);
                        if bell.sleep(&waker) {
                            asleep.store(true, Ordering::SeqCst);
                            return;
                        }
                    }
                }) as Box<dyn FnOnce() + Send>
            };
            let bringer = {
                let (bell, brought, seen) = (bell.clone(), brought.clone(), seen.clone());
                Box::new(move || {
                    step();
                    let number = brought.fetch_add(1, Ordering::SeqCst) + 1;
                    if !softly {
                        bell.ring();
                    } else if bell.ring_softly() {
                        step();
                        seen.fetch_max(number, Ordering::SeqCst);
                    }
                })
            };
            let check = move || {
                let missed = brought.load(Ordering::SeqCst) > seen.load(Ordering::SeqCst);
                let sleeps = asleep.load(Ordering::SeqCst) && !woken.0.load(Ordering::SeqCst);
                assert!(!(missed && sleeps), "the task sleeps beside what was brought");
            };
            (vec![task, bringer], Box::new(check))
        })
    }

    #[test]
    fn nothing_is_slept_through() {
        let runs = explore_bringers(false);
        assert!(runs > 100, "{runs} interleavings");
    }

    #[test]
    fn what_a_sleeping_task_is_not_woken_for_is_done_by_others() {
        let runs = explore_bringers(true);
        assert!(runs > 100, "{runs} interleavings");
    }
}
