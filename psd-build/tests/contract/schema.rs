use std::time::Duration;

use psd_build::Config;
use psd_build::schema::{CacheKeyKind, FileKind, Origin};

use crate::folder::Folder;

#[test]
fn metadata_becomes_a_message_and_prose_stays_documentation() {
    let schema = Folder::new()
        .file(
            "proto/chat.proto",
            r#"
syntax = "proto3";
package chat;

/**
 * Something was said.
 *
 *     type = 'chat-sent';
 *     origin = server
 *     client cache = days(7) + hours(1)
 * client cache_keys = text('room', "author"), int('number')
 *
 * Time = money stays prose.
 */
message ChatSent {
    string room = 1;
    // Who said it.
    string author = 2;
    int64 number = 3;
}
"#,
        )
        .own_schema()
        .unwrap();

    let message = schema.message("chat.ChatSent").unwrap();
    assert_eq!(message.message_type, "chat-sent");
    assert_eq!(message.origin, Origin::Server);
    assert_eq!(message.client_cache, Some(Duration::from_secs(7 * 86_400 + 3_600)));
    let keys: Vec<_> = message.cache_keys.iter().map(|key| (key.kind, key.field.as_str())).collect();
    assert_eq!(keys, [(CacheKeyKind::Text, "room"), (CacheKeyKind::Text, "author"), (CacheKeyKind::Int, "number")]);
    assert_eq!(message.location.to_string(), "proto/chat.proto:15:9");
    assert_eq!(message.kind, FileKind::User);
    assert_eq!(message.docs, "Something was said.\n\nTime = money stays prose.");
    assert_eq!(schema.docs("chat.ChatSent"), Some(message.docs.as_str()));
    assert_eq!(schema.docs("chat.ChatSent.author"), Some("Who said it."));
    let comments: Vec<_> = schema.files.file[0]
        .source_code_info
        .iter()
        .flat_map(|info| &info.location)
        .filter_map(|location| location.leading_comments.as_deref())
        .collect();
    assert_eq!(comments, ["Something was said.\n\nTime = money stays prose.\n", " Who said it.\n"]);
}

/// The contract that ../shared/wire was recorded against: line, type, origin, `auth` where it is given.
#[test]
fn the_recorded_contract_is_read() {
    const EXPECTED: &str = "\
30 Echo echo client
39 EchoReply echo-reply server
49 OpenEcho open-echo client false
59 Types types client false
114 TypesReply types-reply server
124 TypesBuild types-build client false
133 Fail fail client false
145 Boom boom client false
153 PermGuarded perm-guarded client
160 WhiteGuarded white-guarded client
167 BlackGuarded black-guarded client
175 WhiteNoauth white-noauth client false
183 ProtoAuthFalse proto-auth-false client false
191 AsyncThread async-thread client false
203 AsyncCoro async-coro client false
216 SlowSync slow-sync client false
225 JoinRoom join-room client false
234 LeaveRoom leave-room client false
243 RoomSay room-say client false
252 RoomEvent room-event server
263 Many many client false
271 Item item server
281 DoubleHandled double-handled client false
289 WhoAmI who-am-i client false
296 WhoAmIReply who-am-i-reply server
306 NoHandler no-handler client
314 StateProbe state-probe client false
323 Void void client false
331 Loop loop client false
";
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/fixtures/demo");
    let schema = Config::from_folders([folder]).include_common(false).schema().unwrap();
    let mut found = String::new();
    for message in &schema.messages {
        assert_eq!(message.full_name, format!("demo.{}", message.name));
        assert_eq!((message.client_cache, message.docs.as_str()), (None, ""));
        let auth = message.auth.map(|auth| format!(" {auth}")).unwrap_or_default();
        let line = message.location.line;
        found.push_str(&format!("{line} {} {} {}{auth}\n", message.name, message.message_type, message.origin));
    }
    assert_eq!(found, EXPECTED);
    assert!(schema.warnings.is_empty());
    assert_eq!(schema.location("demo.Color.darkGreen").unwrap().line, 11);
    assert_eq!(schema.location("demo.Types.choice").unwrap().line, 90);
}

