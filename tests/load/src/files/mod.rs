//! What a large upload costs the server, and those who send messages meanwhile.

mod talker;
mod uploader;
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

use anyhow::ensure;
use clap::Args;
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

pub(crate) use talker::{Arguments as Talk, talk};
pub(crate) use uploader::{Arguments as Upload, upload};

use crate::{
    process,
    report::{Report, mebibytes, percentile},
    server::{Process, Server},
};
use talker::Talker;
use uploader::{SLACK, Uploaders};
use ways::{REQUEST, Way};

/// Memory that the server may need above what it has when nothing happens.
const BAR: u64 = 64 << 20;

/// The longest time of one message in a hundred, as a multiple of what it is in quiet.
const SLOWER: u32 = 3;

/// Bytes that are sent together.
const BLOCK: usize = 64 * 1024;

/// What a stream of a connection has under way at most that is not confirmed: what is being written, and as much behind it.
const UNDER_WAY: u64 = 2 * 256 * 1024;

/// Uploads, and then the download of one: memory of the server, and messages beside them
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Of each file
    #[arg(long, default_value_t = 1024)]
    mebibytes: u64,
    #[arg(long, default_value_t = 1)]
    uploads: usize,
    /// For how long each upload is followed by another; one at least
    #[arg(long, default_value_t = 0)]
    seconds: u64,
    /// Mebibytes a second of each upload; 0 for as many as there can be
    #[arg(long, default_value_t = 0)]
    pace: u64,
    /// The way by which they come
    #[arg(long, value_enum, default_value_t = Way::Tus)]
    by: Way,
    /// How often the server is killed (`kill -9`) at random points of a further upload, which goes on then
    #[arg(long, default_value_t = 0)]
    kills: u64,
    /// How often the process that uploads it is killed, and another goes on
    #[arg(long, default_value_t = 0)]
    kill_clients: u64,
    /// How many messages are sent one after another before the uploads
    #[arg(long, default_value_t = 1000)]
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
        ("PSD_UPLOAD_RATE", "1000000/s".to_owned()),
        ("PSD_FILE_REQUESTS_PER_USER", "1000000/s".to_owned()),
    ];
    let server = Server::start(&settings).await?;
    let length = arguments.mebibytes << 20;
    let pace = match arguments.pace {
        0 => "as fast as they can".to_owned(),
        pace => format!("{pace} MiB/s each"),
    };
    let uploads = format!("{} of {}, by {:?}, {pace}", arguments.uploads, mebibytes(length), arguments.by);
    report.figure("uploads", uploads);
    // On a busy machine that would be for ever, and only the times are better for it.
    let is_apart = report.judges_times();
    let mut talker = Talker::start(server.address, is_apart)?;
    let first = if talker.is_first { "ahead of everything else" } else { "as everything else" };
    report.figure("whoever measures has a core", first);
    let mut quiet = talker.messages(arguments.messages).await?;
    let idle = server.resident();

    let (peak, over) = (Arc::new(AtomicU64::new(idle)), Arc::new(AtomicBool::new(false)));
    let sampler = tokio::spawn(sample(server.process(), peak.clone(), over.clone()));
    let times = (arguments.uploads, arguments.seconds, arguments.pace);
    let mut uploaders = Uploaders::start(server.address, arguments.by, length, times, is_apart)?;
    let ((), mut cold) = talker.beside(uploaders.warm()).await?;
    let began = Instant::now();
    let (done, mut beside) = talker.beside(uploaders.done()).await?;
    let done = done?;
    let seconds = began.elapsed().as_secs_f64();
    let all = format!("{} in {seconds:.1} s, {:.0}", mebibytes(done.bytes), done.bytes as f64 / seconds / 1048576.0);
    report.figure("uploaded, MiB a second", all);
    let uploaded = peak.load(Ordering::Relaxed).saturating_sub(idle);
    let bar = mebibytes(BAR);
    report.bar("memory above idle at its peak, uploading", mebibytes(uploaded), &bar, uploaded <= BAR);

    peak.store(server.resident(), Ordering::Relaxed);
    let began = Instant::now();
    let is_same = is_what_was_sent(server.address, &done.url, length).await?;
    report.count("what comes back is what was sent", is_same, "true", is_same);
    report.figure(
        "MiB a second, downloading",
        format!("{:.0}", arguments.mebibytes as f64 / began.elapsed().as_secs_f64()),
    );
    let downloaded = peak.load(Ordering::Relaxed).saturating_sub(idle);
    report.bar("memory above idle at its peak, downloading", mebibytes(downloaded), &bar, downloaded <= BAR);
    over.store(true, Ordering::Relaxed);
    sampler.await?;

    for (name, times) in
        [("in quiet", &mut quiet), ("beside the first MiB of each", &mut cold), ("beside", &mut beside)]
    {
        let [half, most, all] = [0.5, 0.99, 1.0].map(|part| percentile(times, part));
        report.figure(
            &format!("messages {name}: p50, p99, most of {}, µs", times.len()),
            format!("{half}, {most}, {all}"),
        );
    }
    let (before, after) = (percentile(&mut quiet, 0.99), percentile(&mut beside, 0.99));
    let factor = format!("{:.1}", f64::from(after) / f64::from(before.max(1)));
    report.bar(
        "p99 of messages beside uploads to that in quiet",
        factor,
        &SLOWER.to_string(),
        after <= before * SLOWER,
    );
    drop(server);
    let victims = Victim::random(arguments.kills, arguments.kill_clients);
    if victims.is_empty() { Ok(()) } else { killed(arguments.by, &victims, &settings, length, report).await }
}

