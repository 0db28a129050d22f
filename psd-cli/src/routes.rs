//! `psd routes`: print the messages of a contract.

use std::io::{self, Write as _};
use std::time::Duration;

use anstyle::Style;
use clap::{Args, ValueEnum};
use psd_build::Schema;
use psd_build::schema::Message;
use serde::Serialize;

use crate::check;
use crate::contract::Contract;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  psd routes proto
  psd routes fps_config.json --origin client --no-common
  psd routes proto --json | jq -r 'select(.auth == false) | .type'

Exit codes:
  0  the contract is right
  1  it has mistakes, see `psd check`";

const HEADER: Style = Style::new().bold();
const COLUMNS: [&str; 7] = ["TYPE", "MESSAGE", "ORIGIN", "AUTH", "CACHE", "KEYS", "PLACE"];

/// Print the messages of .proto files: what may be sent, by whom, and where it is declared.
///
/// AUTH says `default` where the contract is silent: then the handler decides, else PSD_DEFAULT_AUTH.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    contract: Contract,
    /// Only what this side sends
    #[arg(long, value_enum)]
    origin: Option<Side>,
    /// Print one line of JSON per message
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Side {
    Client,
    Server,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Exit> {
    let schemas = match arguments.contract.read() {
        Ok(schemas) => schemas,
        Err(diagnostics) => {
            // The rows are what standard output is for.
            check::report(&diagnostics, false)?;
            return Err(Exit::Refused(None));
        }
    };
    for schema in &schemas {
        let messages = messages(schema, arguments.origin);
        if arguments.json { print_json(&messages)? } else { print_table(&messages)? }
    }
    Ok(())
}

fn messages(schema: &Schema, side: Option<Side>) -> Vec<&Message> {
    let is_asked_for = |message: &&Message| match side {
        None => true,
        Some(Side::Client) => message.origin.is_client(),
        Some(Side::Server) => message.origin.is_server(),
    };
    schema.messages.iter().filter(is_asked_for).collect()
}

fn print_table(messages: &[&Message]) -> io::Result<()> {
    let rows: Vec<[String; 7]> = messages.iter().map(|message| row(message)).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([COLUMNS[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let line = |cells: [&str; 7]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut out = anstream::stdout();
    writeln!(out, "{HEADER}{}{HEADER:#}", line(COLUMNS))?;
    for row in &rows {
        writeln!(out, "{}", line(row.each_ref().map(String::as_str)))?;
    }
    Ok(())
}

fn row(message: &Message) -> [String; 7] {
    let auth = match message.auth {
        _ if !message.origin.is_client() => "-",
        Some(true) => "yes",
        Some(false) => "no",
        None => "default",
    };
    let keys: Vec<_> = message.cache_keys.iter().map(|key| format!("{}:{}", key.kind, key.field)).collect();
    [
        message.message_type.clone(),
        message.full_name.clone(),
        message.origin.to_string(),
        auth.to_owned(),
        message.client_cache.map_or_else(|| "-".to_owned(), span),
        if keys.is_empty() { "-".to_owned() } else { keys.join(",") },
        message.location.to_string(),
    ]
}

/// A span in the largest unit that divides it: `7d`, `90s`.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(365 * 86_400, "y"), (86_400, "d"), (3_600, "h"), (60, "m")];
    match units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length)) {
        Some((length, unit)) => format!("{}{unit}", seconds / length),
        None => format!("{seconds}s"),
    }
}

fn print_json(messages: &[&Message]) -> io::Result<()> {
    let mut out = anstream::stdout();
    for message in messages {
        let line = Line {
            r#type: &message.message_type,
            message: &message.full_name,
            origin: message.origin.to_string(),
            auth: message.auth,
            client_cache: message.client_cache.map(|cache| cache.as_secs()),
            cache_keys: message.cache_keys.iter().map(|key| Key { kind: key.kind.name(), field: &key.field }).collect(),
            file: &message.location.file,
            line: message.location.line,
            column: message.location.column,
        };
        writeln!(out, "{}", serde_json::to_string(&line)?)?;
    }
    Ok(())
}

/// One line for machines; `auth` is null where the contract is silent, `client_cache` counts seconds.
#[derive(Serialize)]
struct Line<'a> {
    r#type: &'a str,
    message: &'a str,
    origin: String,
    auth: Option<bool>,
    client_cache: Option<u64>,
    cache_keys: Vec<Key<'a>>,
    file: &'a str,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct Key<'a> {
    kind: &'a str,
    field: &'a str,
}
