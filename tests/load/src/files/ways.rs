//! The ways by which a file comes, each going on after the server was killed, or the client.

use std::{io::ErrorKind, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use psd_core::proto::common::psd::v1::{
    UploadChunk, UploadCredit, UploadFailed, UploadFinished, UploadOpen, UploadOpened,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
    time::{Instant, timeout},
};

use super::{BLOCK, content};
use crate::{
    client::{Client, Event, PATIENCE, frame},
    process::address_of,
};

const TOKEN: &str = "uploader";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// Over HTTP
    Tus,
    /// As a stream of a connection of v1
    Stream,
    /// By a second socket, as clients of the field do it
    Classic,
}

impl Way {
    /// Whether it knows where it was.
    pub(super) fn goes_on(self) -> bool {
        self != Self::Classic
    }
}

/// Bytes of one request of an upload that may be killed: what is confirmed at its end is not sent again.
pub(super) const REQUEST: u64 = 2 << 20;

/// How fast bytes may go.
pub(super) struct Pace {
    /// Bytes a second; 0 for as many as there can be.
    rate: u64,
    began: Instant,
    sent: u64,
}

impl Pace {
    pub(super) fn new(rate: u64) -> Self {
        Self { rate, began: Instant::now(), sent: 0 }
    }

    async fn keep(&mut self, bytes: u64) {
        self.sent += bytes;
        if self.rate > 0 {
            let due = Duration::from_secs_f64(self.sent as f64 / self.rate as f64);
            tokio::time::sleep_until(self.began + due).await;
        }
    }
}

/// A file on its way.
pub(super) struct Upload {
    way: Way,
    length: u64,
    place: Place,
    pace: Pace,
    memory: Option<Memory>,
}

/// How far an upload is.
#[derive(Debug, Default)]
struct Place {
    id: Option<String>,
    /// Up to where the server has said that it is safe.
    confirmed: u64,
    /// Bytes before that which it wanted again.
    confirmed_again: u64,
}

/// What outlives the process of an upload.
struct Memory {
    file: PathBuf,
    allowed: watch::Receiver<u64>,
    /// Bytes that this process has sent.
    sent: u64,
}

impl Upload {
    pub(super) fn new(way: Way, length: u64, pace: Pace) -> Self {
        Self { way, length, place: Place::default(), pace, memory: None }
    }

    /// An upload that goes on where the process before has left it, if there was one, and sends as much as is allowed.
    pub(super) fn remembered(
        way: Way,
        length: u64,
        file: PathBuf,
        allowed: watch::Receiver<u64>,
    ) -> anyhow::Result<Self> {
        let place = match std::fs::read_to_string(&file) {
            Ok(text) => Place::read(&text).with_context(|| format!("`{text}` is no place"))?,
            Err(error) if error.kind() == ErrorKind::NotFound => Place::default(),
            Err(error) => return Err(error.into()),
        };
        let memory = Some(Memory { file, allowed, sent: 0 });
        Ok(Self { way, length, place, pace: Pace::new(0), memory })
    }

    /// Bytes that the server had confirmed and wanted again, over all attempts and processes.
    pub(super) fn confirmed_again(&self) -> u64 {
        self.place.confirmed_again
    }

