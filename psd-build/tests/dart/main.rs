//! Generated Dart is Dart, wherever these tests run. Whether its types are right is for Dart itself to say:
//! `cargo xtask test --only dart`.

#![allow(clippy::unwrap_used)]

/// The style for the original client's packages.
mod classic;

use std::fs;
use std::path::Path;

use psd_build::targets::{Target, dart};
use psd_build::{Config, Output};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rust/protos");
const ODD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/typescript/test/protos");

/// What `psd generate` writes for these folders, with these settings.
fn generate(folders: &[&str], settings: &str) -> Output {
    let root = tempfile::TempDir::new().unwrap();
    let folders: Vec<String> = folders.iter().map(|folder| format!("\"{folder}\"")).collect();
    let json = format!("{{ \"protos\": [{}], \"dart\": {settings} }}", folders.join(", "));
    fs::write(root.path().join("fps_config.json"), json).unwrap();
    Config::load(root.path().join("fps_config.json")).unwrap().output(&dart::TARGET, None).unwrap()
}

/// Every file of an output, by its path.
fn files(output: &Output) -> Vec<(&str, &str)> {
    output.files.iter().map(|(path, _)| (path.as_str(), output.contents(path).unwrap())).collect()
}

/// Where the first mistake is, if there is one.
fn mistake(text: &str) -> Option<String> {
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&tree_sitter_dart::LANGUAGE.into()).unwrap();
    let tree = parser.parse(text, None).unwrap();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if node.is_error() || node.is_missing() {
            let row = node.start_position().row;
            return Some(format!("line {}: {}", row + 1, text.lines().nth(row).unwrap_or_default()));
        }
        // Only what has a mistake in it is looked into.
        if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return None;
            }
        }
    }
}

#[track_caller]
fn check(path: &str, text: &str) {
    assert_eq!(mistake(text), None, "{path}");
    assert!(text.ends_with("}\n") || text.ends_with(";\n"), "{path} ends otherwise");
    for line in text.lines() {
        assert_eq!(line, line.trim_end(), "{path}: white space behind a line");
        // What cannot be broken may be longer: comments, and a single name, type or text.
        let can_be_broken = line.contains(", ") || line.contains(" => ");
        let is_code = !line.trim_start().starts_with("//") && !line.starts_with("import") && !line.contains('\'');
        assert!(line.chars().count() <= 80 || !is_code || !can_be_broken, "{path}: a long line: {line}");
    }
}

#[test]
fn every_generated_file_is_dart() {
    let mut count = 0;
    for (folders, settings) in [
        (&[VECTORS, ODD][..], "{}"),
        (&[VECTORS], r#"{ "int64": "bigint" }"#),
        (&[ODD], r#"{ "runtime": "elsewhere" }"#),
    ] {
        let output = generate(folders, settings);
        for (path, text) in files(&output) {
            check(path, text);
            count += 1;
        }
        assert_eq!(files(&output), files(&generate(folders, settings)), "generating twice");
    }
    for file in dart::common().unwrap() {
        check(&file.path, &file.contents);
        count += 1;
    }
    assert!(count > 20, "{count} files");
}

#[test]
fn the_package_is_dart() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/dart")];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "dart") {
                assert_eq!(mistake(&fs::read_to_string(&path).unwrap()), None, "{}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count} files");
}

#[test]
fn what_is_no_dart_is_noticed() {
    for text in
        ["class A {", "final class A extends {}", "int f() => ;", "var x = f(a b);", "enum A { a(1) b(2) }", "'"]
    {
        assert!(mistake(text).is_some(), "{text}");
    }
    let output = generate(&[VECTORS], "{}");
    let (_, text) = files(&output).into_iter().find(|(path, _)| *path == "every.dart").unwrap();
    for (right, wrong) in
        [("final String label;", "final String label"), ("=> descriptor;", "= descriptor;"), ("{", "")]
    {
        assert!(mistake(&text.replacen(right, wrong, 1)).is_some(), "`{wrong}` for `{right}`");
    }
}

#[test]
fn names_that_clash_are_told_apart() {
    let root = tempfile::TempDir::new().unwrap();
    for (file, text) in [
        (
            "a.proto",
            "package a; message Message { b.Message other = 1; repeated b.Message more = 2; } message messages {}",
        ),
        ("b.proto", "package b; message Message { string text = 1; } message Only {}"),
        ("messages.proto", "message Three {}"),
    ] {
        let import = if file == "a.proto" { "import \"b.proto\";" } else { "" };
        fs::write(root.path().join(file), format!("syntax = \"proto3\"; {import} {text}")).unwrap();
    }
    let output = generate(&[&root.path().display().to_string()], "{}");
    let contents = |path: &str| output.contents(path).unwrap_or_else(|| panic!("{path} is not there")).to_owned();
    assert!(contents("a.dart").contains("import 'b.dart' as $1;"));
    assert!(contents("a.dart").contains("final $1.Message? other;\n"));
    assert!(contents("a.dart").contains("final List<$1.Message> more;\n"));
    let index = contents("messages.dart");
    assert!(index.contains("export 'a.dart' hide Message;\nexport 'b.dart' hide Message;\nexport 'messages_.dart';\n"));
    assert!(index.contains("$1.Message.descriptor"));
    for (path, text) in files(&output) {
        check(path, text);
    }
}

#[test]
fn it_is_found_by_its_names() {
    assert_eq!(Target::named("dart").map(|target| target.name), Some("dart"));
    assert_eq!(Target::named("flutter").map(|target| target.name), Some("dart"));
}
