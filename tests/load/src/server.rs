//! The server's process.

use std::{net::SocketAddr, process::Stdio};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{client::Client, pb, process};

/// A running server, killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Asks for the census; a member of everybody like everybody else.
    pub(crate) control: Client,
}

impl Server {
    /// Starts the server with settings: pairs of `PSD_` variables and values.
    pub(crate) async fn start(settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
        let mut child = command.envs(settings).spawn().context("the server does not start")?;
        let output = child.stdout.take().context("the server has no output")?;
        let line = BufReader::new(output).lines().next_line().await?.context("the server has ended")?;
        let address = line.parse().with_context(|| format!("`{line}` is no address"))?;
        let control = Client::connect(address, process::address_of(0), "control").await?;
        Ok(Self { child, address, control })
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    pub(crate) fn resident(&self) -> u64 {
        process::resident(self.process())
    }

    pub(crate) async fn census(&mut self) -> anyhow::Result<pb::Census> {
        Ok(self.control.fetch(&pb::FetchCensus {}).await?)
    }
}
