//! Puts structures and implementations into one file: a module per package, and everything again at the root.

use std::collections::{BTreeMap, BTreeSet};

use super::codec::{self, line};
use super::metadata;
use super::model::{Model, Place, modules};
use super::names;
use super::structures::Structures;

/// What generated code may do that written code may not; documentation is up to the .proto files.
const ALLOWED: &str =
    "#[allow(clippy::all, clippy::pedantic, dead_code, missing_docs, rustdoc::all, unreachable_pub, unused_imports)]";

pub(super) fn assemble(model: &Model<'_>, structures: Structures) -> String {
    let mut root = Module::default();
    for (path, text) in structures {
        root.at(&path).text.push_str(&text);
    }
    let enums = model.enums.iter().map(|descriptor| &descriptor.place.package);
    let packages: BTreeSet<&String> =
        model.messages.iter().map(|message| &message.place.package).chain(enums).collect();
    for package in packages {
        root.at(&modules(package)).text.push_str(&implementations(package, model));
    }
    let mut out = String::new();
    let is_common = model.runtime == "crate";
    root.print(&mut out, if is_common { "" } else { ALLOWED }, "");
    if !is_common {
        reexport(&mut out, model, &root);
    }
    metadata::print_schema(&mut out, model);
    out
}

/// The implementations for the types of one package.
///
/// They stand in a nameless block, so that its short names can clash with nothing of the package: types of the package
/// are named by `self::` in there.
fn implementations(package: &str, model: &Model<'_>) -> String {
    let runtime = model.runtime;
    let mut out = format!(
        "#[allow(deprecated, unused_imports)] const _: () = {{
            use {runtime}::json::{{self, Enum, Map, Null, Optional, Repeated, Wrapper, name}};
            use {runtime} as proto;
        "
    );
    for message in model.messages.iter().filter(|message| message.place.package == package) {
        codec::print_message(&mut out, message, model);
        metadata::print_message(&mut out, message, model);
    }
    for descriptor in model.enums.iter().filter(|descriptor| descriptor.place.package == package) {
        codec::print_enum(&mut out, descriptor);
    }
    out.push_str("};\n");
    out
}

/// Names everything at the root whose name is unique, so that users write `pb::Echo`, not `pb::demo::Echo`.
fn reexport(out: &mut String, model: &Model<'_>, root: &Module) {
    let mut sources: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let enums = model.enums.iter().map(|descriptor| &descriptor.place);
    for place in model.messages.iter().map(|message| &message.place).chain(enums) {
        sources.entry(root_name(place)).or_default().insert(&place.package);
    }
    for message in &model.messages {
        if !message.oneofs.is_empty() && !message.place.path.contains("::") {
            sources.entry(names::snake(message.descriptor.name())).or_default().insert(&message.place.package);
        }
    }
    // A module of the root keeps its name, and what stands at the root already needs no second one.
    sources.retain(|name, packages| packages.len() == 1 && !packages.contains("") && !root.modules.contains_key(name));
    let mut by_package: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, packages) in sources {
        for package in packages {
            by_package.entry(package).or_default().push(name.clone());
        }
    }
    for (package, names) in by_package {
        let path = modules(package).join("::");
        line(out, format_args!("#[allow(unused_imports)] pub use self::{path}::{{{}}};", names.join(", ")));
    }
    for package in &model.common_packages {
        let module = modules(package).join("::");
        if !root.modules.contains_key(&module) {
            line(out, format_args!("#[allow(unused_imports)] pub use {}::common::{module};", model.runtime));
        }
    }
}

/// The name at the top level of its package under which a type is found: its own, or the module that it is in.
fn root_name(place: &Place) -> String {
    place.path.split("::").next().unwrap_or(&place.path).to_owned()
}

/// A module and what it holds.
#[derive(Default)]
struct Module {
    text: String,
    modules: BTreeMap<String, Module>,
}

impl Module {
    fn at(&mut self, path: &[String]) -> &mut Module {
        path.iter().fold(self, |module, name| module.modules.entry(name.clone()).or_default())
    }

    fn print(&self, out: &mut String, attributes: &str, package: &str) {
        out.push_str(&self.text);
        for (name, module) in &self.modules {
            let package = if package.is_empty() { name.clone() } else { format!("{package}.{name}") };
            line(out, format_args!("/// The protobuf package `{}`.", package.replace("r#", "")));
            line(out, format_args!("{attributes} pub mod {name} {{"));
            module.print(out, "", &package);
            out.push_str("}\n");
        }
    }
}
