//! What waits to be written to one client: whole WebSocket frames, bounded in bytes and messages.
//!
//! Everything a client gets goes through here, control frames too, so frames never interleave. Whoever has a message
//! encodes it straight into the outbox; the connection's task writes all that has gathered with one system call.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;

use super::{
    bell::Bell,
    frame,
    lane::{Lane, Room},
    socket::Socket,
};
use crate::{
    codec::{Dialect, SharedMessage},
    publication::Policy,
};

/// Above this many waiting bytes a sender tries to write them itself before it goes on adding.
const WRITE_THROUGH: usize = 64 * 1024;
/// Shared frames from this size on are queued by reference; smaller ones are cheaper to copy.
const SHARE_FROM: usize = 2 * 1024;
/// A connection's own buffer is given back to the allocator above this many bytes.
const KEEP_UP_TO: usize = 4 * 1024;
/// From this many waiting bytes on publications that may be dropped stand aside.
const ASIDE_FROM: usize = 16 * 1024;
/// Slices handed to one write.
const SLICES: usize = 16;

pub(crate) struct Outbox {
    /// Held while one message is encoded or some bytes are written, never across an await.
    state: Mutex<State>,
    /// Wakes the connection's task.
    bell: Bell,
    limits: Limits,
    /// Publications that were dropped, of all outboxes of the server.
    dropped: Arc<AtomicU64>,
}

/// What may wait; beyond it the client is a slow consumer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) bytes: usize,
    pub(crate) messages: usize,
    /// Of publications that may be dropped; beyond it some are.
    pub(crate) droppable: usize,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that are written already.
    written: usize,
    bytes: usize,
    /// Bytes that were written since the connection began.
    total: u64,
    /// The lengths of the frames that wait, in order; the first may be half written.
    frames: VecDeque<usize>,
    /// Bytes of the first frame that are written already.
    frame_written: usize,
    /// The number of the last numbered message (v1).
    seq: u64,
    /// Publications that may be dropped; made when the first has to wait.
    lane: Option<Box<Lane>>,
    /// How many were.
    dropped: u64,
    closing: Option<u16>,
}

enum Chunk {
    Own(Vec<u8>),
    Shared(Bytes),
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
    pub(crate) fn new(limits: Limits, dropped: Arc<AtomicU64>) -> Self {
        Self { state: Mutex::default(), bell: Bell::new(), limits, dropped }
    }

    /// Queues one frame whose payload `encode` appends to the buffer it is given, counting messages as it numbers them.
    pub(crate) fn push<E>(
        &self,
        socket: &Socket,
        opcode: u8,
        encode: impl FnOnce(&mut Vec<u8>, &mut u64) -> Result<(), E>,
    ) -> Result<(), Refused<E>> {
        let mut state = self.lock();
        state.check_open()?;
        let mut seq = state.seq;
        let tail = state.tail();
        let start = tail.len();
        frame::begin(tail);
        if let Err(error) = encode(tail, &mut seq) {
            tail.truncate(start);
            return Err(Refused::Encode(error));
        }
        frame::finish(tail, start, opcode);
        let length = tail.len() - start;
        state.seq = seq;
        self.account(state, socket, length)
    }

    /// Queues one frame whose payload is mostly shared with other outboxes; `parts` are what stands before it, the
    /// shared bytes, and what stands behind.
    pub(crate) fn push_shared<'a>(
        &self,
        socket: &Socket,
        opcode: u8,
        parts: impl FnOnce(&mut u64) -> (Vec<u8>, &'a Bytes, Vec<u8>),
    ) -> Result<(), Refused<()>> {
        let mut state = self.lock();
        state.check_open()?;
        let parts = parts(&mut state.seq);
        let length = state.append_shared(opcode, parts);
        self.account(state, socket, length)
    }

