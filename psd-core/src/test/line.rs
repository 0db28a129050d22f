//! The bytes between a client and its server: what is written leaves in order, each after its delay.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, ReadHalf, WriteHalf},
    sync::mpsc,
    time::Instant,
};

/// The way to the server. Unbounded, since only the test writes to it.
#[derive(Clone)]
pub(super) struct Line {
    bytes: mpsc::UnboundedSender<(Instant, Vec<u8>)>,
    weather: Arc<Weather>,
}

/// What is wrong with the network.
#[derive(Default)]
struct Weather {
    delay_ms: AtomicU64,
    silent: AtomicBool,
}

impl Line {
    /// Splits a pipe into a line, what writes it, to be spawned, and what reads.
    pub(super) fn new(pipe: DuplexStream) -> (Self, impl Future<Output = ()> + Send + 'static, Reader) {
        let (read, write) = tokio::io::split(pipe);
        let (sender, receiver) = mpsc::unbounded_channel();
        let line = Self { bytes: sender, weather: Arc::default() };
        (line.clone(), carry(receiver, write), Reader { read, line })
    }

    pub(super) fn send(&self, bytes: Vec<u8>) {
        let delay = Duration::from_millis(self.weather.delay_ms.load(Ordering::Relaxed));
        if !self.weather.silent.load(Ordering::Relaxed) {
            let _ = self.bytes.send((Instant::now() + delay, bytes)); // The server has hung up; whoever reads notices.
        }
    }

    pub(super) fn delay(&self, delay: Duration) {
        let milliseconds = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.weather.delay_ms.store(milliseconds, Ordering::Relaxed);
    }

    pub(super) fn fall_silent(&self) {
        self.weather.silent.store(true, Ordering::Relaxed);
    }
}

async fn carry(mut bytes: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>, mut pipe: WriteHalf<DuplexStream>) {
    while let Some((at, bytes)) = bytes.recv().await {
        if at > Instant::now() {
            tokio::time::sleep_until(at).await;
        }
        if pipe.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// What a client's tungstenite sees: it reads from the pipe, and what it wants written goes the way of everything else.
pub(super) struct Reader {
    read: ReadHalf<DuplexStream>,
    line: Line,
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(context, buffer)
    }
}

impl AsyncWrite for Reader {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.line.send(bytes.to_vec());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
