//! What a large upload costs the server, and those who send messages meanwhile.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use clap::Args;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};

use crate::{
    client::Client,
    pb, process,
    report::{Report, mebibytes, percentile},
    server::Server,
};

/// Memory that the server may need above what it has when nothing happens.
const BAR: u64 = 64 << 20;

/// The longest time of one message in a hundred, as a multiple of what it is in quiet.
const SLOWER: u32 = 3;

/// Uploads by tus, and then the download of one: memory of the server, and messages beside them
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Of each file
    #[arg(long, default_value_t = 1024)]
    mebibytes: u64,
    #[arg(long, default_value_t = 1)]
    uploads: usize,
    /// How many messages are sent one after another before, and at least how many meanwhile
    #[arg(long, default_value_t = 500)]
    messages: usize,
}

pub(crate) async fn run(arguments: Arguments, report: &mut Report) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("psd-load-files-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = load(&arguments, &folder, report).await;
    std::fs::remove_dir_all(&folder)?;
    result
}

async fn load(arguments: &Arguments, folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    let settings = [
        ("LOAD_FILES", folder.to_string_lossy().into_owned()),
        ("PSD_UPLOAD_MAX_BYTES", "0".to_owned()),
        ("PSD_UPLOAD_QUOTA", "0".to_owned()),
    ];
    let mut server = Server::start(&settings).await?;
    let length = arguments.mebibytes << 20;
    report.figure("uploads", format!("{} of {}", arguments.uploads, mebibytes(length)));
    let mut talker = Client::connect(server.address, process::address_of(1), "talker").await?;
    let mut quiet = talk(&mut talker, arguments.messages, &AtomicBool::new(true)).await?;
    let idle = server.resident();

    let (peak, over) = (Arc::new(AtomicU64::new(idle)), Arc::new(AtomicBool::new(false)));
    let sampler = tokio::spawn(sample(server.process(), peak.clone(), over.clone()));
    let began = Instant::now();
    let mut uploads = JoinSet::new();
    for _ in 0..arguments.uploads {
        uploads.spawn(upload(server.address, length));
    }
    let are_done = AtomicBool::new(false);
    let uploading = async {
        let urls = uploads.join_all().await;
        are_done.store(true, Ordering::Relaxed);
        urls
    };
    let (urls, busy) = tokio::join!(uploading, talk(&mut talker, arguments.messages, &are_done));
    let mut busy = busy?;
    let urls = urls.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let seconds = began.elapsed().as_secs_f64();
    let all = arguments.mebibytes * arguments.uploads as u64;
    report.figure("seconds for all, MiB a second", format!("{seconds:.1}, {:.0}", all as f64 / seconds));
    let uploaded = peak.load(Ordering::Relaxed).saturating_sub(idle);
    let bar = mebibytes(BAR);
    report.bar("memory above idle at its peak, uploading", mebibytes(uploaded), &bar, uploaded <= BAR);

    peak.store(server.resident(), Ordering::Relaxed);
    let began = Instant::now();
    let url = urls.first().context("nothing was uploaded")?;
    let received = download(server.address, url).await?;
    report.count("bytes that come back", received, &length.to_string(), received == length);
    report.figure(
        "MiB a second, downloading",
        format!("{:.0}", arguments.mebibytes as f64 / began.elapsed().as_secs_f64()),
    );
    let downloaded = peak.load(Ordering::Relaxed).saturating_sub(idle);
    report.bar("memory above idle at its peak, downloading", mebibytes(downloaded), &bar, downloaded <= BAR);
    over.store(true, Ordering::Relaxed);
    sampler.await?;

    let (quiet, busy) = (percentile(&mut quiet, 0.99), percentile(&mut busy, 0.99));
    report.figure("microseconds of a message (p99) in quiet", quiet);
    let most = quiet * SLOWER;
    report.bar("microseconds of a message (p99) meanwhile", busy, &most.to_string(), busy <= most);
    server.census().await?;
    Ok(())
}

/// Keeps the highest memory of the server.
async fn sample(process: u32, peak: Arc<AtomicU64>, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        peak.fetch_max(process::resident(process), Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Microseconds of requests, one after another: so many at least, and until all is done.
async fn talk(client: &mut Client, messages: usize, is_over: &AtomicBool) -> anyhow::Result<Vec<u32>> {
    let mut times = Vec::with_capacity(messages);
    while times.len() < messages || !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let number = times.len() as i64;
        let _: pb::Worked = client.fetch(&pb::Work { number }).await?;
        times.push(began.elapsed().as_micros() as u32);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(times)
}

/// Uploads a file in one request after its beginning; its URL.
async fn upload(address: SocketAddr, length: u64) -> anyhow::Result<String> {
    let common = "Host: load\r\nAuthorization: Bearer uploader\r\nTus-Resumable: 1.0.0\r\nConnection: close\r\n";
    let mut stream = TcpStream::connect(address).await?;
    let head = format!("POST /uploads HTTP/1.1\r\n{common}Upload-Length: {length}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let path = header(&mut stream, "location").await?;
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "PATCH {path} HTTP/1.1\r\n{common}Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let piece: Vec<u8> = (0..64 * 1024).map(|_| rand::random()).collect();
    let mut left = length;
    while left > 0 {
        let bytes = (piece.len() as u64).min(left);
        stream.write_all(&piece[..bytes as usize]).await?;
        left -= bytes;
    }
    header(&mut stream, "content-location").await
}

async fn header(stream: &mut TcpStream, name: &str) -> anyhow::Result<String> {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let mut lines = answer.lines().filter_map(|line| line.split_once(": "));
    let value = lines.find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned());
    value.with_context(|| format!("no `{name}` in {answer}"))
}

/// How many bytes come.
async fn download(address: SocketAddr, url: &str) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {url} HTTP/1.1\r\nHost: load\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let (mut bytes, mut received) = (vec![0; 256 * 1024], 0_u64);
    let mut head = Vec::new();
    loop {
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            break;
        }
        if received == 0 && !head.windows(4).any(|four| four == b"\r\n\r\n") {
            head.extend_from_slice(&bytes[..count]);
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                ensure!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head[..end]));
                received = (head.len() - end - 4) as u64;
            }
        } else {
            received += count as u64;
        }
    }
    Ok(received)
}
