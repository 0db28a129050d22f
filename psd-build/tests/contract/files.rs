use psd_build::{Colors, Config};

use crate::folder::{Folder, check};

/// Contracts of several files: `--- name`, then the text.
const CONTRACTS: &[(&str, &str)] = &[
    (
        "syntax_error",
        "--- chat.proto\nsyntax = \"proto3\";\nmessage A {\n  string = 1;\n}\nmessage B { string x 2; }\n",
    ),
    ("end_of_file", "--- chat.proto\nsyntax = \"proto3\";\nmessage A {\n  string a = 1;\n"),
    ("comment_never_ends", "--- chat.proto\nsyntax = \"proto3\";\n/*\ntype = 'a'\nmessage A {}\n"),
    ("proto2", "--- chat.proto\nsyntax = \"proto2\";\nmessage A { optional string a = 1; }\n"),
    ("no_syntax", "--- chat.proto\n// A license.\npackage chat;\nmessage A { }\n"),
    ("editions", "--- chat.proto\nedition = \"2023\";\nmessage A { string a = 1; }\n"),
    ("group", "--- chat.proto\nsyntax = \"proto3\";\nmessage A { repeated group Part = 1 { string a = 2; } }\n"),
    ("service", "--- chat.proto\nsyntax = \"proto3\";\nmessage A {}\nservice Chat { rpc Say (A) returns (A); }\n"),
    (
        "unknown_name",
        "--- chat.proto\nsyntax = \"proto3\";\nmessage Part {}\nmessage A { sting a = 1; Prat part = 2; Foo foo = 3; }\n",
    ),
    (
        "name_not_imported",
        "--- a.proto\nsyntax = \"proto3\";\npackage a;\nmessage A { b.B b = 1; }\n--- b.proto\nsyntax = \"proto3\";\npackage b;\nmessage B {}\n",
    ),
    ("number_twice", "--- chat.proto\nsyntax = \"proto3\";\nmessage A {\n  string a = 1;\n  string b = 1;\n}\n"),
    (
        "name_twice",
        "--- a.proto\nsyntax = \"proto3\";\n/*\ntype = 'a'\norigin = client\n*/\nmessage A {}\n--- b.proto\nsyntax = \"proto3\";\n/*\ntype = 'a'\norigin = client\n*/\nmessage A {}\n",
    ),
    ("enum_without_zero", "--- chat.proto\nsyntax = \"proto3\";\nenum Color { RED = 1; }\n"),
    (
        "import_unknown",
        "--- chat.proto\nsyntax = \"proto3\";\nimport \"parts.proto\";\nimport \"google/protobuf/timestamps.proto\";\n--- part.proto\nsyntax = \"proto3\";\n",
    ),
    (
        "import_twice",
        "--- a.proto\nsyntax = \"proto3\";\nimport \"b.proto\";\nimport \"b.proto\";\n--- b.proto\nsyntax = \"proto3\";\n",
    ),
    (
        "import_circle",
        "--- a.proto\nsyntax = \"proto3\";\nimport \"b.proto\";\n--- b.proto\nsyntax = \"proto3\";\nimport \"a.proto\";\n--- c.proto\nsyntax = \"proto3\";\nimport \"a.proto\";\n",
    ),
    (
        "import_of_a_broken_file",
        "--- a.proto\nsyntax = \"proto3\";\nimport \"b.proto\";\nmessage A { B b = 1; }\n--- b.proto\nsyntax = \"proto3\";\nmessage B {\n--- c.proto\nsyntax = \"proto3\";\nimport \"a.proto\";\n/* type = 'c' */\nmessage C {}\n",
    ),
    (
        "one_type_for_two",
        "--- a.proto\nsyntax = \"proto3\";\n/*\ntype = 'chat'\norigin = client\n*/\nmessage A {}\n/*\ntype = 'chat'\norigin = server\n*/\nmessage B {}\n--- b.proto\nsyntax = \"proto3\";\n/*\ntype = 'chat'\norigin = client/server\n*/\nmessage C {}\n",
    ),
    (
        "metadata_above_an_enum",
        "--- a.proto\nsyntax = \"proto3\";\n/*\ntype = 'color'\norigin = client\n*/\nenum Color { NONE = 0; }\n",
    ),
    (
        "metadata_inside_the_message",
        "--- a.proto\nsyntax = \"proto3\";\nmessage A {\n  /*\n  type = 'a'\n  origin = client\n  */\n  string a = 1;\n}\n",
    ),
    (
        "metadata_behind_a_brace",
        "--- a.proto\nsyntax = \"proto3\";\nmessage A {} /*\n  type = 'b'\n  origin = client\n*/ message B {}\n",
    ),
    (
        "nested_message",
        "--- a.proto\nsyntax = \"proto3\";\nmessage A {\n  /*\n  type = 'a-part'\n  orign = client\n  */\n  message Part {}\n}\n",
    ),
    ("many_mistakes_at_once", MANY),
];

