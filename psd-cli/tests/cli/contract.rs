//! `psd check` and `psd routes`, run as a user runs them.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const CONTRACT: &str = "syntax = \"proto3\";
package chat;

/*
type = 'send-chat'
origin = client
auth = true
*/
message SendChat { string room = 1; }

/*
type = 'chat-sent'
origin = server
client cache = days(7) + hours(1)
client cache_keys = text('room'), int('number')
*/
message ChatSent { string room = 1; int32 number = 2; }

/*
type = 'typing'
origin = client/server
*/
message Typing {}
";

const MISTAKES: &str = "syntax = \"proto3\";
/*
type = 'a'
orgin = client
*/
message A { Room room = 1; }
service Chat {}
";

fn folder(contract: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("proto")).unwrap();
    std::fs::write(folder.path().join("proto/chat.proto"), contract).unwrap();
    std::fs::write(folder.path().join("fps_config.json"), r#"{ "protos": ["proto"], "include_common": false }"#)
        .unwrap();
    folder
}

fn psd(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_psd"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env_remove("CLICOLOR_FORCE")
        .output()
        .unwrap()
}

/// Runs in a folder with this contract; compares the exit code, standard output and standard error.
#[track_caller]
fn check(contract: &str, arguments: &str, code: i32, out: &str, err: &str) {
    let folder = folder(contract);
    let output = psd(folder.path(), arguments);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), out, "{arguments}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), err, "{arguments}");
    assert_eq!(output.status.code(), Some(code), "{arguments}");
}

const TABLE: &str = "\
TYPE       MESSAGE        ORIGIN         AUTH     CACHE  KEYS                  PLACE
send-chat  chat.SendChat  client         yes      -      -                     proto/chat.proto:9:9
chat-sent  chat.ChatSent  server         -        169h   text:room,int:number  proto/chat.proto:17:9
typing     chat.Typing    client/server  default  -      -                     proto/chat.proto:23:9
";

#[test]
fn a_right_contract_is_counted() {
    for arguments in ["check", "check fps_config.json", "check proto", "check proto --no-common"] {
        check(CONTRACT, arguments, 0, "3 messages in 1 file, ok\n", "");
    }
    check(CONTRACT, "check proto --json", 0, "", "");
}

#[test]
fn routes_are_a_table() {
    check(CONTRACT, "routes", 0, TABLE, "");
    check(CONTRACT, "routes proto --no-common", 0, TABLE, "");
}

#[test]
fn routes_of_one_side() {
    let client = "\
TYPE       MESSAGE        ORIGIN         AUTH     CACHE  KEYS  PLACE
send-chat  chat.SendChat  client         yes      -      -     proto/chat.proto:9:9
typing     chat.Typing    client/server  default  -      -     proto/chat.proto:23:9
";
    check(CONTRACT, "routes --origin client", 0, client, "");
}

#[test]
fn common_messages_are_routes_too() {
    let folder = folder(CONTRACT);
    let out = String::from_utf8(psd(folder.path(), "routes proto --origin client").stdout).unwrap();
    assert!(
        out.lines().any(|line| line.starts_with("login ") && line.ends_with("psd/authentication.proto:12:9")),
        "{out}"
    );
}

#[test]
fn routes_for_machines() {
    let expected = concat!(
        r#"{"type":"chat-sent","message":"chat.ChatSent","origin":"server","auth":null,"client_cache":608400,"#,
        r#""cache_keys":[{"kind":"text","field":"room"},{"kind":"int","field":"number"}],"#,
        r#""file":"proto/chat.proto","line":17,"column":9}"#,
        "\n",
        r#"{"type":"typing","message":"chat.Typing","origin":"client/server","auth":null,"client_cache":null,"#,
        r#""cache_keys":[],"file":"proto/chat.proto","line":23,"column":9}"#,
        "\n",
    );
    check(CONTRACT, "routes --json --origin server", 0, expected, "");
}

const DIAGNOSTICS: &str = "\
error: unknown metadata `orgin`
 --> proto/chat.proto:4:1
  |
4 | orgin = client
  | ^^^^^
  |
  = help: did you mean `origin`?

error: name `Room` is not defined
 --> proto/chat.proto:6:13
  |
6 | message A { Room room = 1; }
  |             ^^^^
  |
  = help: declare it, or import the file that does

