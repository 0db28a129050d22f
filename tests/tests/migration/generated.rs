//! Generated classes with betterproto 1.2.5.

use std::process::Command;

use serde_json::Value;

use crate::python;

const EXPECTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../psd-build/tests/django/expected");

/// What betterproto 1.2.5 does not carry, as docs/DJANGO.md tells it: the vector's name and the form.
const LOST: &[&str] = &[
    "any: text",
    "bytes of each padding: binary",
    "durations: binary",
    "durations: text",
    "enum number without a name: text",
    "explicit defaults of optional fields: binary",
    "explicit defaults of optional fields: text",
    "field mask, struct, value, list: binary",
    "field mask, struct, value, list: text",
    "first timestamp: text",
    "last timestamp: binary",
    "last timestamp: text",
    "lists: binary",
    "lists: text",
    "maps of every key: binary",
    "maps to every value: binary",
    "maps to every value: text",
    "names: text",
    "oneof: bytes: binary",
    "oneof: bytes: text",
    "oneof: enum: text",
    "oneof: null: text",
    "oneof: number: text",
    "oneof: text: binary",
    "oneof: text: text",
    "oneof: two of them: text",
    "recursion: binary",
    "timestamps: text",
    "wrappers of defaults: text",
];

/// The output of a program of Python's, which must succeed.
#[track_caller]
fn run(arguments: &[&str]) -> String {
    let mut command = Command::new(python::python());
    let output = command.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}{errors}");
    said.into_owned()
}

#[test]
fn golden_vectors_are_carried_as_far_as_betterproto_goes() {
    let said = run(&[&format!("{}/generated.py", python::PROJECT), EXPECTED]);
    let result: Value = serde_json::from_str(&said).unwrap();
    let lost: Vec<&String> = result["wrong"].as_object().unwrap().keys().collect();
    assert_eq!(lost, LOST, "{result:#}");
    assert_eq!(result["count"], 72);
}

#[test]
fn every_generated_module_can_be_imported() {
    let import = "import importlib, sys; sys.path.insert(0, sys.argv[1])\nfor name in sys.argv[2:]: importlib.import_module(name)";
    for messages in ["every.messages", "odd.messages"] {
        run(&["-c", import, EXPECTED, messages]);
    }
    // Packages that refer to each other, whichever comes first.
    for first in ["odd.shop.cart", "odd.shop", "odd.deep.no_package", "odd.import_.class_", "odd.messages_"] {
        run(&["-c", import, EXPECTED, first, "odd.messages"]);
    }
}

#[test]
fn black_and_ruff_have_nothing_to_say() {
    run(&["-m", "black", "--check", "--quiet", EXPECTED]);
    run(&["-m", "ruff", "check", "--isolated", "--no-cache", "--ignore-noqa", "--select", "E4,E7,E9,F", EXPECTED]);
}
