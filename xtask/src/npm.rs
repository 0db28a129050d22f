//! Tests that run in Node.js: the npm packages of the repository, and the browser tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::{
    report::{Outcome, Report},
    shell, tools,
};

/// The folder of the tests that drive a browser; its stage gets a browser and the chat example.
const BROWSER: &str = "tests/browser";

/// The program that the tests of clients run against.
pub(crate) const SERVER: &str = "client-tests-server";

/// Adds a stage for every npm package with tests of its own. They get a Chromium in `PSD_CHROMIUM` and the server of
/// tests/clients, built, in `PSD_CLIENT_TESTS_SERVER`.
pub(crate) fn packages(report: &mut Report) {
    for folder in folders().into_iter().filter(|folder| folder != Path::new(BROWSER)) {
        if script(&folder, "test") {
            report.stage(format!("npm: {}", folder.display()), || {
                let chromium = match tools::node().and_then(|()| tools::chromium()) {
                    Ok(chromium) => chromium,
                    Err(missing) => return Ok(Outcome::Skipped(missing)),
                };
                install(&folder)?;
                if let failed @ Outcome::Failed(_) =
                    shell::run(shell::cargo(&["build", "--workspace", "--bin", SERVER]))?
                {
                    return Ok(failed);
                }
                let mut command = npm(&folder, &["test"]);
                command.env("PSD_CHROMIUM", chromium).env("PSD_CLIENT_TESTS_SERVER", built(SERVER)?);
                shell::run(command)
            });
        }
    }
}

/// Adds the stage of the browser tests: `node --test` with a Chromium in `PSD_CHROMIUM` and the chat example, built, in
/// `PSD_CHAT`.
pub(crate) fn browser(report: &mut Report) {
    let folder = Path::new(BROWSER);
    if !shell::root().join(folder).join("package-lock.json").is_file() {
        return;
    }
    report.stage("browser", || {
        let chromium = match tools::node().and_then(|()| tools::chromium()) {
            Ok(chromium) => chromium,
            Err(missing) => return Ok(Outcome::Skipped(missing)),
        };
        install(folder)?;
        if let failed @ Outcome::Failed(_) = shell::run(shell::cargo(&["build", "--workspace", "--bin", "chat"]))? {
            return Ok(failed);
        }
        let mut command = shell::command("node", &["--test", "--test-reporter=spec"]);
        command.current_dir(shell::root().join(folder)).env("PSD_CHROMIUM", chromium).env("PSD_CHAT", built("chat")?);
        shell::run(command)
    });
}

/// Runs a script of a folder's package.json, with its packages installed; whether it succeeded.
pub(crate) fn run(folder: &Path, script: &str) -> anyhow::Result<bool> {
    tools::node().map_err(anyhow::Error::msg)?;
    install(folder)?;
    Ok(matches!(shell::run(npm(folder, &["run", script]))?, Outcome::Passed))
}

/// The folders of the repository with a package-lock.json, relative to its root.
fn folders() -> Vec<PathBuf> {
    let tracked = shell::output(shell::command("git", &["ls-files", "--", "package-lock.json", "*/package-lock.json"]));
    let tracked = tracked.unwrap_or_default();
    tracked.lines().filter_map(|file| Path::new(file).parent()).map(Path::to_owned).collect()
}

pub(crate) fn install(folder: &Path) -> anyhow::Result<()> {
    if tools::is_installed(&shell::root().join(folder)) {
        return Ok(());
    }
    match shell::run(npm(folder, &["ci", "--no-audit", "--no-fund"]))? {
        Outcome::Passed => Ok(()),
        _ => bail!("the npm packages of {} could not be installed; is the network there?", folder.display()),
    }
}

pub(crate) fn npm(folder: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = shell::command("npm", arguments);
    command.current_dir(shell::root().join(folder));
    command
}

/// Whether the package.json of a folder has such a script, as npm itself reads it.
fn script(folder: &Path, name: &str) -> bool {
    let file = shell::root().join(folder).join("package.json");
    let json =
        std::fs::read_to_string(file).ok().and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    json.is_some_and(|json| json["scripts"][name].is_string())
}

/// A program as `cargo build` leaves it.
pub(crate) fn built(program: &str) -> anyhow::Result<PathBuf> {
    let folder = std::env::current_exe().context("cannot find the folder of built programs")?;
    let file = folder.with_file_name(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    if file.is_file() { Ok(file) } else { bail!("{} was not built", file.display()) }
}
