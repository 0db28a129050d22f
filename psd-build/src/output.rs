//! What leaves the generator: files, and words to cargo.

use std::path::{Path, PathBuf};

use crate::schema::FileKind;
use crate::sources::Sources;
use crate::{Config, Diagnostic, Error, Schema};

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

/// Names everything that the output depends on.
pub(crate) fn tell_cargo(config: &Config, sources: &Sources) {
    let files =
        sources.files.iter().filter(|source| source.kind == FileKind::User).map(|source| Path::new(&source.path));
    let config_file = config.file.iter().map(|file| file.path.as_path());
    for path in config_file.chain(sources.folders.iter().map(PathBuf::as_path)).chain(files) {
        println!("cargo:rerun-if-changed={}", path.display());
    }
    for name in config.environment() {
        println!("cargo:rerun-if-env-changed={name}");
    }
}

/// Shows warnings through cargo.
pub(crate) fn warn(schema: &Schema) {
    for warning in &schema.warnings {
        println!("cargo:warning={}", warning.one_line());
    }
}
