//! `psd check`: say what is wrong with a contract.

use std::io::{self, Write as _};

use clap::Args;
use psd_build::schema::FileKind;
use psd_build::{Colors, Diagnostic, Schema, Severity};
use serde::Serialize;

use crate::contract::Contract;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  psd check proto
  psd check fps_config.json
  psd check proto --json | jq -r '.file + \":\" + (.line|tostring)'

Exit codes:
  0  the contract is right, if with warnings
  1  it has mistakes";

/// Check .proto files: syntax, metadata, and that every type is the route of one message.
///
/// All mistakes are told at once, each with its place and the way out.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    contract: Contract,
    /// Print one line of JSON per mistake or warning
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Exit> {
    match arguments.contract.read() {
        Ok(schemas) => {
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
