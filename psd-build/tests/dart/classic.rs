//! `"style": "classic"`. The files in `classic/expected` are parsed here. Whether their types are right is for Dart itself
//! to say, against stand-ins for the packages that they are for (tests/dart/stubs): `cargo xtask test --only dart`.

use std::fs;
use std::path::{Path, PathBuf};

use psd_build::targets::dart;

use super::{ODD, VECTORS, files, generate, mistake};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dart/classic");
const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/fixtures/demo");
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/dart/stubs/flutter_persistent_socket/lib");

const CLASSIC: &str = r#"{ "style": "classic" }"#;

/// Compares files with those of a folder; `UPDATE_GENERATED=1` writes them.
#[track_caller]
fn compare(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let there = folder.join(path);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            fs::create_dir_all(there.parent().unwrap()).unwrap();
            fs::write(&there, text).unwrap();
        }
        let expected = fs::read_to_string(&there).unwrap_or_default();
        assert!(expected == *text, "{path} is not as expected; if it should be so, run with UPDATE_GENERATED=1");
        assert_eq!(mistake(text), None, "{path}");
    }
}

/// The files under a folder.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(listed(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn every_kind_of_field_and_name() {
    let output = generate(&[VECTORS, ODD, DEMO, &format!("{HERE}/protos")], CLASSIC);
    let files = files(&output);
    let expected = Path::new(HERE).join("expected");
    compare(&expected, &files);
    let generated: Vec<PathBuf> = files.iter().map(|(path, _)| expected.join(path)).collect();
    let stale: Vec<PathBuf> = listed(&expected).into_iter().filter(|path| !generated.contains(path)).collect();
    assert!(stale.is_empty(), "no longer generated: {stale:?}");
}

#[test]
fn the_common_messages_of_the_package() {
    let generated = dart::classic_common().unwrap();
    let files: Vec<(&str, &str)> = generated.iter().map(|file| (&*file.path, &*file.contents)).collect();
    compare(Path::new(PACKAGE), &files);
    let text = &generated.iter().find(|file| file.path == "messages.dart").unwrap().contents;
    for class in ["TxLogin ", "RxLoginToken ", "RxAck ", "TxUploadStart ", "RxUploadStartSlot ", "RxUploadTask "] {
        assert!(text.contains(&format!("class {class}")), "{class}");
    }
}

#[test]
fn the_common_messages_are_those_of_the_package_and_not_generated_again() {
    let output = generate(&[&format!("{HERE}/protos")], CLASSIC);
    let paths: Vec<&str> = files(&output).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["messages.dart", "proto/keys.pb.dart"]);
    assert!(
        output
            .contents("proto/keys.pb.dart")
            .unwrap()
            .contains("import 'package:flutter_persistent_socket/proto/sfiles.pb.dart' as $0;")
    );
}

#[test]
fn two_messages_of_one_name_are_told_apart() {
    let root = tempfile::TempDir::new().unwrap();
    for package in ["a", "b"] {
        let text = format!(
            "syntax = \"proto3\"; package {package};\n/*\ntype = '{package}'\norigin = client\n*/\nmessage Said {{}}\n"
        );
        fs::write(root.path().join(format!("{package}.proto")), text).unwrap();
    }
    let output = generate(&[&root.path().display().to_string()], CLASSIC);
    let index = output.contents("messages.dart").unwrap();
    assert!(index.contains("class TxSaid extends") && index.contains("class TxBSaid extends"));
}
