//! The server's process.

use std::{net::SocketAddr, process::Stdio};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{client::Client, pb, process};

/// A running server, killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts the server with settings, pairs of `PSD_` variables and values, at this address or one of its own.
    pub(crate) async fn start(settings: &[(&str, String)], address: Option<SocketAddr>) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
        command.envs(settings).envs(address.map(|address| ("LOAD_ADDRESS", address.to_string())));
        let mut child = command.spawn().context("the server does not start")?;
        let output = child.stdout.take().context("the server has no output")?;
        let line = BufReader::new(output).lines().next_line().await?.context("the server has ended")?;
        let address = line.parse().with_context(|| format!("`{line}` is no address"))?;
        Ok(Self { child, address })
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) -> anyhow::Result<()> {
        let id = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        rustix::process::kill_process(id.context("the server has ended")?, rustix::process::Signal::TERM)?;
        Ok(())
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the server cannot be killed")
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> anyhow::Result<()> {
        // Waiting would close its standard input, at whose end it goes at once.
        let input = self.child.stdin.take();
        let ended = self.child.wait().await;
        drop(input);
        ended.map(drop).context("the server cannot be waited for")
    }
}

/// A server with a connection that asks for the census.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
    /// A member of everybody like everybody else.
    pub(crate) control: Client,
}

impl Server {
    /// Starts the server with settings: pairs of `PSD_` variables and values.
    pub(crate) async fn start(settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let process = Process::start(settings, None).await?;
        let address = process.address;
        let control = Client::connect(address, process::address_of(0), "control").await?;
        Ok(Self { process, address, control })
    }

    pub(crate) fn process(&self) -> u32 {
        self.process.child.id().unwrap_or(0)
    }

    pub(crate) fn resident(&self) -> u64 {
        process::resident(self.process())
    }

    pub(crate) async fn census(&mut self) -> anyhow::Result<pb::Census> {
        Ok(self.control.fetch(&pb::FetchCensus {}).await?)
    }
}
