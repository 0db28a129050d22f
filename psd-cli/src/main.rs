//! The `psd` command: talk to a psd server from a terminal or a script, check contracts and generate from them.

mod against;
mod bodies;
mod call;
mod check;
mod connect;
mod contract;
mod exit;
mod generate;
mod json;
mod listen;
mod migrate;
mod output;
mod routes;
mod token;
mod trace;
mod user;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::Exit;

/// Talk to psd servers, check the contracts they are built from, and generate from them.
#[derive(Debug, Parser)]
#[command(name = "psd", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "`psd <COMMAND> --help` shows examples.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Never print colours; without it they appear on a terminal only, and NO_COLOR is honoured
    #[arg(long, global = true)]
    no_color: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Call(call::Arguments),
    Listen(listen::Arguments),
    Check(check::Arguments),
    Generate(generate::Arguments),
    Migrate(migrate::Arguments),
    Routes(routes::Arguments),
    Token(token::Arguments),
    User(user::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.no_color {
        anstream::ColorChoice::Never.write_global();
    }
    let result = match arguments.command {
        Command::Call(arguments) => in_runtime(call::run(arguments)),
        Command::Listen(arguments) => in_runtime(listen::run(arguments)),
        Command::Check(arguments) => check::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Routes(arguments) => routes::run(&arguments),
        Command::Token(arguments) => in_runtime(token::run(arguments)),
        Command::User(arguments) => in_runtime(user::run(arguments)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

fn in_runtime(command: impl Future<Output = Result<(), Exit>>) -> Result<(), Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Exit::Connection(format!("cannot start: {error}")))?.block_on(command)
}
