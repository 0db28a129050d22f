//! Figures, bars and the verdict.

use std::{fmt::Display, process::ExitCode};

/// Prints figures as they come and remembers whether a bar was missed.
#[derive(Debug)]
pub(crate) struct Report {
    counts_only: bool,
    missed: bool,
}

impl Report {
    pub(crate) fn new(counts_only: bool) -> Self {
        Self { counts_only, missed: false }
    }

    /// Whether times and memory are judged.
    pub(crate) fn judges_times(&self) -> bool {
        !self.counts_only
    }

    /// Something to know.
    pub(crate) fn figure(&self, name: &str, value: impl Display) {
        println!("{name:<48} {value}");
    }

    /// Something counted, which does not depend on the machine.
    pub(crate) fn count(&mut self, name: &str, value: impl Display, bar: &str, holds: bool) {
        self.missed |= !holds;
        println!("{name:<48} {value:<16} bar: {bar}: {}", if holds { "ok" } else { "MISSED" });
    }

    /// A time or an amount of memory.
    pub(crate) fn bar(&mut self, name: &str, value: impl Display, bar: &str, holds: bool) {
        self.missed |= !holds && !self.counts_only;
        let verdict = match (holds, self.counts_only) {
            (true, _) => "ok",
            (false, false) => "MISSED",
            (false, true) => "missed, not judged",
        };
        println!("{name:<48} {value:<16} bar: {bar}: {verdict}");
    }

    pub(crate) fn verdict(&self) -> ExitCode {
        if self.missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

/// The value below which this part of all values lies; 0 of none.
pub(crate) fn percentile(values: &mut [u32], part: f64) -> u32 {
    values.sort_unstable();
    let index = (values.len() as f64 * part) as usize;
    values.get(index.min(values.len().saturating_sub(1))).copied().unwrap_or(0)
}

/// Bytes for people.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0))
}
