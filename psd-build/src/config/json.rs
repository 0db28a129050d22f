//! `fps_config.json`, read key by key so that every mistake is reported at once, with its place.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::{Config, ConfigFile};
use crate::Error;
use crate::diagnostics::{Diagnostic, Label};
use crate::nearest::nearest;
use crate::targets::{Kind, Settings, TARGETS, Target};

/// The keys that are about no target.
const KEYS: [&str; 3] = ["protos", "include_common", "out"];

pub(super) fn read(file: ConfigFile) -> Result<Config, Error> {
    let value: Value = serde_json::from_str(&file.text).map_err(|error| syntax(&file, &error))?;
    let mut reader = Reader { file: &file, mistakes: Vec::new() };
    let mut config = Config::from_folders(Vec::<String>::new());
    config.base = file.path.parent().map(PathBuf::from).unwrap_or_default();
    if let Some(object) = reader.object(&value, "the configuration") {
        let keys: Vec<&str> = KEYS.into_iter().chain(TARGETS.iter().map(|target| target.name)).collect();
        reader.known(object, &keys, "");
        config.protos = reader.folders(object);
        if let Some(include) = object.get("include_common") {
            config.include_common =
                reader.expect("include_common", include.as_bool(), "`true` or `false`").unwrap_or(true);
        }
        if let Some(out) = object.get("out") {
            config.out = reader.expect("out", out.as_str(), "a folder: a string").map(str::to_owned);
        }
        for target in TARGETS {
            if let Some(value) = object.get(target.name) {
                config.targets.insert(target.name, reader.target(target, value));
            }
        }
    }
    if !reader.mistakes.is_empty() {
        return Err(Error::new(reader.mistakes));
    }
    config.file = Some(file);
    Ok(config)
}

/// Where the file says the string `text`, as a key or a value.
pub(super) fn find(file: &ConfigFile, text: &str) -> Option<Label> {
    let literal = Value::from(text).to_string();
    let start = file.text.find(&literal)?;
    Some(Label::new(&file.path.display().to_string(), &file.text, start..start + literal.len()))
}

struct Reader<'a> {
    file: &'a ConfigFile,
    mistakes: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn object<'v>(&mut self, value: &'v Value, what: &str) -> Option<&'v Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            let label = Label::new(&self.file.path.display().to_string(), &self.file.text, 0..1);
            let diagnostic = Diagnostic::error(format!("{what} is not a JSON object")).at(label);
            self.mistakes.push(diagnostic.help(r#"write `{ "protos": ["proto"] }`"#));
        }
        object
    }

    fn known(&mut self, object: &Map<String, Value>, keys: &[&str], within: &str) {
        for key in object.keys().filter(|key| !keys.contains(&key.as_str())) {
            let valid = format!("{within}the keys are `{}`", keys.join("`, `"));
            let help = match nearest(key, keys.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`? {valid}"),
                None => valid,
            };
            self.mistake(key, format!("unknown key `{key}`"), help);
        }
    }

    fn folders(&mut self, object: &Map<String, Value>) -> Vec<String> {
        let Some(value) = object.get("protos") else {
            if object.keys().any(|key| nearest(key, ["protos"]).is_some()) {
                return Vec::new();
            }
            let label = Label::new(&self.file.path.display().to_string(), &self.file.text, 0..1);
            let diagnostic = Diagnostic::error("the key `protos` is missing").at(label);
            self.mistakes.push(diagnostic.help(r#"name the folders of your .proto files: `"protos": ["proto"]`"#));
            return Vec::new();
        };
        let folders: Option<Vec<String>> = value
            .as_array()
            .and_then(|folders| folders.iter().map(|folder| folder.as_str().map(str::to_owned)).collect());
        let folders = self.expect("protos", folders, r#"a list of folders, such as `["proto"]`"#).unwrap_or_default();
        if value.as_array().is_some_and(Vec::is_empty) {
            self.mistake("protos", "`protos` names no folder".to_owned(), r#"write `"protos": ["proto"]`"#.to_owned());
        }
        folders
    }

    fn target(&mut self, target: &Target, value: &Value) -> Settings {
        let mut settings = Settings::default();
        let Some(object) = value.as_object() else {
            self.expect::<()>(target.name, None, r#"an object, such as `{ "out": "src/generated" }`"#);
            return settings;
        };
        let keys: Vec<&str> = std::iter::once("out").chain(target.keys.iter().map(|key| key.name)).collect();
        self.known(object, &keys, &format!("in `{}`, ", target.name));
        if let Some(out) = object.get("out") {
            settings.out = self.expect("out", out.as_str(), "a folder: a string").map(str::to_owned);
        }
        for key in target.keys {
            let Some(value) = object.get(key.name) else { continue };
            match key.kind {
                Kind::Flag => {
                    let flag = self.expect(key.name, value.as_bool(), key.expected);
                    flag.into_iter().for_each(|flag| settings.set_flag(key.name, flag));
                }
                Kind::Text(_) => {
                    let text = self.expect(key.name, value.as_str(), key.expected);
                    text.into_iter().for_each(|text| settings.set_text(key.name, text.to_owned()));
                }
                Kind::Choice(choices) => {
                    let text = value.as_str().filter(|text| choices.contains(text));
                    if text.is_none() && value.is_string() {
                        let help = format!("it is {}", key.expected);
                        self.mistake(key.name, format!("bad value {value} for `{}`", key.name), help);
                        continue;
                    }
                    let text = self.expect(key.name, text, key.expected);
                    text.into_iter().for_each(|text| settings.set_text(key.name, text.to_owned()));
                }
            }
        }
        settings
    }

    fn expect<T>(&mut self, key: &str, value: Option<T>, expected: &str) -> Option<T> {
        if value.is_none() {
            self.mistake(key, format!("`{key}` has a value of the wrong type"), format!("it is {expected}"));
        }
        value
    }

    fn mistake(&mut self, key: &str, message: String, help: String) {
        let mut diagnostic = Diagnostic::error(message).help(help);
        diagnostic.labels.extend(find(self.file, key));
        self.mistakes.push(diagnostic);
    }
}

/// What is not JSON at all.
fn syntax(file: &ConfigFile, error: &serde_json::Error) -> Error {
    let said = error.to_string();
    let message = said.split(" at line ").next().unwrap_or(&said);
    let line_start: usize = file.text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let start = line_start + error.column().saturating_sub(1);
    let label = Label::new(&file.path.display().to_string(), &file.text, start..start + 1);
    Diagnostic::error(format!("the configuration is not JSON: {message}")).at(label).into()
}
