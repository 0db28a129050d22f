//! Developer tasks of psd; `cargo xtask --help` lists them.

mod bench;
mod ci;
mod conformance;
mod dart;
mod fuzz;
mod generate;
mod load;
mod npm;
mod page;
mod report;
mod shell;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  cargo xtask ci                     everything that must hold before a change lands
  cargo xtask test                   all tests: Rust, conformance, Dart, npm packages, browser
  cargo xtask test --only browser    one stage of them
  cargo xtask fuzz --seconds 60      fuzz the wire, on the stable toolchain
  cargo xtask generate               rewrite the generated files that are committed
  cargo xtask generate --check       fail with a difference if one is out of date
  cargo xtask page                   build the chat example's page anew
  cargo xtask bench codec            the codecs against others
  cargo xtask bench typescript       the TypeScript codec against others
  cargo xtask bench dispatch         instructions from a frame to its answer
  cargo xtask load idle              memory of 10,000 idle connections

A stage that cannot run is skipped with its reason; with CI=true a skip is a failure.
What is missing is installed where that is possible (npm packages by `npm ci`, Debian
packages when root), and named where it is not.";

/// Developer tasks of psd.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Ci(ci::Arguments),
    Test(test::Arguments),
    Fuzz(fuzz::Arguments),
    Generate(generate::Arguments),
    Page(page::Arguments),
    Bench(bench::Arguments),
    Load(load::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Ci(arguments) => ci::run(arguments),
        Task::Test(arguments) => test::run(arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Generate(arguments) => generate::run(arguments).map(|()| true),
        Task::Page(arguments) => page::run(&arguments),
        Task::Bench(arguments) => bench::run(arguments),
        Task::Load(arguments) => load::run(&arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
