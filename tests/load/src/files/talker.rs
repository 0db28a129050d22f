//! Who measures: a process of its own, so that nothing else that the program does is in its figures.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use anyhow::Context as _;
use clap::Args;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::Instant,
};

use crate::{client::Client, pb, process};

/// What `files` starts: a client that sends messages one after another, as its standard input says, and prints how long each
/// took.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    server: SocketAddr,
}

/// Between two messages.
const PAUSE: Duration = Duration::from_millis(2);

/// The process, seen from inside.
pub(crate) async fn talk(arguments: Arguments) -> anyhow::Result<()> {
    let mut client = Client::connect(arguments.server, process::address_of(1), "talker").await?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    // So many, or until the next line.
    while let Some(line) = lines.next_line().await? {
        let mut times = Vec::new();
        match line.parse() {
            Ok(messages) => {
                while times.len() < messages {
                    times.push(message(&mut client).await?);
                }
            }
            Err(_) => {
                let mut end = std::pin::pin!(lines.next_line());
                loop {
                    times.push(message(&mut client).await?);
                    if let Ok(end) = tokio::time::timeout(Duration::ZERO, &mut end).await {
                        end?;
                        break;
                    }
                }
            }
        }
        println!("{}", times.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    }
    Ok(())
}

/// Microseconds until a message is answered.
async fn message(client: &mut Client) -> anyhow::Result<u32> {
    tokio::time::sleep(PAUSE).await;
    let began = Instant::now();
    let _: pb::Worked = client.fetch(&pb::Work { number: 1 }).await?;
    Ok(began.elapsed().as_micros() as u32)
}

/// The process, seen from outside; killed when dropped.
pub(super) struct Talker {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// Whether it has a core whenever it wants one.
    pub(super) is_first: bool,
}

impl Talker {
    /// Starts it, where it is to be ahead of everything else if the system lets it: it stands for another machine, whose cores
    /// are its own.
    pub(super) fn start(server: SocketAddr, is_first: bool) -> anyhow::Result<Self> {
        let first = ["--fifo", "1"];
        let is_first = is_first && process::can_be_scheduled(&first);
        let program = std::env::current_exe()?;
        let mut command = match is_first {
            true => Command::new("chrt"),
            false => Command::new(&program),
        };
        if is_first {
            command.args(first).arg(&program);
        }
        command.args(["talk", "--server", &server.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("nobody sends messages")?;
        let input = child.stdin.take().context("the client hears nothing")?;
        let output = BufReader::new(child.stdout.take().context("the client says nothing")?).lines();
        Ok(Self { _child: child, input, output, is_first })
    }

    /// Microseconds of so many messages.
    pub(super) async fn messages(&mut self, count: usize) -> anyhow::Result<Vec<u32>> {
        self.say(&count.to_string()).await?;
        self.times().await
    }

    /// Microseconds of messages while something happens.
    pub(super) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> anyhow::Result<(T, Vec<u32>)> {
        self.say("go").await?;
        let done = work.await;
        self.say("stop").await?;
        Ok((done, self.times().await?))
    }

    async fn say(&mut self, line: &str) -> anyhow::Result<()> {
        self.input.write_all(format!("{line}\n").as_bytes()).await.context("the client has ended")
    }

    async fn times(&mut self) -> anyhow::Result<Vec<u32>> {
        let line = self.output.next_line().await?.context("the client has ended")?;
        line.split(' ').map(|time| Ok(time.parse()?)).collect()
    }
}
