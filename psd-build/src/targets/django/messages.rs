//! `messages.py`: every message by its name, and a class for each that travels, as proto-socket-django imports them.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Message, Model};
use super::{head, layout, names};

pub(super) const FILE: &str = "messages.py";

const IMPORTS: &str = "\
import dataclasses
from abc import ABC
from typing import Optional, Union

import betterproto

";

/// What the classes are made of.
const RUNTIME: &str = include_str!("runtime.py");

/// What the file itself calls by name.
const OWN: &[&str] =
    &["ABC", "Optional", "RxMessage", "RxMessageData", "TxMessage", "Union", "betterproto", "dataclasses"];

pub(super) fn print(model: &Model<'_>) -> String {
    let exports = exports(model);
    let mut out = head(None) + IMPORTS;
    for module in &model.modules {
        let own = |name: &str, full_name: &str| {
            let export = exports.get(full_name).map_or(name, String::as_str);
            if export == name { name.to_owned() } else { format!("{name} as {export}") }
        };
        let messages = module.messages.iter().map(|message| own(&message.name, &message.full_name));
        let mut names: Vec<String> =
            messages.chain(module.enums.iter().map(|item| own(&item.name, &item.full_name))).collect();
        names.sort();
        out.push_str(&layout::import(&format!(".{}", module.path.join(".")), &names));
    }
    let mut taken: BTreeSet<String> =
        exports.values().cloned().chain(OWN.iter().map(|&name| name.to_owned())).collect();
    let mut classes = String::new();
    let mut names: BTreeSet<String> =
        exports.values().cloned().chain(["RxMessage", "RxMessageData", "TxMessage"].map(str::to_owned)).collect();
    for message in model.modules.iter().flat_map(|module| &module.messages) {
        let Some(travels) = message.travels else { continue };
        let export = exports.get(&message.full_name).unwrap_or(&message.name);
        let directions = [("Rx", travels.origin.is_client()), ("Tx", travels.origin.is_server())];
        for (prefix, _) in directions.into_iter().filter(|(_, travels)| *travels) {
            let mut name = format!("{prefix}{export}");
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            classes.push_str(&class(model, message, &name, prefix, export));
            names.insert(name);
        }
    }
    let all: String = names.iter().map(|name| format!("    \"{name}\",\n")).collect();
    let patch = patch(model);
    format!("{out}\n__all__ = [\n{all}]\n\n\n{RUNTIME}{patch}{classes}")
}

/// What every message and enum is called here: as in its module, with the package before it where two have one name.
fn exports(model: &Model<'_>) -> BTreeMap<String, String> {
    let types = || {
        model.modules.iter().flat_map(|module| {
            let messages = module.messages.iter().map(|message| (&message.full_name, &message.name));
            let enums = module.enums.iter().map(|item| (&item.full_name, &item.name));
            messages.chain(enums).map(move |(full_name, name)| (module, full_name, name))
        })
    };
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, _, name) in types() {
        *count.entry(name).or_default() += 1;
    }
    let is_own = |name: &str| OWN.contains(&name);
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let is_alone = |name: &String| count.get(name.as_str()) == Some(&1) && !is_own(name);
    taken.extend(types().map(|(_, _, name)| name.clone()).filter(is_alone));
    types()
        .map(|(module, full_name, name)| {
            if is_alone(name) {
                return (full_name.clone(), name.clone());
            }
            let mut export: String =
                module.path.iter().map(|part| names::class(part.trim_matches('_'))).collect::<String>() + name;
            while !taken.insert(export.clone()) {
                export.push('_');
            }
            (full_name.clone(), export)
        })
        .collect()
}

fn class(model: &Model<'_>, message: &Message<'_>, name: &str, prefix: &str, export: &str) -> String {
    let mut out = format!("\n\nclass {name}({prefix}Message):\n");
    out.push_str(&layout::docstring(model.schema.docs(&message.full_name).unwrap_or_default()));
    let Some(travels) = message.travels else { return out };
    out.push_str(&layout::assignment(4, "type", &names::literal(&travels.message_type)));
    out.push_str(&layout::assignment(4, &format!("proto: {export}"), export));
    let auth = if travels.auth.unwrap_or(true) { "True" } else { "False" };
    out + &layout::assignment(4, "auth_required", auth)
}

/// Tells betterproto of fields whose names it would not find again; nothing if there are none.
fn patch(model: &Model<'_>) -> String {
    let fields = model.modules.iter().flat_map(|module| &module.messages).flat_map(|message| &message.fields);
    let found = fields.filter_map(|field| field.name.strip_suffix('_')).filter(|name| names::needs_patch(name));
    let words: BTreeSet<&str> = found.collect();
    if words.is_empty() {
        return String::new();
    }
    let words: String = words.iter().map(|word| format!("    \"{word}\",\n")).collect();
    format!(
        "\n\n# Names of fields with an underscore behind them that betterproto knows nothing of.\n_WORDS = {{\n{words}}}\n\n\n\
         def _safe_snake_case(value, snake_case=betterproto.safe_snake_case):\n    \
         snake = snake_case(value)\n    return snake + \"_\" if snake in _WORDS else snake\n\n\n\
         betterproto.safe_snake_case = _safe_snake_case\n"
    )
}
