//! The bounded queue between the connection's task and one reader.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// What a reader takes out of a [`Queue`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<T, End> {
    /// The oldest item.
    Item(T),
    /// So many items were dropped before the one that comes next, because the reader was slow.
    Lost(u64),
    /// Nothing comes any more.
    End(End),
}

/// A queue of one writer and one reader that never makes its writer wait.
///
/// The writer is the connection's task: one slow reader must not stop the others, so a full queue drops its oldest item
/// and counts the loss, which the reader is told.
#[derive(Debug)]
pub(crate) struct Queue<T, End> {
    limit: Limit,
    /// Guards the items and the waker together, so that no wake-up falls between them. Held for a few moves only.
    inner: Mutex<Inner<T, End>>,
}

/// How much a [`Queue`] holds; beyond either, the oldest items are dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Items. At least one is always kept.
    pub(crate) items: usize,
    /// The sum of the items' weights, in bytes.
    pub(crate) bytes: usize,
}

#[derive(Debug)]
struct Inner<T, End> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    lost: u64,
    end: Option<End>,
    waker: Option<Waker>,
}

impl<T, End: Clone> Queue<T, End> {
    pub(crate) fn new(limit: Limit) -> Self {
        let inner = Inner { items: VecDeque::new(), bytes: 0, lost: 0, end: None, waker: None };
        Self { limit, inner: Mutex::new(inner) }
    }

    /// Adds an item that weighs so many bytes; ignored after the end.
    pub(crate) fn push(&self, item: T, weight: usize) {
        let mut inner = self.lock();
        if inner.end.is_some() {
            return;
        }
        inner.items.push_back((item, weight));
        inner.bytes += weight;
        while inner.items.len() > 1 && (inner.items.len() > self.limit.items || inner.bytes > self.limit.bytes) {
            if let Some((_, weight)) = inner.items.pop_front() {
                inner.bytes -= weight;
                inner.lost += 1;
            }
        }
        wake(inner);
    }

    /// Ends the queue: the reader still gets what it holds. The first end stays.
    pub(crate) fn finish(&self, end: End) {
        let mut inner = self.lock();
        inner.end.get_or_insert(end);
        wake(inner);
    }

    pub(crate) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Next<T, End>> {
        let mut inner = self.lock();
        if inner.lost > 0 {
            return Poll::Ready(Next::Lost(std::mem::take(&mut inner.lost)));
        }
        if let Some((item, weight)) = inner.items.pop_front() {
            inner.bytes -= weight;
            return Poll::Ready(Next::Item(item));
        }
        if let Some(end) = &inner.end {
            return Poll::Ready(Next::End(end.clone()));
        }
        match &mut inner.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Waits for what comes next; dropping the future loses nothing.
    pub(crate) async fn next(&self) -> Next<T, End> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T, End>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the reader after the lock is gone, so that it does not run into it.
fn wake<T, End>(mut inner: MutexGuard<'_, Inner<T, End>>) {
    let waker = inner.waker.take();
    drop(inner);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(items: usize, bytes: usize) -> Queue<u32, &'static str> {
        Queue::new(Limit { items, bytes })
    }

    #[tokio::test]
    async fn a_full_queue_drops_the_oldest_and_says_how_many() {
        let queue = queue(2, 1000);
        for item in 1..=5 {
            queue.push(item, 1);
        }
        queue.finish("done");
        assert_eq!(queue.next().await, Next::Lost(3));
        assert_eq!(queue.next().await, Next::Item(4));
        assert_eq!(queue.next().await, Next::Item(5));
        assert_eq!(queue.next().await, Next::End("done"));
        assert_eq!(queue.next().await, Next::End("done"));
    }

    #[tokio::test]
    async fn bytes_are_a_limit_too_but_one_item_always_fits() {
        let queue = queue(100, 10);
        queue.push(1, 6);
        queue.push(2, 6);
        assert_eq!(queue.next().await, Next::Lost(1));
        queue.push(3, 500);
        assert_eq!(queue.next().await, Next::Lost(1));
        assert_eq!(queue.next().await, Next::Item(3));
        queue.push(4, 10);
        assert_eq!(queue.next().await, Next::Item(4));
    }

    #[tokio::test]
    async fn nothing_is_added_after_the_end_and_the_first_end_stays() {
        let queue = queue(2, 10);
        queue.finish("first");
        queue.finish("second");
        queue.push(1, 1);
        assert_eq!(queue.next().await, Next::End("first"));
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken() {
        let queue = std::sync::Arc::new(queue(2, 10));
        let reader = tokio::spawn({
            let queue = queue.clone();
            async move { queue.next().await }
        });
        tokio::task::yield_now().await;
        queue.push(7, 1);
        assert_eq!(reader.await.expect("the reader does not panic"), Next::Item(7));
    }
}
