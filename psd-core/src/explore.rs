//! Tests of what depends on the order in which threads do things: every order is tried.
//!
//! Code whose steps may come between each other calls [`step`] before each of them. Outside of tests that is nothing.
//! [`explore`] runs threads one step at a time, in every order there is, over the code that runs in production. It sees
//! every interleaving, as a machine without reordering would; orderings weaker than `SeqCst` need an argument of their
//! own where they are used.

#[cfg(not(test))]
#[inline(always)]
pub(crate) fn step() {}

#[cfg(test)]
pub(crate) use exploring::{explore, step};

#[cfg(test)]
mod exploring {
    use std::{
        cell::RefCell,
        panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
        sync::{Arc, Condvar, Mutex},
    };

    type Thread = Box<dyn FnOnce() + Send>;

    /// Runs what `make` returns (threads, and what must hold when all have ended) once for each order of their steps;
    /// returns how many there were.
    pub(crate) fn explore(make: impl Fn() -> (Vec<Thread>, Box<dyn FnOnce()>)) -> usize {
        // Which of the threads that could go on went on, and of how many, at each step.
        let mut choices: Vec<(usize, usize)> = Vec::new();
        for runs in 1.. {
            assert!(runs < 200_000, "too many orders: explore less at once");
            let (threads, check) = make();
            run(threads, &mut choices);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(check)) {
                eprintln!("in the order {:?}", choices.iter().map(|(choice, _)| choice).collect::<Vec<_>>());
                resume_unwind(panic);
            }
            // The next order differs in the last choice that has an alternative left.
            while choices.last().is_some_and(|(choice, of)| choice + 1 == *of) {
                choices.pop();
            }
            match choices.last_mut() {
                Some((choice, _)) => *choice += 1,
                None => return runs,
            }
        }
        unreachable!("the loop ends by itself")
    }

    fn run(threads: Vec<Thread>, choices: &mut Vec<(usize, usize)>) {
        let turns = Arc::new(Turns::default());
        let count = threads.len();
        let handles: Vec<_> = threads
            .into_iter()
            .enumerate()
            .map(|(number, thread)| {
                let turns = turns.clone();
                std::thread::spawn(move || {
                    TURN.set(Some((turns.clone(), number)));
                    turns.wait(number);
                    let result = catch_unwind(AssertUnwindSafe(thread));
                    turns.leave(number);
                    if let Err(panic) = result {
                        resume_unwind(panic);
                    }
                })
            })
            .collect();
        for depth in 0.. {
            let waiting = turns.all_wait(count);
            if waiting.is_empty() {
                break;
            }
            if depth == choices.len() {
                choices.push((0, waiting.len()));
            }
            turns.give(waiting[choices[depth].0]);
        }
        for handle in handles {
            handle.join().expect("no thread panics");
        }
    }

    thread_local! {
        static TURN: RefCell<Option<(Arc<Turns>, usize)>> = const { RefCell::new(None) };
    }

    /// Waits for the thread's next turn, if its steps are explored.
    pub(crate) fn step() {
        TURN.with_borrow(|turn| {
            if let Some((turns, number)) = turn {
                turns.wait(*number);
            }
        });
    }

    #[derive(Default)]
    struct Turns {
        state: Mutex<State>,
        changed: Condvar,
    }

    #[derive(Default)]
    struct State {
        waiting: Vec<usize>,
        ended: usize,
        turn: Option<usize>,
    }

    impl Turns {
        fn wait(&self, number: usize) {
            let mut state = self.state.lock().expect("nobody panics with it");
            state.waiting.push(number);
            self.changed.notify_all();
            while state.turn != Some(number) {
                state = self.changed.wait(state).expect("nobody panics with it");
            }
            state.turn = None;
            state.waiting.retain(|waiting| *waiting != number);
        }

        fn leave(&self, _: usize) {
            self.state.lock().expect("nobody panics with it").ended += 1;
            self.changed.notify_all();
        }

        /// The threads that wait for a turn, in order, when all do that have not ended.
        fn all_wait(&self, count: usize) -> Vec<usize> {
            let mut state = self.state.lock().expect("nobody panics with it");
            while state.turn.is_some() || state.waiting.len() + state.ended < count {
                state = self.changed.wait(state).expect("nobody panics with it");
            }
            let mut waiting = state.waiting.clone();
            waiting.sort_unstable();
            waiting
        }

        fn give(&self, number: usize) {
            self.state.lock().expect("nobody panics with it").turn = Some(number);
            self.changed.notify_all();
        }
    }

    #[test]
    fn every_order_is_tried() {
        let orders = Arc::new(Mutex::new(std::collections::BTreeSet::new()));
        let runs = explore(|| {
            let order = Arc::new(Mutex::new(String::new()));
            let threads = ["a", "b"].map(|name| {
                let order = order.clone();
                let steps = move || {
                    for _ in 0..2 {
                        step();
                        order.lock().expect("nobody panics with it").push_str(name);
                    }
                };
                Box::new(steps) as Thread
            });
            let orders = orders.clone();
            let check = move || {
                orders.lock().expect("nobody panics with it").insert(order.lock().expect("as above").clone());
            };
            (threads.into(), Box::new(check))
        });
        let orders = orders.lock().expect("nobody panics with it");
        assert_eq!(orders.iter().collect::<Vec<_>>(), ["aabb", "abab", "abba", "baab", "baba", "bbaa"]);
        assert!(runs >= 6);
    }
}
