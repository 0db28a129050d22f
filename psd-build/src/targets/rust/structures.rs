//! The structures themselves, by prost-build: one piece of text per package.

use std::collections::{BTreeMap, BTreeSet};

use prost_build::Module;

use super::externs;
use super::model::{Model, modules};
use crate::{Diagnostic, Error};

/// Structures by the modules of their package.
pub(super) type Structures = BTreeMap<Vec<String>, String>;

pub(super) fn print(model: &Model<'_>) -> Result<Structures, Error> {
    let mut config = prost_build::Config::new();
    config
        .prost_path(format!("{}::prost", model.runtime))
        .prost_types_path(format!("{}::prost_types", model.runtime))
        // Output must not depend on a hash seed, neither ours nor that of the program that encodes a map.
        .btree_map(["."])
        // Well-known types are named one by one below: files that JSON treats like any other are printed.
        .compile_well_known_types();
    let printed: BTreeSet<&str> = model.messages.iter().map(|message| &*message.place.package).collect();
    for file in &model.schema.files.file {
        if file.package() == "google.protobuf" {
            let messages = file.message_type.iter().map(|message| message.name());
            for name in messages.chain(file.enum_type.iter().map(|descriptor| descriptor.name())) {
                let full_name = format!("google.protobuf.{name}");
                if let Some((path, _)) = externs::well_known(&full_name, model.runtime) {
                    config.extern_path(format!(".{full_name}"), path);
                } else if !printed.contains("google.protobuf") {
                    config.extern_path(format!(".{full_name}"), format!("{}::prost_types::{name}", model.runtime));
                }
            }
        }
    }
    for (full_name, path) in &model.externs {
        config.extern_path(format!(".{full_name}"), path);
    }
    let files = model.schema.files.file.iter();
    let requests = files.map(|file| (Module::from_protobuf_package_name(file.package()), file.clone())).collect();
    let structures = config
        .generate(requests)
        .map_err(|error| Error::from(Diagnostic::error(format!("prost-build refused the files: {error}"))))?;
    Ok(structures
        .into_iter()
        .map(|(module, text)| (module.parts().map(str::to_owned).collect(), text))
        .filter(|(module, _): &(Vec<String>, String)| {
            let enums = model.enums.iter().map(|descriptor| &descriptor.place);
            let mut places = model.messages.iter().map(|message| &message.place).chain(enums);
            places.any(|place| modules(&place.package) == *module)
        })
        .collect())
}