    /// Queues a publication that may be dropped. Where little waits it is queued like any other.
    pub(crate) fn push_droppable(
        &self,
        socket: &Socket,
        dialect: Dialect,
        message: &SharedMessage,
        policy: &Policy,
    ) -> Result<(), Refused<()>> {
        let mut state = self.lock();
        state.check_open()?;
        let is_aside = state.bytes >= ASIDE_FROM || state.lane.is_some();
        if !is_aside && state.bytes + message.len() < self.limits.bytes && state.frames.len() < self.limits.messages {
            let parts = dialect.complete(message, &mut state.seq);
            let length = state.append_shared(dialect.opcode(), parts);
            return self.account(state, socket, length);
        }
        let room = self.room(&state);
        let dropped = state.lane.get_or_insert_default().add(dialect, message, policy, room);
        self.count(&mut state, dropped);
        drop(state);
        self.wake();
        Ok(())
    }

    /// Queues bytes of the protocol itself (control frames), which no limit refuses.
    pub(crate) fn push_control(&self, bytes: &[u8]) {
        let mut state = self.lock();
        if state.closing.is_none() {
            state.tail().extend_from_slice(bytes);
            state.queued(bytes.len());
        }
    }

    /// Queues the close frame; nothing is queued after it. The first call counts.
    pub(crate) fn close(&self, code: u16, reason: &str) {
        let mut state = self.lock();
        if state.closing.is_none() {
            state.call_in(usize::MAX);
            state.append_close(code, reason);
            drop(state);
            self.wake();
        }
    }

    /// The code with which the connection is closing.
    pub(crate) fn closing(&self) -> Option<u16> {
        self.lock().closing
    }

    /// Drops everything that waits and refuses all that follows.
    pub(crate) fn abandon(&self, code: u16) {
        let mut state = self.lock();
        let closing = state.closing.unwrap_or(code);
        *state = State { closing: Some(closing), ..State::default() };
    }

    /// Writes until nothing waits or the client takes no more; ready when nothing waits.
    pub(crate) fn poll_flush(&self, socket: &Socket, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        loop {
            state.call_in(ASIDE_FROM);
            if state.bytes == 0 {
                return Poll::Ready(Ok(()));
            }
            let written = ready!(state.with_slices(|slices| socket.poll_write(context, slices)))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            state.advance(written);
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
        let state = self.lock();
        state.bytes + state.lane.as_ref().map_or(0, |lane| lane.bytes())
    }

    /// Bytes that wait to be written next: without publications that stand aside.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.lock().bytes
    }

    fn account<E>(&self, mut state: MutexGuard<'_, State>, socket: &Socket, length: usize) -> Result<(), Refused<E>> {
        state.queued(length);
        if state.bytes > WRITE_THROUGH {
            state.write_through(socket);
        }
        // What may be dropped makes room for what may not.
        let room = self.room(&state);
        let dropped = state.lane.as_mut().map_or(0, |lane| lane.shrink(room));
        self.count(&mut state, dropped);
        let slow = state.bytes > self.limits.bytes || state.frames.len() > self.limits.messages;
        if slow {
            state.drop_unsent();
            state.append_close(frame::SLOW_CONSUMER, "slow consumer");
        }
        drop(state);
        self.wake();
        if slow { Err(Refused::SlowConsumer) } else { Ok(()) }
    }

    /// What is left for publications that may be dropped.
    fn room(&self, state: &State) -> Room {
        let messages = self.limits.messages.saturating_sub(state.frames.len()).min(self.limits.droppable);
        Room { bytes: self.limits.bytes.saturating_sub(state.bytes), messages }
    }

