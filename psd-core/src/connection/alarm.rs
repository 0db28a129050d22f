//! The one timer of a connection, for all that comes back to it at a time.

use std::{future::Future as _, pin::Pin, task::Context};

use tokio::time::{Instant, Sleep, sleep_until};

/// Rings at the earliest of several times. Each timer would have to be made, asked in every turn and dropped; times are
/// compared for next to nothing.
#[derive(Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// The earliest of these times, once it has come.
    pub(super) fn poll(&mut self, times: [Option<Instant>; 2], context: &mut Context<'_>) -> Option<Instant> {
        let Some(at) = times.into_iter().flatten().min() else {
            self.0 = None;
            return None;
        };
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(context).is_ready().then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Poll, time::Duration};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_earliest_rings_first() {
        let (start, mut alarm) = (Instant::now(), Alarm::default());
        let after = |seconds| Some(start + Duration::from_secs(seconds));
        for (times, expected) in [
            ([after(5), after(3)], after(3)),
            ([after(5), after(7)], after(5)),
            ([None, after(7)], after(7)),
            // It has passed.
            ([after(1), None], after(1)),
        ] {
            let rung = poll_fn(|context| alarm.poll(times, context).map_or(Poll::Pending, Poll::Ready)).await;
            assert_eq!(Some(rung), expected);
        }
        assert_eq!(start.elapsed().as_secs(), 7);
        assert_eq!(poll_fn(|context| Poll::Ready(alarm.poll([None, None], context))).await, None);
        assert!(alarm.0.is_none(), "nothing is waited for");
    }
}
