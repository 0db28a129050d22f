//! The frames that wait, in the order in which they will be written.

use std::{collections::VecDeque, io::IoSlice, mem};

use bytes::Bytes;

use super::Refused;
use crate::{
    codec::Around,
    connection::{frame, lane::Lane, socket::Socket},
};

/// Shared frames from this size on are queued by reference; smaller ones are cheaper to copy.
const SHARE_FROM: usize = 2 * 1024;
/// A connection's own buffer is given back to the allocator above this many bytes.
const KEEP_UP_TO: usize = 4 * 1024;
/// Lengths of frames that waited at once have their memory given back above so many.
const KEEP_FRAMES: usize = 64;
/// Slices handed to one write.
const SLICES: usize = 16;

#[derive(Default)]
pub(super) struct Queue {
    /// What was queued before `tail`; mostly nothing.
    older: VecDeque<Chunk>,
    /// What was queued last, which only this outbox owns.
    tail: Vec<u8>,
    /// Bytes of the first chunk, or of `tail` where that is all, that are written already.
    written: usize,
    pub(super) bytes: usize,
    /// Bytes that were written since the connection began.
    pub(super) total: u64,
    /// The lengths of the frames that wait, in order; the first may be half written.
    pub(super) frames: VecDeque<usize>,
    /// Bytes of the first frame that are written already.
    frame_written: usize,
    /// The number of the last numbered message (v1).
    pub(super) seq: u64,
    /// Publications that may be dropped; made when the first has to wait.
    pub(super) lane: Option<Box<Lane>>,
    /// How many were.
    pub(super) dropped: u64,
    pub(super) closing: Option<u16>,
    /// Whether the task waits for the client to take more.
    pub(super) is_blocked: bool,
    /// The last batch that has this connection among those it writes to.
    pub(super) batch: u64,
}

enum Chunk {
    Own(Vec<u8>),
    Shared(Bytes),
}

impl Queue {
    #[inline]
    pub(super) fn check_open<E>(&self) -> Result<(), Refused<E>> {
        if self.closing.is_some() { Err(Refused::Closed) } else { Ok(()) }
    }

    /// Lets those that stand aside in while fewer bytes than this wait.
    #[inline]
    pub(super) fn call_in(&mut self, below: usize) {
        if self.lane.is_some() {
            self.call_in_from_lane(below);
        }
    }

    #[cold]
    fn call_in_from_lane(&mut self, below: usize) {
        let Some(mut lane) = self.lane.take() else { return };
        let mut around = Around::default();
        while self.bytes < below
            && let Some(waiting) = lane.pop()
        {
            waiting.dialect.surround(&waiting.message, &mut around, &mut self.seq);
            let length = self.append_shared(waiting.dialect.opcode(), waiting.message.bytes(), &around);
            self.queued(length);
        }
        self.lane = Some(lane).filter(|lane| !lane.is_empty());
    }

    /// Appends a frame whose payload is mostly shared with others; returns its length.
    #[inline]
    pub(super) fn append_shared(&mut self, opcode: u8, shared: &Bytes, around: &Around) -> usize {
        let Around { before, behind } = around;
        let payload = before.len() + shared.len() + behind.len();
        let start = self.tail.len();
        let is_copied = shared.len() < SHARE_FROM;
        let own = if is_copied { payload } else { before.len() };
        self.tail.reserve(own + frame::LONGEST_HEADER);
        frame::header(&mut self.tail, payload, opcode);
        let length = self.tail.len() - start + payload;
        self.tail.extend_from_slice(before);
        if is_copied {
            self.tail.extend_from_slice(shared);
        } else {
            self.append_chunk(Chunk::Shared(shared.clone()));
        }
        self.tail.extend_from_slice(behind);
        length
    }

    /// Appends what is needed once: its memory is not kept for frames.
    pub(super) fn append_greeting(&mut self, answer: Vec<u8>) {
        let length = answer.len();
        self.append_chunk(Chunk::Shared(answer.into()));
        self.queued(length);
    }

