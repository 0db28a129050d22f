use std::path::Path;

use psd_build::{Config, Schema};
use tempfile::TempDir;

/// A folder of .proto files; its own path is left out of everything it shows.
pub(crate) struct Folder {
    root: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { root: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    /// Adds a file; folders are created.
    pub(crate) fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Writes `fps_config.json` and reads it.
    pub(crate) fn config(&self, json: &str) -> Result<Config, String> {
        let path = self.root.path().join("fps_config.json");
        std::fs::write(&path, json).unwrap();
        Config::load(path).map_err(|error| self.shown(&error.to_string()))
    }

    /// The schema of this configuration.
    pub(crate) fn schema_of(&self, json: &str) -> Result<Schema, String> {
        self.config(json)?.schema().map_err(|error| self.shown(&error.to_string()))
    }

    /// The schema of everything in `proto`.
    pub(crate) fn schema(&self) -> Result<Schema, String> {
        self.schema_of(r#"{ "protos": ["proto"] }"#)
    }

    /// The schema of everything in `proto`, without the common messages.
    pub(crate) fn own_schema(&self) -> Result<Schema, String> {
        self.schema_of(r#"{ "protos": ["proto"], "include_common": false }"#)
    }

    /// Everything there is to say about `proto`: the mistakes, or the warnings.
    pub(crate) fn diagnostics(&self) -> String {
        match self.schema() {
            Ok(schema) => {
                schema.warnings.iter().map(|warning| self.shown(&warning.to_string())).collect::<Vec<_>>().join("\n")
            }
            Err(diagnostics) => diagnostics,
        }
    }

    /// `text` without the path of this folder.
    pub(crate) fn shown(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.root.path().display()), "")
    }
}

/// Compares with the snapshot `name`, which shows the contract too.
#[track_caller]
pub(crate) fn check(name: &str, contract: &str, shown: &str) {
    insta::with_settings!({ description => contract, omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, shown);
    });
}
