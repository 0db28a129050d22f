//! Those who upload: a process of their own, which may be killed and started again.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum as _};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::Instant,
};

use super::{
    BLOCK,
    ways::{Pace, Upload, Way, delete},
};
use crate::process;

/// Bytes of the file that each upload brings before it counts: a server that has had none yet asks the system for memory, which
/// takes a virtual machine milliseconds where its host has to find it first.
const WARM_UP: u64 = 1 << 20;

/// What `files` starts: clients that bring files. They say on their standard output what they do, a line each.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    server: SocketAddr,
    #[arg(long, value_enum)]
    by: Way,
    /// Of each file
    #[arg(long)]
    length: u64,
    #[arg(long, default_value_t = 1)]
    uploads: usize,
    /// For how long each of them brings one file after another; one at least
    #[arg(long, default_value_t = 0)]
    seconds: u64,
    /// Mebibytes a second of each upload; 0 for as many as there can be
    #[arg(long, default_value_t = 0)]
    pace: u64,
    /// Where one upload remembers how far it is. It then outlives its servers, says what it has sent, and sends no more than
    /// its standard input allows
    #[arg(long)]
    state: Option<PathBuf>,
}

/// The process, seen from inside.
pub(crate) async fn upload(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { server, by, length, .. } = arguments;
    if let Some(state) = arguments.state {
        let mut upload = Upload::remembered(by, length, state, allowed())?;
        let url = upload.whole(server).await?;
        println!("done {url} {}", upload.confirmed_again());
        return Ok(());
    }
    let pace = move || Pace::new(arguments.pace << 20);
    let warm_up = move || async move {
        let url = Upload::new(by, length.min(WARM_UP), pace()).attempt(server).await?;
        delete(server, &url).await
    };
    at_once(arguments.uploads, warm_up).await?;
    println!("warm");
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let upload = move || async move {
        let mut bytes = length;
        let first = Upload::new(by, length, pace()).attempt(server).await?;
        while Instant::now() < end {
            let url = Upload::new(by, length, pace()).attempt(server).await?;
            bytes += length;
            delete(server, &url).await?; // The disk has an end.
        }
        anyhow::Ok((first, bytes))
    };
    let all = at_once(arguments.uploads, upload).await?;
    let bytes: u64 = all.iter().map(|(_, bytes)| bytes).sum();
    let (url, _) = all.first().context("nothing was uploaded")?;
    println!("done {url} {bytes}");
    Ok(())
}

/// So many of it at the same time, to the end of the last.
async fn at_once<F, T>(count: usize, work: impl Fn() -> F) -> anyhow::Result<Vec<T>>
where
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
    T: Send + 'static,
{
    (0..count).map(|_| work()).collect::<JoinSet<_>>().join_all().await.into_iter().collect()
}

/// How many bytes may be sent, as the standard input says it; when that ends, so does the process.
fn allowed() -> watch::Receiver<u64> {
    let (sender, receiver) = watch::channel(0);
    tokio::spawn(async move {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            sender.send_replace(line.parse().unwrap_or(0));
        }
        std::process::exit(1)
    });
    receiver
}

/// What a process of uploaders has done.
#[derive(Debug)]
pub(super) struct Done {
    /// Of the first file.
    pub(super) url: String,
    /// Bytes of whole files; of one that may be killed, those that had been confirmed and were wanted again.
    pub(super) bytes: u64,
}

/// The process, seen from outside; killed when dropped.
pub(super) struct Uploaders {
    child: Child,
    input: ChildStdin,
    warm: watch::Receiver<bool>,
    output: JoinHandle<anyhow::Result<Done>>,
}

impl Uploaders {
    /// Starts clients that bring files as fast as they can, or at a pace (mebibytes a second each), behind everybody else where
    /// they are to be: they stand for other machines, and here they share the cores with the server and with those who measure.
    pub(super) fn start(
        server: SocketAddr,
        by: Way,
        length: u64,
        (uploads, seconds, pace): (usize, u64, u64),
        is_last: bool,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        let mut command = if is_last { idle(&program) } else { Command::new(&program) };
        command.args(["upload", "--uploads", &uploads.to_string(), "--seconds", &seconds.to_string()]);
        command.args(["--pace", &pace.to_string()]);
        Self::spawn(command, server, by, length, Arc::default())
    }

    /// Starts a client that remembers in a file how far it is, and counts what it sends.
    pub(super) fn start_one(
        server: SocketAddr,
        by: Way,
        length: u64,
        state: &Path,
        sent: Arc<AtomicU64>,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("upload").arg("--state").arg(state);
        Self::spawn(command, server, by, length, sent)
    }

    fn spawn(
        mut command: Command,
        server: SocketAddr,
        by: Way,
        length: u64,
        sent: Arc<AtomicU64>,
    ) -> anyhow::Result<Self> {
        let by = by.to_possible_value().context("a way has no name")?;
        command.args(["--server", &server.to_string(), "--by", by.get_name(), "--length", &length.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("nobody uploads")?;
        let input = child.stdin.take().context("the uploaders hear nothing")?;
        let mut lines = BufReader::new(child.stdout.take().context("the uploaders say nothing")?).lines();
        let (is_warm, warm) = watch::channel(false);
        let output = tokio::spawn(async move {
            while let Some(line) = lines.next_line().await? {
                match line.split(' ').collect::<Vec<_>>()[..] {
                    ["sent", bytes] => drop(sent.fetch_add(bytes.parse()?, Ordering::Relaxed)),
                    ["warm"] => drop(is_warm.send_replace(true)),
                    ["done", url, bytes] => return Ok(Done { url: url.into(), bytes: bytes.parse()? }),
                    _ => bail!("the uploaders say `{line}`"),
                }
            }
            bail!("the uploaders have ended")
        });
        Ok(Self { child, input, warm, output })
    }

    /// Waits until each of them has brought a file before those that count.
    pub(super) async fn warm(&mut self) {
        let _ = self.warm.wait_for(|is_warm| *is_warm).await; // Or they have ended, and say why.
    }

    /// Lets it send so many bytes in all since it was started.
    pub(super) async fn allow(&mut self, bytes: u64) -> anyhow::Result<()> {
        self.input.write_all(format!("{bytes}\n").as_bytes()).await.context("the uploader has ended")
    }

    pub(super) fn is_over(&self) -> bool {
        self.output.is_finished()
    }

    pub(super) async fn done(self) -> anyhow::Result<Done> {
        let Self { mut child, input, output, .. } = self;
        let done = output.await??;
        drop(input);
        child.wait().await?;
        Ok(done)
    }

    /// `kill -9`; when it returns, all that it said has been heard.
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the uploader cannot be killed")?;
        let _ = self.output.await?; // It had more to say.
        Ok(())
    }
}

/// What starts a program that has a core when nobody else wants it. A process that is merely nice keeps one for its slice.
fn idle(program: &Path) -> Command {
    let last = ["--idle", "0"];
    let mut command = Command::new("nice");
    command.args(["-n", "19"]);
    if process::can_be_scheduled(&last) {
        command.arg("chrt").args(last);
    }
    command.arg(program);
    command
}

/// Bytes that one which may be killed sends at most beyond those at which it is to be killed.
pub(super) const SLACK: u64 = 4 * BLOCK as u64;
