//! What is generated for Django. The files in `expected` are checked, imported and run with betterproto 1.2.5 by
//! `tests/tests/django`; here they are compared.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{fs, path::Path};

use psd_build::targets::django;
use psd_build::{Config, State};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/django");

/// Compares what a folder of .proto files generates with what is there; `UPDATE_GENERATED=1` writes it.
#[track_caller]
fn check(protos: &str, expected: &str) {
    let config = Config::from_folders([format!("{}/tests/{protos}", env!("CARGO_MANIFEST_DIR"))]);
    let folder = Path::new(HERE).join("expected").join(expected);
    let output = config.output(&django::TARGET, Some(&folder)).unwrap();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        return output.write().unwrap();
    }
    let differing: Vec<_> = output.files.iter().filter(|(_, state)| *state != State::Unchanged).collect();
    assert!(differing.is_empty(), "not as expected; if they should be so, run with UPDATE_GENERATED=1: {differing:?}");
}

#[test]
fn every_kind_of_field() {
    check("rust/protos", "every");
}

#[test]
fn names_that_python_could_trip_over() {
    check("django/protos", "odd");
}

/// Generates from one file; the text of the mistakes if there are any.
fn mistakes(proto: &str) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    fs::write(folder.path().join("chat.proto"), format!("syntax = \"proto3\";\npackage chat;\n{proto}")).unwrap();
    let config = Config::from_folders([folder.path().display().to_string()]);
    let error = config.output(&django::TARGET, Some(folder.path())).unwrap_err();
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn names_that_no_class_can_have_are_refused() {
    let text = mistakes("enum Order { mro = 0; }\nmessage Said { enum How { _sunder_ = 0; } }\n");
    let expected = "2 mistakes in the message contract

error: chat.proto:3:14: Python's enums cannot have a value called `mro`
 = help: give the value another name

error: chat.proto:4:27: Python's enums cannot have a value called `_sunder_`
 = help: give the value another name
";
    assert_eq!(text, expected);
}
