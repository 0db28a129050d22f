//! The server's process, and what processes cost.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use clap::ValueEnum as _;

use crate::peers::Peer;

/// The processor that servers have for themselves; clients run on another.
const SERVER_CORE: &str = "0";

/// A running server, killed when it is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

/// Limits are for strangers; here one client is as fast as it can be. They are looked at all the same.
const SETTINGS: [(&str, &str); 5] = [
    ("PSD_MESSAGES_PER_CONNECTION", "1000000000/m"),
    ("PSD_MESSAGES_PER_USER", "1000000000/m"),
    ("PSD_HANDSHAKES", "1000000000/m"),
    ("PSD_N_SYNC_WORKERS", "1"),
    ("PSD_HEARTBEAT", "600"),
];

impl Server {
    pub fn start(peer: Peer) -> anyhow::Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", SERVER_CORE]);
        // Such as a profiler.
        if let Ok(under) = std::env::var("BENCH_UNDER") {
            command.args(under.split_whitespace());
        }
        if peer == Peer::SocketIo {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/server.js");
            command.arg("node").arg(script).env("SECRET", std::str::from_utf8(crate::token::SECRET)?);
        } else {
            let name = peer.to_possible_value().context("every peer has a name")?;
            command.arg(std::env::current_exe()?).args(["serve", name.get_name()]);
        }
        Self::of(command, peer)
    }

    fn of(mut command: Command, peer: Peer) -> anyhow::Result<Self> {
        command.envs(SETTINGS).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{} does not start", peer.title()))?;
        let output = child.stdout.take().context("the server has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("{}: `{line}` is no address", peer.title()))?;
        Ok(Self { child, address })
    }

    pub fn cpu(&self) -> Cpu {
        Cpu::of(self.child.id())
    }

    /// Memory that is the server's own and resident, in bytes.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::env::var_os("BENCH_UNDER").is_some() {
            // A profiler writes down what it has seen when it is asked to end.
            let _ = rustix::process::kill_process(
                rustix::process::Pid::from_child(&self.child),
                rustix::process::Signal::INT,
            );
        } else {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Processor time that a process has had, of all its threads.
#[derive(Debug, Clone, Copy)]
pub struct Cpu(Duration);

impl Cpu {
    pub fn of(process: u32) -> Self {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        let nanoseconds = tasks.filter_map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        Self(Duration::from_nanos(nanoseconds.sum()))
    }

    pub fn own() -> Self {
        Self::of(std::process::id())
    }

    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
