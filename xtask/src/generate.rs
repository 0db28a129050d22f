//! `cargo xtask generate`: the generated files that are committed.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use clap::Args;

use crate::shell;

/// Rewrite the generated files that are committed
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail with a difference if a file is out of date
    #[arg(long)]
    check: bool,
}

/// A committed file that nobody writes by hand.
struct Generated {
    /// Relative to the root of the repository.
    path: String,
    contents: String,
}

fn files() -> anyhow::Result<Vec<Generated>> {
    let common = psd_build::targets::rust::common().context("cannot generate the common messages")?;
    let mut files = vec![Generated { path: "psd-proto/src/common/messages.rs".to_owned(), contents: common }];
    let common = psd_build::targets::typescript::common().context("cannot generate the common messages")?;
    let beside = |file: psd_build::targets::File| Generated {
        path: format!("clients/typescript/src/common/{}", file.path),
        contents: file.contents,
    };
    files.extend(common.into_iter().map(beside));
    let common = psd_build::targets::dart::common().context("cannot generate the common messages")?;
    let beside = |file: psd_build::targets::File| Generated {
        path: format!("clients/dart/lib/src/common/{}", file.path),
        contents: file.contents,
    };
    files.extend(common.into_iter().map(beside));
    for (configuration, out) in TYPESCRIPT {
        files.extend(generated(&psd_build::targets::typescript::TARGET, configuration, out)?);
    }
    for (configuration, out) in DART {
        files.extend(generated(&psd_build::targets::dart::TARGET, configuration, out)?);
    }
    Ok(files)
}

/// What is generated in TypeScript: the configuration's folder, and where its files are written.
///
/// The tests of the package speak the messages of the golden vectors, and names that no language likes, once for each way
/// to hold an integer of 64 bits; those of its client speak a board's.
const TYPESCRIPT: [(&str, &str); 6] = [
    ("clients/typescript/test/vectors", "clients/typescript/test/vectors/messages"),
    ("clients/typescript/test/strings", "clients/typescript/test/strings/messages"),
    ("clients/typescript/test/numbers", "clients/typescript/test/numbers/messages"),
    ("clients/typescript/test/bench", "clients/typescript/test/bench/messages"),
    ("clients/typescript/test/board", "clients/typescript/test/board/messages"),
    ("examples/chat", "examples/chat/web/src/messages"),
];

/// What is generated in Dart, likewise.
const DART: [(&str, &str); 3] = [
    ("clients/dart/test/vectors", "clients/dart/test/vectors/messages"),
    ("clients/dart/test/bigint", "clients/dart/test/bigint/messages"),
    ("clients/dart/test/board", "clients/dart/test/board/messages"),
];

fn generated(
    target: &'static psd_build::targets::Target,
    configuration: &str,
    out: &str,
) -> anyhow::Result<Vec<Generated>> {
    let path = format!("{configuration}/fps_config.json");
    let config = psd_build::Config::load(shell::root().join(&path)).with_context(|| path.clone())?;
    let output = config.output(target, None).with_context(|| path.clone())?;
    let current = output.files.iter().filter(|(_, state)| *state != psd_build::State::Stale);
    let files = current.map(|(file, _)| Generated {
        path: format!("{out}/{file}"),
        contents: output.contents(file).unwrap_or_default().to_owned(),
    });
    Ok(files.collect())
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.check {
        return check();
    }
    for Generated { path, contents } in files()? {
        let file = shell::root().join(&path);
        // An unchanged file keeps its time, and nothing is compiled again.
        if fs::read_to_string(&file).is_ok_and(|committed| committed == contents) {
            println!("{path}: up to date");
        } else {
            write(&file, &contents)?;
            println!("{path}: written");
        }
    }
    Ok(())
}

/// Fails if a committed file is not what would be generated, and shows the difference.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut out_of_date = Vec::new();
    for Generated { path, contents } in files()? {
        let generated = shell::root().join("target/generated").join(&path);
        write(&generated, &contents)?;
        let mut diff = shell::command("git", &["--no-pager", "diff", "--no-index", "--", &path]);
        let status = diff.arg(&generated).status().context("cannot run `git diff`")?;
        match status.code() {
            Some(0) => println!("{path}: up to date"),
            Some(1) => out_of_date.push(path),
            _ => bail!("`git diff` of {path}: {status}"),
        }
    }
    if out_of_date.is_empty() {
        return Ok(());
    }
    bail!("{} is out of date; run `cargo xtask generate` and commit the result", out_of_date.join(", "))
}

fn write(file: &Path, contents: &str) -> anyhow::Result<()> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::write(file, contents).with_context(|| format!("cannot write {}", file.display()))
}