/// Which process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Server,
    Client,
}

impl Victim {
    /// So many of each, in an order that nobody knows.
    fn random(mut servers: u64, mut clients: u64) -> Vec<Self> {
        let mut victims = Vec::new();
        while servers + clients > 0 {
            if rand::random_range(0..servers + clients) < servers {
                victims.push(Self::Server);
                servers -= 1;
            } else {
                victims.push(Self::Client);
                clients -= 1;
            }
        }
        victims
    }
}

/// One more upload, during which the server and the client are killed at random points.
async fn killed(
    by: Way,
    victims: &[Victim],
    settings: &[(&str, String)],
    length: u64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let kills = victims.len() as u64;
    let part = length.saturating_sub(SLACK + BLOCK as u64) / kills;
    ensure!(part > 0, "{} are not enough for {kills} kills", mebibytes(length));
    let mut process = Process::start(settings, None).await?;
    let address = process.address;
    let state = std::env::temp_dir().join(format!("psd-load-place-{}", std::process::id()));
    let sent = Arc::new(AtomicU64::new(0));
    let start = || Uploaders::start_one(address, by, length, &state, sent.clone());
    let (mut uploader, mut before) = (start()?, 0);
    for (kill, victim) in victims.iter().enumerate() {
        // Somewhere in each part; what a way sends again after a kill, it sends again in the last part too.
        let target = kill as u64 * part + rand::random_range(1..=part);
        // It goes on while it is killed, and not to the end of the file.
        uploader.allow(target - before + rand::random_range(0..=SLACK)).await?;
        while sent.load(Ordering::Relaxed) < target && !uploader.is_over() {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        ensure!(!uploader.is_over(), "the upload has ended before its time: {:?}", uploader.done().await);
        match victim {
            Victim::Server => {
                process.kill().await?;
                process = Process::start(settings, Some(address)).await?;
            }
            Victim::Client => {
                uploader.kill().await?;
                before = sent.load(Ordering::Relaxed);
                uploader = start()?;
            }
        }
    }
    uploader.allow(u64::MAX).await?;
    let done = uploader.done().await?;
    let _ = std::fs::remove_file(&state); // A classic client has none.
    let is_same = is_what_was_sent(address, &done.url, length).await?;
    report.count("what comes back after kills is what was sent", is_same, "true", is_same);
    let clients = victims.iter().filter(|victim| **victim == Victim::Client).count();
    report.figure("kills of the server, of the client", format!("{}, {clients}", victims.len() - clients));
    let again = sent.load(Ordering::Relaxed).saturating_sub(length);
    let most = match by {
        Way::Tus => Some(REQUEST),
        Way::Stream => Some(UNDER_WAY),
        Way::Classic => None,
    };
    match most.map(|most| most * kills) {
        Some(most) => {
            report.count("bytes sent again that were confirmed", done.bytes, "0", done.bytes == 0);
            report.count("bytes sent again", again, &most.to_string(), again <= most);
        }
        None => report.figure("bytes sent again", again),
    }
    process.kill().await
}

/// A block of the file: noise that nothing compresses, the same in every process, and the block's number, so that none can
/// stand for another.
fn content(block: u64) -> Vec<u8> {
    static NOISE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        std::iter::repeat_with(next).take(BLOCK).collect()
    });
    let mut bytes = NOISE.clone();
    bytes[..8].copy_from_slice(&block.to_be_bytes());
    bytes
}

/// Keeps the highest memory of the server.
async fn sample(process: u32, peak: Arc<AtomicU64>, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        peak.fetch_max(process::resident(process), Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether the file is what was sent, to the byte and by its entity tag, which is its hash.
async fn is_what_was_sent(address: SocketAddr, url: &str, length: u64) -> anyhow::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let head =
        format!("GET {url} HTTP/1.1\r\nHost: load\r\nAuthorization: Bearer uploader\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head)?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (mut received, mut hash) = (vec![0; BLOCK], Sha256::new());
    for block in 0..length.div_ceil(BLOCK as u64) {
        let bytes = (length - block * BLOCK as u64).min(BLOCK as u64) as usize;
        stream.read_exact(&mut received[..bytes]).await?;
        hash.update(&received[..bytes]);
        if received[..bytes] != content(block)[..bytes] {
            return Ok(false);
        }
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(stream.read(&mut received).await? == 0 && head.contains(&format!("\"{digest}\"")))
}
