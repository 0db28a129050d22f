//! What leaves the generator: files, and words to cargo.

use std::path::{Path, PathBuf};

use crate::schema::FileKind;
use crate::sources::{Source, Sources};
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