/// A value each way it may be written.
const SPELLINGS: &[(&str, &str)] = &[
    ("type = 'a'\norigin = client", "a client"),
    ("type='a';\norigin=client;", "a client"),
    ("  type   =   \"a\"  ;\n\torigin = server ;", "a server"),
    (" * type = 'a'\n * origin = client/server", "a client/server"),
    ("origin = server / client\ntype = 'it\"s|a type; really'", "it\"s|a type; really client/server"),
    ("type = 'a'\norigin = client\nauth = true;", "a client auth=true"),
    ("type = 'a'\norigin = client\nauth=false", "a client auth=false"),
    ("type = 'a'\norigin = server\nclient  cache = minutes( 2 )+seconds(1);", "a server 121"),
    ("type = 'a'\norigin = server\nclient cache = years(1)", "a server 31536000"),
    (
        "type = 'a'\norigin = server\nclient cache = days(1)\nclient cache_keys = text( 'x' , 'y' ) int('z')",
        "a server 86400 text:x text:y int:z",
    ),
    (
        "type = 'a'\norigin = server\nclient cache = days(1)\nclient cache_keys = real('x')+date(\"y\"),text('z');",
        "a server 86400 real:x date:y text:z",
    ),
];

#[test]
fn values_may_be_written_in_several_ways() {
    for (comment, expected) in SPELLINGS {
        let contract = format!(
            "syntax = \"proto3\";\n/*\n{comment}\n*/\nmessage A {{ string x = 1; int32 y = 2; int32 z = 3; }}\n"
        );
        let schema = Folder::new().file("proto/a.proto", contract).own_schema().unwrap_or_else(|said| panic!("{said}"));
        let [message] = &schema.messages[..] else { panic!("{comment}") };
        let mut found = format!("{} {}", message.message_type, message.origin);
        if let Some(auth) = message.auth {
            found.push_str(&format!(" auth={auth}"));
        }
        if let Some(cache) = message.client_cache {
            found.push_str(&format!(" {}", cache.as_secs()));
        }
        for key in &message.cache_keys {
            found.push_str(&format!(" {}:{}", key.kind, key.field));
        }
        assert_eq!(found, *expected, "{comment}");
    }
}

#[test]
fn nested_messages_travel_too() {
    let contract = "syntax = \"proto3\";\npackage a.b;\nmessage Outer {\n  // A part.\n  map<string, Part> parts = 1;\n  \
                    /* Said by it.\n   type = 'part'\n   origin = server */\n  message Part {}\n}\n";
    let schema = Folder::new().file("proto/a.proto", contract).own_schema().unwrap();
    let [message] = &schema.messages[..] else { panic!() };
    assert_eq!((message.full_name.as_str(), message.package.as_str()), ("a.b.Outer.Part", "a.b"));
    assert_eq!(message.docs, "Said by it.");
    assert_eq!(schema.docs("a.b.Outer.parts"), Some("A part."));
}

#[test]
fn comments_of_every_element_are_known() {
    let contract = "syntax = \"proto3\";\n// One.\n//\n// Two.\nmessage A {\n  string a = 1; // Behind.\n  // A choice.\n  \
                    oneof choice {\n    // The first.\n    string b = 2;\n  }\n  // Inner.\n  enum E {\n    // None.\n    \
                    NONE = 0;\n  }\n  optional string c = 3;\n}\n/* Outer. */\nenum E { ZERO = 0; }\n";
    let schema = Folder::new().file("proto/a.proto", contract).own_schema().unwrap();
    let expected = [
        ("A", "One.\n\nTwo."),
        ("A.a", "Behind."),
        ("A.choice", "A choice."),
        ("A.b", "The first."),
        ("A.E", "Inner."),
        ("A.E.NONE", "None."),
        ("E", "Outer."),
    ];
    for (name, docs) in expected {
        assert_eq!(schema.docs(name), Some(docs), "{name}");
    }
    assert_eq!(schema.docs("E.ZERO"), None);
    assert_eq!(schema.location("A.c").unwrap().line, 17);
    assert_eq!(schema.location("A._c"), None, "protobuf makes a oneof of what is optional");
}
