//! `cargo xtask fuzz`: the fuzz targets, for a bounded time; fuzz/README.md says what they check.

use std::path::PathBuf;

use clap::Args;

use crate::{report::Outcome, shell};

/// Fuzz the wire for a bounded time: envelopes, JSON bodies, binary bodies
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How long, shared among the targets
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// The same seed makes the same inputs
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// One target only: envelope, json_body or binary_body
    #[arg(long)]
    target: Option<String>,
    /// Run this input once, instead of fuzzing
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    Ok(matches!(fuzz(arguments)?, Outcome::Passed))
}

/// A few seconds of every target, as a stage of `cargo xtask ci`.
pub(crate) fn shortly() -> anyhow::Result<Outcome> {
    fuzz(&Arguments { seconds: 6, seed: 0, target: None, input: None })
}

fn fuzz(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut command =
        shell::cargo(&["run", "--quiet", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target-dir"]);
    command.arg(shell::target()).arg("--");
    if let Some(target) = &arguments.target {
        command.args(["--target", target]);
    }
    match &arguments.input {
        Some(file) => command.arg(std::path::absolute(file)?),
        None => command.arg(format!("--seconds={}", arguments.seconds)).arg(format!("--seed={}", arguments.seed)),
    };
    shell::run(command)
}
