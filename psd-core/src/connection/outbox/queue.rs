//! The frames that wait, in the order in which they will be written.

use std::{collections::VecDeque, io::IoSlice, mem};

use bytes::Bytes;

use super::Refused;
use crate::{
    codec::{SharedEnvelope, SharedMessage},
    connection::{frame, lane::Lane, socket::Socket},
};

/// Shared frames from this size on are queued by reference; smaller ones are cheaper to copy.
const SHARE_FROM: usize = 2 * 1024;
/// A connection's own buffer is given back to the allocator above this many bytes.
const KEEP_UP_TO: usize = 4 * 1024;
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
    /// How many frames wait, one that is half written included.
    pub(super) frames: usize,
    /// Bytes that are left of the first frame where it is half written, else 0.
    unfinished: usize,
    /// The number of the last numbered message (v1).
    pub(super) seq: u64,
    /// Publications that may be dropped; made when the first has to wait.
    pub(super) lane: Option<Box<Lane>>,
    /// How many were.
    pub(super) dropped: u64,
    /// The code with which the connection is closing, or 0.
    pub(super) closing: u16,
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
        if self.closing == 0 { Ok(()) } else { Err(Refused::Closed) }
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
        while self.bytes < below
            && let Some(waiting) = lane.pop()
        {
            self.append_envelope(&waiting.envelope);
        }
        self.lane = Some(lane).filter(|lane| !lane.is_empty());
    }

    /// Appends a frame that is mostly shared with others.
    #[inline]
    pub(super) fn append_shared(&mut self, message: &SharedMessage) {
        if message.envelope().len() >= SHARE_FROM {
            return self.append_envelope(message.envelope());
        }
        let start = self.tail.len();
        message.write(&mut self.tail, &mut self.seq);
        self.queued(self.tail.len() - start);
    }

    #[inline(never)]
    fn append_envelope(&mut self, envelope: &SharedEnvelope) {
        let start = self.tail.len();
        if envelope.len() < SHARE_FROM {
            envelope.write(&mut self.tail, &mut self.seq);
            return self.queued(self.tail.len() - start);
        }
        envelope.write_before(&mut self.tail, &mut self.seq);
        let before = self.tail.len() - start;
        self.append_chunk(Chunk::Shared(envelope.bytes().clone()));
        envelope.write_behind(&mut self.tail, self.seq);
        self.queued(before + envelope.len() + self.tail.len());
    }

    /// Appends what is needed once, before all frames: its memory is not kept for them. It counts as a frame that is begun.
    pub(super) fn append_greeting(&mut self, answer: Vec<u8>) {
        let length = answer.len();
        self.append_chunk(Chunk::Shared(answer.into()));
        self.unfinished = length;
        self.queued(length);
    }

    pub(super) fn append_control(&mut self, opcode: u8, payload: &[u8]) {
        let start = self.tail.len();
        frame::control(&mut self.tail, opcode, payload);
        self.queued(self.tail.len() - start);
    }

    pub(super) fn append_close(&mut self, code: u16, reason: &str) {
        let start = self.tail.len();
        frame::close(&mut self.tail, code, reason);
        let length = self.tail.len() - start;
        self.queued(length);
        self.closing = code;
    }

    #[inline]
    pub(super) fn queued(&mut self, length: usize) {
        self.bytes += length;
        self.frames += 1;
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

    /// Writes the buffer at the end where that is all that waits, as nearly always; true if all of it was taken.
    #[inline]
    pub(super) fn write_tail(&mut self, socket: &Socket) -> bool {
        if !self.older.is_empty() || self.bytes == 0 || self.lane.is_some() {
            return false;
        }
        match socket.try_write(&[IoSlice::new(&self.tail[self.written..])]) {
            Ok(0) | Err(_) => false,
            Ok(written) => {
                self.advance(written);
                self.bytes == 0
            }
        }
    }

    #[inline(never)]
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
        (self.frames, self.unfinished, self.written) = (0, 0, 0);
        self.tail.clear();
        // Kept for the next message, unless a burst has made it large.
        if self.tail.capacity() > KEEP_UP_TO || !self.older.is_empty() {
            self.give_back();
        }
    }

    #[cold]
    fn give_back(&mut self) {
        self.older = VecDeque::new();
        if self.tail.capacity() > KEEP_UP_TO {
            self.tail = Vec::new();
        }
    }

    #[cold]
    fn advance_within(&mut self, written: usize) {
        let end = self.written + written;
        let mut at = self.written;
        // Frames that began before `end` and did not end there.
        while at < end {
            if self.unfinished == 0 {
                self.unfinished = self.frame_at(at);
            }
            let step = self.unfinished.min(end - at);
            at += step;
            self.unfinished -= step;
            self.frames -= usize::from(self.unfinished == 0);
        }
        self.written = end;
        while let Some(chunk) = self.older.front() {
            let length = chunk.as_slice().len();
            if self.written < length {
                return;
            }
            self.written -= length;
            self.older.pop_front();
        }
        // Where something always waits, what was written would otherwise be kept for as long.
        if self.written >= KEEP_UP_TO.max(self.bytes) {
            self.tail.drain(..self.written);
            self.written = 0;
        }
    }

    /// The length of the frame that begins so many bytes behind the beginning of the first chunk. No header is divided among
    /// chunks.
    fn frame_at(&self, mut at: usize) -> usize {
        for chunk in self.chunks() {
            if let Some(bytes) = chunk.get(at..).filter(|bytes| !bytes.is_empty()) {
                return frame::length(bytes).unwrap_or(bytes.len());
            }
            at -= chunk.len();
        }
        self.bytes
    }

    /// Forgets everything that waits.
    pub(super) fn abandon(&mut self, closing: u16) {
        let Self { total, dropped, .. } = *self;
        *self = Self { closing, total, dropped, ..Self::default() };
    }

    /// Forgets what is not on its way yet; the rest of a frame that is half written must stay.
    pub(super) fn drop_unsent(&mut self) {
        self.lane = None;
        let rest = self.unfinished;
        // A shared frame has its head and its end in other chunks.
        let waiting = self.chunks().flatten().skip(self.written);
        self.tail = waiting.take(rest).copied().collect();
        self.older.clear();
        self.written = 0;
        (self.bytes, self.frames) = (rest, usize::from(rest > 0));
    }

    /// Counts again what is counted on the way.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let waiting: Vec<u8> = self.chunks().flatten().skip(self.written).copied().collect();
        assert_eq!(self.bytes, waiting.len());
        assert!(self.tail.len() <= 2 * self.bytes + KEEP_UP_TO, "what was written is not kept");
        let (mut rest, mut frames) = (&waiting[self.unfinished..], usize::from(self.unfinished > 0));
        while !rest.is_empty() {
            rest = &rest[frame::length(rest).expect("a header is whole")..];
            frames += 1;
        }
        assert_eq!(self.frames, frames);
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
