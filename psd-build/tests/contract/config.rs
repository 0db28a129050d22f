use std::fs;

use psd_build::Config;

use crate::folder::{Folder, check};

const CONTRACT: &str = "syntax = \"proto3\";\n/*\ntype = 'a'\norigin = client\n*/\nmessage A {}\n";

/// Configurations that are refused.
const MISTAKES: &[(&str, &str)] = &[
    ("config_not_json", "{\n  \"protos\": [\"proto\",]\n}"),
    ("config_empty", ""),
    ("config_not_an_object", "[\"proto\"]"),
    ("config_unknown_keys", "{\n  \"proto\": [\"proto\"],\n  \"includecommon\": false,\n  \"watch\": true\n}"),
    (
        "config_wrong_types",
        "{\n  \"protos\": \"proto\",\n  \"include_common\": \"no\",\n  \"out\": 1,\n  \"rust\": { \"runtime\": 2, \"edition\": 3 }\n}",
    ),
    ("config_without_folders", "{ \"include_common\": true }"),
    ("config_no_folders", "{ \"protos\": [] }"),
    ("config_rust_not_an_object", "{ \"protos\": [\"proto\"], \"rust\": \"x\" }"),
    ("folder_missing", "{\n  \"protos\": [\"proto\", \"more/protos\"]\n}"),
    ("folder_is_a_file", "{ \"protos\": [\"proto/a.proto\"] }"),
    ("folder_without_protos", "{ \"protos\": [\"empty\"] }"),
    ("folder_twice", "{ \"protos\": [\"proto\", \"./proto\"] }"),
    ("folder_within_a_folder", "{ \"protos\": [\"proto\", \"proto/deep\"] }"),
    ("one_import_name_for_two", "{ \"protos\": [\"proto\", \"other\"] }"),
    ("variable_not_set", "{ \"protos\": [\"proto\", \"$PSD_TEST_NEVER_SET/x\"] }"),
    ("variable_malformed", "{ \"protos\": [\"$/x\"] }"),
];

fn folder() -> Folder {
    Folder::new()
        .file("proto/a.proto", CONTRACT)
        .file("proto/deep/b.proto", "syntax = \"proto3\";\n")
        .file("other/a.proto", "syntax = \"proto3\";\n")
        .file("empty/readme.md", "nothing")
}

#[test]
fn a_mistake_of_the_configuration_is_told_with_the_way_out() {
    for (name, json) in MISTAKES {
        check(name, json, &folder().schema_of(json).unwrap_err());
    }
}

#[test]
fn a_configuration_that_is_not_there_is_told() {
    let error = Config::load("/nowhere/fps_config.json").unwrap_err();
    assert!(error.to_string().contains("cannot read `/nowhere/fps_config.json`: "), "{error}");
}

#[test]
fn variables_are_expanded_and_do_not_show_in_the_schema() {
    let folder = folder();
    let root = folder.path().display().to_string();
    for written in ["$PSD_ROOT/proto", "${PSD_ROOT}/proto", "${PSD_ROOT}/proto/"] {
        let schema = Config::from_folders([written]).variable("PSD_ROOT", &root).schema().unwrap();
        let location = &schema.message("A").unwrap().location;
        assert_eq!(location.to_string(), format!("{}/a.proto:6:9", written.trim_end_matches('/')));
    }
}

#[test]
fn the_environment_gives_variables() {
    // Cargo sets this one for every test.
    let schema = Config::from_folders(["$CARGO_MANIFEST_DIR/tests/contract/fixtures/shop"]).schema().unwrap();
    assert!(schema.message("shop.Buy").is_some());
}

#[test]
fn folders_are_relative_to_the_configuration() {
    let folder = folder();
    let schema = folder.schema_of(r#"{ "protos": ["proto"], "include_common": false, "rust": {} }"#).unwrap();
    assert_eq!(schema.messages.len(), 1);
    assert_eq!(schema.messages[0].location.to_string(), "proto/a.proto:6:9");
}

#[test]
fn the_order_of_files_is_their_names_not_the_directory_listing() {
    let names = ["b/z.proto", "a.proto", "b/a.proto", "c.proto", "b.proto", "B.proto", "a/b/c.proto"];
    let contract = |name: &str| format!("syntax = \"proto3\";\npackage p{};\n", name.replace(['/', '.'], "_"));
    let order = |names: &[&str]| {
        let folder =
            names.iter().fold(Folder::new(), |folder, name| folder.file(&format!("proto/{name}"), contract(name)));
        let schema = folder.schema_of(r#"{ "protos": ["proto"], "include_common": false }"#).unwrap();
        schema.files.file.iter().map(|file| file.name().to_owned()).collect::<Vec<_>>()
    };
    let mut reversed = names;
    reversed.reverse();
    assert_eq!(order(&names), order(&reversed));
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!(order(&names), sorted);
}

#[test]
fn generating_twice_changes_nothing() {
    let folder = folder();
    let config = || folder.config(r#"{ "protos": ["proto"], "out": "generated" }"#).unwrap();
    config().compile().unwrap();
    let path = folder.path().join("generated/messages.rs");
    let (text, written) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
    config().compile().unwrap();
    assert_eq!(fs::read(&path).unwrap(), text);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written, "written again though nothing changed");
    assert_eq!(config().generate().unwrap().into_bytes(), text);
}

#[test]
fn the_schema_is_the_same_every_time() {
    let folder = folder();
    let schema = || format!("{:?}", folder.schema_of(r#"{ "protos": ["proto"] }"#).unwrap());
    assert_eq!(schema(), schema());
}