    fn count(&self, state: &mut State, dropped: u64) {
        if dropped > 0 {
            state.dropped += dropped;
            self.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check_open<E>(&self) -> Result<(), Refused<E>> {
        if self.closing.is_some() { Err(Refused::Closed) } else { Ok(()) }
    }

    /// Lets those that stand aside in while fewer bytes than this wait.
    fn call_in(&mut self, below: usize) {
        let Some(mut lane) = self.lane.take() else { return };
        while self.bytes < below
            && let Some(waiting) = lane.pop()
        {
            let parts = waiting.dialect.complete(&waiting.message, &mut self.seq);
            let length = self.append_shared(waiting.dialect.opcode(), parts);
            self.queued(length);
        }
        self.lane = Some(lane).filter(|lane| !lane.is_empty());
    }

    /// Appends a frame of parts, of which the middle one is shared; returns its length.
    fn append_shared(&mut self, opcode: u8, (head, shared, behind): (Vec<u8>, &Bytes, Vec<u8>)) -> usize {
        let payload = head.len() + shared.len() + behind.len();
        let tail = self.tail();
        let start = tail.len();
        frame::header(tail, payload, opcode);
        let length = tail.len() - start + payload;
        tail.extend_from_slice(&head);
        if shared.len() < SHARE_FROM {
            tail.extend_from_slice(shared);
        } else {
            self.chunks.push_back(Chunk::Shared(shared.clone()));
        }
        if !behind.is_empty() {
            self.tail().extend_from_slice(&behind);
        }
        length
    }

    fn append_close(&mut self, code: u16, reason: &str) {
        let tail = self.tail();
        let start = tail.len();
        frame::close(tail, code, reason);
        let length = tail.len() - start;
        self.queued(length);
        self.closing = Some(code);
    }

    fn queued(&mut self, length: usize) {
        self.bytes += length;
        self.frames.push_back(length);
    }

    /// The buffer at the end, which only this outbox owns.
    fn tail(&mut self) -> &mut Vec<u8> {
        if !matches!(self.chunks.back(), Some(Chunk::Own(_))) {
            self.chunks.push_back(Chunk::Own(Vec::new()));
        }
        match self.chunks.back_mut() {
            Some(Chunk::Own(buffer)) => buffer,
            _ => unreachable!("an own chunk was just pushed"),
        }
    }

    fn write_through(&mut self, socket: &Socket) {
        while self.bytes > 0 {
            // An error shows again, and is handled, when the connection's task writes.
            match self.with_slices(|slices| socket.try_write(slices)) {
                Ok(0) | Err(_) => return,
                Ok(written) => self.advance(written),
            }
        }
    }

    fn with_slices<R>(&self, write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            let bytes = chunk.as_slice();
            *slice = IoSlice::new(if count == 0 { &bytes[self.written..] } else { bytes });
            count += 1;
        }
        write(&slices[..count])
    }

    fn advance(&mut self, written: usize) {
        self.bytes -= written;
        self.total += written as u64;
        self.frame_written += written;
        while let Some(length) = self.frames.front().copied().filter(|length| *length <= self.frame_written) {
            self.frame_written -= length;
            self.frames.pop_front();
        }
        self.written += written;
        while let Some(chunk) = self.chunks.front_mut() {
            let length = chunk.as_slice().len();
            if self.written < length {
                return;
            }
            self.written -= length;
            // The last own buffer is kept for the next message, unless a burst made it large.
            if let Chunk::Own(buffer) = chunk
                && buffer.capacity() <= KEEP_UP_TO
            {
                buffer.clear();
                if self.chunks.len() == 1 {
                    return;
                }
            }
            self.chunks.pop_front();
        }
    }

    /// Forgets what is not on its way yet; the rest of a frame that is half written must stay.
    fn drop_unsent(&mut self) {
        self.lane = None;
        let rest = match self.frames.front() {
            Some(length) if self.frame_written > 0 => length - self.frame_written,
            _ => 0,
        };
        // A shared frame has its head and its end in other chunks.
        let waiting = self.chunks.iter().flat_map(|chunk| chunk.as_slice()).skip(self.written);
        let unfinished: Vec<u8> = waiting.take(rest).copied().collect();
        self.chunks.clear();
        self.written = 0;
        self.bytes = rest;
        self.frames.truncate(usize::from(rest > 0));
        self.chunks.push_back(Chunk::Own(unfinished));
        // The chunk begins with the rest of its frame.
        if let Some(length) = self.frames.front_mut() {
            *length = rest;
        }
        self.frame_written = 0;
    }
}

impl Chunk {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Own(buffer) => buffer,
            Self::Shared(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    type Result = std::result::Result<(), Refused<()>>;

    fn outbox(bytes: usize, messages: usize) -> Outbox {
        Outbox::new(Limits { bytes, messages, droppable: 2 }, Arc::default())
    }

    fn push(outbox: &Outbox, socket: &Socket, text: &str) -> Result {
        outbox.push(socket, frame::TEXT, |buffer, seq| {
            *seq += 1;
            buffer.extend_from_slice(text.as_bytes());
            Ok(())
        })
    }

    fn push_shared(outbox: &Outbox, socket: &Socket, shared: &Bytes) -> Result {
        outbox.push_shared(socket, frame::TEXT, |seq| {
            *seq += 1;
            (b"<".to_vec(), shared, format!("{seq}>").into_bytes())
        })
    }

    fn text_frame(payload: &[u8]) -> Vec<u8> {
        let mut buffer = Vec::new();
        frame::header(&mut buffer, payload.len(), frame::TEXT);
        buffer.extend_from_slice(payload);
        buffer
    }

    async fn flush(outbox: &Outbox, socket: &Socket) {
        std::future::poll_fn(|context| outbox.poll_flush(socket, context)).await.expect("the peer reads");
    }

    #[tokio::test]
    async fn frames_leave_in_order_whatever_their_kind() {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let (outbox, socket) = (outbox(1 << 20, 100), Socket::other(near));
        let shared = Bytes::from(vec![b'x'; 3000]);
        push(&outbox, &socket, "one").expect("there is room");
        push_shared(&outbox, &socket, &shared).expect("there is room");
        push_shared(&outbox, &socket, &Bytes::from_static(b"two")).expect("there is room");
        outbox.close(1000, "bye");
        assert_eq!(push(&outbox, &socket, "late"), Err(Refused::Closed));
        flush(&outbox, &socket).await;
        drop((outbox, socket));
        let mut bytes = Vec::new();
        far.read_to_end(&mut bytes).await.expect("memory does not fail");
        let mut expected = b"\x81\x03one".to_vec();
        expected.extend_from_slice(&text_frame(&[b"<", &shared[..], b"2>"].concat()));
        expected.extend_from_slice(b"\x81\x06<two3>\x88\x05\x03\xe8bye");
        assert_eq!(bytes, expected);
    }

    #[tokio::test]
    async fn a_kept_buffer_does_not_stand_in_the_way_of_shared_frames() {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let (outbox, socket) = (outbox(1 << 20, 100), Socket::other(near));
        let shared = Bytes::from(vec![b'x'; 3000]);
        let mut expected = Vec::new();
        for number in 0..3 {
            push(&outbox, &socket, "one").expect("there is room");
            flush(&outbox, &socket).await;
            push_shared(&outbox, &socket, &shared).expect("there is room");
            push_shared(&outbox, &socket, &shared).expect("there is room");
            flush(&outbox, &socket).await;
            expected.extend_from_slice(b"\x81\x03one");
            for second in [2, 3] {
                let payload = [b"<", &shared[..], format!("{}>", number * 3 + second).as_bytes()].concat();
                expected.extend_from_slice(&text_frame(&payload));
            }
        }
        drop((outbox, socket));
        let mut bytes = Vec::new();
        far.read_to_end(&mut bytes).await.expect("memory does not fail");
        assert!(bytes == expected);
    }

    #[tokio::test]
    async fn a_slow_consumer_keeps_only_the_frame_it_has_begun() {
        let (near, mut far) = tokio::io::duplex(4);
        let (outbox, socket) = (outbox(40, 100), Socket::other(near));
        push(&outbox, &socket, "0123456789").expect("there is room");
        push(&outbox, &socket, "abcdefghij").expect("there is room");
        let flushed = std::future::poll_fn(|context| Poll::Ready(outbox.poll_flush(&socket, context).is_ready())).await;
        assert!(!flushed, "the pipe holds four bytes");
        assert_eq!(push(&outbox, &socket, "0123456789012345678901234567890123456789"), Err(Refused::SlowConsumer));
        assert_eq!(outbox.closing(), Some(frame::SLOW_CONSUMER));
        let reader = tokio::spawn(async move {
            let mut bytes = Vec::new();
            far.read_to_end(&mut bytes).await.map(|_| bytes)
        });
        flush(&outbox, &socket).await;
        drop((outbox, socket));
        let bytes = reader.await.expect("no panic").expect("memory does not fail");
        assert_eq!(bytes, b"\x81\x0a0123456789\x88\x0f\x11\x3dslow consumer");
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_encoded_leaves_nothing() {
        let (near, _far) = tokio::io::duplex(64);
        let (outbox, socket) = (outbox(100, 100), Socket::other(near));
        let refused = outbox.push(&socket, frame::TEXT, |buffer, _| {
            buffer.extend_from_slice(b"half");
            Err("no")
        });
        assert_eq!(refused, Err(Refused::Encode("no")));
        assert_eq!(outbox.waiting_bytes(), 0);
    }

    /// Publications that may be dropped come behind what may not, in their order, numbered as they are written.
    #[tokio::test]
    async fn what_may_be_dropped_stands_aside_while_the_client_is_slow() {
        let (near, mut far) = tokio::io::duplex(4);
        let (outbox, socket) = (outbox(40_000, 100), Socket::other(near));
        let much = "x".repeat(ASIDE_FROM);
        push(&outbox, &socket, &much).expect("there is room");
        let droppable = |text| {
            let message = SharedMessage::of(text);
            outbox.push_droppable(&socket, Dialect::V1Json, &message, &Policy::DropOldest)
        };
        for text in ["{one", "{two", "{three"] {
            droppable(text).expect("it is never refused");
        }
        push(&outbox, &socket, "reply").expect("there is room");
        assert_eq!((outbox.dropped(), outbox.dropped.load(Ordering::Relaxed)), (1, 1));
        outbox.close(1000, "bye");
        assert_eq!(droppable("{late"), Err(Refused::Closed));
        let reader = tokio::spawn(async move {
            let mut bytes = Vec::new();
            far.read_to_end(&mut bytes).await.map(|_| bytes)
        });
        flush(&outbox, &socket).await;
        drop((outbox, socket));
        let bytes = reader.await.expect("no panic").expect("memory does not fail");
        let mut expected = text_frame(much.as_bytes());
        expected.extend_from_slice(&text_frame(b"reply"));
        expected.extend_from_slice(&text_frame(b"{two,\"seq\":3}"));
        expected.extend_from_slice(&text_frame(b"{three,\"seq\":4}"));
        expected.extend_from_slice(b"\x88\x05\x03\xe8bye");
        assert!(bytes == expected, "{}", String::from_utf8_lossy(&bytes[ASIDE_FROM..]));
    }

    #[tokio::test]
    async fn what_may_be_dropped_makes_room_for_what_may_not() {
        let (near, _far) = tokio::io::duplex(4);
        let (outbox, socket) = (outbox(40_000, 100), Socket::other(near));
        push(&outbox, &socket, &"x".repeat(ASIDE_FROM)).expect("there is room");
        let message = SharedMessage::of(&"y".repeat(20_000));
        let droppable = || outbox.push_droppable(&socket, Dialect::Classic, &message, &Policy::DropOldest);
        droppable().expect("there is room");
        push(&outbox, &socket, &"z".repeat(10_000)).expect("the publication goes, not the connection");
        assert_eq!(outbox.dropped(), 1);
        droppable().expect("it is dropped, and that is no failure");
        assert_eq!(outbox.dropped(), 2);
        assert_eq!(push(&outbox, &socket, &"z".repeat(20_000)), Err(Refused::SlowConsumer));
    }
}
