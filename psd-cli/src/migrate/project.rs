//! A Django project as proto-socket-django sees it: receivers, consumers, routes and settings.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use super::python::{self, Class, File, Method, Value};

/// Folders that hold no code of the project.
const FOREIGN: &[&str] =
    &["__pycache__", "build", "dist", "env", "migrations", "node_modules", "site-packages", "venv"];

pub(super) struct Project {
    pub(super) receivers: Vec<Receiver>,
    pub(super) consumers: Vec<Consumer>,
    pub(super) settings: BTreeMap<String, Setting>,
    pub(super) notes: Vec<Note>,
    constants: BTreeMap<String, BTreeSet<String>>,
}

/// Something that could not be translated, or that somebody has to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Note {
    /// File and line.
    pub(super) place: String,
    pub(super) text: String,
}

pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) place: String,
}

/// A class with handlers.
pub(super) struct Receiver {
    pub(super) name: String,
    /// The file it is in, with `/`.
    pub(super) path: String,
    pub(super) handlers: Vec<Handler>,
}

pub(super) struct Handler {
    pub(super) method: Method,
    pub(super) place: String,
    /// The message's name in the contract.
    pub(super) message: String,
    pub(super) guard: Guard,
    /// What its `message` parameter is called.
    pub(super) parameter: String,
}

/// What a decorator demands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Guard {
    pub(super) auth: Option<bool>,
    pub(super) permissions: Vec<String>,
    pub(super) whitelist_groups: Vec<String>,
    pub(super) blacklist_groups: Vec<String>,
    /// Whether a part of it could not be read: nobody but superusers may pass then.
    pub(super) is_unknown: bool,
}

impl Guard {
    pub(super) fn has_rules(&self) -> bool {
        !(self.permissions.is_empty() && self.whitelist_groups.is_empty() && self.blacklist_groups.is_empty())
    }
}

pub(super) struct Consumer {
    pub(super) name: String,
    pub(super) place: String,
    /// The names of its receivers.
    pub(super) receivers: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) path: Option<String>,
    /// Its hooks, with their bodies.
    pub(super) hooks: Vec<Method>,
}

