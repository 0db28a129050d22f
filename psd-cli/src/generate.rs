//! `psd generate`: write what the contract generates.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValue;
use psd_build::targets::{TARGETS, Target};
use psd_build::{Config, Error, Output, State};

use crate::check;
use crate::exit::Exit;
use crate::watch;

const EXAMPLES: &str = "\
Examples:
  psd generate                        what the project in this folder needs
  psd generate --target typescript --out web/src/messages
  psd generate --watch                again whenever a .proto file changes
  psd generate --check                in CI: fail if a file is out of date

Exit codes:
  0  everything is written; with --check, everything is up to date
  1  the contract has mistakes; with --check, or a file is out of date
  2  nobody said what to generate";

/// Generate messages from the .proto files that fps_config.json names.
///
/// What to generate is told by the project in this folder: Cargo.toml means rust, a package.json with react or
/// typescript means typescript, a pubspec.yaml means dart, a manage.py means django. Files that do not change are not
/// touched; generated files that are no longer needed are removed, nothing else is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What to generate; may be repeated
    #[arg(long, value_name = "TARGET", value_parser = names())]
    target: Vec<String>,
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "fps_config.json")]
    config: PathBuf,
    /// The folder to write to, whatever the configuration says
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Write nothing, and fail if something would change
    #[arg(long, conflicts_with = "watch")]
    check: bool,
    /// Go on, and generate again whenever the configuration or a .proto file changes
    #[arg(long)]
    watch: bool,
}

fn names() -> clap::builder::PossibleValuesParser {
    let value = |target: &&Target| PossibleValue::new(target.name).aliases(target.aliases);
    TARGETS.iter().map(value).collect::<Vec<_>>().into()
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Exit> {
    let targets = targets(arguments)?;
    if arguments.out.is_some() && targets.len() > 1 {
        return Err(Exit::Usage("`--out` is the folder of one target: name it with `--target`".to_owned()));
    }
    if !arguments.watch {
        return once(arguments, &targets);
    }
    watch::watch(&arguments.config, || match once(arguments, &targets) {
        Err(closed @ (Exit::OutputClosed | Exit::Connection(_))) => Err(closed),
        // A mistake has been told, and the next change may mend it.
        _ => Ok(()),
    })
}

/// What was asked for, or what the project in this folder needs.
fn targets(arguments: &Arguments) -> Result<Vec<&'static Target>, Exit> {
    let named: Vec<_> = arguments.target.iter().filter_map(|name| Target::named(name)).collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let found = Target::of_project(Path::new("."));
    match found.as_slice() {
        [(target, _)] => Ok(vec![*target]),
        [] => Err(Exit::Usage(format!("{}; say `--target {}`", unknown(), all("` or `--target ")))),
        several => {
            let several: Vec<_> = several.iter().map(|(target, file)| format!("`{}` ({file})", target.name)).collect();
            let message =
                format!("this folder is a project for {}: say which with `--target`", several.join(" and for "));
            Err(Exit::Usage(message))
        }
    }
}

fn all(separator: &str) -> String {
    TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(separator)
}

/// What is said of a project that is none of ours.
fn unknown() -> &'static str {
    "this folder has no Cargo.toml, no package.json with react or typescript, no pubspec.yaml and no manage.py"
}

fn once(arguments: &Arguments, targets: &[&'static Target]) -> Result<(), Exit> {
    let outputs: Result<Vec<Output>, Error> = Config::load(&arguments.config)
        .and_then(|config| targets.iter().map(|target| config.output(target, arguments.out.as_deref())).collect());
    let outputs = match outputs {
        Ok(outputs) => outputs,
        Err(error) => {
            check::report(error.diagnostics(), false)?;
            return Err(Exit::Refused(None));
        }
    };
    // Every target reads the same files.
    if let Some(output) = outputs.first() {
        check::report(&output.warnings, false)?;
    }
    for output in &outputs {
        if arguments.check {
            difference(output)?;
        } else if let Err(error) = output.write() {
            check::report(error.diagnostics(), false)?;
            return Err(Exit::Refused(None));
        } else {
            written(output)?;
        }
    }
    match arguments.check && !outputs.iter().all(Output::is_current) {
        true => Err(Exit::Refused(Some("generated files are out of date; run `psd generate`".to_owned()))),
        false => Ok(()),
    }
}

/// One line for each file that changed, and how many did not.
fn written(output: &Output) -> io::Result<()> {
    let mut out = anstream::stdout();
    for (path, state) in &output.files {
        let word = match state {
            State::New | State::Changed => "wrote",
            State::Stale => "removed",
            State::Unchanged => continue,
        };
        writeln!(out, "{word} {}", output.folder.join(path).display())?;
    }
    let unchanged = output.files.iter().filter(|(_, state)| *state == State::Unchanged).count();
    if unchanged > 0 {
        writeln!(out, "{} in {} unchanged", check::counted(unchanged, "file"), output.folder.display())?;
    }
    Ok(())
}

/// What writing would change: each file with its first line that differs.
fn difference(output: &Output) -> io::Result<()> {
    let mut out = anstream::stdout();
    for (path, state) in &output.files {
        let file = output.folder.join(path);
        match state {
            State::Unchanged => {}
            State::New => writeln!(out, "{}: missing", file.display())?,
            State::Stale => writeln!(out, "{}: no longer generated", file.display())?,
            State::Changed => {
                let there = std::fs::read_to_string(&file).unwrap_or_default();
                let (line, there, wanted) = first_difference(&there, output.contents(path).unwrap_or_default());
                writeln!(out, "{}:{line}: out of date", file.display())?;
                for (sign, text) in [('-', there), ('+', wanted)] {
                    if let Some(text) = text {
                        writeln!(out, "  {sign} {text}")?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// The first line that two texts do not share, and what each has there.
fn first_difference<'t>(one: &'t str, other: &'t str) -> (usize, Option<&'t str>, Option<&'t str>) {
    let (mut one, mut other) = (one.lines(), other.lines());
    let mut number = 1;
    loop {
        match (one.next(), other.next()) {
            (Some(one), Some(other)) if one == other => number += 1,
            (one, other) => return (number, one, other),
        }
    }
}
