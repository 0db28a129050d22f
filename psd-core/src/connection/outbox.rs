//! What waits to be written to one client: whole WebSocket frames, bounded in bytes and messages.
//!
//! Everything a client gets goes through here, control frames too, so frames never interleave. Whoever has a message
//! encodes it straight into the outbox; the connection's task writes all that has gathered with one system call.

mod queue;

use std::{
    io,
    ops::{Deref, DerefMut},
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use parking_lot::{Mutex, MutexGuard};

use super::{bell::Bell, frame, lane::Room, socket::Socket};
use queue::Queue;

use crate::{
    codec::{AROUND, SharedMessage},
    publication::Policy,
    settings::Settings,
};

/// Above this many waiting bytes a sender tries to write them itself before it goes on adding.
const WRITE_THROUGH: usize = 64 * 1024;
/// From this many waiting bytes on publications that may be dropped stand aside.
const ASIDE_FROM: usize = 16 * 1024;

pub(crate) struct Outbox {
    /// Held while one message is encoded or some bytes are written, never across an await.
    queue: Mutex<Queue>,
    /// The bytes that wait to be written next, for whoever only looks.
    waiting: AtomicUsize,
    /// The code with which the connection is closing, or 0, likewise.
    closing: AtomicU16,
    /// Wakes the connection's task.
    bell: Bell,
    limits: Arc<Limits>,
}

/// What may wait in each outbox of a server; beyond it the client is a slow consumer.
#[derive(Debug)]
pub(crate) struct Limits {
    bytes: usize,
    messages: usize,
    /// Of publications that may be dropped; beyond it some are.
    droppable: usize,
    /// Bytes up to which there is nothing to see to.
    low_water: usize,
    /// Those that were dropped in any of them.
    dropped: AtomicU64,
}

impl Limits {
    pub(crate) fn new(settings: &Settings) -> Self {
        let Settings { outbox_bytes, outbox_messages, droppable_messages, .. } = *settings;
        Self::of(outbox_bytes, outbox_messages, droppable_messages)
    }

    fn of(bytes: usize, messages: usize, droppable: usize) -> Self {
        Self { bytes, messages, droppable, low_water: bytes.min(WRITE_THROUGH), dropped: AtomicU64::new(0) }
    }

    /// How many publications were dropped in all of them.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// A publication on its way to one client.
pub(crate) struct Delivery<'a> {
    pub(crate) message: &'a SharedMessage,
    /// The number of the [`Batch`](super::Batch) that it leaves in.
    pub(crate) batch: u64,
}

/// Why a message was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused<E> {
    /// The connection is closing or closed.
    Closed,
    /// The client reads too slowly; its connection is now closing with code 4413.
    SlowConsumer,
    /// The message could not be encoded; nothing was queued.
    Encode(E),
}

impl Outbox {
    pub(crate) fn new(limits: Arc<Limits>) -> Self {
        Self {
            queue: Mutex::default(),
            waiting: AtomicUsize::new(0),
            closing: AtomicU16::new(0),
            bell: Bell::new(),
            limits,
        }
    }

    /// Queues one frame whose payload `encode` appends to the buffer it is given, counting messages as it numbers them.
    pub(crate) fn push<E>(
        &self,
        socket: &Socket,
        opcode: u8,
        encode: impl FnOnce(&mut Vec<u8>, &mut u64) -> Result<(), E>,
    ) -> Result<(), Refused<E>> {
        let mut queue = self.lock();
        queue.check_open()?;
        let mut seq = queue.seq;
        let tail = queue.tail();
        let start = tail.len();
        frame::begin(tail);
        if let Err(error) = encode(tail, &mut seq) {
            tail.truncate(start);
            return Err(Refused::Encode(error));
        }
        frame::finish(tail, start, opcode);
        let length = tail.len() - start;
        queue.seq = seq;
        queue.queued(length);
        self.account(queue, socket)
    }

    /// Queues one frame of a publication, whose payload is mostly shared with other outboxes.
    ///
    /// True if the connection's task sleeps on, and is in no such batch yet: then the caller writes what waits, by
    /// [`write_out`](Self::write_out), when its batch is complete.
    #[inline]
    pub(crate) fn push_shared(&self, socket: &Socket, delivery: Delivery<'_>) -> Result<bool, Refused<()>> {
        let queue = self.lock();
        queue.check_open()?;
        self.append_shared(queue, socket, delivery)
    }

    /// Queues a publication that may be dropped. Where little waits it is queued like any other.
    pub(crate) fn push_droppable(
        &self,
        socket: &Socket,
        delivery: Delivery<'_>,
        policy: &Policy,
    ) -> Result<bool, Refused<()>> {
        let mut queue = self.lock();
        queue.check_open()?;
        let is_aside = queue.bytes >= ASIDE_FROM || queue.lane.is_some();
        let fits = queue.bytes + delivery.message.envelope().len() + AROUND <= self.limits.bytes;
        if !is_aside && fits && queue.frames < self.limits.messages {
            return self.append_shared(queue, socket, delivery);
        }
        let room = self.room(&queue);
        let dropped = queue.lane.get_or_insert_default().add(delivery.message.envelope(), policy, room);
        self.count(&mut queue, dropped);
        drop(queue);
        self.wake();
        Ok(false)
    }

    /// Writes what the client takes at once, in place of the task that sleeps; it is woken for what is left.
    #[inline]
    pub(crate) fn write_out(&self, socket: &Socket) {
        let mut queue = self.lock();
        // Nothing can be written before the task knows.
        if queue.is_blocked {
            return;
        }
        queue.call_in(ASIDE_FROM);
        if queue.write_tail(socket) {
            return;
        }
        queue.write_through(socket);
        let is_left = queue.bytes > 0 || queue.lane.is_some();
        drop(queue);
        if is_left {
            self.wake();
        }
    }

