//! What a file refers to in others, and under which names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::model::{File, Model, Module};
use super::names;

/// The types that one file takes from others.
pub(super) struct Imports<'m> {
    model: &'m Model<'m>,
    /// The path of the file itself.
    path: &'m str,
    /// The names that stand for something in the file.
    taken: BTreeSet<String>,
    /// By where it comes from and what it is called there: what it is called here, and whether a value is needed.
    names: BTreeMap<(Module, String), (String, bool)>,
}

impl<'m> Imports<'m> {
    pub(super) fn of(file: &'m File<'m>, model: &'m Model<'m>) -> Self {
        let messages = file.messages.iter().map(|message| message.name.clone());
        let taken = messages.chain(file.enums.iter().map(|item| item.name.clone())).collect();
        Self { model, path: &file.path, taken, names: BTreeMap::new() }
    }

    /// What a type is called in this file, as a value (a constant) or as a type.
    pub(super) fn name(&mut self, full_name: &str, is_value: bool) -> String {
        let place = self.model.place(full_name);
        if place.module == Module::File(self.path.to_owned()) {
            return place.name;
        }
        self.refer(place.module, &place.name, is_value)
    }

    /// What something of the runtime's module of well-known types is called in this file.
    pub(super) fn well_known(&mut self, name: &str) -> String {
        self.refer(Module::WellKnown, name, false)
    }

    fn refer(&mut self, module: Module, name: &str, is_value: bool) -> String {
        let known = self.names.entry((module, name.to_owned())).or_insert_with(|| {
            let mut local = names::export(name);
            while !self.taken.insert(local.clone()) {
                local.push('$');
            }
            (local, false)
        });
        known.1 |= is_value;
        known.0.clone()
    }

    /// The statements, each module once.
    pub(super) fn print(&self) -> String {
        let mut modules: BTreeMap<&Module, Vec<String>> = BTreeMap::new();
        for ((module, name), (local, is_value)) in &self.names {
            let kind = if *is_value { "" } else { "type " };
            let alias = if local == name { String::new() } else { format!(" as {local}") };
            modules.entry(module).or_default().push(format!("{kind}{name}{alias}"));
        }
        let mut out = String::new();
        for (module, names) in modules {
            let from = match module {
                Module::File(path) => relative(self.path, path, &self.model.options.extension),
                Module::Common => self.model.options.common.clone(),
                Module::WellKnown => self.model.options.well_known.clone(),
            };
            let _ = writeln!(out, "import {{ {} }} from {};", names.join(", "), names::literal(&from));
        }
        out
    }
}

/// The path of a generated file, seen from another.
pub(super) fn relative(from: &str, to: &str, extension: &str) -> String {
    let (from, to): (Vec<&str>, Vec<&str>) = (from.split('/').collect(), to.split('/').collect());
    let shared = from.iter().zip(&to).take_while(|(from, to)| from == to).count().min(from.len() - 1);
    let up = match from.len() - 1 - shared {
        0 => "./".to_owned(),
        levels => "../".repeat(levels),
    };
    let path = format!("{up}{}", to[shared..].join("/"));
    format!("{}{extension}", path.trim_end_matches(".ts"))
}
