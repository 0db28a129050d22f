//! `cargo xtask test`: all tests of the project.

use clap::{Args, ValueEnum};

use crate::{
    conformance, dart, npm,
    report::{Outcome, Report},
    shell::{cargo, is_ci, run as run_command},
    tools,
};

/// The tests that need more than Rust on the machine.
pub(crate) const SERVICES: &str = "psd-tests/services";

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
    /// Tests beside a real PostgreSQL and a real Django
    Services,
    /// The official conformance suite of protobuf, in tests/conformance
    Conformance,
    /// The Dart package and all generated Dart, in Dart's virtual machine
    Dart,
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
        report.stage("rust", || run_command(cargo(&["test", "--workspace", "--no-fail-fast"])));
    }
    if wanted(Stage::Services) {
        report.stage("services", || {
            match tools::postgres().and_then(|()| tools::python()).and_then(|()| tools::nginx()) {
                // Of the whole workspace, so that what the stage before has built is used again.
                Ok(()) => run_command(cargo(&[
                    "test",
                    "--workspace",
                    "--features",
                    SERVICES,
                    "--test",
                    "stores",
                    "--test",
                    "django",
                    "--test",
                    "migration",
                ])),
                Err(missing) => Ok(Outcome::Skipped(missing)),
            }
        });
    }
    if wanted(Stage::Conformance) {
        report.stage("conformance", conformance::run);
    }
    if wanted(Stage::Dart) {
        report.stage("dart", dart::run);
    }
    if wanted(Stage::Npm) {
        npm::packages(report);
    }
    if wanted(Stage::Browser) {
        npm::browser(report);
    }
}
