//! A psd server beside others under the same load: `cargo xtask bench server`.
//!
//! Servers have one processor, their clients the other. Every mode is measured in rounds in which the peers alternate, so that
//! all of them meet the same state of the machine; figures are medians per second of the server's processor time, and ratios
//! between them.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};

mod compare;
mod load;
mod peers;
mod report;
mod token;

mod pb {
    psd_core::include_messages!();
}

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure, print tables, and write them to a folder
    Compare(Compare),
    /// Serve as one of the peers on a free port
    Serve {
        /// Which one
        peer: peers::Peer,
    },
}

/// What to measure, and how long.
#[derive(Debug, Args)]
struct Compare {
    /// Rounds of which the medians are taken
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Milliseconds of one measurement
    #[arg(long, default_value_t = 1000)]
    milliseconds: u64,
    /// Only rows whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Only sides whose title contains this
    #[arg(long)]
    side: Option<String>,
    /// Folder for `figures.json` and the plots
    #[arg(long)]
    out: Option<std::path::PathBuf>,
}

impl Compare {
    fn duration(&self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }
}

fn main() -> anyhow::Result<()> {
    match Program::parse().command {
        Command::Compare(compare) => compare::run(&compare),
        Command::Serve { peer } => peers::serve(peer),
    }
}
