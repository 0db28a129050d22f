//! Mistakes and how they are shown: like rustc, each with its place, its line and the way out.

mod render;

use std::fmt;
use std::path::Path;

pub use render::Colors;

/// Every mistake of a run.
///
/// `Debug` and `Display` both print all of them, because a build script returns this from `main` and cargo shows what
/// `Debug` makes of it.
pub struct Error {
    diagnostics: Vec<Diagnostic>,
}

impl Error {
    /// The mistakes, and the warnings found beside them: sorted by file and line.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// Sorts by place and drops what was reported twice.
    pub(crate) fn new(mut diagnostics: Vec<Diagnostic>) -> Self {
        sort(&mut diagnostics);
        Self { diagnostics }
    }

    /// A file system error, told with what was attempted.
    pub(crate) fn io(attempt: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(vec![Diagnostic::error(format!("cannot {attempt} `{}`: {error}", path.display()))])
    }
}

impl From<Diagnostic> for Error {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::new(vec![diagnostic])
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mistakes = self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
        writeln!(f, "{mistakes} mistake{} in the message contract", if mistakes == 1 { "" } else { "s" })?;
        for diagnostic in &self.diagnostics {
            write!(f, "\n{diagnostic}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One mistake or warning: what is wrong, where, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Whether it stops the run.
    pub severity: Severity,
    /// What is wrong: lower case, no full stop, names in backticks.
    pub message: String,
    /// The places it is about, the culprit first; empty where no file is to blame.
    pub labels: Vec<Label>,
    /// The ways out.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// Renders as rustc would: the message, the place, the line with carets, the way out. Ends with a line break.
    #[must_use]
    pub fn render(&self, colors: Colors) -> String {
        render::render(self, colors)
    }

    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), labels: Vec::new(), help: Vec::new() }
    }

    pub(crate) fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    pub(crate) fn at(mut self, label: Label) -> Self {
        self.labels.push(label);
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// The whole diagnostic in one line, for `cargo:warning=`.
    pub(crate) fn one_line(&self) -> String {
        let mut line = String::new();
        if let Some(label) = self.labels.first() {
            line = format!("{}:{}:{}: ", label.file, label.line, label.column);
        }
        line.push_str(&self.message);
        for help in &self.help {
            line.push_str("; ");
            line.push_str(help);
        }
        line
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Colors::Never))
    }
}

/// Whether a diagnostic stops the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// A stretch of one line of a file, with what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Label {
    /// The file, as a terminal can open it.
    pub file: String,
    /// The line, from one.
    pub line: u32,
    /// The column, from one, in characters.
    pub column: u32,
    /// How many characters the stretch has; at least one.
    pub length: u32,
    /// The whole line, as written.
    pub text: String,
    /// What to write beside the carets; may be empty.
    pub note: String,
}

impl Label {
    /// The stretch `range` of `text`, in bytes; what reaches beyond the first line is cut.
    pub(crate) fn new(file: &str, text: &str, range: std::ops::Range<usize>) -> Self {
        let start = floor_char_boundary(text, range.start);
        let end = floor_char_boundary(text, range.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |index| index + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |index| start + index);
        let line = text[line_start..line_end].trim_end();
        let length = text[start..end.min(line_end)].trim_end().chars().count().max(1);
        Self {
            file: file.to_owned(),
            line: count(text[..line_start].matches('\n').count() + 1),
            column: count(text[line_start..start].chars().count() + 1),
            length: count(length),
            text: line.to_owned(),
            note: String::new(),
        }
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// By file, line and column; what has no place comes first. What was reported twice stays once.
pub(crate) fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|one, other| {
        let place = |diagnostic: &Diagnostic| {
            diagnostic.labels.first().map(|label| (label.file.clone(), label.line, label.column))
        };
        (place(one), one.severity, &one.message).cmp(&(place(other), other.severity, &other.message))
    });
    diagnostics.dedup();
}

fn floor_char_boundary(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|&index| text.is_char_boundary(index)).unwrap_or(0)
}

/// Files have at most `i32::MAX` bytes (protox refuses larger ones), so that places fit.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
