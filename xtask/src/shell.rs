//! Programs that the tasks run.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context;

use crate::report::Outcome;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    // Cargo says at run time where this package is; what it said when it was built is another place when clones share a
    // target folder.
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    xtask.parent().unwrap_or(&xtask).to_owned()
}

/// The target folder, which the workspaces beside ours share.
pub(crate) fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Whether this is a build machine.
pub(crate) fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// A program in the root of the repository, without standard input: nothing may wait for an answer.
pub(crate) fn command(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

/// The cargo that runs us.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments)
}

/// Shows the command, runs it with its output on ours, and judges by its exit code.
pub(crate) fn run(mut command: Command) -> anyhow::Result<Outcome> {
    let shown = show(&command);
    println!("$ {shown}");
    let status = command.status().with_context(|| format!("cannot run `{shown}`"))?;
    Ok(if status.success() { Outcome::Passed } else { Outcome::Failed(format!("`{shown}`: {status}")) })
}

/// What a command prints on standard output, if it runs and succeeds.
pub(crate) fn output(mut command: Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn show(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let variables = variables.map(|(name, value)| format!("{}='{}'", name.display(), value.display()));
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args()).map(|word| word.display().to_string());
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_they_would_be_typed() {
        let mut command = command("/usr/bin/cargo", &["doc", "--no-deps"]);
        command.env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(show(&command), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_and_a_failure_is_an_outcome() {
        let missing = run(command("psd-no-such-program", &[])).expect_err("it is not there");
        assert_eq!(missing.to_string(), "cannot run `psd-no-such-program`");
        assert!(matches!(run(command("false", &[])), Ok(Outcome::Failed(_))));
        assert!(matches!(run(command("true", &[])), Ok(Outcome::Passed)));
        assert_eq!(output(command("echo", &["hi"])).as_deref(), Some("hi"));
        assert_eq!(output(command("false", &[])), None);
    }
}
