//! `compat.ts`: the messages as classes in a namespace `proto`, as users of the original client have them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::index::exports;
use super::model::{File, Model, Module};
use super::names;
use super::print::head;
use crate::schema::Origin;
use crate::targets::MARK;

/// The file that is printed.
pub(super) const FILE: &str = "compat.ts";

pub(super) fn print(model: &Model<'_>, from: &str) -> String {
    let options = model.options;
    let index = names::literal(&format!("./index{}", options.extension));
    let mut out = head(&format!("{MARK}; do not edit."));
    let _ = writeln!(out, "import {{ rx, tx }} from {};", names::literal(from));
    let (classes, uses_common) = classes(model);
    if uses_common {
        let _ = writeln!(out, "import * as common from {};", names::literal(&options.common));
    }
    let _ = writeln!(out, "import * as pb from {index};");
    out.push_str(
        "\n/** The messages as classes: `Tx` for those that clients send, `Rx` for those that the server sends. */\n",
    );
    out.push_str("export namespace proto {\n");
    for Class { name, function, message } in &classes {
        let _ = writeln!(out, "  export class {name} extends {function}({message}) {{}}");
    }
    out.push_str("\n  /** One of each that the server sends. */\n  export const rxMessages = [\n");
    for class in classes.iter().filter(|class| class.function == "rx") {
        let _ = writeln!(out, "    new {}(),", class.name);
    }
    out.push_str("  ];\n}\n");
    out
}

struct Class {
    name: String,
    /// What makes it.
    function: &'static str,
    /// The constant it is made of.
    message: String,
}

/// The classes, the application's first; and whether there are any of common messages. Where both have a name, it is the
/// application's.
fn classes(model: &Model<'_>) -> (Vec<Class>, bool) {
    let exported = |(file, exports): (&File<'_>, Vec<_>)| {
        let messages =
            exports.into_iter().skip(file.enums.len()).map(|export: super::index::Export<'_>| export.exported);
        file.messages.iter().map(|message| message.full_name.clone()).zip(messages).collect::<Vec<_>>()
    };
    let exported: BTreeMap<String, String> = exports(model).into_iter().flat_map(exported).collect();
    let mut taken = BTreeSet::new();
    let mut classes = Vec::new();
    let mut uses_common = false;
    for is_common in [false, true] {
        for message in &model.schema.messages {
            let place = model.place(&message.full_name);
            // What v1 itself says is no message of an application.
            if (place.module == Module::Common) != is_common || message.package == "psd.v1" {
                continue;
            }
            let (module, name) = match exported.get(&message.full_name) {
                Some(name) => ("pb", name.clone()),
                None => ("common", place.name),
            };
            let sides = match message.origin {
                Origin::Client => &["tx"][..],
                Origin::Server => &["rx"],
                Origin::Both => &["tx", "rx"],
            };
            for &function in sides {
                let class = format!("{}{name}", if function == "tx" { "Tx" } else { "Rx" });
                if taken.insert(class.clone()) {
                    uses_common |= is_common;
                    classes.push(Class { name: class, function, message: format!("{module}.{name}") });
                }
            }
        }
    }
    (classes, uses_common)
}
