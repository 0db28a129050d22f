use crate::folder::Folder;

/// Comments above a message that say nothing to psd.
const PROSE: &[&str] = &[
    "/* Time = money. */",
    "/* path = 'a/b' */",
    "/* types = a list of them */",
    "/* Note: x = y */",
    "/* The type = of things is not looked at where no name stands alone, origin or not. */",
    "/* type */",
    "/* https://example.org/?type=x */",
    "/* a == b */",
    "/* client: a browser */",
    "/* `type` = 'a' */",
    "// cache = none",
    "// origin story",
    "//type: text",
    "/**/",
    "/***/",
    "/* * */",
    "",
];

#[test]
fn prose_stays_documentation() {
    for prose in PROSE {
        let folder = Folder::new().file("proto/a.proto", format!("syntax = \"proto3\";\n{prose}\nmessage A {{}}\n"));
        let schema = folder.own_schema().unwrap_or_else(|diagnostics| panic!("{prose}\n{diagnostics}"));
        assert!(schema.messages.is_empty(), "{prose}");
        assert!(schema.warnings.is_empty(), "{prose}");
        let docs = prose.trim_start_matches(['/', '*', ' ']).trim_end_matches(['/', '*', ' ']);
        assert_eq!(schema.docs("A").unwrap_or_default(), docs, "{prose}");
    }
}

#[test]
fn the_header_of_a_file_may_explain_metadata() {
    let contract = "/*\nMessages are declared like this:\n\ntype = 'name'\norigin = client\n*/\nsyntax = \"proto3\";\nmessage A {}\n";
    assert!(Folder::new().file("proto/a.proto", contract).own_schema().unwrap().messages.is_empty());
}

#[test]
fn a_message_that_is_commented_out_is_no_mistake() {
    let contract = "syntax = \"proto3\";
/*
type = 'old'
origin = client

message Old {}
*/

// /*
// type = 'older'
// origin = client
// */
// message Older {}

/*
type = 'new'
origin = client
*/
message New {}
";
    let schema = Folder::new().file("proto/a.proto", contract).own_schema().unwrap();
    assert_eq!(schema.messages.iter().map(|message| message.name.as_str()).collect::<Vec<_>>(), ["New"]);
}
