//! A Python with what tests/django/requirements.txt names, under `target`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// The folder of the Django project.
pub(crate) const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/django");

/// The Python of a virtual environment with Django in it, made by the first test that asks.
///
/// # Panics
/// If it cannot be made, saying what is missing: a test that needs it is never skipped silently.
pub(crate) fn python() -> &'static Path {
    static PYTHON: LazyLock<PathBuf> = LazyLock::new(environment);
    &PYTHON
}

fn environment() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("django-environment");
    let python = folder.join("bin/python");
    let requirements = fs::read_to_string(Path::new(PROJECT).join("requirements.txt")).unwrap();
    // What was installed, written when all of it was.
    let installed = folder.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == requirements) {
        return python;
    }
    let _ = fs::remove_dir_all(&folder);
    let base = std::env::var_os("PSD_PYTHON").unwrap_or_else(|| "python3".into());
    run(
        Command::new(base).args(["-m", "venv"]).arg(&folder),
        "Python 3.10 or later with `venv` is missing: `cargo xtask test` installs it where it may; else install the \
         Debian packages `python3` and `python3-venv`, or name a Python in `PSD_PYTHON`",
    );
    run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--requirement"])
            .arg(Path::new(PROJECT).join("requirements.txt")),
        "Django cannot be installed: is the Python registry reachable?",
    );
    fs::write(installed, requirements).unwrap();
    python
}

#[track_caller]
fn run(command: &mut Command, otherwise: &str) {
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            panic!("{otherwise}\n{command:?}: {text}");
        }
        Err(error) => panic!("{otherwise}\n{command:?}: {error}"),
    }
}
