//! What the user sees: lines for people, or lines of JSON for machines.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Write as _},
};

use anstyle::{AnsiColor, Style};
use psd_client::{Envelope, Outcome};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::bodies::Bodies;

const REPLY: Style = AnsiColor::Green.on_default();
const PUSH: Style = AnsiColor::Cyan.on_default();
const SUCCESS: Style = AnsiColor::Green.on_default().bold();
const FAILURE: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();
const TYPE: Style = Style::new().bold();

/// Prints envelopes to standard output.
#[derive(Debug)]
pub(crate) struct Printer {
    json: bool,
    /// What bodies in protobuf mean.
    pub(crate) bodies: Bodies,
}

/// One line for machines.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line<'a> {
    Reply {
        r#type: &'a str,
        uuid: &'a str,
        body: &'a RawValue,
    },
    Push {
        r#type: &'a str,
        body: &'a RawValue,
    },
    Ack {
        #[serde(skip_serializing_if = "Option::is_none")]
        uuid: Option<&'a str>,
        ok: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<&'a str>,
    },
}

impl Printer {
    pub(crate) fn new(json: bool, bodies: Bodies) -> Self {
        Self { json, bodies }
    }

    /// Prints what came: a message, how its request ended, or both.
    pub(crate) fn print(&self, envelope: &Envelope) -> io::Result<()> {
        self.print_message(envelope)?;
        match envelope.outcome() {
            Some(outcome) if self.json => print_json_outcome(outcome, envelope.uuid()),
            Some(outcome) => print_text_outcome(outcome),
            None => Ok(()),
        }
    }

    /// Prints a message; nothing if it is an ack.
    pub(crate) fn print_message(&self, envelope: &Envelope) -> io::Result<()> {
        if envelope.is_ack() {
            return Ok(());
        }
        let body = self.bodies.json(envelope);
        if self.json { print_json(envelope, body.into_owned()) } else { print_text(envelope, &body) }
    }
}

fn print_json(envelope: &Envelope, body: String) -> io::Result<()> {
    let body = RawValue::from_string(body)?;
    let (r#type, body) = (envelope.message_type(), &*body);
    print_line(&match envelope.uuid() {
        Some(uuid) => Line::Reply { r#type, uuid, body },
        None => Line::Push { r#type, body },
    })
}

fn print_json_outcome(outcome: &Outcome, uuid: Option<&str>) -> io::Result<()> {
    print_line(&match outcome {
        Outcome::Success => Line::Ack { uuid, ok: true, code: None, message: None },
        Outcome::Refused { code, message } => Line::Ack { uuid, ok: false, code: *code, message: Some(message) },
    })
}

fn print_line(line: &Line<'_>) -> io::Result<()> {
    writeln!(anstream::stdout(), "{}", serde_json::to_string(line)?)
}

fn print_text(envelope: &Envelope, body: &str) -> io::Result<()> {
    let (kind, style) = if envelope.uuid().is_some() { ("reply", REPLY) } else { ("push ", PUSH) };
    let message_type = printable(envelope.message_type());
    let body = printable(body);
    writeln!(anstream::stdout(), "{style}{kind}{style:#} {TYPE}{message_type}{TYPE:#} {body}")
}

fn print_text_outcome(outcome: &Outcome) -> io::Result<()> {
    let mut out = anstream::stdout();
    match outcome {
        Outcome::Success => writeln!(out, "{SUCCESS}ack{SUCCESS:#}   ok"),
        Outcome::Refused { code, message } => {
            let code = code.map(|code| format!(" {code}")).unwrap_or_default();
            writeln!(out, "{FAILURE}ack{FAILURE:#}   refused{code}: {}", printable(message))
        }
    }
}

/// Says what went wrong, on standard error.
pub(crate) fn error(message: &str) {
    say(FAILURE, "error:", message);
}

/// Says what the user should know, on standard error.
pub(crate) fn note(message: impl fmt::Display) {
    say(NOTE, "note:", &message.to_string());
}

fn say(style: Style, label: &str, message: &str) {
    // With standard error gone there is nobody to tell.
    let _ = writeln!(anstream::stderr(), "{style}{label}{style:#} {}", printable(message));
}

/// Text of a server with its control characters escaped: it must not steer the user's terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let harmful = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    if !text.contains(harmful) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if harmful(character) { out.extend(character.escape_default()) } else { out.push(character) }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_steer_the_terminal() {
        assert_eq!(printable("é\t{}"), "é\t{}");
        assert_eq!(printable("a\u{1b}[2Jb\u{9b}c\r"), "a\\u{1b}[2Jb\\u{9b}c\\r");
    }
}
