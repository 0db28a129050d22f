//! What to generate from which files: `fps_config.json`, or the same said in code.

mod json;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostics::Label;
use crate::output::Output;
use crate::targets::Target;
use crate::{Diagnostic, Error, Schema, compile, output, sources, targets};

/// What to generate from which files.
///
/// [`Config::load`] reads it from `fps_config.json`, [`Config::from_folders`] starts from folders alone; the other
/// methods change either.
///
/// ```no_run
/// # fn main() -> Result<(), psd_build::Error> {
/// psd_build::Config::from_folders(["proto"]).runtime("::psd_client::proto").compile()
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a configuration does nothing until it is compiled"]
pub struct Config {
    /// What relative folders are relative to: the folder of the configuration file.
    pub(crate) base: PathBuf,
    /// The folders as written, variables unexpanded.
    pub(crate) protos: Vec<String>,
    pub(crate) include_common: bool,
    pub(crate) out: Option<String>,
    pub(crate) targets: BTreeMap<&'static str, targets::Settings>,
    pub(crate) file: Option<ConfigFile>,
    variables: BTreeMap<String, String>,
}

/// The configuration file, kept for diagnostics.
#[derive(Debug, Clone)]
pub(crate) struct ConfigFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Config {
    /// Reads `fps_config.json`; its relative folders are relative to its own place.
    ///
    /// # Errors
    /// A file that cannot be read, is not JSON, or holds unknown keys or values of another type: all of them at once.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let diagnostic = Diagnostic::error(format!("cannot read `{}`: {error}", path.display()));
            Error::from(diagnostic.help("write `{ \"protos\": [\"proto\"] }` into it, or name folders instead"))
        })?;
        json::read(ConfigFile { path: path.to_owned(), text })
    }

    /// Every .proto file in and under these folders, relative to the working directory (for a build script: the
    /// package's own folder).
    pub fn from_folders<S: Into<String>>(folders: impl IntoIterator<Item = S>) -> Self {
        Self {
            base: PathBuf::new(),
            protos: folders.into_iter().map(Into::into).collect(),
            include_common: true,
            out: None,
            targets: BTreeMap::new(),
            file: None,
            variables: BTreeMap::new(),
        }
    }

    /// Whether the common messages (login, upload, …) are part of the schema; they are unless this says `false`.
    pub fn include_common(mut self, include: bool) -> Self {
        self.include_common = include;
        self
    }

    /// The folder that output is written to; without it, `psd` in cargo's `OUT_DIR`.
    pub fn out(mut self, folder: impl Into<String>) -> Self {
        self.out = Some(folder.into());
        self
    }

    /// The path by which generated Rust names the runtime; `::psd_core::proto` unless this says otherwise.
    pub fn runtime(mut self, path: impl Into<String>) -> Self {
        self.targets.entry("rust").or_default().set_text("runtime", path.into());
        self
    }

    /// Whether messages keep the fields of the binary form that they do not know, and write them again; they do not
    /// unless this says `true`. Each message then has one more public field, so that programs write
    /// `Echo { text, ..Default::default() }`.
    pub fn unknown_fields(mut self, keep: bool) -> Self {
        self.targets.entry("rust").or_default().set_flag("unknown_fields", keep);
        self
    }

    /// The value of `$name` in folders; without it, the environment's.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Reads and checks every file; writes nothing.
    ///
    /// # Errors
    /// Every mistake of the files, together.
    pub fn schema(&self) -> Result<Schema, Error> {
        compile::compile(self, sources::collect(self))
    }

    /// The Rust that [`compile`](Self::compile) would write.
    ///
    /// # Errors
    /// Every mistake of the files, together.
    pub fn generate(&self) -> Result<String, Error> {
        targets::rust::generate(&self.schema()?, &self.settings(&targets::rust::TARGET))
    }

    /// Generates Rust and writes it, if it changed; for a build script, because it also tells cargo when to run again.
    ///
    /// # Errors
    /// Every mistake of the files, together; or a folder that cannot be written.
    pub fn compile(&self) -> Result<(), Error> {
        let sources = sources::collect(self);
        output::tell_cargo(self, &sources);
        let schema = compile::compile(self, sources)?;
        output::warn(&schema);
        let generated = targets::rust::generate(&schema, &self.settings(&targets::rust::TARGET))?;
        output::write(&self.out_folder()?.join(targets::rust::FILE), &generated)
    }

    /// What `psd generate` would write for a target, compared with what is there; writes nothing.
    ///
    /// The folder is `out` if it is given, else what the configuration says for the target, else its own `out`, else
    /// the target's default; relative to the configuration file, but for the first.
    ///
    /// # Errors
    /// Every mistake of the files, together; or a folder that cannot be read.
    pub fn output(&self, target: &Target, out: Option<&Path>) -> Result<Output, Error> {
        let schema = self.schema()?;
        let settings = self.settings(target);
        let folder = match out {
            Some(out) => out.to_owned(),
            None => {
                let out = settings.out.as_ref().or(self.out.as_ref()).map(String::as_str);
                self.base.join(self.expand(out.unwrap_or(target.out))?)
            }
        };
        Output::compare(folder, (target.generate)(&schema, &settings)?, schema.warnings)
    }

    /// The paths that output depends on: the configuration file and the folders.
    #[must_use]
    pub fn inputs(&self) -> Vec<PathBuf> {
        let folders = self.protos.iter().filter_map(|folder| Some(self.base.join(self.expand(folder).ok()?)));
        self.file.iter().map(|file| file.path.clone()).chain(folders).collect()
    }

    /// What the configuration says for a target.
    fn settings(&self, target: &Target) -> targets::Settings {
        self.targets.get(target.name).cloned().unwrap_or_default()
    }

    fn out_folder(&self) -> Result<PathBuf, Error> {
        let rust = self.targets.get("rust").and_then(|settings| settings.out.as_ref());
        match rust.or(self.out.as_ref()) {
            Some(out) => Ok(self.base.join(self.expand(out)?)),
            None => output::cargo_folder(),
        }
    }

    /// `folder` with its variables expanded.
    pub(crate) fn expand(&self, folder: &str) -> Result<String, Error> {
        let lookup = |name: &str| self.variables.get(name).cloned().or_else(|| std::env::var(name).ok());
        variables::expand(folder, lookup).map_err(|mistake| {
            let diagnostic = mistake.diagnostic(folder);
            match self.label(folder) {
                Some(label) => diagnostic.at(label).into(),
                None => diagnostic.into(),
            }
        })
    }

    /// The variables of the environment that the configuration names, in order.
    pub(crate) fn environment(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .protos
            .iter()
            .chain(&self.out)
            .chain(self.targets.values().filter_map(|target| target.out.as_ref()))
            .flat_map(|text| variables::names(text))
            .collect();
        names.retain(|name| !self.variables.contains_key(name));
        names.sort();
        names.dedup();
        names
    }

    /// Where the configuration file says `text`.
    pub(crate) fn label(&self, text: &str) -> Option<Label> {
        let file = self.file.as_ref()?;
        json::find(file, text)
    }
}
