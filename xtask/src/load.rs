//! `cargo xtask load`: what a server does under load, in figures; tests/load has the programs.

use clap::Args;

use crate::{report::Outcome, shell};

/// Run a load program: slow-readers, idle, flood, soak, deploy, files (`cargo xtask load help` lists them)
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, default_value = "help")]
    program: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let mut command = shell::cargo(&["run", "--quiet", "--release", "--package", "psd-load", "--"]);
    command.args(&arguments.program);
    Ok(matches!(shell::run(command)?, Outcome::Passed))
}
