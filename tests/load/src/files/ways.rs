//! The ways by which a file comes, each going on after the server was killed.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use psd_core::proto::common::psd::v1::{
    UploadChunk, UploadCredit, UploadFailed, UploadFinished, UploadOpen, UploadOpened,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{BLOCK, content};
use crate::{
    client::{Client, Event, PATIENCE, frame},
    process::address_of,
};

const TOKEN: &str = "uploader";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Way {
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

/// A file on its way.
pub(super) struct Upload {
    way: Way,
    length: u64,
    id: Option<String>,
    /// Bytes that have been sent, over all attempts.
    sent: Arc<AtomicU64>,
    /// Up to where the server has said that it is safe.
    confirmed: u64,
    /// Bytes before that which it wanted again.
    pub(super) confirmed_again: u64,
}

impl Upload {
    pub(super) fn new(way: Way, length: u64, sent: Arc<AtomicU64>) -> Self {
        Self { way, length, id: None, sent, confirmed: 0, confirmed_again: 0 }
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
    fn goes_on_at(&mut self, offset: u64) {
        self.confirmed_again += self.confirmed.saturating_sub(offset);
    }

    /// Bytes of the block in which an offset is, from there on.
    fn rest_of_block(&self, offset: u64, until: u64) -> Vec<u8> {
        let (block, start) = (offset / BLOCK as u64, (offset % BLOCK as u64) as usize);
        let end = until.min(self.length).min((block + 1) * BLOCK as u64);
        content(block)[start..start + (end - offset) as usize].to_vec()
    }

    fn has_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    async fn by_tus(&mut self, address: SocketAddr) -> anyhow::Result<String> {
        let path = match &self.id {
            Some(path) => path.clone(),
            None => self.created(address).await?,
        };
        let mut stream = tus(address, "HEAD", &path, "Content-Length: 0\r\n").await?;
        let answer = read(&mut stream).await?;
        let offset: u64 = header(&answer, "upload-offset")?.parse()?;
        self.goes_on_at(offset);
        if offset == self.length {
            return header(&answer, "content-location");
        }
        let head = format!(
            "Upload-Offset: {offset}\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: {}\r\n",
            self.length - offset
        );
        let mut stream = tus(address, "PATCH", &path, &head).await?;
        let mut at = offset;
        while at < self.length {
            let bytes = self.rest_of_block(at, self.length);
            stream.write_all(&bytes).await?;
            self.has_sent(bytes.len());
            at += bytes.len() as u64;
        }
        header(&read(&mut stream).await?, "content-location")
    }

    /// Begins an upload; its path.
    async fn created(&mut self, address: SocketAddr) -> anyhow::Result<String> {
        let length = match self.way {
            Way::Classic => "Upload-Defer-Length: 1".to_owned(),
            _ => format!("Upload-Length: {}", self.length),
        };
        let mut stream = tus(address, "POST", "/uploads", &format!("{length}\r\nContent-Length: 0\r\n")).await?;
        let path = header(&read(&mut stream).await?, "location")?;
        self.id = Some(path.clone());
        Ok(path)
    }

    async fn by_stream(&mut self, address: SocketAddr) -> anyhow::Result<String> {
        let mut client = Client::connect(address, address_of(2), TOKEN).await?;
        let upload_id = self.id.clone().unwrap_or_default();
        client.say(&UploadOpen { stream: 1, upload_id, size: Some(self.length), ..UploadOpen::default() }).await?;
        let (mut at, mut until) = (0, 0);
        loop {
            if at < until && at < self.length {
                let data = self.rest_of_block(at, until);
                let bytes = data.len();
                let crc32c = crc32c::crc32c(&data);
                client.say(&UploadChunk { stream: 1, offset: at, data, crc32c, last: false }).await?;
                self.has_sent(bytes);
                at += bytes as u64;
                continue;
            }
            let said = match timeout(PATIENCE, client.event()).await? {
                Event::Said(said) => said,
                Event::Closed(code) => bail!("the server closed with {code}"),
                Event::Lost => bail!("the connection was lost"),
            };
            if let Some(opened) = said.read::<UploadOpened>() {
                self.goes_on_at(opened.offset);
                self.id = Some(opened.upload_id);
                (at, until) = (opened.offset, opened.until);
            } else if let Some(credit) = said.read::<UploadCredit>() {
                self.confirmed = self.confirmed.max(credit.offset);
                until = credit.until;
            } else if let Some(done) = said.read::<UploadFinished>() {
                return Ok(done.file.context("it is a part of a file")?.url);
            } else if let Some(failed) = said.read::<UploadFailed>() {
                bail!("{failed:?}");
            }
        }
    }

    async fn by_classic(&mut self, address: SocketAddr) -> anyhow::Result<String> {
        let path = match &self.id {
            Some(path) => path.clone(),
            None => self.created(address).await?,
        };
        let mut socket = Client::bare(address, address_of(2), &path, TOKEN).await?;
        let mut at = 0;
        while at < self.length {
            let bytes = self.rest_of_block(at, self.length);
            socket.send(&frame(0x2, &bytes)).await?;
            self.has_sent(bytes.len());
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
