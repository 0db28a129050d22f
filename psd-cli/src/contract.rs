//! The contract that `psd check` and `psd routes` look at.

use std::path::{Path, PathBuf};

use clap::Args;
use psd_build::{Config, Diagnostic, Error, Schema};

/// Where the contract is.
#[derive(Debug, Args)]
pub(crate) struct Contract {
    /// Folders of .proto files, and configuration files; fps_config.json if none is named
    ///
    /// All folders together are one contract, each configuration file is another.
    #[arg(value_name = "FOLDER|CONFIG")]
    paths: Vec<PathBuf>,
    /// Leave the common messages (login, uploads, …) out
    #[arg(long)]
    no_common: bool,
}

impl Contract {
    /// What these folders and configuration files declare, and the common messages.
    pub(crate) fn of(paths: Vec<PathBuf>) -> Self {
        Self { paths, no_common: false }
    }

    /// Reads every contract; the mistakes of all of them are told together.
    pub(crate) fn read(&self) -> Result<Vec<Schema>, Vec<Diagnostic>> {
        let mut schemas = Vec::new();
        let mut mistakes = Vec::new();
        for schema in self.configs().into_iter().map(|config| self.schema(config?)) {
            match schema {
                Ok(schema) => schemas.push(schema),
                Err(error) => mistakes.extend_from_slice(error.diagnostics()),
            }
        }
        if mistakes.is_empty() { Ok(schemas) } else { Err(mistakes) }
    }

    /// The folders of the only contract; nothing if there are several, or none that can be read.
    pub(crate) fn folders(&self) -> Option<Vec<PathBuf>> {
        let configs = self.configs();
        let [Ok(config)] = configs.as_slice() else { return None };
        Some(config.inputs().into_iter().filter(|path| path.is_dir()).collect())
    }

    pub(crate) fn schema(&self, config: Config) -> Result<Schema, Error> {
        let config = if self.no_common { config.include_common(false) } else { config };
        config.schema()
    }

    fn configs(&self) -> Vec<Result<Config, Error>> {
        if self.paths.is_empty() {
            return vec![Config::load("fps_config.json")];
        }
        let is_config = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "json");
        let (files, folders): (Vec<_>, Vec<_>) = self.paths.iter().partition(is_config);
        let mut configs = Vec::new();
        if !folders.is_empty() {
            configs.push(Ok(Config::from_folders(folders.into_iter().map(|folder| literal(folder)))));
        }
        configs.extend(files.into_iter().map(Config::load));
        configs
    }
}

/// The shell has expanded variables already.
pub(crate) fn literal(folder: &Path) -> String {
    folder.display().to_string().replace('$', "$$")
}