    /// Brings the whole file, whatever becomes of the server meanwhile; its URL.
    pub(super) async fn whole(&mut self, address: SocketAddr) -> anyhow::Result<String> {
        let mut last = None;
        let attempts = async {
            loop {
                match self.attempt(address).await {
                    Ok(url) => return url,
                    Err(error) => last = Some(error),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match timeout(PATIENCE * 10, attempts).await {
            Ok(url) => Ok(url),
            Err(_) => bail!("the file does not arrive: {last:?}"),
        }
    }

    /// Brings what is missing of the file; its URL.
    pub(super) async fn attempt(&mut self, address: SocketAddr) -> anyhow::Result<String> {
        match self.way {
            Way::Tus => self.by_tus(address).await,
            Way::Stream => self.by_stream(address).await,
            Way::Classic => self.by_classic(address).await,
        }
    }

    /// Goes on here, says the server.
    fn goes_on_at(&mut self, offset: u64) -> anyhow::Result<()> {
        self.place.confirmed_again += self.place.confirmed.saturating_sub(offset);
        self.is_safe(offset)
    }

    /// So much is safe, says the server.
    fn is_safe(&mut self, offset: u64) -> anyhow::Result<()> {
        self.place.confirmed = offset;
        self.remember()
    }

    /// Notes its place where the next process finds it. A classic client knows none.
    fn remember(&self) -> anyhow::Result<()> {
        if let Some(memory) = self.memory.as_ref().filter(|_| self.way.goes_on()) {
            let new = memory.file.with_extension("new");
            std::fs::write(&new, self.place.to_string())?;
            std::fs::rename(&new, &memory.file)?;
        }
        Ok(())
    }

    /// Bytes of the block in which an offset is, from there on.
    fn rest_of_block(&self, offset: u64, until: u64) -> Vec<u8> {
        let (block, start) = (offset / BLOCK as u64, (offset % BLOCK as u64) as usize);
        let end = until.min(self.length).min((block + 1) * BLOCK as u64);
        content(block)[start..start + (end - offset) as usize].to_vec()
    }

    async fn has_sent(&mut self, bytes: usize) -> anyhow::Result<()> {
        let bytes = bytes as u64;
        self.pace.keep(bytes).await;
        if let Some(memory) = &mut self.memory {
            println!("sent {bytes}");
            memory.sent += bytes;
            let sent = memory.sent;
            memory.allowed.wait_for(|allowed| sent < *allowed).await?;
        }
        Ok(())
    }

    async fn by_tus(&mut self, address: SocketAddr) -> anyhow::Result<String> {
        let path = match &self.place.id {
            Some(path) => path.clone(),
            None => self.created(address).await?,
        };
        let mut stream = tus(address, "HEAD", &path, "Content-Length: 0\r\n").await?;
        let answer = read(&mut stream).await?;
        let mut at: u64 = header(&answer, "upload-offset")?.parse()?;
        self.goes_on_at(at)?;
        if at == self.length {
            return header(&answer, "content-location");
        }
        loop {
            let end = if self.memory.is_some() { self.length.min(at + REQUEST) } else { self.length };
            let head = format!(
                "Upload-Offset: {at}\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: {}\r\n",
                end - at
            );
            let mut stream = tus(address, "PATCH", &path, &head).await?;
            while at < end {
                let bytes = self.rest_of_block(at, end);
                stream.write_all(&bytes).await?;
                self.has_sent(bytes.len()).await?;
                at += bytes.len() as u64;
            }
            let answer = read(&mut stream).await?;
            if at == self.length {
                return header(&answer, "content-location");
            }
            ensure!(header(&answer, "upload-offset")?.parse() == Ok(at), "expected the offset {at} in {answer}");
            self.is_safe(at)?;
        }
    }

    /// Begins an upload; its path.
    async fn created(&mut self, address: SocketAddr) -> anyhow::Result<String> {
        let length = match self.way {
            Way::Classic => "Upload-Defer-Length: 1".to_owned(),
            _ => format!("Upload-Length: {}", self.length),
        };
        let mut stream = tus(address, "POST", "/uploads", &format!("{length}\r\nContent-Length: 0\r\n")).await?;
        let path = header(&read(&mut stream).await?, "location")?;
        self.place.id = Some(path.clone());
        self.remember()?;
        Ok(path)
    }

    async fn by_stream(&mut self, address: SocketAddr) -> anyhow::Result<String> {
        let mut client = Client::connect(address, address_of(2), TOKEN).await?;
        let upload_id = self.place.id.clone().unwrap_or_default();
        client.say(&UploadOpen { stream: 1, upload_id, size: Some(self.length), ..UploadOpen::default() }).await?;
        let (mut at, mut until) = (0, 0);
        loop {
            if at < until && at < self.length {
                let data = self.rest_of_block(at, until);
                let bytes = data.len();
                let crc32c = crc32c::crc32c(&data);
                client.say(&UploadChunk { stream: 1, offset: at, data, crc32c, last: false }).await?;
                self.has_sent(bytes).await?;
                at += bytes as u64;
                continue;
            }
            let said = match timeout(PATIENCE, client.event()).await? {
                Event::Said(said) => said,
                Event::Closed(code) => bail!("the server closed with {code}"),
                Event::Lost => bail!("the connection was lost"),
            };
            if let Some(opened) = said.read::<UploadOpened>() {
                self.place.id = Some(opened.upload_id);
                self.goes_on_at(opened.offset)?;
                (at, until) = (opened.offset, opened.until);
            } else if let Some(credit) = said.read::<UploadCredit>() {
                ensure!(credit.offset >= self.place.confirmed, "{credit:?} goes back from {}", self.place.confirmed);
                self.is_safe(credit.offset)?;
                until = credit.until;
            } else if let Some(done) = said.read::<UploadFinished>() {
                return Ok(done.file.context("it is a part of a file")?.url);
            } else if let Some(failed) = said.read::<UploadFailed>() {
                bail!("{failed:?}");
            }
        }
    }

    async fn by_classic(&mut self, address: SocketAddr) -> anyhow::Result<String> {
        let path = match &self.place.id {
            Some(path) => path.clone(),
            None => self.created(address).await?,
        };
        let mut socket = Client::bare(address, address_of(2), &path, TOKEN).await?;
        let mut at = 0;
        while at < self.length {
            let bytes = self.rest_of_block(at, self.length);
            socket.send(&frame(0x2, &bytes)).await?;
            self.has_sent(bytes.len()).await?;
            at += bytes.len() as u64;
            let (_, answer) = timeout(PATIENCE, socket.whole_frame()).await?.context("the socket was lost")?;
            let expected = format!("\"nBytes\":\"{at}\"");
            let answer = String::from_utf8_lossy(&answer).into_owned();
            ensure!(answer.contains(&expected), "expected {expected} in {answer}");
        }
        socket.send(&frame(0x1, br#"{"headers":{"messageType":"upload-end","ack":true,"uuid":"e"}}"#)).await?;
        let (_, ack) = timeout(PATIENCE, socket.whole_frame()).await?.context("the socket was lost")?;
        ensure!(!String::from_utf8_lossy(&ack).contains("error"), "{}", String::from_utf8_lossy(&ack));
        let mut stream = tus(address, "HEAD", &path, "Content-Length: 0\r\n").await?;
        header(&read(&mut stream).await?, "content-location")
    }
}

impl Place {
    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let id = lines.next()?.to_owned();
        Some(Self {
            id: Some(id),
            confirmed: lines.next()?.parse().ok()?,
            confirmed_again: lines.next()?.parse().ok()?,
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, confirmed, confirmed_again } = self;
        write!(f, "{}\n{confirmed}\n{confirmed_again}\n", id.as_deref().unwrap_or_default())
    }
}

/// Deletes a file that has been stored.
pub(super) async fn delete(address: SocketAddr, url: &str) -> anyhow::Result<()> {
    let id = url.split(['/', '?']).nth(2).with_context(|| format!("`{url}` names no file"))?;
    let mut stream = tus(address, "DELETE", &format!("/uploads/{id}"), "Content-Length: 0\r\n").await?;
    let answer = read(&mut stream).await?;
    ensure!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    Ok(())
}

async fn tus(address: SocketAddr, method: &str, path: &str, headers: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: load\r\nAuthorization: Bearer {TOKEN}\r\nTus-Resumable: 1.0.0\r\n\
         Connection: close\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}

async fn read(stream: &mut TcpStream) -> anyhow::Result<String> {
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await??;
    Ok(answer)
}

fn header(answer: &str, name: &str) -> anyhow::Result<String> {
    let mut lines = answer.lines().filter_map(|line| line.split_once(": "));
    let value = lines.find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned());
    value.with_context(|| format!("no `{name}` in {answer}"))
}