    /// Queues a frame of the protocol itself (control frames), which no limit refuses; nobody is woken for it.
    pub(crate) fn push_control(&self, opcode: u8, payload: &[u8]) {
        let mut queue = self.lock();
        if queue.closing == 0 {
            queue.append_control(opcode, payload);
        }
    }

    /// Queues the answer to the handshake, which comes before all frames.
    pub(crate) fn push_greeting(&self, answer: Vec<u8>) {
        self.lock().append_greeting(answer);
    }

    /// Queues the close frame; nothing is queued after it. The first call counts.
    pub(crate) fn close(&self, code: u16, reason: &str) {
        let mut queue = self.lock();
        if queue.closing == 0 {
            queue.call_in(usize::MAX);
            queue.append_close(code, reason);
            drop(queue);
            self.wake();
        }
    }

    /// The code with which the connection is closing.
    pub(crate) fn closing(&self) -> Option<u16> {
        Some(self.closing.load(Ordering::Acquire)).filter(|code| *code != 0)
    }

    /// Drops everything that waits and refuses all that follows.
    pub(crate) fn abandon(&self, code: u16) {
        let mut queue = self.lock();
        let closing = if queue.closing == 0 { code } else { queue.closing };
        queue.abandon(closing);
    }

    /// Writes until nothing waits or the client takes no more; ready when nothing waits.
    pub(crate) fn poll_flush(&self, socket: &Socket, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut queue = self.lock();
        loop {
            queue.call_in(ASIDE_FROM);
            queue.is_blocked = false;
            if queue.bytes == 0 {
                return Poll::Ready(Ok(()));
            }
            let written = queue.with_slices(|slices| socket.poll_write(context, slices));
            queue.is_blocked = written.is_pending();
            let written = ready!(written)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            queue.advance(written);
        }
    }

    /// Declares that the task looks around now; see [`Bell::awake`].
    pub(crate) fn awake(&self) {
        self.bell.awake();
    }

    /// Declares that the task sleeps; see [`Bell::sleep`].
    pub(crate) fn sleep(&self, context: &Context<'_>) -> bool {
        self.bell.sleep(context.waker())
    }

    /// Lets the connection's task look around.
    pub(crate) fn wake(&self) {
        self.bell.ring();
    }

    /// Publications that were dropped because the client read too slowly.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Bytes that the client has taken since the connection began.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.lock().total
    }

    /// Bytes that wait, those of publications that stand aside included.
    pub(crate) fn held_bytes(&self) -> usize {
        let queue = self.lock();
        queue.bytes + queue.lane.as_ref().map_or(0, |lane| lane.bytes())
    }

    /// Bytes that wait to be written next: without publications that stand aside.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    #[inline(always)]
    fn append_shared(
        &self,
        mut queue: Locked<'_>,
        socket: &Socket,
        Delivery { message, batch }: Delivery<'_>,
    ) -> Result<bool, Refused<()>> {
        queue.append_shared(message);
        if queue.bytes > self.limits.low_water || queue.frames > self.limits.messages || queue.lane.is_some() {
            return self.account(queue, socket).map(|()| false);
        }
        // Only one that sleeps is added to the batch: a task that is awake writes this, and may sleep before the next comes.
        let is_asleep = self.bell.ring_softly();
        Ok(is_asleep && std::mem::replace(&mut queue.batch, batch) != batch)
    }

    /// Sees to the limits after something was queued, and wakes the task.
    #[inline(never)]
    fn account<E>(&self, mut queue: Locked<'_>, socket: &Socket) -> Result<(), Refused<E>> {
        if queue.bytes > WRITE_THROUGH {
            queue.write_through(socket);
        }
        // What may be dropped makes room for what may not.
        let room = self.room(&queue);
        let dropped = queue.lane.as_mut().map_or(0, |lane| lane.shrink(room));
        self.count(&mut queue, dropped);
        let slow = queue.bytes > self.limits.bytes || queue.frames > self.limits.messages;
        if slow {
            queue.drop_unsent();
            queue.append_close(frame::SLOW_CONSUMER, "slow consumer");
        }
        drop(queue);
        self.wake();
        if slow { Err(Refused::SlowConsumer) } else { Ok(()) }
    }

    /// What is left for publications that may be dropped.
    fn room(&self, queue: &Queue) -> Room {
        let messages = self.limits.messages.saturating_sub(queue.frames).min(self.limits.droppable);
        Room { bytes: self.limits.bytes.saturating_sub(queue.bytes), messages }
    }

    fn count(&self, queue: &mut Queue, dropped: u64) {
        if dropped > 0 {
            queue.dropped += dropped;
            self.limits.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
    }

    #[inline]
    fn lock(&self) -> Locked<'_> {
        Locked { queue: self.queue.lock(), outbox: self }
    }
}

/// The queue while it is held. What others may look at is brought up to date before it is let go.
struct Locked<'a> {
    queue: MutexGuard<'a, Queue>,
    outbox: &'a Outbox,
}

impl Drop for Locked<'_> {
    #[inline]
    fn drop(&mut self) {
        self.outbox.waiting.store(self.queue.bytes, Ordering::Release);
        if self.queue.closing != 0 {
            self.outbox.closing.store(self.queue.closing, Ordering::Release);
        }
    }
}

impl Deref for Locked<'_> {
    type Target = Queue;

    #[inline]
    fn deref(&self) -> &Queue {
        &self.queue
    }
}

impl DerefMut for Locked<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }
}

#[cfg(test)]
mod tests;
