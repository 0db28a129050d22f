//! What a large upload costs the server, and those who send messages meanwhile.

mod ways;

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
    server::{Process, Server},
};
use ways::{Upload, Way};

/// Memory that the server may need above what it has when nothing happens.
const BAR: u64 = 64 << 20;

/// The longest time of one message in a hundred, as a multiple of what it is in quiet.
const SLOWER: u32 = 3;

/// Bytes that are sent together.
const BLOCK: usize = 64 * 1024;

/// Uploads, and then the download of one: memory of the server, and messages beside them
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Of each file
    #[arg(long, default_value_t = 1024)]
    mebibytes: u64,
    #[arg(long, default_value_t = 1)]
    uploads: usize,
    /// The way by which they come
    #[arg(long, value_enum, default_value_t = Way::Tus)]
    by: Way,
    /// How often the server is killed (`kill -9`) at random points of a further upload, which goes on then
    #[arg(long, default_value_t = 0)]
    kills: u64,
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
    report.figure("uploads", format!("{} of {}, by {:?}", arguments.uploads, mebibytes(length), arguments.by));
    let mut talker = Client::connect(server.address, process::address_of(1), "talker").await?;
    let mut quiet = talk(&mut talker, arguments.messages, &AtomicBool::new(true)).await?;
    let idle = server.resident();

    let (peak, over) = (Arc::new(AtomicU64::new(idle)), Arc::new(AtomicBool::new(false)));
    let sampler = tokio::spawn(sample(server.process(), peak.clone(), over.clone()));
    let began = Instant::now();
    let mut uploads = JoinSet::new();
    for _ in 0..arguments.uploads {
        let mut upload = Upload::new(arguments.by, length, Arc::default());
        let address = server.address;
        uploads.spawn(async move { upload.attempt(address).await });
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
    let is_same = is_what_was_sent(server.address, url, length).await?;
    report.count("what comes back is what was sent", is_same, "true", is_same);
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
    drop(server);
    if arguments.kills > 0 { killed(arguments, &settings, length, report).await } else { Ok(()) }
}

/// One more upload, during which the server is killed at random points.
async fn killed(
    arguments: &Arguments,
    settings: &[(&str, String)],
    length: u64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut process = Process::start(settings, None).await?;
    let address = process.address;
    let sent = Arc::new(AtomicU64::new(0));
    let mut upload = Upload::new(arguments.by, length, sent.clone());
    let uploading = tokio::spawn(async move { (upload.whole(address).await, upload) });
    for kill in 0..arguments.kills {
        // Somewhere in each part; what a way sends again after a kill, it sends again in the last part too.
        let part = length / arguments.kills;
        let target = kill * part + rand::random_range(0..part.max(1));
        while sent.load(Ordering::Relaxed) < target && !uploading.is_finished() {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        process.kill().await?;
        process = Process::start(settings, Some(address)).await?;
    }
    let (url, upload) = uploading.await?;
    let is_same = is_what_was_sent(address, &url?, length).await?;
    report.count("what comes back after kills is what was sent", is_same, "true", is_same);
    report.figure(
        "kills, bytes sent in all",
        format!("{}, {}", arguments.kills, mebibytes(sent.load(Ordering::Relaxed))),
    );
    if arguments.by.goes_on() {
        let again = upload.confirmed_again;
        report.count("bytes sent again that were confirmed", again, "0", again == 0);
    }
    process.kill().await
}

/// A block of the file: noise that nothing compresses, and its number, so that none can stand for another.
fn content(block: u64) -> Vec<u8> {
    static NOISE: std::sync::LazyLock<Vec<u8>> =
        std::sync::LazyLock::new(|| (0..BLOCK).map(|_| rand::random()).collect());
    let mut bytes = NOISE.clone();
    bytes[..8].copy_from_slice(&block.to_be_bytes());
    bytes
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

/// Whether the file is what was sent.
async fn is_what_was_sent(address: SocketAddr, url: &str, length: u64) -> anyhow::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let head =
        format!("GET {url} HTTP/1.1\r\nHost: load\r\nAuthorization: Bearer uploader\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    ensure!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    let mut received = vec![0; BLOCK];
    for block in 0..length.div_ceil(BLOCK as u64) {
        let bytes = (length - block * BLOCK as u64).min(BLOCK as u64) as usize;
        stream.read_exact(&mut received[..bytes]).await?;
        if received[..bytes] != content(block)[..bytes] {
            return Ok(false);
        }
    }
    Ok(stream.read(&mut received).await? == 0)
}
