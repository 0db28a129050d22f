use crate::folder::{Folder, check};

/// What stands above `message ChatSent` in an otherwise right file.
const COMMENTS: &[(&str, &str)] = &[
    ("misspelt_type", "/*\ntpye = 'chat-sent'\norigin = server\n*/"),
    ("misspelt_origin", "/*\ntype = 'chat-sent'\nOrigin = server\n*/"),
    ("misspelt_auth", "/*\ntype = 'chat-sent'\norigin = client\nauht = false\n*/"),
    ("misspelt_client_cache", "/*\ntype = 'chat-sent'\norigin = server\nclient_cache = days(7)\n*/"),
    (
        "misspelt_cache_keys",
        "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(7)\ncache_keys = text('room')\n*/",
    ),
    ("misspelt_alone", "/*\n * Said in a room.\n *\n * typ = \"chat-sent\";\n */"),
    ("colon_for_equals", "/*\ntype: 'chat-sent'\norigin = server\n*/"),
    ("type_not_quoted", "/*\ntype = chat-sent\norigin = server\n*/"),
    ("type_without_value", "/*\ntype =\norigin = server\n*/"),
    ("type_empty", "/*\ntype = ''\norigin = server\n*/"),
    ("type_white_space", "/*\ntype = 'chat-sent '\norigin = server\n*/"),
    ("type_quote_not_closed", "/*\ntype = 'chat-sent\norigin = server\n*/"),
    ("type_quote_not_opened", "/*\ntype = chat-sent'\norigin = server\n*/"),
    ("type_typographic_quotes", "/*\ntype = ‘chat-sent’\norigin = server\n*/"),
    ("type_control_character", "/*\ntype = 'chat\tsent'\norigin = server\n*/"),
    ("type_and_more_on_the_line", "/*\ntype = 'chat-sent'; origin = server\n*/"),
    ("type_missing", "/*\norigin = server\nclient cache = days(7)\n*/"),
    ("type_twice", "/*\ntype = 'chat-sent'\norigin = server\ntype = 'chat-sent'\n*/"),
    ("origin_missing", "/*\nSaid in a room.\n\ntype = 'chat-sent'\n*/"),
    ("origin_unknown", "/*\ntype = 'chat-sent'\norigin = browser\n*/"),
    ("origin_misspelt", "/*\ntype = 'chat-sent'\norigin = sever\n*/"),
    ("origin_quoted", "/*\ntype = 'chat-sent'\norigin = 'server'\n*/"),
    ("origin_with_comma", "/*\ntype = 'chat-sent'\norigin = client, server\n*/"),
    ("origin_without_value", "/*\ntype = 'chat-sent'\norigin = ;\n*/"),
    ("auth_not_a_truth_value", "/*\ntype = 'chat-sent'\norigin = client\nauth = False\n*/"),
    ("auth_unknown", "/*\ntype = 'chat-sent'\norigin = client\nauth = staff\n*/"),
    ("auth_of_a_server_message", "/*\ntype = 'chat-sent'\norigin = server\nauth = false\n*/"),
    ("cache_unit_misspelt", "/*\ntype = 'chat-sent'\norigin = server\nclient cache = day(7)\n*/"),
    ("cache_unit_unknown", "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(7) + months(1)\n*/"),
    ("cache_without_parentheses", "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days 7\n*/"),
    ("cache_without_number", "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days()\n*/"),
    ("cache_fraction", "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(0.5)\n*/"),
    ("cache_bare_number", "/*\ntype = 'chat-sent'\norigin = server\nclient cache = 3600\n*/"),
    ("cache_without_plus", "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(1) hours(2)\n*/"),
    ("cache_zero", "/*\ntype = 'chat-sent'\norigin = server\nclient cache = seconds(0)\n*/"),
    ("cache_overflow", "/*\ntype = 'chat-sent'\norigin = server\nclient cache = years(18446744073709551615)\n*/"),
    (
        "key_is_no_field",
        "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(7)\nclient cache_keys = text('rooms', 'sender')\n*/",
    ),
    (
        "key_not_quoted",
        "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(7)\nclient cache_keys = text(room, author)\n*/",
    ),
    (
        "key_quote_not_closed",
        "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(7)\nclient cache_keys = text('room)\n*/",
    ),
    (
        "key_kind_misspelt",
        "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(7)\nclient cache_keys = txt('room')\n*/",
    ),
    (
        "key_kind_unknown",
        "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(7)\nclient cache_keys = blob('room')\n*/",
    ),
    (
        "key_twice",
        "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(7)\nclient cache_keys = text('room'), date('room')\n*/",
    ),
    (
        "key_kind_without_fields",
        "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(7)\nclient cache_keys = text()\n*/",
    ),
    (
        "keys_without_parenthesis",
        "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(7)\nclient cache_keys = text('room'\n*/",
    ),
    ("keys_without_cache", "/*\ntype = 'chat-sent'\norigin = server\nclient cache_keys = text('room')\n*/"),
    (
        "more_than_five_keys",
        "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(7)\nclient cache_keys = text('room', 'author', 'a', 'b', 'c'), int('number') + text('d')\n*/",
    ),
    (
        "key_with_many_values",
        "/*\ntype = 'chat-sent'\norigin = server\nclient cache = days(7)\nclient cache_keys = text('tags', 'map')\n*/",
    ),
    ("line_comment", "// Said in a room.\n// type = 'chat-sent'\n// origin = server"),
    ("empty_line_between", "/*\ntype = 'chat-sent'\norigin = server\n*/\n"),
    ("two_comments", "/*\ntype = 'chat-sent'\norigin = server\n*/\n/* Said in a room. */"),
    ("tab_before_the_mistake", "/*\n\ttype = 'chat-sent'\n\torigin\t=\tsrever\n*/"),
    ("wide_characters_before_the_mistake", "/* Größe */ /*\ntype = 'größe' ü\norigin = server\n*/"),
    ("windows_line_breaks", "/*\r\n * type = 'chat-sent'\r\n * origin = srever\r\n */"),
    (
        "everything_at_once",
        "/*\ntype = chat-sent\norigin = both\nauth = maybe\nclient cache = weeks(1)\nclient cache_keys = text(room)\ntype = 'x'\n*/",
    ),
];

#[test]
fn a_mistake_in_metadata_is_told_with_its_line_and_the_way_out() {
    for (name, comment) in COMMENTS {
        let contract = format!(
            "syntax = \"proto3\";\npackage chat;\n\n{comment}\nmessage ChatSent {{\n  string room = 1;\n  string author = 2;\n  \
             string a = 3;\n  string b = 4;\n  string c = 5;\n  string d = 6;\n  int64 number = 7;\n  repeated string tags = 8;\n  map<string, string> map = 9;\n}}\n"
        );
        check(name, &contract, &Folder::new().file("proto/chat.proto", &contract).diagnostics());
    }
}

#[test]
fn a_type_has_256_bytes_at_most() {
    let contract = |length: usize| {
        let message_type = "t".repeat(length);
        format!("syntax = \"proto3\";\n/*\ntype = '{message_type}'\norigin = client\n*/\nmessage A {{}}\n")
    };
    assert_eq!(Folder::new().file("proto/a.proto", contract(256)).diagnostics(), "");
    let shown = Folder::new().file("proto/a.proto", contract(257)).diagnostics();
    assert!(shown.contains("error: the `type` has 257 bytes, more than 256\n"), "{shown}");
    assert!(shown.contains(" --> proto/a.proto:3:8\n"), "{shown}");
}
