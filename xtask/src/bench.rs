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

mod drive;

use drive::Dialect;

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
    /// Instructions of a message and of a delivery, per dialect (valgrind, so the same on every run), and whether they are within
    /// their limits
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
        What::Dispatch => dispatch(),
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

/// Messages in one measurement; what does not belong to a message is next to nothing of them.
const MESSAGES: u64 = 4000;
/// Publications in one measurement, and the members of two rooms that get each: what those cost who are more in the second is
/// that of deliveries, without the message that brings a publication.
const PUBLICATIONS: u64 = 200;
const MEMBERS: [u64; 2] = [100, 200];
/// The turn of a connection, in which everything happens: reading, handling, writing.
const TURN: &str = "psd_core::connection::task::Task::poll";
/// Where a message begins within it.
const BEGIN: &str = "psd_core::dispatch::begin";

/// What is told apart, by the name of the function that does it.
const PARTS: [(&str, &str); 4] = [
    ("envelope", "psd_proto::envelope::"),
    ("body", "psd_core::codec::Dialect::read_body"),
    ("reply", "psd_core::request::RequestContext::reply_last"),
    ("ack", "psd_core::continue_::conclude"),
];

/// How many instructions a message may cost, in the whole turn, as measured when the line was written and 5 % more. Raise one
/// with a reason; lower it when something has become cheaper.
const MESSAGE_LIMITS: [(Dialect, u64); 3] =
    [(Dialect::Classic, 9750), (Dialect::V1Json, 9020), (Dialect::V1Proto, 6195)];
/// The same for one delivery of a publication; 300 is the aim.
const DELIVERY_LIMITS: [(Dialect, u64); 2] = [(Dialect::Classic, 280), (Dialect::V1Proto, 312)];

/// The counts of instructions as a stage of a run: they do not wobble, so that whatever costs more is seen at once.
pub(crate) fn instructions() -> anyhow::Result<Outcome> {
    if let Err(missing) = tools::valgrind() {
        return Ok(Outcome::Skipped(missing));
    }
    let over = "a message or a delivery costs more instructions than its limit: see the lines above";
    Ok(if dispatch()? { Outcome::Passed } else { Outcome::Failed(over.into()) })
}

/// Counts instructions and compares them with what they may be; whether none is over it.
fn dispatch() -> anyhow::Result<bool> {
    tools::valgrind().map_err(anyhow::Error::msg)?;
    let mut build = cargo(&["build", "--release", "--package", "demo-server"]);
    build.env("CARGO_PROFILE_RELEASE_DEBUG", "1");
    if !matches!(shell::run(build)?, Outcome::Passed) {
        bail!("the server to measure does not build");
    }
    let mut over = Vec::new();
    println!("\nInstructions a message: `open-echo` of a short text with a uuid and an ack, {MESSAGES} of them\n");
    println!("| dialect | envelope | body | to the handler's call | reply | ack | dispatch | whole turn | limit |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (dialect, limit) in MESSAGE_LIMITS {
        let profile = measure(dialect, MESSAGES, None)?;
        let part = |(name, function): (&str, &str)| {
            let instructions = inclusive(&profile, function).map(|instructions| instructions / MESSAGES);
            instructions.with_context(|| format!("the profile holds nothing for {name}"))
        };
        let [envelope, body, reply, ack] = PARTS.map(part);
        let (dispatch, turn) = (part(("a message", BEGIN))?, part(("a turn", TURN))?);
        let (envelope, body, reply, ack) = (envelope?, body?, reply?, ack?);
        let call = dispatch.saturating_sub(reply + ack);
        let dialect = dialect.name();
        println!("| {dialect} | {envelope} | {body} | {call} | {reply} | {ack} | {dispatch} | {turn} | {limit} |");
        if turn > limit {
            over.push(format!("a message in {dialect}: {turn}, of which {limit} are allowed"));
        }
    }
    let [few, many] = MEMBERS;
    println!("\nInstructions a delivery: `room-event` to rooms of {few} and {many}, {PUBLICATIONS} times\n");
    println!("| dialect | a delivery | limit |\n| --- | --- | --- |");
    for (dialect, limit) in DELIVERY_LIMITS {
        let publications = |members| {
            let turns = |count| inclusive(&measure(dialect, count, Some(members))?, TURN).context("there is no turn");
            anyhow::Ok(turns(PUBLICATIONS)?.saturating_sub(turns(0)?))
        };
        let delivery = publications(many)?.saturating_sub(publications(few)?) / (PUBLICATIONS * (many - few));
        let dialect = dialect.name();
        println!("| {dialect} | {delivery} | {limit} |");
        if delivery > limit {
            over.push(format!("a delivery in {dialect}: {delivery}, of which {limit} are allowed"));
        }
    }
    for line in &over {
        println!("\ntoo many instructions for {line} (xtask/src/bench.rs)");
    }
    Ok(over.is_empty())
}

/// Runs the demo server under callgrind, sends it messages, alone or in a room, and returns the annotated profile.
fn measure(dialect: Dialect, count: u64, members: Option<u64>) -> anyhow::Result<String> {
    let release = shell::target().join("release");
    let what = if members.is_some() { "publish" } else { "echo" };
    let out = shell::target().join(format!("callgrind.{}.{what}", dialect.name()));
    let mut server = command("valgrind", &["--tool=callgrind", &format!("--toggle-collect={TURN}")]);
    server.arg(format!("--callgrind-out-file={}", out.display())).arg(release.join("demo-server"));
    server.args(["--port", "0"]).env("TOKIO_WORKER_THREADS", "1").env("PSD_N_SYNC_WORKERS", "1");
    server.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Stopped(server.spawn().context("cannot run valgrind")?);
    let stdout = server.0.stdout.take().context("valgrind has no output")?;
    let mut url = String::new();
    BufReader::new(stdout).read_line(&mut url)?;
    let address = url.trim().strip_prefix("ws://").and_then(|url| url.strip_suffix("/ws"));
    let address = address.with_context(|| format!("the server says `{}` and no URL", url.trim()))?;
    match members {
        Some(members) => drive::publish(address, dialect, count, members)?,
        None => drive::echo(address, dialect, count)?,
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
