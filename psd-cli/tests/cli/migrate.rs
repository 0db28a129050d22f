//! `psd migrate`, run as a user runs it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A Django project of this repository, and the crate that is begun from it. It is a member of the workspace, so that it is
/// compiled like everything else, and runs beside a real Django in tests/tests/migration.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/django");

fn psd(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_psd"));
    command.args(arguments).current_dir(folder).env_remove("CLICOLOR_FORCE").output().unwrap()
}

/// The files of a folder by their paths.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                open.push(path);
            } else if !name.contains("__pycache__") {
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn write(folder: &Path, files: &BTreeMap<String, String>) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn a_project_becomes_the_crate_that_is_committed() {
    let folder = TempDir::new().unwrap();
    write(&folder.path().join("tests/django/shop"), &files(&Path::new(FIXTURES).join("shop")));
    let arguments = ["migrate", "django", "tests/django/shop", "--out", "tests/django/shop-psd", "--psd", "."];

    let output = psd(folder.path(), &arguments);

    assert!(output.status.success(), "{output:?}");
    let written = files(&folder.path().join("tests/django/shop-psd"));
    let committed = Path::new(FIXTURES).join("shop-psd");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        write(&committed, &written);
    }
    assert_eq!(written, files(&committed), "if it should be so, run with UPDATE_GENERATED=1");
    // What is noted is said, too.
    let said = String::from_utf8(output.stdout).unwrap();
    let noted: Vec<_> = written["NOTES.md"].lines().filter_map(|line| line.strip_prefix("- [ ] ")).collect();
    assert_eq!(noted.len(), 12, "{noted:?}");
    for note in noted {
        assert!(said.contains(&note.replacen('`', "", 2)), "{note} is not in {said}");
    }
    let again = psd(folder.path(), &arguments);
    assert_eq!(again.status.code(), Some(2), "what is there was written over");
}

#[test]
fn what_is_no_project_is_refused() {
    let folder = TempDir::new().unwrap();
    let said = |output: Output| (output.status.code(), String::from_utf8(output.stderr).unwrap());
    let way_out = "name the folder that has both manage.py and fps_config.json";
    fs::create_dir(folder.path().join("shop")).unwrap();
    let output = said(psd(folder.path(), &["migrate", "django", "shop"]));
    assert_eq!(output, (Some(2), format!("error: `shop` has no manage.py: {way_out}\n")));
    fs::write(folder.path().join("shop/manage.py"), "").unwrap();
    fs::write(folder.path().join("shop/fps_config.json"), "{ \"protos\": [\"gone\"] }").unwrap();
    let (code, text) = said(psd(folder.path(), &["migrate", "django", "shop"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(!folder.path().join("shop-psd").exists(), "a crate was begun all the same");
}

#[test]
fn python_that_cannot_be_read_is_told_with_its_line() {
    let folder = TempDir::new().unwrap();
    let proto = "syntax = \"proto3\";\n/*\ntype = 'said'\norigin = client\n*/\nmessage Said {}\n";
    let broken = "import proto_socket_django as psd\nclass R(psd.FPSReceiver):\n    @psd.receive(permissions=[f'{x}.add'])\n    \
                  def said(self, message: pb.RxSaid): pass\n\ndef (:\n";
    let consumer = "class C(psd.ApiWebsocketConsumer):\n    receivers = [R, *others]\n";
    write(
        &folder.path().join("shop"),
        &[
            ("manage.py", ""),
            ("fps_config.json", "{ \"protos\": [\"p\"] }"),
            ("p/a.proto", proto),
            ("r.py", broken),
            ("c.py", consumer),
        ]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect(),
    );
    let output = psd(folder.path(), &["migrate", "django", "shop"]);
    let said = String::from_utf8(output.stdout).unwrap();
    for expected in [
        "c.py:1: `C` has no route: it is served at /ws",
        "c.py:2: a receiver that is no plain name is left out",
        "r.py:4: `permissions` of `R.said` is no list of texts",
        "r.py:6: what begins here is no Python",
    ] {
        assert!(said.contains(expected), "{expected} is not in {said}");
    }
    let handlers = fs::read_to_string(folder.path().join("shop-psd/src/handlers/r.rs")).unwrap();
    assert!(handlers.contains("permissions = [\"psd.untranslated\"]"), "a guard that cannot be read lets people pass");
}
