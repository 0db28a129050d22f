//! `fps_config.json`, read key by key so that every mistake is reported at once, with its place.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::{Config, ConfigFile};
use crate::diagnostics::{Diagnostic, Label};
use crate::nearest::nearest;
use crate::{Error, targets};

const KEYS: [&str; 4] = ["protos", "include_common", "out", "rust"];
const RUST_KEYS: [&str; 2] = ["runtime", "unknown_fields"];

pub(super) fn read(file: ConfigFile) -> Result<Config, Error> {
    let value: Value = serde_json::from_str(&file.text).map_err(|error| syntax(&file, &error))?;
    let mut reader = Reader { file: &file, mistakes: Vec::new() };
    let mut config = Config::from_folders(Vec::<String>::new());
    config.base = file.path.parent().map(PathBuf::from).unwrap_or_default();
    if let Some(object) = reader.object(&value, "the configuration") {
        reader.known(object, &KEYS, "");
        config.protos = reader.folders(object);
        if let Some(include) = object.get("include_common") {
            config.include_common =
                reader.expect("include_common", include.as_bool(), "`true` or `false`").unwrap_or(true);
        }
        if let Some(out) = object.get("out") {
            config.out = reader.expect("out", out.as_str(), "a folder: a string").map(str::to_owned);
        }
        if let Some(rust) = object.get("rust") {
            config.rust = reader.rust(rust);
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

    fn rust(&mut self, value: &Value) -> targets::rust::Settings {
        let mut settings = targets::rust::Settings::default();
        let Some(object) = value.as_object() else {
            self.expect::<()>("rust", None, r#"an object, such as `{ "runtime": "::psd_core::proto" }`"#);
            return settings;
        };
        self.known(object, &RUST_KEYS, "in `rust`, ");
        if let Some(runtime) = object.get("runtime") {
            let runtime = self.expect("runtime", runtime.as_str(), "a path: a string such as `\"::psd_core::proto\"`");
            settings.runtime = runtime.map_or(settings.runtime, str::to_owned);
        }
        if let Some(keep) = object.get("unknown_fields") {
            settings.unknown_fields =
                self.expect("unknown_fields", keep.as_bool(), "`true` or `false`").unwrap_or_default();
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
