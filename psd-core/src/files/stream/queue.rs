//! What has come on a stream and is not written yet: no more than its client has credit for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use psd_proto::common::psd::v1::UploadChunk;
use tokio::sync::Notify;

use crate::Error;

/// Chunks of a stream on their way to its task.
pub(super) struct Queue {
    /// Held for one chunk, never across an await.
    state: Mutex<State>,
    arrived: Notify,
    /// Bytes of credit.
    window: usize,
    /// Bytes that a chunk may have.
    chunk_bytes: usize,
}

#[derive(Default)]
struct State {
    chunks: Vec<Vec<u8>>,
    /// Where the next chunk begins, and up to where the client may send; `None` before the stream is open.
    place: Option<(u64, u64)>,
    /// Whether the last chunk has come.
    is_whole: bool,
    end: Option<End>,
    is_over: bool,
}

/// Why no more is taken of a stream.
pub(super) enum End {
    /// The client did what it may not.
    Failed(Error),
    Cancelled {
        keep: bool,
    },
}

/// What has come since the last look.
pub(super) struct Taken {
    pub(super) chunks: Vec<Bytes>,
    /// Up to where the client may send now.
    pub(super) until: u64,
    /// Whether the client will soon have to wait for that.
    pub(super) is_short: bool,
    /// Whether the file ends here.
    pub(super) is_whole: bool,
    pub(super) end: Option<End>,
}

impl Queue {
    pub(super) fn new(window: usize, chunk_bytes: usize) -> Self {
        Self { state: Mutex::default(), arrived: Notify::new(), window, chunk_bytes }
    }

    pub(super) fn chunk_bytes(&self) -> usize {
        self.chunk_bytes
    }

    /// Takes chunks from here on; returns up to where.
    pub(super) fn begin(&self, offset: u64) -> u64 {
        let until = offset.saturating_add(self.window as u64);
        self.lock().place = Some((offset, until));
        until
    }

