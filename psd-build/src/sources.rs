//! The .proto files of the configured folders, in an order that does not depend on the directory listing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::schema::FileKind;
use crate::{Config, Diagnostic, common};

/// What was found, and what was wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Common files first, then by import name.
    pub(crate) files: Vec<Source>,
    /// The folders, as the file system knows them.
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// A .proto file.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The name by which others import it: its path within its folder, with `/`.
    pub(crate) name: String,
    /// Where it is, for diagnostics.
    pub(crate) path: String,
    /// Where it is, for output: the folder as the configuration writes it, then the name.
    pub(crate) written_path: String,
    pub(crate) text: String,
    pub(crate) kind: FileKind,
}

/// Reads every file of the configuration.
pub(crate) fn collect(config: &Config) -> Sources {
    let mut collector = Collector { sources: Sources::default(), files: BTreeMap::new(), visited: BTreeSet::new() };
    for folder in &config.protos {
        match config.expand(folder) {
            Ok(expanded) => collector.folder(config, folder, &config.base.join(expanded)),
            Err(error) => collector.sources.diagnostics.extend(error.into_diagnostics()),
        }
    }
    let Collector { mut sources, files, .. } = collector;
    sources.files = common::sources().into_iter().chain(files.into_values()).collect();
    sources
}

struct Collector {
    sources: Sources,
    /// By import name.
    files: BTreeMap<String, Source>,
    /// Folders by their canonical path: neither a link nor a second mention reads one twice.
    visited: BTreeSet<PathBuf>,
}

impl Collector {
    fn folder(&mut self, config: &Config, written: &str, folder: &Path) {
        let mistake = |message: String, help: &str| {
            let diagnostic = Diagnostic::error(message).help(help);
            match config.label(written) {
                Some(label) => diagnostic.at(label),
                None => diagnostic,
            }
        };
        let shown = slashed(folder);
        if !folder.is_dir() {
            let what = if folder.exists() { "is not a folder" } else { "does not exist" };
            let help = match config.file {
                Some(_) => "folders are relative to the configuration file; create it or correct `protos`",
                None => "folders are relative to the working directory; create it or correct the name",
            };
            self.sources.diagnostics.push(mistake(format!("the folder `{shown}` {what}"), help));
            return;
        }
        if folder.canonicalize().is_ok_and(|canonical| self.visited.contains(&canonical)) {
            let help = "name only the outer folder: folders are searched recursively, and imports start from it";
            self.sources.diagnostics.push(mistake(format!("the folder `{shown}` is already searched"), help));
            return;
        }
        self.sources.folders.push(folder.to_owned());
        let before = self.files.len() + self.sources.diagnostics.len();
        self.search(folder, &mut Vec::new(), &Root { written: written.trim_end_matches('/'), folder });
        if self.files.len() + self.sources.diagnostics.len() == before {
            let help = "files are found by their ending `.proto`, also in sub-folders";
            self.sources.diagnostics.push(mistake(format!("the folder `{shown}` holds no .proto file"), help));
        }
    }

    fn search(&mut self, folder: &Path, within: &mut Vec<String>, root: &Root<'_>) {
        if folder.canonicalize().is_ok_and(|canonical| !self.visited.insert(canonical)) {
            return;
        }
        let entries = std::fs::read_dir(folder).and_then(|entries| {
            let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
            paths.sort();
            Ok(paths)
        });
        let paths = match entries {
            Ok(paths) => paths,
            Err(error) => return self.unreadable(folder, &error.to_string()),
        };
        for path in paths {
            let Some(file_name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
            let is_proto = path.extension().is_some_and(|extension| extension == "proto");
            within.push(file_name);
            if path.is_dir() {
                self.search(&path, within, root);
            } else if is_proto {
                self.file(&path, within.join("/"), root);
            }
            within.pop();
        }
    }

    fn file(&mut self, path: &Path, name: String, root: &Root<'_>) {
        let text = match std::fs::read(path).map_err(|error| error.to_string()).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|error| format!("byte {} is not UTF-8", error.utf8_error().valid_up_to()))
        }) {
            Ok(text) => text,
            Err(error) => return self.unreadable(path, &error),
        };
        // Some editors begin a file with a byte order mark; protobuf has no use for it.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let shown = slashed(&root.folder.join(&name));
        if common::is_common(&name) {
            let message = format!("`{shown}` is imported as `{name}`, which is a common file of psd");
            self.sources.diagnostics.push(Diagnostic::error(message).help("move it out of the folder `psd`"));
            return;
        }
        if let Some(other) = self.files.get(&name) {
            let message = format!("two files are imported as `{name}`: `{}` and `{shown}`", other.path);
            self.sources.diagnostics.push(Diagnostic::error(message).help("rename one, or move it into a sub-folder"));
            return;
        }
        let written_path = format!("{}/{name}", root.written);
        self.files.insert(name.clone(), Source { name, path: shown, written_path, text, kind: FileKind::User });
    }

    fn unreadable(&mut self, path: &Path, error: &str) {
        self.sources.diagnostics.push(Diagnostic::error(format!("cannot read `{}`: {error}", slashed(path))));
    }
}

struct Root<'a> {
    written: &'a str,
    folder: &'a Path,
}

/// Output and diagnostics look the same on every system.
fn slashed(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}
