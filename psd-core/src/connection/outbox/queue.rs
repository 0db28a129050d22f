//! The frames that wait, in the order in which they will be written.

use std::{collections::VecDeque, io::IoSlice};

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
/// Slices handed to one write.
const SLICES: usize = 16;

#[derive(Default)]
pub(super) struct Queue {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that are written already.
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
    pub(super) fn check_open<E>(&self) -> Result<(), Refused<E>> {
        if self.closing.is_some() { Err(Refused::Closed) } else { Ok(()) }
    }

    /// Lets those that stand aside in while fewer bytes than this wait.
    pub(super) fn call_in(&mut self, below: usize) {
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
    pub(super) fn append_shared(&mut self, opcode: u8, shared: &Bytes, around: &Around) -> usize {
        let Around { before, behind } = around;
        let payload = before.len() + shared.len() + behind.len();
        let tail = self.tail();
        let start = tail.len();
        frame::header(tail, payload, opcode);
        let length = tail.len() - start + payload;
        tail.extend_from_slice(before);
        if shared.len() < SHARE_FROM {
            tail.extend_from_slice(shared);
        } else {
            self.chunks.push_back(Chunk::Shared(shared.clone()));
        }
        if !behind.is_empty() {
            self.tail().extend_from_slice(behind);
        }
        length
    }

    /// Appends what is needed once: its memory is not kept for frames.
    pub(super) fn append_greeting(&mut self, answer: Vec<u8>) {
        let length = answer.len();
        self.chunks.push_back(Chunk::Shared(answer.into()));
        self.queued(length);
    }

    pub(super) fn append_close(&mut self, code: u16, reason: &str) {
        let tail = self.tail();
        let start = tail.len();
        frame::close(tail, code, reason);
        let length = tail.len() - start;
        self.queued(length);
        self.closing = Some(code);
    }

    pub(super) fn queued(&mut self, length: usize) {
        self.bytes += length;
        self.frames.push_back(length);
    }

    /// The buffer at the end, which only this outbox owns.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        if !matches!(self.chunks.back(), Some(Chunk::Own(_))) {
            self.chunks.push_back(Chunk::Own(Vec::new()));
        }
        match self.chunks.back_mut() {
            Some(Chunk::Own(buffer)) => buffer,
            _ => unreachable!("an own chunk was just pushed"),
        }
    }

    pub(super) fn write_through(&mut self, socket: &Socket) {
        while self.bytes > 0 {
            // An error shows again, and is handled, when the connection's task writes.
            match self.with_slices(|slices| socket.try_write(slices)) {
                Ok(0) | Err(_) => return,
                Ok(written) => self.advance(written),
            }
        }
    }

    pub(super) fn with_slices<R>(&self, write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            let bytes = chunk.as_slice();
            *slice = IoSlice::new(if count == 0 { &bytes[self.written..] } else { bytes });
            count += 1;
        }
        write(&slices[..count])
    }

    pub(super) fn advance(&mut self, written: usize) {
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
