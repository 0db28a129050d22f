//! What ran, how long it took, and how it ended.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// How a stage ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// It could not run; the reason says what to install.
    Skipped(String),
}

/// The stages of one run, in order.
#[derive(Debug)]
pub(crate) struct Report {
    /// Nobody reads the reasons of skips on a build machine, so a skip is a failure there.
    ci: bool,
    started: Instant,
    stages: Vec<(String, Outcome, Duration)>,
}

impl Report {
    pub(crate) fn new(ci: bool) -> Self {
        Self { ci, started: Instant::now(), stages: Vec::new() }
    }

    /// Runs a stage under a heading. A failure does not stop the next stage: all that is wrong shows in one run.
    pub(crate) fn stage(&mut self, name: impl Into<String>, run: impl FnOnce() -> anyhow::Result<Outcome>) {
        let name = name.into();
        println!("\n━━━━ {name}");
        let since = Instant::now();
        let outcome = run().unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        let elapsed = since.elapsed();
        println!("━━━━ {name}: {outcome} ({})", Elapsed(elapsed));
        self.stages.push((name, outcome, elapsed));
    }

    /// Whether no stage was run.
    pub(crate) fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Prints the table and the closing line; whether all is well.
    pub(crate) fn finish(self) -> bool {
        println!();
        let width = self.stages.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
        for (name, outcome, elapsed) in &self.stages {
            println!("  {name:width$}  {:>8}  {outcome}", Elapsed(*elapsed).to_string());
        }
        println!("{} in {}", self.summary(), Elapsed(self.started.elapsed()));
        self.is_success()
    }

    fn summary(&self) -> String {
        let count = |wanted: fn(&Outcome) -> bool| self.stages.iter().filter(|(_, outcome, _)| wanted(outcome)).count();
        let passed = count(|outcome| matches!(outcome, Outcome::Passed));
        let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
        let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
        let verdict = if self.ci && failed == 0 && skipped > 0 { "; with CI=true a skip is a failure" } else { "" };
        format!("{passed} passed, {failed} failed, {skipped} skipped{verdict}")
    }

    fn is_success(&self) -> bool {
        self.stages.iter().all(|(_, outcome, _)| match outcome {
            Outcome::Passed => true,
            Outcome::Failed(_) => false,
            Outcome::Skipped(_) => !self.ci,
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed(reason) => write!(f, "FAILED: {reason}"),
            Self::Skipped(reason) => write!(f, "skipped: {reason}"),
        }
    }
}

struct Elapsed(Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds >= 60 {
            write!(f, "{}m {:02}s", seconds / 60, seconds % 60)
        } else {
            write!(f, "{:.1}s", self.0.as_secs_f64())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ci: bool, outcomes: Vec<Outcome>, success: bool, summary: &str) {
        let mut report = Report::new(ci);
        for outcome in outcomes {
            report.stage("stage", || Ok(outcome));
        }
        assert_eq!((report.is_success(), report.summary().as_str()), (success, summary));
    }

    #[test]
    fn a_skip_is_a_failure_on_a_build_machine_only() {
        let skipped = || Outcome::Skipped("no browser".to_owned());
        check(false, vec![Outcome::Passed, skipped()], true, "1 passed, 0 failed, 1 skipped");
        check(
            true,
            vec![Outcome::Passed, skipped()],
            false,
            "1 passed, 0 failed, 1 skipped; with CI=true a skip is a failure",
        );
        let failed = Outcome::Failed("exit code 1".to_owned());
        check(false, vec![failed, skipped(), Outcome::Passed], false, "1 passed, 1 failed, 1 skipped");
        check(true, vec![Outcome::Passed], true, "1 passed, 0 failed, 0 skipped");
        check(false, vec![], true, "0 passed, 0 failed, 0 skipped");
    }

    #[test]
    fn an_error_fails_its_stage_and_the_next_one_runs() {
        let mut report = Report::new(false);
        report.stage("first", || anyhow::bail!("nothing works"));
        report.stage("second", || Ok(Outcome::Passed));
        assert_eq!(report.summary(), "1 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn times() {
        assert_eq!(Elapsed(Duration::from_millis(1250)).to_string(), "1.2s");
        assert_eq!(Elapsed(Duration::from_secs(125)).to_string(), "2m 05s");
    }
}
