//! What a change breaks.

use psd_build::{Breaks, Config, Schema, compare};

use crate::folder::Folder;

const OLD: &str = "syntax = \"proto3\";
package a;
/*
type = 'sent'
origin = server
client cache = days(1)
client cache_keys = text('room')
*/
message Sent { string room = 1; int32 n = 2; repeated string tags = 3; Kind kind = 4; map<string, int32> m = 5; }
/*
type = 'say'
origin = client/server
auth = false
*/
message Say { optional string text = 1; oneof one { int32 x = 2; } Inner inner = 3; message Inner { bool b = 1; } }
enum Kind { NONE = 0; GOOD = 1; BAD = 2; }
message Unused {}
";

fn schema(contract: &str) -> Schema {
    let folder = Folder::new().file("proto/a.proto", contract);
    Config::from_folders([folder.path().join("proto").display().to_string()]).schema().unwrap()
}

/// Compares with the old contract after one replacement.
#[track_caller]
fn check(replace: &str, by: &str, expected: &[(&str, &[Breaks])]) {
    assert!(OLD.contains(replace), "{replace}");
    let changes = compare(&schema(OLD), &schema(&OLD.replacen(replace, by, 1)));
    let found: Vec<_> = changes.iter().map(|change| (change.message.as_str(), change.breaks.as_slice())).collect();
    assert_eq!(found, expected, "{replace} → {by}");
    assert!(changes.iter().all(|change| change.location.is_some() && change.is_breaking() != change.breaks.is_empty()));
}

use Breaks::{Binary, Cache, Code, Json, Routes};

#[test]
fn fields() {
    check("string room = 1;", "string room = 1; string more = 9;", &[("the field `a.Sent.more` is new", &[])]);
    check("int32 n = 2; ", "", &[("the field `a.Sent.n` is gone", &[Binary, Json, Code])]);
    check("int32 n = 2;", "int32 n = 7;", &[("the field `a.Sent.n` has the number 7, was 2", &[Binary])]);
    check("int32 n = 2;", "int32 count = 2;", &[("the field `a.Sent.count` was called `n`", &[Json, Code])]);
    check("n = 2;", "n = 2 [json_name = \"N\"];", &[("the field `a.Sent.n` is `N` in JSON, was `n`", &[Json])]);
    check("int32 n = 2;", "uint64 n = 2;", &[("the field `a.Sent.n` is `uint64`, was `int32`", &[Json, Code])]);
    check("int32 n = 2;", "sint32 n = 2;", &[("the field `a.Sent.n` is `sint32`, was `int32`", &[Binary, Json, Code])]);
    let said = "the field `a.Sent.tags` is `string`, was `repeated string`";
    check("repeated string tags", "string tags", &[(said, &[Binary, Json, Code])]);
    let said = "the field `a.Sent.m` is `map<string, string>`, was `map<string, int32>`";
    check("map<string, int32>", "map<string, string>", &[(said, &[Binary, Json, Code])]);
    let said = "the field `a.Say.text` is no longer `optional`";
    check("optional string text", "string text", &[(said, &[Code])]);
    let said = "the field `a.Say.x` is no longer part of the oneof `one`";
    check("oneof one { int32 x = 2; }", "int32 x = 2;", &[(said, &[Json, Code])]);
}

#[test]
fn messages_and_enums() {
    check("message Unused {}", "", &[("the message `a.Unused` is gone", &[Code])]);
    check("message Unused {}", "message Unused {} message More {}", &[("the message `a.More` is new", &[])]);
    check("GOOD = 1;", "FINE = 1;", &[("the value `a.Kind.GOOD` is called `FINE`", &[Json, Code])]);
    check("GOOD = 1;", "GOOD = 5;", &[("the value `a.Kind.GOOD` is 5, was 1", &[Binary])]);
    check("GOOD = 1;", "", &[("the value `a.Kind.GOOD` is gone", &[Json, Code])]);
    check("GOOD = 1;", "GOOD = 1; NEW = 3;", &[("the value `a.Kind.NEW` is new", &[])]);
}

#[test]
fn metadata() {
    check("'sent'", "'was-sent'", &[("the type of `a.Sent` is `was-sent`, was `sent`", &[Routes])]);
    let said = "the origin of `a.Say` is `client`, was `client/server`";
    check("client/server", "client", &[(said, &[Routes, Code])]);
    let said = "the origin of `a.Sent` is `client/server`, was `server`";
    check("origin = server", "origin = client/server", &[(said, &[])]);
    check("auth = false\n", "", &[("`auth` of `a.Say` is not given, was `false`", &[Routes])]);
    check("days(1)", "days(2)", &[("clients keep `a.Sent` for 172800 s", &[])]);
    let keys = "client cache_keys = text('room')\n";
    check(keys, "", &[("`room` is no longer a cache key `text` of `a.Sent`", &[Cache])]);
    let two = "client cache_keys = text('room'), int('n')\n";
    check(keys, two, &[("`n` is a new cache key `int` of `a.Sent`", &[])]);
    check(
        "/*\ntype = 'say'\norigin = client/server\nauth = false\n*/\n",
        "",
        &[("the message `a.Say` has no `type` any more", &[Routes, Code])],
    );
}

#[test]
fn the_same_contract_has_no_changes() {
    assert_eq!(compare(&schema(OLD), &schema(OLD)), []);
}
