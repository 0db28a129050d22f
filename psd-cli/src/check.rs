//! `psd check`: say what is wrong with a contract.

use std::io::{self, Write as _};

use clap::Args;
use psd_build::schema::FileKind;
use psd_build::{Colors, Diagnostic, Schema, Severity};
use serde::Serialize;

use crate::against;
use crate::contract::Contract;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  psd check proto
  psd check fps_config.json
  psd check --against git:main        what breaks those who have the contract of main
  psd check proto --json | jq -r '.file + \":\" + (.line|tostring)'

Exit codes:
  0  the contract is right, if with warnings
  1  it has mistakes; with --against, or breaks somebody";

/// Check .proto files: syntax, metadata, and that every type is the route of one message.
///
/// All mistakes are told at once, each with its place and the way out. With --against, what a change of the contract
/// breaks.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    contract: Contract,
    /// Print one line of JSON per mistake or warning
    #[arg(long)]
    json: bool,
    /// Say what the contract breaks for those who have an older version: a folder of it, a configuration file, or
    /// `git:REVISION`
    #[arg(long, value_name = "OLD")]
    against: Option<String>,
    /// With --against, tell compatible changes as well
    #[arg(long, requires = "against")]
    all: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Exit> {
    match arguments.contract.read() {
        Ok(schemas) => {
            if let Some(old) = &arguments.against {
                return against(arguments, old, &schemas);
            }
            for schema in &schemas {
                report(&schema.warnings, arguments.json)?;
                if !arguments.json {
                    writeln!(anstream::stdout(), "{}", summary(schema))?;
                }
            }
            Ok(())
        }
        Err(diagnostics) => {
            report(&diagnostics, arguments.json)?;
            // Everything is said.
            Err(Exit::Refused(None))
        }
    }
}

/// What changed since an older version.
fn against(arguments: &Arguments, old: &str, schemas: &[Schema]) -> Result<(), Exit> {
    let (Some(folders), [new]) = (arguments.contract.folders(), schemas) else {
        return Err(Exit::Usage("`--against` compares one contract: name one configuration, or folders".to_owned()));
    };
    // The checkout lives until it is read.
    let (config, _checkout) = against::old_config(old, &folders)?;
    match arguments.contract.schema(config) {
        Ok(old) => against::report(&old, new, arguments.all, arguments.json),
        Err(error) => {
            report(error.diagnostics(), arguments.json)?;
            Err(Exit::Refused(Some("the older version of the contract has mistakes".to_owned())))
        }
    }
}

/// `2 messages in 1 file, ok`; the common messages are not the user's.
fn summary(schema: &Schema) -> String {
    let messages = schema.messages.iter().filter(|message| message.kind == FileKind::User).count();
    let files = schema.sources.iter().filter(|source| source.kind == FileKind::User).count();
    format!("{} in {}, ok", counted(messages, "message"), counted(files, "file"))
}

pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// For people on standard error, as compilers do; for machines on standard output.
pub(crate) fn report(diagnostics: &[Diagnostic], json: bool) -> io::Result<()> {
    if json {
        let mut out = anstream::stdout();
        for diagnostic in diagnostics {
            writeln!(out, "{}", serde_json::to_string(&Line::from(diagnostic))?)?;
        }
        return Ok(());
    }
    let mut out = anstream::stderr();
    for diagnostic in diagnostics {
        writeln!(out, "{}", diagnostic.render(Colors::Always))?;
    }
    let mistakes = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    if mistakes > 0 {
        writeln!(out, "{}", counted(mistakes, "mistake"))?;
    }
    Ok(())
}

/// One line for machines.
#[derive(Serialize)]
struct Line<'a> {
    severity: &'static str,
    message: &'a str,
    #[serde(flatten)]
    place: Option<Place<'a>>,
    help: &'a [String],
}

#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    length: u32,
}

impl<'a> From<&'a Diagnostic> for Line<'a> {
    fn from(diagnostic: &'a Diagnostic) -> Self {
        let place = diagnostic.labels.first().map(|label| Place {
            file: &label.file,
            line: label.line,
            column: label.column,
            length: label.length,
        });
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        Self { severity, message: &diagnostic.message, place, help: &diagnostic.help }
    }
}
