//! Many connections on one thread.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::Dialog;

/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection: what it has still to write, and where in the incoming frames it stands.
pub struct Client {
    stream: TcpStream,
    /// Requests that the system did not take yet.
    unsent: Vec<u8>,
    /// The head of a frame that came in parts.
    head: Vec<u8>,
    /// Bytes of a frame's payload that are still to come.
    rest: u64,
    /// Whether the answer to the handshake has been read.
    upgraded: bool,
    /// Frames of the opening that came before they were waited for.
    early: isize,
}

/// All connections of a measurement.
pub struct Clients {
    poll: Poll,
    events: Events,
    all: Vec<Client>,
    buffer: Vec<u8>,
}

impl Clients {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(4096),
            all: Vec::new(),
            buffer: vec![0; 256 * 1024],
        })
    }

    /// Connects and opens so many more connections, a few at a time.
    pub fn connect(&mut self, server: SocketAddr, count: usize, dialog: &Dialog) -> anyhow::Result<()> {
        const AT_ONCE: usize = 64;
        let target = self.all.len() + count;
        while self.all.len() < target {
            let first = self.all.len();
            for number in first..target.min(first + AT_ONCE) {
                self.begin(server, number, &dialog.handshake)?;
            }
            let batch = first..self.all.len();
            self.wait_each(batch.clone(), 0, "the handshake")?;
            for (frames, message) in &dialog.opening {
                self.wait_each(batch.clone(), *frames, "the opening")?;
                for client in batch.clone() {
                    self.send(client, message)?;
                }
            }
            self.wait_each(batch, dialog.opened, "the opening")?;
        }
        Ok(())
    }

    /// Begins one connection, from an address that a thousand share, so that none runs out of ports.
    fn begin(&mut self, server: SocketAddr, number: usize, handshake: &[u8]) -> anyhow::Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        let network = number / 1000;
        let address = Ipv4Addr::new(127, 2, (network / 250) as u8, (network % 250) as u8 + 1);
        socket.set_tcp_nodelay(true)?;
        socket.bind(&SocketAddr::from((address, 0)).into())?;
        socket.connect(&server.into()).context("the server takes no connection")?;
        socket.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(socket.into());
        stream.write_all(handshake)?;
        let client = Client { stream, unsent: Vec::new(), head: Vec::new(), rest: 0, upgraded: false, early: 0 };
        let index = self.all.len();
        self.all.push(client);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut self.all[index].stream, Token(index), interest)?;
        Ok(())
    }

    /// Waits until each of these has its handshake answered, and has read so many frames.
    fn wait_each(&mut self, range: std::ops::Range<usize>, frames: usize, what: &str) -> anyhow::Result<()> {
        // What came before it was waited for counts too.
        let mut missing: Vec<isize> = range.clone().map(|index| frames as isize - self.all[index].early).collect();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let upgraded = range.clone().all(|index| self.all[index].upgraded);
            if upgraded && missing.iter().all(|missing| *missing <= 0) {
                for (index, missing) in range.zip(missing) {
                    self.all[index].early = -missing;
                }
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{what} takes more than {PATIENCE:?}");
            let counted = |client: usize, read: usize| {
                if let Some(missing) = client.checked_sub(range.start).and_then(|index| missing.get_mut(index)) {
                    *missing -= read as isize;
                }
                0
            };
            self.turn(Duration::from_millis(100), counted, &[])?;
        }
    }

    /// Sends whole frames on one connection.
    pub fn send(&mut self, index: usize, frames: &[u8]) -> anyhow::Result<()> {
        self.all[index].send(frames)
    }

    /// Reads what has come. `received` is told of frames by client and number, and says how many times `request` is sent
    /// by that client in return.
    pub fn turn(
        &mut self,
        timeout: Duration,
        mut received: impl FnMut(usize, usize) -> usize,
        request: &[u8],
    ) -> anyhow::Result<()> {
        if let Err(error) = self.poll.poll(&mut self.events, Some(timeout)) {
            if error.kind() == ErrorKind::Interrupted {
                return Ok(());
            }
            return Err(error.into());
        }
        let mut batch = Vec::new();
        for event in &self.events {
            let index = event.token().0;
            let client = &mut self.all[index];
            client.flush()?;
            if !event.is_readable() {
                continue;
            }
            loop {
                match client.stream.read(&mut self.buffer) {
                    Ok(0) => bail!("the server has closed connection {index}"),
                    Ok(length) => {
                        let frames = client.count(&self.buffer[..length])?;
                        let again = received(index, frames);
                        if again == 1 {
                            client.send(request)?;
                        } else if again > 1 {
                            batch.clear();
                            for _ in 0..again {
                                batch.extend_from_slice(request);
                            }
                            client.send(&batch)?;
                        }
                        if length < self.buffer.len() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error).context("a connection broke"),
                }
            }
        }
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }
}

/// Closes all connections at once, without the wait that a port has after an orderly end: there are not that many ports.
impl Drop for Clients {
    fn drop(&mut self) {
        for client in &self.all {
            let _ = SockRef::from(&client.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

impl Client {
    fn send(&mut self, frames: &[u8]) -> anyhow::Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(frames);
            return Ok(());
        }
        match self.stream.write(frames) {
            Ok(sent) => self.unsent.extend_from_slice(&frames[sent..]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.unsent.extend_from_slice(frames),
            Err(error) => return Err(error).context("a connection broke"),
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("a connection broke"),
            }
        }
        Ok(())
    }

    /// How many frames end in these bytes.
    fn count(&mut self, mut bytes: &[u8]) -> anyhow::Result<usize> {
        if !self.upgraded {
            self.head.extend_from_slice(bytes);
            let Some(end) = self.head.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(0) };
            let answer = std::mem::take(&mut self.head);
            if !answer.starts_with(b"HTTP/1.1 101") {
                bail!("the server answers {}", String::from_utf8_lossy(&answer));
            }
            self.upgraded = true;
            return self.count(&answer[end + 4..]);
        }
        let mut frames = 0;
        loop {
            let skipped = self.rest.min(bytes.len() as u64) as usize;
            bytes = &bytes[skipped..];
            self.rest -= skipped as u64;
            if bytes.is_empty() {
                return Ok(frames);
            }
            let (length, size) = if self.head.is_empty() {
                let Some(head) = head(bytes)? else {
                    self.head.extend_from_slice(bytes);
                    return Ok(frames);
                };
                head
            } else {
                let known = self.head.len();
                self.head.extend_from_slice(&bytes[..bytes.len().min(10)]);
                let Some((length, size)) = head(&self.head)? else { return Ok(frames) };
                self.head.clear();
                (length, size - known)
            };
            bytes = &bytes[size..];
            // A frame counts when it begins; what is measured does not end within one.
            frames += 1;
            self.rest = length;
        }
    }
}

/// The length of a frame's payload and of its head; `None` if there is more of the head to come.
fn head(bytes: &[u8]) -> anyhow::Result<Option<(u64, usize)>> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & 0x0f >= 8 {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(100)]);
        bail!("the server sends a control frame, {first:#x}: it closes, or pings, which nothing here answers: {shown}");
    }
    Ok(match (second, rest) {
        (length @ ..126, _) => Some((u64::from(*length), 2)),
        (126, [high, low, ..]) => Some((u64::from(u16::from_be_bytes([*high, *low])), 4)),
        (127, [a, b, c, d, e, f, g, h, ..]) => Some((u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 10)),
        _ => None,
    })
}
