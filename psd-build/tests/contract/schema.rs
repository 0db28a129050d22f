use std::time::Duration;

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
        .schema()
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
