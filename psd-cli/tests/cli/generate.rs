//! `psd generate`, run as a user runs it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const CHAT: &str = "syntax = \"proto3\";\npackage chat;\n/*\ntype = 'send-chat'\norigin = client\n*/\nmessage SendChat { string room = 1; }\n";
const OTHER: &str = "syntax = \"proto3\";\nmessage Other { int64 a = 1; }\n";

/// A project of these files, beside a contract of two .proto files.
fn project(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("proto/deep")).unwrap();
    write(folder.path(), "proto/chat.proto", CHAT);
    write(folder.path(), "proto/deep/other.proto", OTHER);
    write(folder.path(), "fps_config.json", r#"{ "protos": ["proto"], "include_common": false }"#);
    for (name, contents) in files {
        write(folder.path(), name, contents);
    }
    folder
}

const REACT: (&str, &str) = ("package.json", r#"{ "dependencies": { "react": "19" } }"#);

fn write(folder: &Path, name: &str, contents: &str) {
    fs::write(folder.join(name), contents).unwrap();
}

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_psd"));
    command.args(arguments.split_whitespace()).current_dir(folder).env_remove("CLICOLOR_FORCE");
    command
}

fn psd(folder: &Path, arguments: &str) -> Output {
    command(folder, arguments).output().unwrap()
}

#[track_caller]
fn check(folder: &Path, arguments: &str, code: i32, out: &str, err: &str) {
    let output = psd(folder, arguments);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!((output.status.code(), &*text(&output.stdout), &*text(&output.stderr)), (Some(code), out, err));
}

#[test]
fn files_are_written_kept_and_removed() {
    let project = project(&[REACT]);
    let folder = project.path();
    let messages = folder.join("src/messages");
    let all = "wrote ./src/messages/chat.ts\nwrote ./src/messages/deep/other.ts\nwrote ./src/messages/index.ts\n";
    let all = all.replace("./", "");
    check(folder, "generate", 0, &all, "");
    let time = |name: &str| fs::metadata(messages.join(name)).unwrap().modified().unwrap();
    let before = (time("chat.ts"), time("index.ts"));
    check(folder, "generate", 0, "3 files in src/messages unchanged\n", "");
    check(folder, "generate --check", 0, "", "");
    assert_eq!((time("chat.ts"), time("index.ts")), before);

    // What the user wrote stays, what was generated goes with its .proto file, and its folder too.
    write(&messages, "mine.ts", "export {};\n");
    fs::remove_file(folder.join("proto/deep/other.proto")).unwrap();
    let err = "error: generated files are out of date; run `psd generate`\n";
    let out = "src/messages/deep/other.ts: no longer generated\nsrc/messages/index.ts:6: out of date\n";
    let checked = psd(folder, "generate --check");
    assert_eq!(String::from_utf8(checked.stderr).unwrap(), err);
    assert!(String::from_utf8(checked.stdout).unwrap().starts_with(out));
    assert!(messages.join("deep/other.ts").is_file());
    let out = "removed src/messages/deep/other.ts\nwrote src/messages/index.ts\n1 file in src/messages unchanged\n";
    check(folder, "generate", 0, out, "");
    assert!(messages.join("mine.ts").is_file() && !messages.join("deep").exists());
}

#[test]
fn check_shows_the_first_line_that_differs() {
    let project = project(&[REACT]);
    let folder = project.path();
    psd(folder, "generate");
    let file = folder.join("src/messages/chat.ts");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("room: string", "room: number")).unwrap();
    fs::remove_file(folder.join("src/messages/index.ts")).unwrap();
    let out = "src/messages/chat.ts:6: out of date\n  -   room: number;\n  +   room: string;\nsrc/messages/index.ts: missing\n";
    check(folder, "generate --check", 1, out, "error: generated files are out of date; run `psd generate`\n");
}

