//! The official conformance suite of protobuf: `tests/conformance/run` does the work and says how it went.

use std::process::Stdio;

use anyhow::Context;

use crate::{report::Outcome, shell, tools};

const SCRIPT: &str = "tests/conformance/run";
/// What the script exits with where it cannot run; its last line on standard output is the reason.
const SKIPPED: i32 = 77;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    if let Err(missing) = tools::node() {
        return Ok(Outcome::Skipped(missing));
    }
    let dart = match tools::dart() {
        Ok(dart) => dart,
        Err(missing) => return Ok(Outcome::Skipped(missing)),
    };
    println!("$ {SCRIPT}");
    let mut script = shell::command("sh", &[SCRIPT]);
    script.env("PSD_DART", dart);
    let output = script.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run `{SCRIPT}`"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    Ok(match output.status.code() {
        Some(0) => Outcome::Passed,
        Some(SKIPPED) => Outcome::Skipped(said.lines().last().unwrap_or("it does not say why").to_owned()),
        _ => Outcome::Failed(format!("`{SCRIPT}`: {}", output.status)),
    })
}