warning: the service `Chat` is ignored
 --> proto/chat.proto:7:9
  |
7 | service Chat {}
  |         ^^^^
  |
  = help: psd routes by the `type` of messages; the service may stay for other tools

2 mistakes
";

#[test]
fn mistakes_are_told_in_plain_text_where_nobody_looks() {
    check(MISTAKES, "check", 1, "", DIAGNOSTICS);
    check(MISTAKES, "routes", 1, "", DIAGNOSTICS);
}

#[test]
fn mistakes_for_machines() {
    let folder = folder(MISTAKES);
    let output = psd(folder.path(), "check --json");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(1), 0));
    let out = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines[0],
        serde_json::json!({
            "severity": "error", "message": "unknown metadata `orgin`", "file": "proto/chat.proto", "line": 4,
            "column": 1, "length": 5, "help": ["did you mean `origin`?"]
        })
    );
    assert_eq!(lines.len(), 3);
}

#[test]
fn warnings_do_not_fail() {
    let contract = format!("{CONTRACT}service Chat {{}}\n");
    let folder = folder(&contract);
    let output = psd(folder.path(), "check");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"3 messages in 1 file, ok\n");
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("warning: the service `Chat` is ignored\n"));
}

#[test]
fn colours_come_when_they_are_asked_for() {
    let folder = folder(MISTAKES);
    let output = Command::new(env!("CARGO_BIN_EXE_psd"))
        .arg("check")
        .current_dir(folder.path())
        .env("CLICOLOR_FORCE", "1")
        .output();
    assert!(String::from_utf8(output.unwrap().stderr).unwrap().starts_with("\u{1b}[1;31merror"));
}

#[test]
fn a_folder_that_is_not_there_is_a_mistake() {
    let said = "error: the folder `nowhere` does not exist\n = help: folders are relative to the working directory; \
                create it or correct the name\n\n1 mistake\n";
    check(CONTRACT, "check nowhere", 1, "", said);
}

#[test]
fn all_contracts_are_looked_at() {
    let folder = folder(CONTRACT);
    std::fs::create_dir(folder.path().join("more")).unwrap();
    std::fs::write(folder.path().join("more/more.proto"), "syntax = \"proto3\";\n").unwrap();
    let together = psd(folder.path(), "check proto more");
    assert_eq!(together.stdout, b"3 messages in 2 files, ok\n");
    let apart = psd(folder.path(), "check fps_config.json more");
    assert_eq!(apart.stdout, b"0 messages in 1 file, ok\n3 messages in 1 file, ok\n");
}

#[test]
fn what_a_change_breaks_is_told_against_a_folder_and_a_revision() {
    let project = folder(CONTRACT);
    let path = project.path();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments).current_dir(path);
        assert!(command.output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "a"]);
    std::fs::create_dir(path.join("old")).unwrap();
    std::fs::copy(path.join("proto/chat.proto"), path.join("old/chat.proto")).unwrap();
    std::fs::write(
        path.join("proto/chat.proto"),
        CONTRACT.replace("string room = 1; }", "string place = 1; }\nmessage New {}").replace("days(7)", "days(8)"),
    )
    .unwrap();
    let renamed = "breaking: the field `chat.SendChat.place` was called `room`\n --> proto/chat.proto:9:27\n  = breaks JSON, \
                   generated code\n";
    for old in ["old", "git:HEAD"] {
        let output = psd(path, &format!("check --against {old}"));
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), renamed);
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "error: 1 breaking change\n");
    }
    let all = String::from_utf8(psd(path, "check --against git:HEAD --all").stdout).unwrap();
    assert!(all.contains("compatible: the message `chat.New` is new\n --> proto/chat.proto:10:9\n"), "{all}");
    assert!(all.contains("compatible: clients keep `chat.ChatSent` for 694800 s\n"), "{all}");
    let json = String::from_utf8(psd(path, "check --against old --json").stdout).unwrap();
    assert!(json.contains(r#""breaking":true"#) && json.contains(r#""breaks":["JSON","generated code"]"#), "{json}");

    std::fs::copy(path.join("old/chat.proto"), path.join("proto/chat.proto")).unwrap();
    let output = psd(path, "check --against git:HEAD");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "0 compatible changes, nothing breaks\n");
    let output = psd(path, "check --against nowhere");
    assert_eq!(output.status.code(), Some(2));
}