const MANY: &str = "--- chat/rooms.proto
syntax = \"proto3\";
package chat;

/*
type = 'join-room'
orgin = client
*/
message JoinRoom { string room = 1; }

/*
type = 'leave-room'
origin = client
client cache_keys = text('rom')
*/
message LeaveRoom { string room = 1; }
--- chat/talk.proto
syntax = \"proto3\";
package chat;

import \"chat/rooms.proto\";

/*
type = 'leave-room'
origin = client
auth = no
*/
message Talk { string text = 1; Room room = 2; }
--- old.proto
syntax = \"proto2\";
/*
type = 'old'
*/
message Old {}
--- syntax.proto
syntax = \"proto3\";
mesage Typo {}
";

fn folder(contract: &str) -> Folder {
    contract.split("--- ").skip(1).fold(Folder::new(), |folder, file| {
        let (name, text) = file.split_once('\n').unwrap();
        folder.file(&format!("proto/{name}"), text)
    })
}

#[test]
fn a_mistake_of_a_file_is_told_with_its_line_and_the_way_out() {
    for (name, contract) in CONTRACTS {
        check(name, contract, &folder(contract).diagnostics());
    }
}

#[test]
fn places_are_sorted_by_file_and_line() {
    let folder = folder(MANY);
    let config = Config::from_folders([folder.path().join("proto").display().to_string()]);
    let error = config.schema().unwrap_err();
    let places: Vec<_> = error
        .diagnostics()
        .iter()
        .map(|diagnostic| (diagnostic.labels[0].file.clone(), diagnostic.labels[0].line, diagnostic.labels[0].column))
        .collect();
    assert!(places.is_sorted(), "{places:#?}");
    assert_eq!(format!("{error}"), format!("{error:?}"), "cargo shows what `Debug` makes of it");
}

#[test]
fn colours_change_nothing_else() {
    let folder = folder(MANY);
    let error = Config::from_folders([folder.path().join("proto").display().to_string()]).schema().unwrap_err();
    for diagnostic in error.diagnostics() {
        let colored = diagnostic.render(Colors::Always);
        assert!(colored.contains("\x1b[1;31m^") || colored.contains("\x1b[1;33m^"), "{colored}");
        let mut plain = String::new();
        for (index, part) in colored.split("\x1b[").enumerate() {
            plain.push_str(if index == 0 { part } else { part.split_once('m').unwrap().1 });
        }
        assert_eq!(plain, diagnostic.to_string());
    }
}

#[test]
fn a_file_that_is_not_utf8_is_told() {
    let folder = Folder::new().file("proto/a.proto", b"syntax = \"proto3\";\n// \xff\n");
    check("not_utf8", "bytes that are no text", &folder.diagnostics());
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    let contract = "\u{feff}syntax = \"proto3\";\nmessage A {}\n";
    assert_eq!(Folder::new().file("proto/a.proto", contract).diagnostics(), "");
}
