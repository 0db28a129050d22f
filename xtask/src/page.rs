//! `cargo xtask page`: the chat example's page, built from examples/chat/web and committed, so that the chat needs no
//! Node.js.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use clap::Args;

use crate::{npm, report::Outcome, shell, tools};

const WEB: &str = "examples/chat/web";
/// What the page is linked with.
const CLIENT: &str = "clients/typescript";

/// Build the chat example's page anew
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail if the committed page is not what would be built
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let outcome = if arguments.check { check()? } else { build("dist")? };
    match outcome {
        Outcome::Passed => Ok(true),
        Outcome::Skipped(reason) | Outcome::Failed(reason) => bail!("{reason}"),
    }
}

/// Builds the page beside the committed one and compares them.
pub(crate) fn check() -> anyhow::Result<Outcome> {
    let fresh = shell::target().join("page");
    let outcome = build(&fresh.to_string_lossy())?;
    if outcome != Outcome::Passed {
        return Ok(outcome);
    }
    let committed = shell::root().join(WEB).join("dist");
    let differ = names(&fresh)? != names(&committed)?
        || names(&fresh)?.iter().any(|name| fs::read(fresh.join(name)).ok() != fs::read(committed.join(name)).ok());
    Ok(match differ {
        false => Outcome::Passed,
        true => Outcome::Failed(format!("{WEB}/dist is out of date; run `cargo xtask page` and commit the result")),
    })
}

fn build(out: &str) -> anyhow::Result<Outcome> {
    if let Err(missing) = tools::node() {
        return Ok(Outcome::Skipped(missing));
    }
    for (folder, arguments) in
        [(CLIENT, ["run", "build", "--"].as_slice()), (WEB, &["run", "build", "--", "--emptyOutDir", "--outDir", out])]
    {
        npm::install(Path::new(folder))?;
        let outcome = shell::run(npm::npm(Path::new(folder), arguments))?;
        if outcome != Outcome::Passed {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Passed)
}

fn names(folder: &Path) -> anyhow::Result<Vec<std::ffi::OsString>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