#[test]
fn the_project_says_what_to_generate() {
    let cargo = ("Cargo.toml", "");
    for (files, expected) in [
        (&[cargo][..], "src/generated/messages.rs"),
        (&[REACT], "src/messages/chat.ts"),
        (&[("package.json", r#"{ "devDependencies": { "typescript": "6" } }"#)], "src/messages/chat.ts"),
        (&[("pubspec.yaml", "")], "lib/messages/chat.dart"),
        (&[("manage.py", "")], "proto/messages.py"),
    ] {
        let project = project(files);
        let output = psd(project.path(), "generate");
        assert!(project.path().join(expected).is_file(), "{output:?}");
    }
    let both = "error: this folder is a project for `rust` (Cargo.toml) and for `typescript` (package.json): say which \
                with `--target`\n";
    let none =
        "this folder has no Cargo.toml, no package.json with react or typescript, no pubspec.yaml and no manage.py";
    let way_out = "; say `--target rust` or `--target typescript` or `--target dart` or `--target django`\n";
    for (files, said) in
        [(&[cargo, REACT][..], both.to_owned()), (&[("package.json", "{}")], format!("error: {none}{way_out}"))]
    {
        check(project(files).path(), "generate", 2, "", &said);
    }
}

#[test]
fn arguments_and_settings_say_where() {
    let project = project(&[]);
    let folder = project.path();
    for (config, arguments, expected) in [
        (r#"{ "protos": ["proto"] }"#, "--target typescript --out web", "web/chat.ts"),
        (r#"{ "protos": ["proto"], "out": "there" }"#, "--target typescript", "there/chat.ts"),
        (r#"{ "protos": ["proto"], "out": "x", "typescript": { "out": "y" } }"#, "--target typescript", "y/chat.ts"),
        (r#"{ "protos": ["proto"], "rust": { "out": "z" } }"#, "--target rust", "z/messages.rs"),
        (r#"{ "protos": ["proto"], "dart": { "out": "d" } }"#, "--target dart", "d/chat.dart"),
        (r#"{ "protos": ["proto"] }"#, "--target flutter", "lib/messages/chat.dart"),
    ] {
        write(folder, "other.json", config);
        let output = psd(folder, &format!("generate --config other.json {arguments}"));
        assert!(folder.join(expected).is_file(), "{output:?}");
    }
    let err = "error: `--out` is the folder of one target: name it with `--target`\n";
    check(folder, "generate --target rust --target typescript --out x", 2, "", err);
}

#[test]
fn integers_of_64_bits_are_held_as_the_configuration_says() {
    let project = project(&[REACT]);
    for (int64, expected) in [("bigint", "a: bigint;"), ("string", "a: string;"), ("number", "a: number;")] {
        let config = format!(r#"{{ "protos": ["proto"], "typescript": {{ "int64": "{int64}" }} }}"#);
        write(project.path(), "fps_config.json", &config);
        psd(project.path(), "generate");
        let text = fs::read_to_string(project.path().join("src/messages/deep/other.ts")).unwrap();
        assert!(text.contains(expected), "{text}");
    }
    write(project.path(), "fps_config.json", r#"{ "protos": ["proto"], "typescript": { "int64": "long" } }"#);
    let output = psd(project.path(), "generate");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("error: bad value \"long\" for `int64`"), "{said}");
}

/// A program that is stopped whatever happens.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn watching_goes_on_after_a_mistake() {
    let project = project(&[REACT]);
    let folder = project.path();
    let spawned = command(folder, "generate --watch").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut running = Running(spawned);
    let mut said = BufReader::new(running.0.stderr.take().unwrap());
    // Reads what is said until the work is done; it is done before anybody could wait for it in vain.
    let mut until_waiting = || {
        let mut text = String::new();
        while !text.ends_with("waiting for changes; ctrl-c ends\n") {
            assert_ne!(said.read_line(&mut text).unwrap(), 0, "it ended: {text}");
        }
        text
    };
    let chat = || fs::read_to_string(folder.join("src/messages/chat.ts")).unwrap();
    until_waiting();
    assert!(chat().contains("room: string"));

    write(folder, "proto/chat.proto", "syntax = \"proto3\";\nmessage A { Missing a = 1; }\n");
    let told = until_waiting();
    assert!(told.contains("name `Missing` is not defined"), "{told}");

    write(folder, "proto/chat.proto", &CHAT.replace("room", "place"));
    let deadline = Instant::now() + Duration::from_secs(60);
    while !chat().contains("place: string") {
        assert!(Instant::now() < deadline, "{}", chat());
        until_waiting();
    }
}
