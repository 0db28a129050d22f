use std::time::Duration;

use psd_proto::json::{self, Names};
use psd_proto::{CacheKey, CacheKeyKind, ClientMessage, Message, Origin, ServerMessage};

use crate::pb;
use crate::{read, write_as};

/// Names that are hard to get right, in all their spellings.
#[test]
fn names_of_fields() {
    let classic = concat!(
        r#"{"type":"1","self":"2","crate":"3","class":"4","camelName":"5","HTTPCode":"6","with_2Digits":"7","#,
        r#""field_1":"8","aBC":"9","Leading":"10","trailing_":"11","two_Under":"12","chosen":"13","#,
        r#""deprecated":"14","name":"15","field":"16","writer":"17","async":{}}"#
    );
    let proto3 = concat!(
        r#"{"type":"1","self":"2","crate":"3","class":"4","camelName":"5","HTTPCode":"6","with2Digits":"7","#,
        r#""field1":"8","aBC":"9","Leading":"10","trailing":"11","twoUnder":"12","@chosen \"name\"":"13","#,
        r#""deprecated":"14","name":"15","field":"16","writer":"17","async":{}}"#
    );
    let proto = concat!(
        r#"{"type":"1","self":"2","crate":"3","class":"4","camelName":"5","HTTPCode":"6","with_2_digits":"7","#,
        r#""field_1":"8","a_b_c":"9","_leading":"10","trailing_":"11","two__under":"12","chosen":"13","#,
        r#""deprecated":"14","name":"15","field":"16","writer":"17","async":{}}"#
    );
    for text in [classic, proto3, proto] {
        let message: pb::Names = read(text);
        assert_eq!(write_as(&message, Names::Classic), classic);
        assert_eq!(write_as(&message, Names::Proto3), proto3);
    }
}

#[test]
fn names_of_types() {
    assert_eq!(
        json::read::<pb::Result>(r#"{"Ok":"x"}"#, &crate::read_options()).unwrap().value,
        Some(pb::result::Value::Ok("x".into()))
    );
    let message: pb::Json = read(r#"{"vec":{"vec":[{}]}}"#);
    assert_eq!(write_as(&message, Names::Classic), r#"{"vec":{"vec":[{}]}}"#);
    // Two packages have `Scalars`: neither is at the root.
    let message: pb::Unpackaged = read(
        r#"{"scalars":{"outer":{"anInt32":1},"inner":{"depth":"DEEP"},"depth":"DEEP","moods":["SAD"],"own":"NONE"},
            "kind":"TYPE_BOOL","option":{"name":"x","value":{"@type":"a/every.kind.deeper.Scalars"}}}"#,
    );
    let scalars: &pb::every::kind::deeper::Scalars = message.scalars.as_ref().unwrap();
    let outer: &pb::every::kind::Scalars = scalars.outer.as_ref().unwrap();
    assert_eq!(outer.an_int32, 1);
    assert_eq!(
        pb::google::protobuf::field::Kind::try_from(message.kind),
        Ok(pb::google::protobuf::field::Kind::TypeBool)
    );
}

#[test]
fn metadata() {
    let info = <pb::every::kind::Scalars as ClientMessage>::INFO;
    assert_eq!(info, <pb::every::kind::Scalars as ServerMessage>::INFO);
    assert_eq!((info.name, info.full_name, info.message_type), ("Scalars", "every.kind.Scalars", "scalars"));
    assert_eq!((info.origin, info.auth), (Origin::Both, Some(false)));
    assert_eq!(info.client_cache, Some(Duration::from_secs(86_400)));
    let keys = [
        CacheKey { kind: CacheKeyKind::Text, field: "a_string" },
        CacheKey { kind: CacheKeyKind::Int, field: "an_int64" },
    ];
    assert_eq!(info.cache_keys, keys);
    assert_eq!(info.location.file, "tests/rust/protos/every.proto");
    let source = include_str!("protos/every.proto");
    let declaration = source.lines().nth(info.location.line as usize - 1).unwrap();
    assert!(declaration[info.location.column as usize - 1..].starts_with("Scalars"), "{declaration}");
    assert_eq!(<pb::Echo as ClientMessage>::INFO.auth, None);
}

#[test]
fn schema() {
    let types: Vec<&str> = pb::SCHEMA.messages.iter().map(|message| message.message_type).collect();
    for expected in ["scalars", "echo", "echo-reply", "login", "ack", "ilol|ack", "upload-task"] {
        assert!(types.contains(&expected), "{expected}");
    }
    let names: Vec<&str> = pb::SCHEMA.types.iter().map(json::AnyType::name).collect();
    for expected in
        ["every.kind.Choice.Inner", "Unpackaged", "every.kind.deeper.Scalars", "demo.Tree", "sfiles.UploadedFile"]
    {
        assert!(names.contains(&expected), "{expected}");
    }
    assert_eq!(<pb::every::kind::choice::Inner as Message>::FULL_NAME, "every.kind.Choice.Inner");
    // Common messages are those of psd-proto, under a short path.
    let _: psd_proto::common::socket_api::Ack = pb::socket_api::Ack::default();
}
