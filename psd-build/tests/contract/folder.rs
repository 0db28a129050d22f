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

    /// Adds a file; folders are created.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
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

    /// The schema of everything in `proto`.
    pub(crate) fn schema(&self) -> Result<Schema, String> {
        self.config(r#"{ "protos": ["proto"] }"#)?.schema().map_err(|error| self.shown(&error.to_string()))
    }

    /// `text` without the path of this folder.
    pub(crate) fn shown(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.root.path().display()), "")
    }
}
