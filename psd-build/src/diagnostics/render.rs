use std::fmt::Write as _;

use super::{Diagnostic, Label, Severity};

/// Whether rendered text carries colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Colors {
    /// ANSI colours, for a terminal.
    Always,
    /// Plain text, for logs and cargo.
    Never,
}

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const BLUE: &str = "\x1b[1;34m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// A tab is shown as this, so that carets stand under what they mean.
const TAB: &str = "    ";

pub(super) fn render(diagnostic: &Diagnostic, colors: Colors) -> String {
    let paint = |color: &'static str, text: &str| match colors {
        Colors::Always => format!("{color}{text}{RESET}"),
        Colors::Never => text.to_owned(),
    };
    let (word, color) = match diagnostic.severity {
        Severity::Error => ("error", RED),
        Severity::Warning => ("warning", YELLOW),
    };
    let width = diagnostic.labels.iter().map(|label| label.line.to_string().len()).max().unwrap_or(0);
    let gutter = |text: &str| paint(BLUE, &format!("{text:>width$} |"));

    let mut out = format!("{}{}\n", paint(color, word), paint(BOLD, &format!(": {}", diagnostic.message)));
    for (index, label) in diagnostic.labels.iter().enumerate() {
        let (arrow, mark, mark_color) = if index == 0 { ("-->", '^', color) } else { (":::", '-', BLUE) };
        let arrow = paint(BLUE, &format!("{:width$}{arrow}", ""));
        let _ = writeln!(out, "{arrow} {}:{}:{}", label.file, label.line, label.column);
        let (before, marked) = split(label);
        let _ = writeln!(out, "{}", gutter(""));
        let _ = writeln!(out, "{} {}", gutter(&label.line.to_string()), label.text.replace('\t', TAB));
        let mut marks = mark.to_string().repeat(marked);
        if !label.note.is_empty() {
            let _ = write!(marks, " {}", label.note);
        }
        let _ = writeln!(out, "{} {:before$}{}", gutter(""), "", paint(mark_color, &marks));
    }
    if !diagnostic.labels.is_empty() && !diagnostic.help.is_empty() {
        let _ = writeln!(out, "{}", gutter(""));
    }
    for help in &diagnostic.help {
        let sign = paint(BLUE, &format!("{:width$} =", ""));
        let _ = writeln!(out, "{sign} {} {help}", paint(BOLD, "help:"));
    }
    out
}

/// How many characters are shown before the marked stretch, and how many in it.
fn split(label: &Label) -> (usize, usize) {
    let shown = |character: char| if character == '\t' { TAB.len() } else { 1 };
    let before = label.column.saturating_sub(1) as usize;
    let marked: usize = label.text.chars().skip(before).take(label.length as usize).map(shown).sum();
    (label.text.chars().take(before).map(shown).sum(), marked.max(1))
}
