//! What a module takes from elsewhere, under names that nothing in it has.
//!
//! Fields are attributes of the class in which annotations are looked up, so a field called `int` hides the type for the
//! whole class, and a field called `betterproto` the module.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::layout;
use super::model::{Model, Module};

/// Names that modules take from Python, which no module of the output may be called in another.
const RESERVED: &[&str] = &[
    "betterproto",
    "bool",
    "bytes",
    "dataclass",
    "datetime",
    "float",
    "int",
    "object",
    "str",
    "super",
    "timedelta",
    "tuple",
];

/// The imports of a module, as they are found to be needed.
pub(super) struct Imports<'m> {
    model: &'m Model<'m>,
    module: &'m Module<'m>,
    /// Names of classes and fields, which no import may have.
    taken: BTreeSet<String>,
    /// What is imported, by where it is from and what it is called there.
    needed: RefCell<BTreeMap<(String, &'static str), String>>,
    /// The modules, by their index in the model.
    modules: RefCell<BTreeMap<usize, String>>,
}

impl<'m> Imports<'m> {
    pub(super) fn new(model: &'m Model<'m>, module: &'m Module<'m>) -> Self {
        let messages = module.messages.iter().map(|message| message.name.clone());
        let enums = module.enums.iter().map(|item| item.name.clone());
        let fields = module.messages.iter().flat_map(|message| &message.fields).map(|field| field.name.clone());
        let taken = messages.chain(enums).chain(fields).collect();
        Self { model, module, taken, needed: RefCell::default(), modules: RefCell::default() }
    }

    /// A type that Python has without an import.
    pub(super) fn builtin(&self, name: &'static str) -> String {
        if self.taken.contains(name) { self.from("builtins", name) } else { name.to_owned() }
    }

    /// Something of a module of Python.
    pub(super) fn from(&self, module: &str, name: &'static str) -> String {
        let free = || self.free(name);
        self.needed.borrow_mut().entry((module.to_owned(), name)).or_insert_with(free).clone()
    }

    /// The module of betterproto.
    pub(super) fn betterproto(&self) -> String {
        self.from("", "betterproto")
    }

    /// A message or an enum, as an annotation names it: in quotes, since its class may stand further down.
    pub(super) fn annotation(&self, full_name: &str) -> String {
        format!("\"{}\"", self.class(full_name))
    }

    /// A message or an enum.
    fn class(&self, full_name: &str) -> String {
        let Some(place) = self.model.place(full_name) else { return "object".to_owned() };
        match self.model.modules.get(place.module) {
            Some(module) if module.path != self.module.path => {
                let free = || {
                    let last = module.path.last().map(String::as_str).unwrap_or_default();
                    let is_alone =
                        self.model.modules.iter().filter(|other| other.path.last() == module.path.last()).count() == 1;
                    self.free_module(&if is_alone { last.to_owned() } else { module.path.join("_") })
                };
                let name = self.modules.borrow_mut().entry(place.module).or_insert_with(free).clone();
                format!("{name}.{}", place.name)
            }
            _ => place.name.clone(),
        }
    }

    /// A name like this one that nothing else has.
    fn free(&self, name: &str) -> String {
        let mut free = name.to_owned();
        while self.taken.contains(&free) {
            free.insert(0, '_');
        }
        free
    }

    /// A name for a module like this one that nothing else has, neither what else may be imported.
    fn free_module(&self, name: &str) -> String {
        let free = self.free(name);
        if RESERVED.contains(&free.as_str()) { self.free(&format!("{free}_")) } else { free }
    }

    /// The lines, in the order that isort wants.
    pub(super) fn print(&self) -> String {
        let needed = self.needed.borrow();
        let renamed = |name: &str, own: &str| if name == own { name.to_owned() } else { format!("{name} as {own}") };
        let mut own: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut out = String::new();
        for ((module, name), as_name) in needed.iter().filter(|((module, _), _)| !module.is_empty()) {
            own.entry(module).or_default().push(renamed(name, as_name));
        }
        for (module, names) in own {
            out.push_str(&layout::import(module, &names));
        }
        for ((_, name), as_name) in needed.iter().filter(|((module, _), _)| module.is_empty()) {
            out.push_str(&format!("\nimport {}\n", renamed(name, as_name)));
        }
        let root = self.module.root();
        let mut modules: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (index, as_name) in self.modules.borrow().iter() {
            let Some([folders @ .., last]) = self.model.modules.get(*index).map(|module| module.path.as_slice()) else {
                continue;
            };
            modules.entry(format!("{root}{}", folders.join("."))).or_default().push(renamed(last, as_name));
        }
        if !modules.is_empty() {
            out.push('\n');
        }
        for (from, mut names) in modules {
            names.sort();
            out.push_str(&layout::import(&from, &names));
        }
        out
    }
}
