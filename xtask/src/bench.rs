//! `cargo xtask bench`: figures, never part of the tests.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::{
    npm,
    report::Outcome,
    shell::{self, cargo, command},
    tools,
};

/// Measure something and print a table
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What to measure
    what: What,
    /// Options of the program that measures, for `server`: see `-- --help`
    #[arg(last = true)]
    options: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// The JSON and binary codecs against others, in one run (nanoseconds, ratios)
    Codec,
    /// Instructions from a frame to its answer, per dialect (valgrind, so the same on every run)
    Dispatch,
    /// psd beside other servers under the same load, in one run (per second of processor time, ratios)
    Server,
    /// The TypeScript codec against protobuf-es and protobufjs, in one run (nanoseconds, ratios)
    Typescript,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<bool> {
    match arguments.what {
        What::Codec => {
            let mut benchmark = cargo(&["run", "--quiet", "--release", "--target-dir"]);
            benchmark.arg(shell::target()).current_dir(shell::root().join("benches/json"));
            Ok(matches!(shell::run(benchmark)?, Outcome::Passed))
        }
        What::Server => server(&arguments.options),
        What::Dispatch => dispatch().map(|()| true),
        What::Typescript => npm::run(Path::new("clients/typescript"), "bench"),
    }
}

/// Builds the servers of benches/server and their clients, and compares them.
fn server(options: &[String]) -> anyhow::Result<bool> {
    tools::node().map_err(anyhow::Error::msg)?;
    npm::install(Path::new("benches/server/node"))?;
    let mut benchmark = cargo(&["run", "--quiet", "--release", "--target-dir"]);
    benchmark.arg(shell::target()).current_dir(shell::root().join("benches/server"));
    benchmark.args(["--", "compare"]).args(options);
    Ok(matches!(shell::run(benchmark)?, Outcome::Passed))
}

/// Messages in one measurement; what does not belong to a message is none of them.
const MESSAGES: u64 = 2000;
/// Where a profile of one message begins.
const BEGIN: &str = "psd_core::dispatch::begin";

/// What is told apart, by the name of the function that does it.
const PARTS: [(&str, &str); 4] = [
    ("envelope", "psd_proto::envelope::"),
    ("body", "psd_core::codec::Dialect::read_body"),
    ("reply", "psd_core::request::RequestContext::reply_last"),
    ("ack", "psd_core::continue_::conclude"),
];

fn dispatch() -> anyhow::Result<()> {
    tools::valgrind().map_err(anyhow::Error::msg)?;
    let mut build = cargo(&["build", "--release", "--package", "demo-server", "--package", "psd-tests"]);
    build.args(["--bin", "demo-server", "--example", "drive"]).env("CARGO_PROFILE_RELEASE_DEBUG", "1");
    if !matches!(shell::run(build)?, Outcome::Passed) {
        bail!("the programs to measure do not build");
    }
    println!("\nInstructions a message: `open-echo` of a short text with a uuid and an ack, {MESSAGES} of them\n");
    println!("| dialect | envelope | body | to the handler's call | reply | ack | whole | with metrics |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for dialect in ["classic", "v1-json", "v1-proto"] {
        let counted = inclusive(&measure(dialect, true)?, BEGIN).context("the profile holds no message")? / MESSAGES;
        let profile = measure(dialect, false)?;
        let part = |name: &str| inclusive(&profile, name).map(|instructions| instructions / MESSAGES);
        let whole = part(BEGIN).context("the profile does not hold the function it was made for")?;
        let named =
            |(name, function): &(&str, &str)| part(function).with_context(|| format!("nothing is called {name}"));
        let parts = PARTS.iter().map(named).collect::<anyhow::Result<Vec<u64>>>()?;
        let [envelope, body, reply, ack] = parts.as_slice() else { bail!("there are four parts") };
        let call = whole.saturating_sub(reply + ack);
        println!("| {dialect} | {envelope} | {body} | {call} | {reply} | {ack} | {whole} | {counted} |");
    }
    Ok(())
}

/// Runs the demo server under callgrind, sends it messages, and returns the annotated profile.
fn measure(dialect: &str, metrics: bool) -> anyhow::Result<String> {
    let release = shell::root().join("target/release");
    let out = shell::root().join(format!("target/callgrind.{dialect}"));
    let mut server = command("valgrind", &["--tool=callgrind", &format!("--toggle-collect={BEGIN}*")]);
    server.arg(format!("--callgrind-out-file={}", out.display())).arg(release.join("demo-server"));
    server.args(["--port", "0"]).env("TOKIO_WORKER_THREADS", "1").env("PSD_N_SYNC_WORKERS", "1");
    server.env("PSD_METRICS", metrics.to_string());
    server.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Stopped(server.spawn().context("cannot run valgrind")?);
    let stdout = server.0.stdout.take().context("valgrind has no output")?;
    let mut url = String::new();
    BufReader::new(stdout).read_line(&mut url)?;
    let mut drive = command(release.join("examples/drive"), &[url.trim(), dialect]);
    let driven = drive.arg(MESSAGES.to_string()).status().context("cannot run the driver")?;
    if !driven.success() {
        bail!("the driver failed: {driven}");
    }
    server.stop()?;
    let annotate = command("callgrind_annotate", &["--inclusive=yes", "--threshold=100", &out.to_string_lossy()]);
    shell::output(annotate).context("callgrind_annotate failed")
}

/// The instructions of the first, largest line of a profile that names a function.
fn inclusive(profile: &str, function: &str) -> Option<u64> {
    let line = profile.lines().find(|line| line.contains('(') && line.contains(function) && line.contains('%'))?;
    let number: String = line.trim_start().chars().take_while(|letter| *letter != ' ' && *letter != '(').collect();
    number.replace(',', "").parse().ok()
}

/// A server that does not outlive us.
struct Stopped(Child);

impl Stopped {
    /// Lets it write its profile.
    fn stop(&mut self) -> anyhow::Result<()> {
        let id = self.0.id().to_string();
        command("kill", &["-TERM", &id]).status().context("cannot stop the server")?;
        self.0.wait().context("the server does not stop")?;
        Ok(())
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_line_of_a_function_counts() {
        let profile = "\
            17,460,000 (100.0%)  src/dispatch.rs:psd_core::dispatch::begin [target/release/demo-server]\n \
             7,476,000 (42.81%)  src/envelope/classic.rs:psd_proto::envelope::classic::read [x]\n \
             5,980,000 (34.25%)  src/envelope/headers.rs:psd_proto::envelope::headers::read [x]\n";
        assert_eq!(inclusive(profile, BEGIN), Some(17_460_000));
        assert_eq!(inclusive(profile, "psd_proto::envelope::"), Some(7_476_000));
        assert_eq!(inclusive(profile, "elsewhere"), None);
    }
}