    pub(super) fn append_close(&mut self, code: u16, reason: &str) {
        let start = self.tail.len();
        frame::close(&mut self.tail, code, reason);
        let length = self.tail.len() - start;
        self.queued(length);
        self.closing = Some(code);
    }

    #[inline]
    pub(super) fn queued(&mut self, length: usize) {
        self.bytes += length;
        self.frames.push_back(length);
    }

    /// The buffer at the end, which only this outbox owns.
    #[inline]
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    fn append_chunk(&mut self, chunk: Chunk) {
        if !self.tail.is_empty() {
            self.older.push_back(Chunk::Own(mem::take(&mut self.tail)));
        }
        self.older.push_back(chunk);
    }

    #[inline]
    pub(super) fn write_through(&mut self, socket: &Socket) {
        while self.bytes > 0 {
            // An error shows again, and is handled, when the connection's task writes.
            match self.with_slices(|slices| socket.try_write(slices)) {
                Ok(0) | Err(_) => return,
                Ok(written) => self.advance(written),
            }
        }
    }

    #[inline]
    pub(super) fn with_slices<R>(&self, write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        if self.older.is_empty() {
            return write(&[IoSlice::new(&self.tail[self.written..])]);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        let chunks = self.chunks().filter(|chunk| !chunk.is_empty());
        for (slice, chunk) in slices.iter_mut().zip(chunks) {
            *slice = IoSlice::new(if count == 0 { &chunk[self.written..] } else { chunk });
            count += 1;
        }
        write(&slices[..count])
    }

    #[inline]
    pub(super) fn advance(&mut self, written: usize) {
        self.bytes -= written;
        self.total += written as u64;
        if self.bytes > 0 {
            return self.advance_within(written);
        }
        self.frames.clear();
        (self.frame_written, self.written) = (0, 0);
        self.tail.clear();
        // Kept for the next message, unless a burst has made it large.
        if self.tail.capacity() > KEEP_UP_TO || self.frames.capacity() > KEEP_FRAMES || !self.older.is_empty() {
            self.give_back();
        }
    }

    #[cold]
    fn give_back(&mut self) {
        self.older = VecDeque::new();
        if self.tail.capacity() > KEEP_UP_TO {
            self.tail = Vec::new();
        }
        if self.frames.capacity() > KEEP_FRAMES {
            self.frames = VecDeque::new();
        }
    }

    fn advance_within(&mut self, written: usize) {
        self.frame_written += written;
        while let Some(length) = self.frames.front().copied().filter(|length| *length <= self.frame_written) {
            self.frame_written -= length;
            self.frames.pop_front();
        }
        self.written += written;
        while let Some(chunk) = self.older.front() {
            let length = chunk.as_slice().len();
            if self.written < length {
                return;
            }
            self.written -= length;
            self.older.pop_front();
        }
    }

    /// Forgets everything that waits.
    pub(super) fn abandon(&mut self, closing: u16) {
        let Self { total, dropped, .. } = *self;
        *self = Self { closing: Some(closing), total, dropped, ..Self::default() };
    }

    /// Forgets what is not on its way yet; the rest of a frame that is half written must stay.
    pub(super) fn drop_unsent(&mut self) {
        self.lane = None;
        let rest = match self.frames.front() {
            Some(length) if self.frame_written > 0 => length - self.frame_written,
            _ => 0,
        };
        // A shared frame has its head and its end in other chunks.
        let waiting = self.chunks().flatten().skip(self.written);
        self.tail = waiting.take(rest).copied().collect();
        self.older.clear();
        self.written = 0;
        self.bytes = rest;
        self.frames.truncate(usize::from(rest > 0));
        // The buffer begins with the rest of its frame.
        if let Some(length) = self.frames.front_mut() {
            *length = rest;
        }
        self.frame_written = 0;
    }

    fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.older.iter().map(Chunk::as_slice).chain([&*self.tail])
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
