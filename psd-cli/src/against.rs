//! `psd check --against`: what a new version of the contract breaks.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use psd_build::{Change, Config, Schema};
use serde_json::json;

use crate::contract;
use crate::exit::Exit;

/// Says what changed from an older version, and fails if something is broken by it.
pub(crate) fn report(old: &Schema, new: &Schema, all: bool, json: bool) -> Result<(), Exit> {
    let changes = psd_build::compare(old, new);
    for change in changes.iter().filter(|change| all || change.is_breaking()) {
        tell(change, json)?;
    }
    let breaking = changes.iter().filter(|change| change.is_breaking()).count();
    if breaking > 0 {
        let counted = crate::check::counted(breaking, "breaking change");
        return Err(Exit::Refused((!json).then_some(counted)));
    }
    if !json {
        let counted = crate::check::counted(changes.len(), "compatible change");
        writeln!(anstream::stdout(), "{counted}, nothing breaks")?;
    }
    Ok(())
}

fn tell(change: &Change, json: bool) -> io::Result<()> {
    let mut out = anstream::stdout();
    let breaks: Vec<String> = change.breaks.iter().map(ToString::to_string).collect();
    if json {
        let place = change.location.as_ref();
        let line = json!({
            "breaking": change.is_breaking(),
            "message": change.message,
            "breaks": breaks,
            "file": place.map(|place| &place.file),
            "line": place.map(|place| place.line),
            "column": place.map(|place| place.column),
        });
        return writeln!(out, "{line}");
    }
    let kind = if change.is_breaking() { "breaking" } else { "compatible" };
    writeln!(out, "{kind}: {}", change.message)?;
    if let Some(location) = &change.location {
        writeln!(out, " --> {location}")?;
    }
    if change.is_breaking() {
        writeln!(out, "  = breaks {}", breaks.join(", "))?;
    }
    Ok(())
}

/// The older version: a folder, a configuration, or `git:` and a revision, which has the folders of the new one.
pub(crate) fn old_config(old: &str, folders: &[PathBuf]) -> Result<(Config, Option<Checkout>), Exit> {
    if let Some(revision) = old.strip_prefix("git:") {
        let checkout = Checkout::of(revision, folders).map_err(Exit::Usage)?;
        let folders = checkout.folders.iter().map(|folder| contract::literal(folder));
        return Ok((Config::from_folders(folders), Some(checkout)));
    }
    let path = Path::new(old);
    if !path.exists() {
        return Err(Exit::Usage(format!("`{old}` does not exist; name a folder, a configuration, or `git:REVISION`")));
    }
    if path.is_file() {
        let config = Config::load(path).map_err(|error| Exit::Usage(error.to_string()))?;
        return Ok((config, None));
    }
    Ok((Config::from_folders([contract::literal(path)]), None))
}

/// The folders of a contract as they were in a revision.
pub(crate) struct Checkout {
    folders: Vec<PathBuf>,
    _root: tempfile::TempDir,
}

impl Checkout {
    fn of(revision: &str, folders: &[PathBuf]) -> Result<Self, String> {
        let root = tempfile::tempdir().map_err(|error| format!("cannot create a folder: {error}"))?;
        let mut found = Vec::new();
        for (index, folder) in folders.iter().enumerate() {
            let names = git(folder, &["ls-tree", "-r", "-z", "--name-only", revision, "."])?;
            let names = String::from_utf8_lossy(&names).into_owned();
            let copy = root.path().join(index.to_string());
            for name in names.split('\0').filter(|name| name.ends_with(".proto")) {
                let text = git(folder, &["show", &format!("{revision}:./{name}")])?;
                let file = copy.join(name);
                let written =
                    std::fs::create_dir_all(file.parent().unwrap_or(&copy)).and_then(|()| std::fs::write(&file, text));
                written.map_err(|error| format!("cannot write `{}`: {error}", file.display()))?;
            }
            // A folder that is new had nothing in it.
            if copy.is_dir() {
                found.push(copy);
            }
        }
        match found.is_empty() {
            true => Err(format!("`{revision}` has no .proto file in these folders")),
            false => Ok(Self { folders: found, _root: root }),
        }
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output();
    let output = output.map_err(|error| format!("cannot run git: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("git: {}", String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("fatal: ")))
}
