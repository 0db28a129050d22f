//! What a server does under floods, slow readers, many connections, time and deploys.
//!
//! Each program starts the server in a process of its own, plays the clients, prints figures, and judges them against
//! bars. Only loopback addresses are used, and everything is bounded in number and time.

mod app;
mod client;
mod deploy;
mod files;
mod flood;
mod idle;
mod policy;
mod process;
mod report;
mod server;
mod slow_readers;
mod soak;

/// The messages of protos/load.proto.
mod pb {
    psd_core::include_messages!();
}

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  cargo xtask load slow-readers                 1,000 connections, a tenth reading nothing, every policy, 60 s
  cargo xtask load idle                         memory of 10,000 idle connections
  cargo xtask load flood                        what others feel of 50 hostile connections
  cargo xtask load soak --seconds 600           ten minutes of mixed work: nothing grows
  cargo xtask load soak --seconds 20 --counts-only
  cargo xtask load files                        a gigabyte by tus, and what it costs the server
  cargo xtask load files --uploads 50 --mebibytes 20 --seconds 20
  cargo xtask load files --by stream            the same over a connection of v1; `--by classic` by a second socket
  cargo xtask load files --by stream --kills 5 --kill-clients 5
                                                with server and client killed five times each in between
  cargo xtask load deploy                       SIGTERM under load, and how clients return

A bar that is missed makes the program fail. With --counts-only times and memory are printed and not judged: what must
not be lost or left behind still is. Figures mean something on a release build and a quiet machine only.";

/// What a server does under floods, slow readers, many connections and time.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask load", bin_name = "cargo xtask load", arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    /// Judge what is counted, not times and memory
    #[arg(long, global = true)]
    counts_only: bool,
    #[command(subcommand)]
    program: Program,
}

#[derive(Debug, Subcommand)]
enum Program {
    SlowReaders(slow_readers::Arguments),
    Idle(idle::Arguments),
    Flood(flood::Arguments),
    Soak(soak::Arguments),
    Deploy(deploy::Arguments),
    Files(files::Arguments),
    /// The server that the others start
    #[command(hide = true)]
    Serve,
    /// The hostile half of `flood`, a process of its own
    #[command(hide = true)]
    Attack(flood::Attack),
    /// The clients of `files`, a process of its own
    #[command(hide = true)]
    Upload(files::Upload),
    /// Who measures beside them, a process of its own
    #[command(hide = true)]
    Talk(files::Talk),
}

/// After how many turns of tasks the runtime asks the system for news (docs/OPERATIONS.md, "Latency under a flood").
const EVENT_INTERVAL: u32 = 8;

fn main() -> anyhow::Result<ExitCode> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().event_interval(EVENT_INTERVAL).build()?.block_on(run())
}

async fn run() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    process::raise_file_limit();
    let mut report = report::Report::new(arguments.counts_only);
    match arguments.program {
        Program::SlowReaders(arguments) => slow_readers::run(arguments, &mut report).await?,
        Program::Idle(arguments) => idle::run(arguments, &mut report).await?,
        Program::Flood(arguments) => flood::run(arguments, &mut report).await?,
        Program::Soak(arguments) => soak::run(arguments, &mut report).await?,
        Program::Deploy(arguments) => deploy::run(arguments, &mut report).await?,
        Program::Files(arguments) => files::run(arguments, &mut report).await?,
        Program::Serve => app::serve().await?,
        Program::Attack(arguments) => flood::attack(arguments).await?,
        Program::Upload(arguments) => files::upload(arguments).await?,
        Program::Talk(arguments) => files::talk(arguments).await?,
    }
    Ok(report.verdict())
}
