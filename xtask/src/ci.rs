//! `cargo xtask ci`: everything that must hold before a change lands.

use clap::Args;

use crate::{
    bench, fuzz, generate, page,
    report::{Outcome, Report},
    shell::{cargo, is_ci, run as run_command},
    test, tools,
};

/// Run everything that must hold before a change lands: format, lints, documentation, generated files, all tests, a little fuzzing, instructions
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(Arguments {}: Arguments) -> anyhow::Result<bool> {
    let mut report = Report::new(is_ci());
    report.stage("format", || match tools::component("rustfmt", "fmt") {
        Ok(()) => run_command(cargo(&["fmt", "--all", "--", "--check"])),
        Err(missing) => Ok(Outcome::Skipped(missing)),
    });
    report.stage("lints", || match tools::component("clippy", "clippy") {
        Ok(()) => {
            let strict = ["--", "-D", "warnings"];
            // The workspace uses every feature; most applications do not.
            let plain = run_command(cargo(&[&["clippy", "--package", "psd-core"], &strict[..]].concat()))?;
            let what = ["clippy", "--workspace", "--keep-going", "--all-targets", "--features", test::SERVICES];
            let whole = run_command(cargo(&[&what[..], &strict].concat()))?;
            Ok(if whole == Outcome::Passed { plain } else { whole })
        }
        Err(missing) => Ok(Outcome::Skipped(missing)),
    });
    report.stage("documentation", || {
        let mut command = cargo(&["doc", "--workspace", "--keep-going", "--no-deps"]);
        command.env("RUSTDOCFLAGS", "-D warnings");
        run_command(command)
    });
    report.stage("generated files", || generate::check().map(|()| Outcome::Passed));
    report.stage("page of the chat", page::check);
    test::stages(&mut report, &test::Arguments::default());
    report.stage("fuzz", fuzz::shortly);
    report.stage("instructions", bench::instructions);
    Ok(report.finish())
}
