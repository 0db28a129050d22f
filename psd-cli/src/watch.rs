//! Doing something again whenever the contract changes.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use psd_build::Config;

use crate::exit::Exit;

/// How long nothing may happen before the work begins: an editor saves in several steps, a checkout changes many files.
const QUIET: Duration = Duration::from_millis(100);

/// Does the work, and again after every change of the configuration and of what is in its folders; ends with the first
/// error of the work.
pub(crate) fn watch(config: &Path, mut work: impl FnMut() -> Result<(), Exit>) -> Result<(), Exit> {
    let failed = |error: notify::Error| Exit::Connection(format!("cannot watch for changes: {error}"));
    let (sender, changes) = mpsc::channel();
    // Whoever no longer receives has ended.
    let send = move |event: notify::Result<Event>| drop(sender.send(event));
    let mut watcher = notify::recommended_watcher(send).map_err(failed)?;
    let mut watched = Vec::new();
    loop {
        // Before the work: what changes while it is done is not missed. And again each time: folders come and go.
        let inputs = inputs(config);
        follow(&mut watcher, &mut watched, &inputs, config).map_err(failed)?;
        work()?;
        anstream::eprintln!("waiting for changes; ctrl-c ends");
        wait(&changes, &inputs).map_err(failed)?;
    }
}

/// The configuration and the folders that it names.
fn inputs(config: &Path) -> Vec<PathBuf> {
    let mut inputs = vec![config.to_owned()];
    inputs.extend(Config::load(config).map(|config| config.inputs()).unwrap_or_default());
    inputs.into_iter().filter_map(|path| path.canonicalize().ok()).collect()
}

/// Watches the folders, and the one of the configuration: editors put a new file in the place of the old one.
fn follow(
    watcher: &mut RecommendedWatcher,
    watched: &mut Vec<PathBuf>,
    inputs: &[PathBuf],
    config: &Path,
) -> notify::Result<()> {
    for folder in watched.drain(..) {
        // It may be gone.
        let _ = watcher.unwatch(&folder);
    }
    let beside = config.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = beside.canonicalize()?;
    let folders = inputs.iter().filter(|path| path.is_dir() && **path != beside).cloned();
    for folder in folders {
        watcher.watch(&folder, RecursiveMode::Recursive)?;
        watched.push(folder);
    }
    let mode = if inputs.contains(&beside) { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
    watcher.watch(&beside, mode)?;
    watched.push(beside);
    Ok(())
}

/// Until an input has changed and nothing more happens for a moment.
fn wait(changes: &Receiver<notify::Result<Event>>, inputs: &[PathBuf]) -> notify::Result<()> {
    loop {
        let Ok(event) = changes.recv() else { return Ok(()) };
        if concerns(&event?, inputs) {
            break;
        }
    }
    while let Ok(event) = changes.recv_timeout(QUIET) {
        event?;
    }
    Ok(())
}

/// Whether an input was written, not merely read. What is generated may lie in a watched folder, but is no .proto file.
fn concerns(event: &Event, inputs: &[PathBuf]) -> bool {
    !event.kind.is_access()
        && event.paths.iter().any(|path| {
            inputs.contains(path)
                || path.extension().is_none_or(|extension| extension == "proto")
                    && inputs.iter().any(|input| path.starts_with(input))
        })
}
