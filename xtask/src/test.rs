//! `cargo xtask test`: all tests of the project.

use clap::{Args, ValueEnum};

use crate::{
    conformance, npm,
    report::{Outcome, Report},
    shell::{cargo, is_ci, run as run_command},
    tools,
};

/// Run all tests of the project, from a fresh machine if need be
#[derive(Debug, Default, Args)]
pub(crate) struct Arguments {
    /// Run this stage only; may be repeated
    #[arg(long, value_name = "STAGE")]
    only: Vec<Stage>,
}

/// One kind of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// Unit and integration tests of the workspace, compile-fail cases, examples in the documentation
    Rust,
    /// The official conformance suite of protobuf, in tests/conformance
    Conformance,
    /// The npm packages with a `test` script
    Npm,
    /// The tests that drive a browser, in tests/browser
    Browser,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let mut report = Report::new(is_ci());
    stages(&mut report, &arguments);
    if report.is_empty() {
        anyhow::bail!("there are no tests of this kind");
    }
    Ok(report.finish())
}

/// Adds the stages of the tests to a report.
pub(crate) fn stages(report: &mut Report, arguments: &Arguments) {
    let wanted = |stage| arguments.only.is_empty() || arguments.only.contains(&stage);
    if wanted(Stage::Rust) {
        // Without naming targets: `--all-targets` would run benchmarks and no doctests, `--doc` those of crates that have
        // them switched off.
        report.stage("rust", || match tools::postgres().and_then(|()| tools::python()) {
            Ok(()) => run_command(cargo(&["test", "--workspace", "--no-fail-fast"])),
            Err(missing) => Ok(Outcome::Skipped(missing)),
        });
    }
    if wanted(Stage::Conformance) {
        report.stage("conformance", conformance::run);
    }
    if wanted(Stage::Npm) {
        npm::packages(report);
    }
    if wanted(Stage::Browser) {
        npm::browser(report);
    }
}