impl Project {
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        collect(folder, "", &mut files)?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let mut project = Self {
            receivers: Vec::new(),
            consumers: Vec::new(),
            settings: BTreeMap::new(),
            notes: Vec::new(),
            constants: BTreeMap::new(),
        };
        let classes: Vec<(&File, Class)> =
            files.iter().flat_map(|file| file.classes().into_iter().map(move |class| (file, class))).collect();
        for file in &files {
            if let Some(line) = file.mistake() {
                project.note(&file.path, line, "what begins here is no Python that psd can read");
            }
            project.constants(file);
        }
        for (_, class) in &classes {
            for value in &class.values {
                project.constant(&format!("{}.{}", class.name, value.name), &value.value);
            }
        }
        let receivers = descendants(&classes, "FPSReceiver");
        let consumers = descendants(&classes, "ApiWebsocketConsumer");
        for (file, class) in classes {
            if receivers.contains(&class.name) {
                project.receiver(file, class);
            } else if consumers.contains(&class.name) {
                project.consumer(file, class);
            }
        }
        for file in &files {
            project.routes(file);
        }
        project.unused();
        project.notes.sort();
        project.notes.dedup();
        Ok(project)
    }

    pub(super) fn note(&mut self, path: &str, line: usize, text: impl Into<String>) {
        self.notes.push(Note { place: format!("{path}:{line}"), text: text.into() });
    }

    /// Notes what stands at the top of a file; in files of settings all of it.
    fn constants(&mut self, file: &File) {
        let is_settings = file.path.split('/').any(|part| part.starts_with("settings"));
        for assignment in file.assignments() {
            self.constant(&assignment.name, &assignment.value);
            if is_settings {
                let place = format!("{}:{}", file.path, assignment.line);
                self.settings.insert(assignment.name, Setting { value: assignment.value, place });
            }
        }
    }

    fn constant(&mut self, name: &str, value: &Value) {
        if let Value::Text(text) = value {
            self.constants.entry(name.to_owned()).or_default().insert(text.clone());
        }
    }

    /// The text that a value stands for: its own, or the one constant of its name.
    fn resolve(&self, value: &Value) -> Option<String> {
        let name = match value {
            Value::Text(text) => return Some(text.clone()),
            Value::Name(name) => name,
            _ => return None,
        };
        let parts: Vec<&str> = name.split('.').collect();
        let known = |name: String| {
            let texts = self.constants.get(&name)?;
            if texts.len() == 1 { texts.first().cloned() } else { None }
        };
        match parts.as_slice() {
            [.., class, member] => known(format!("{class}.{member}")).or_else(|| known((*member).to_owned())),
            [name] => known((*name).to_owned()),
            [] => None,
        }
    }

    fn receiver(&mut self, file: &File, class: Class) {
        let mut receiver = Receiver { name: class.name, path: file.path.clone(), handlers: Vec::new() };
        for method in class.methods {
            let is_receive = |value: &Value| match value {
                Value::Call { function, .. } => python::last(function) == "receive",
                Value::Name(name) => python::last(name) == "receive",
                _ => false,
            };
            let Some(position) = method.decorators.iter().position(is_receive) else { continue };
            let name = format!("{}.{}", receiver.name, method.name);
            if method.decorators.len() > 1 {
                self.note(&file.path, method.line, format!("`{name}` has further decorators: see what they do"));
            }
            let annotated = method.parameters.iter().find_map(|(name, kind)| Some((name.clone(), kind.clone()?)));
            let message = annotated.as_ref().and_then(|(_, kind)| python::last(kind).strip_prefix("Rx"));
            let (Some(message), Some((parameter, _))) = (message.map(str::to_owned), annotated.clone()) else {
                self.note(
                    &file.path,
                    method.line,
                    format!("`{name}` does not say its message: there is no handler for it"),
                );
                continue;
            };
            let guard = self.guard(file, &method, &method.decorators[position], &name);
            let place = format!("{}:{}", file.path, method.line);
            receiver.handlers.push(Handler { method, place, message, guard, parameter });
        }
        self.receivers.push(receiver);
    }

    fn guard(&mut self, file: &File, method: &Method, decorator: &Value, name: &str) -> Guard {
        let mut guard = Guard::default();
        let Value::Call { arguments, keywords, .. } = decorator else { return guard };
        // In the order of the decorator's own parameters.
        let positional = ["permissions", "auth", "whitelist_groups", "blacklist_groups"].map(str::to_owned);
        let given: Vec<(String, Value)> =
            positional.into_iter().zip(arguments.iter().cloned()).chain(keywords.iter().cloned()).collect();
        for (key, value) in given {
            let texts = |value: &Value| match value {
                Value::Nothing => Some(Vec::new()),
                Value::List(items) => items.iter().map(|item| self.resolve(item)).collect(),
                _ => None,
            };
            let read = match (key.as_str(), &value) {
                ("auth", Value::Flag(flag)) => {
                    guard.auth = Some(*flag);
                    Some(())
                }
                ("auth", Value::Nothing) => Some(()),
                ("permissions", value) => texts(value).map(|texts| guard.permissions = texts),
                ("whitelist_groups", value) => texts(value).map(|texts| guard.whitelist_groups = texts),
                ("blacklist_groups", value) => texts(value).map(|texts| guard.blacklist_groups = texts),
                _ => None,
            };
            if read.is_none() {
                guard.is_unknown = true;
                let what =
                    format!("`{key}` of `{name}` is no list of texts: until you say it, only superusers may call it");
                self.note(&file.path, method.line, what);
            }
        }
        guard
    }

    fn consumer(&mut self, file: &File, class: Class) {
        let mut consumer = Consumer {
            name: class.name,
            place: format!("{}:{}", file.path, class.line),
            receivers: Vec::new(),
            groups: Vec::new(),
            path: None,
            hooks: Vec::new(),
        };
        for assignment in class.values {
            let items = match &assignment.value {
                Value::List(items) => items.clone(),
                _ => Vec::new(),
            };
            match (assignment.name.as_str(), &assignment.value) {
                ("receivers", Value::List(_)) => {
                    for item in items {
                        match item {
                            Value::Name(name) => consumer.receivers.push(python::last(&name).to_owned()),
                            _ => self.note(&file.path, assignment.line, "a receiver that is no plain name is left out"),
                        }
                    }
                }
                ("groups", Value::List(_)) => {
                    for item in items {
                        let own = match &item {
                            Value::Name(name) => Value::Name(format!("{}.{}", consumer.name, python::last(name))),
                            other => other.clone(),
                        };
                        match self.resolve(&own).or_else(|| self.resolve(&item)) {
                            Some(group) => consumer.groups.push(group),
                            None => self.note(&file.path, assignment.line, "a group that is no text is left out"),
                        }
                    }
                }
                ("receivers" | "groups", _) => {
                    let text = format!("`{}` of `{}` is no list", assignment.name, consumer.name);
                    self.note(&file.path, assignment.line, text);
                }
                _ => {}
            }
        }
        for method in class.methods {
            match method.name.as_str() {
                "connect" | "disconnect" | "on_authenticated" => {
                    let what =
                        format!("the hook `{}.{}` is empty: its Python stands in it", consumer.name, method.name);
                    self.note(&file.path, method.line, what);
                    consumer.hooks.push(method);
                }
                name => {
                    let what = format!(
                        "`{}.{name}` has no counterpart: what it does belongs into handlers or a layer",
                        consumer.name
                    );
                    self.note(&file.path, method.line, what);
                }
            }
        }
        self.consumers.push(consumer);
    }

    /// Finds `path("ws/", BaseConsumer.as_asgi())`.
    fn routes(&mut self, file: &File) {
        for (line, call) in file.calls() {
            let Value::Call { function, arguments, .. } = call else { continue };
            if !matches!(python::last(&function), "path" | "re_path" | "url") {
                continue;
            }
            let [route, Value::Call { function: target, .. }, ..] = arguments.as_slice() else { continue };
            let Some(consumer) = target.strip_suffix(".as_asgi").map(python::last) else { continue };
            let Some(index) = self.consumers.iter().position(|known| known.name == consumer) else {
                self.note(
                    &file.path,
                    line,
                    format!("`{consumer}` is no consumer of proto-socket-django: it stays with Django"),
                );
                continue;
            };
            let path = route.text().map(|route| route.trim_start_matches('^').trim_end_matches('$').to_owned());
            match path.filter(|path| !path.contains(['<', '(', '[', '*', '+', '?', '\\', '.'])) {
                Some(path) if self.consumers[index].path.is_none() => {
                    self.consumers[index].path = Some(format!("/{}", path.trim_start_matches('/')));
                }
                Some(path) => {
                    self.note(&file.path, line, format!("`{consumer}` has a second path, `{path}`: a consumer has one"))
                }
                None => self.note(
                    &file.path,
                    line,
                    format!("the path of `{consumer}` has parameters: psd matches paths to the letter"),
                ),
            }
        }
    }

    /// What no consumer names cannot be called.
    fn unused(&mut self) {
        let named: BTreeSet<String> = self.consumers.iter().flat_map(|consumer| consumer.receivers.clone()).collect();
        let unused =
            self.receivers.iter().filter(|receiver| !named.contains(&receiver.name) && !receiver.handlers.is_empty());
        let notes: Vec<Note> = unused
            .map(|receiver| Note {
                place: receiver.handlers.first().map(|handler| handler.place.clone()).unwrap_or_default(),
                text: format!("`{}` is in no consumer's list: its handlers are left out", receiver.name),
            })
            .collect();
        self.notes.extend(notes);
        self.receivers.retain(|receiver| named.contains(&receiver.name));
    }
}

/// The classes that inherit from one of this name, by way of others too.
fn descendants(classes: &[(&File, Class)], base: &str) -> BTreeSet<String> {
    let mut known = BTreeSet::from([base.to_owned()]);
    loop {
        let inherits = |class: &Class| class.bases.iter().any(|base| known.contains(python::last(base)));
        let more: Vec<String> = classes
            .iter()
            .filter(|(_, class)| !known.contains(&class.name) && inherits(class))
            .map(|(_, class)| class.name.clone())
            .collect();
        if more.is_empty() {
            known.remove(base);
            return known;
        }
        known.extend(more);
    }
}

/// The project's own Python files. What betterproto wrote is none: it has no receivers.
fn collect(folder: &Path, within: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if within.is_empty() { name.clone() } else { format!("{within}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !name.starts_with('.') && !FOREIGN.contains(&name.as_str()) && path != "proto" {
            collect(&entry.path(), &path, files)?;
        } else if kind.is_file() && name.ends_with(".py") {
            // A file in another encoding is told of as what it is: no Python that can be read.
            let text = String::from_utf8_lossy(&fs::read(entry.path())?).into_owned();
            files.push(File::parse(path, text));
        }
    }
    Ok(())
}
