//! Django: message classes of betterproto 1.2.5 and the `messages.py` that proto-socket-django imports, so that a Django
//! server and ours run side by side from one contract.
//!
//! Reading order: `model` walks the descriptors and gives everything its place and name, `imports` names what a module
//! takes from elsewhere, `print` writes a module, `messages` the one that knows what travels; `layout` breaks lines where
//! black would. What betterproto itself does is called by its name there, as is what proto-socket-django expects.

mod imports;
mod layout;
mod messages;
mod model;
mod names;
mod print;

use std::collections::BTreeSet;
use std::path::Path;

use super::{File, MARK, Settings, Target};
use crate::{Error, Schema};

/// Python for Django Channels with proto-socket-django.
pub const TARGET: Target = Target { name: "django", aliases: &[], out: "proto", keys: &[], recognize, generate };

/// Django's own mark: the program by which a project is run.
fn recognize(folder: &Path) -> Option<&'static str> {
    folder.join("manage.py").is_file().then_some("manage.py")
}

fn generate(schema: &Schema, _: &Settings) -> Result<Vec<File>, Error> {
    let model = model::Model::new(schema)?;
    let mut files = vec![File::new(messages::FILE, messages::print(&model))];
    files.extend(model.modules.iter().map(|module| File::new(module.file(), print::module(module, &model))));
    // Folders are packages, as those are that betterproto makes.
    let written: BTreeSet<String> = files.iter().map(|file| file.path.clone()).collect();
    let folders: BTreeSet<String> = model.modules.iter().flat_map(model::Module::folders).collect();
    for folder in folders {
        let path = format!("{folder}__init__.py");
        if !written.contains(&path) {
            files.push(File::new(path, format!("# {MARK}; do not edit.\n")));
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// The first lines of every file: linters are not asked about style that is betterproto's.
fn head(sources: Option<&str>) -> String {
    let from = sources.map(|sources| format!(" from {sources}")).unwrap_or_default();
    format!("# {MARK}{from}; do not edit.\n# ruff: noqa\n")
}
