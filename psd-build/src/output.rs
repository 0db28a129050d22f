//! What leaves the generator: files, and words to cargo.

use std::collections::BTreeSet;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use crate::schema::FileKind;
use crate::sources::{Source, Sources};
use crate::targets::{File, MARK};
use crate::{Config, Diagnostic, Error, Schema};

/// The files of a target beside those that are there.
#[derive(Debug)]
#[non_exhaustive]
pub struct Output {
    /// The folder they are written to.
    pub folder: PathBuf,
    /// Every file by its path in the folder, in order: those that are generated, and those that were but are no more.
    pub files: Vec<(String, State)>,
    /// What is legal in the contract but looks wrong.
    pub warnings: Vec<Diagnostic>,
    contents: Vec<File>,
}

/// How a generated file stands to the one that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is there, to the byte.
    Unchanged,
    /// It is not there.
    New,
    /// It is there and differs.
    Changed,
    /// It is there, bears the mark of a generated file, and would not be generated.
    Stale,
}

impl Output {
    pub(crate) fn compare(folder: PathBuf, contents: Vec<File>, warnings: Vec<Diagnostic>) -> Result<Self, Error> {
        let mut files = Vec::new();
        for file in &contents {
            let state = match std::fs::read(folder.join(&file.path)) {
                Ok(current) if current == file.contents.as_bytes() => State::Unchanged,
                Ok(_) => State::Changed,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => State::New,
                Err(error) => return Err(Error::io("read", &folder.join(&file.path), &error)),
            };
            files.push((file.path.clone(), state));
        }
        let generated: BTreeSet<&str> = contents.iter().map(|file| file.path.as_str()).collect();
        // Another target may write to the same folder: only files of this one's kind can be its own.
        let kind = |path: &str| Path::new(path).extension().map(ToOwned::to_owned);
        let kinds: BTreeSet<_> = generated.iter().map(|path| kind(path)).collect();
        let mut stale = Vec::new();
        marked(&folder, "", &mut stale)?;
        stale.retain(|path| !generated.contains(path.as_str()) && kinds.contains(&kind(path)));
        files.extend(stale.into_iter().map(|path| (path, State::Stale)));
        files.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Self { folder, files, warnings, contents })
    }

    /// Whether everything is there as it would be written.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.files.iter().all(|(_, state)| *state == State::Unchanged)
    }

    /// What a file would hold; nothing for one that is stale.
    #[must_use]
    pub fn contents(&self, path: &str) -> Option<&str> {
        self.contents.iter().find(|file| file.path == path).map(|file| file.contents.as_str())
    }

    /// Writes what is new or changed, and removes what is stale. What is unchanged keeps its time.
    ///
    /// # Errors
    /// A file that cannot be written or removed; those before it are.
    pub fn write(&self) -> Result<(), Error> {
        for file in &self.contents {
            write(&self.folder.join(&file.path), &file.contents)?;
        }
        for (path, _) in self.files.iter().filter(|(_, state)| *state == State::Stale) {
            let path = self.folder.join(path);
            std::fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))?;
            // A folder that is empty now was ours; one that is not stays.
            for folder in path.ancestors().skip(1).take_while(|folder| *folder != self.folder) {
                if std::fs::remove_dir(folder).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The files in and under a folder that bear the mark of generated ones; links are not followed.
fn marked(folder: &Path, within: &str, found: &mut Vec<String>) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::io("read", folder, &error);
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if within.is_empty() { name.clone() } else { format!("{within}/{name}") };
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() && name != "node_modules" && !name.starts_with('.') {
            marked(&entry.path(), &path, found)?;
        } else if kind.is_file() && is_marked(&entry.path()) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_marked(path: &Path) -> bool {
    let first_line = std::fs::File::open(path).ok().and_then(|file| {
        let mut line = Vec::new();
        std::io::BufReader::new(std::io::Read::take(file, 512)).read_until(b'\n', &mut line).ok()?;
        Some(line)
    });
    first_line.is_some_and(|line| line.windows(MARK.len()).any(|words| words == MARK.as_bytes()))
}

/// Writes a file unless it already holds these contents, so that nothing is compiled again for nothing.
pub(crate) fn write(path: &Path, contents: &str) -> Result<(), Error> {
    if std::fs::read(path).is_ok_and(|current| current == contents.as_bytes()) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, &error))?;
    }
    std::fs::write(path, contents).map_err(|error| Error::io("write", path, &error))
}

/// Where cargo wants a build script's output.
pub(crate) fn cargo_folder() -> Result<PathBuf, Error> {
    match std::env::var_os("OUT_DIR") {
        Some(folder) => Ok(Path::new(&folder).join("psd")),
        None => Err(Diagnostic::error("there is no folder to write to: `OUT_DIR` is not set")
            .help("call this from a build script, or name a folder: `out` in fps_config.json, `Config::out` in code")
            .into()),
    }
}

/// Tells cargo everything that the output depends on.
pub(crate) fn tell_cargo(config: &Config, sources: &Sources) {
    for line in dependencies(config, sources) {
        println!("{line}");
    }
}

fn dependencies(config: &Config, sources: &Sources) -> Vec<String> {
    let is_user = |source: &&Source| source.kind == FileKind::User;
    let files = sources.files.iter().filter(is_user).map(|source| Path::new(&source.path));
    let config_file = config.file.iter().map(|file| file.path.as_path());
    let folders = sources.folders.iter().map(PathBuf::as_path);
    let paths = config_file.chain(folders).chain(files);
    let changed = paths.map(|path| format!("cargo:rerun-if-changed={}", path.display()));
    let variables = config.environment().into_iter().map(|name| format!("cargo:rerun-if-env-changed={name}"));
    changed.chain(variables).collect()
}

/// Shows warnings through cargo.
pub(crate) fn warn(schema: &Schema) {
    for warning in &schema.warnings {
        println!("cargo:warning={}", warning.one_line());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::dependencies;
    use crate::{Config, sources};

    #[test]
    fn cargo_is_told_of_the_configuration_folders_files_and_variables() {
        let root = tempfile::TempDir::new().unwrap();
        let path = |name: &str| root.path().join(name);
        std::fs::create_dir_all(path("proto/deep")).unwrap();
        std::fs::write(path("proto/deep/a.proto"), "syntax = \"proto3\";").unwrap();
        let json = r#"{ "protos": ["${NAME}", "$MISSING"], "out": "$OTHER/out" }"#;
        std::fs::write(path("fps_config.json"), json).unwrap();
        let config = Config::load(path("fps_config.json")).unwrap().variable("NAME", "proto");

        let lines = dependencies(&config, &sources::collect(&config));

        let lines: Vec<_> = lines.iter().map(|line| line.replace(&format!("{}/", root.path().display()), "")).collect();
        let expected = [
            "cargo:rerun-if-changed=fps_config.json",
            "cargo:rerun-if-changed=proto",
            "cargo:rerun-if-changed=proto/deep/a.proto",
            "cargo:rerun-if-env-changed=MISSING",
            "cargo:rerun-if-env-changed=OTHER",
        ];
        assert_eq!(lines, expected);
    }
}