    /// Takes a chunk. One that is not what it should be ends the stream, and what waits is forgotten.
    pub(super) fn add(&self, chunk: UploadChunk) {
        let mut state = self.lock();
        if state.is_over || state.end.is_some() {
            return; // It was under way.
        }
        match state.check(&chunk, self.chunk_bytes) {
            Ok(next) => {
                if let Some(place) = &mut state.place {
                    place.0 = next;
                }
                state.is_whole |= chunk.last;
                state.put(chunk.data, self.chunk_bytes);
            }
            Err(error) => {
                state.chunks = Vec::new();
                state.end = Some(End::Failed(error));
            }
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Ends the stream behind what waits.
    pub(super) fn end(&self, end: End) {
        self.lock().end.get_or_insert(end);
        self.arrived.notify_one();
    }

    /// Takes what has come, as soon as there is something, and gives credit for as much. Cancellation safe.
    pub(super) async fn take(&self) -> Taken {
        loop {
            if let Some(taken) = self.lock().take(self.window) {
                return taken;
            }
            self.arrived.notified().await;
        }
    }

    /// Nothing more is wanted.
    pub(super) fn over(&self) {
        let mut state = self.lock();
        state.is_over = true;
        state.chunks = Vec::new();
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().is_over
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Where the chunk ends, if it may come now.
    fn check(&self, chunk: &UploadChunk, most: usize) -> Result<u64, Error> {
        let bytes = chunk.data.len();
        let Some((next, until)) = self.place else {
            return Err(Error::new(400, "a chunk came before the stream was open: wait for `psd.upload-opened`"));
        };
        if self.is_whole {
            return Err(Error::new(400, "a chunk came behind the last one"));
        }
        if bytes > most {
            return Err(Error::new(400, format!("the chunk has {bytes} bytes; {most} are allowed")));
        }
        if chunk.offset != next {
            let offset = chunk.offset;
            return Err(Error::new(409, format!("the chunk is at {offset}, and the one before ended at {next}")));
        }
        let end = next.saturating_add(bytes as u64);
        if end > until {
            let text = format!("the chunk ends at {end}, beyond {until}: wait for `psd.upload-credit`");
            return Err(Error::new(400, text));
        }
        if crc32c::crc32c(&chunk.data) != chunk.crc32c {
            return Err(Error::new(460, "the checksum of the chunk does not match: it is not kept"));
        }
        Ok(end)
    }

    /// Small chunks share their memory, so that many of them need no more than one.
    fn put(&mut self, data: Vec<u8>, most: usize) {
        match self.chunks.last_mut() {
            Some(last) if last.len() + data.len() <= most => last.extend_from_slice(&data),
            _ if data.is_empty() => {}
            _ => self.chunks.push(data),
        }
    }

    fn take(&mut self, window: usize) -> Option<Taken> {
        if self.chunks.is_empty() && !self.is_whole && self.end.is_none() {
            return None;
        }
        let (mut until, mut is_short) = (0, false);
        if let Some(place) = &mut self.place {
            is_short = place.1 - place.0 < window as u64 / 2;
            place.1 = place.0.saturating_add(window as u64);
            until = place.1;
        }
        let chunks = std::mem::take(&mut self.chunks).into_iter().map(Bytes::from).collect();
        Some(Taken { chunks, until, is_short, is_whole: self.is_whole, end: self.end.take() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(offset: u64, data: &[u8]) -> UploadChunk {
        UploadChunk { offset, data: data.to_vec(), crc32c: crc32c::crc32c(data), ..UploadChunk::default() }
    }

    /// The code with which these chunks end a stream that begins at 10, with 100 bytes of credit and 40 a chunk.
    fn ends(chunks: impl IntoIterator<Item = UploadChunk>) -> Option<i32> {
        let queue = Queue::new(100, 40);
        queue.begin(10);
        chunks.into_iter().for_each(|chunk| queue.add(chunk));
        match queue.lock().end.take() {
            Some(End::Failed(error)) => error.code(),
            _ => None,
        }
    }

    #[test]
    fn what_a_chunk_may_be() {
        let full = |number: u64| chunk(10 + number * 40, &[7; 40]);
        assert_eq!(ends([full(0), full(1), chunk(90, &[7; 20])]), None);
        assert_eq!(ends([full(0), full(1), chunk(90, &[7; 21])]), Some(400), "beyond the credit");
        assert_eq!(ends([chunk(10, &[7; 41])]), Some(400), "too large");
        assert_eq!(ends([chunk(0, b"x")]), Some(409));
        assert_eq!(ends([full(0), full(0)]), Some(409));
        assert_eq!(ends([UploadChunk { crc32c: 1, ..full(0) }]), Some(460));
        let last = UploadChunk { last: true, ..full(0) };
        assert_eq!(ends([last.clone()]), None);
        assert_eq!(ends([last, full(1)]), Some(400), "behind the last one");
        assert_eq!(ends([chunk(u64::MAX, b"x")]), Some(409));
        let early = Queue::new(100, 40);
        early.add(chunk(0, b"x"));
        assert!(matches!(early.lock().end, Some(End::Failed(_))), "before the stream is open");
    }

    #[tokio::test]
    async fn small_chunks_are_held_together_and_credit_follows_what_is_taken() {
        let queue = Queue::new(100, 40);
        assert_eq!(queue.begin(0), 100);
        for offset in 0..90 {
            queue.add(chunk(offset, b"x"));
        }
        let taken = queue.take().await;
        assert_eq!((taken.chunks.len(), taken.until, taken.is_short), (3, 190, true));
        queue.add(UploadChunk { last: true, ..chunk(90, b"y") });
        queue.end(End::Cancelled { keep: true });
        let taken = queue.take().await;
        assert_eq!((taken.chunks, taken.is_whole), (vec![Bytes::from_static(b"y")], true));
        assert!(matches!(taken.end, Some(End::Cancelled { keep: true })));
        queue.over();
        queue.add(chunk(91, b"z"));
        assert!(queue.is_over() && queue.lock().chunks.is_empty());
    }
}
