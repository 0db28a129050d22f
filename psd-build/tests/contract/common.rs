//! The common messages are contract: types, field numbers and metadata as in WIRE.md.

use std::collections::BTreeMap;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto};
use psd_build::Schema;
use psd_build::schema::{FileKind, Message};

use crate::folder::{Folder, check};

/// Name, type, origin and metadata, fields; in the order of WIRE.md.
///
/// `refresh-token` and `verify-token` say `auth=false`, which the table there leaves to a sentence below it: both work
/// without a valid access token. `RevokeToken` and the field of `TokenInvalid` are ours.
const MESSAGES: &[(&str, &str, &str)] = &[
    ("authentication.LoginToken", "login-token server cache=31536000", "string token=1, string refresh=2"),
    ("authentication.LoginError", "login-error server", "string errorText=1, string errorCode=2"),
    ("authentication.Login", "login client auth=false", "string username=1, string password=2"),
    ("authentication.RefreshToken", "refresh-token client auth=false", "string refresh_token=1"),
    ("authentication.VerifyToken", "verify-token client auth=false", ""),
    ("authentication.RevokeToken", "revoke-token client auth=false", "string refresh_token=1"),
    ("authentication.TokenInvalid", "token-invalid server", "uint32 grace_ms=1"),
    ("authentication.RefreshTokenInvalid", "refresh-token-invalid server", ""),
    ("socket_api.Ack", "ack server", "string uuid=1, string error_message=2, int32 error_code=4"),
    (
        "socket_api.AsyncProgress",
        "async-progress server",
        "string key=1, double progress=2, string info=3, bool done=4, string error_message=5, int32 error_code=6",
    ),
    ("socket_api.ProtocolError", "protocol-error server", "string error_message=1, int32 error_code=2"),
    ("socket_api.UpgradeApiVersion", "upgrade-api-version server", "int32 latest=1"),
    ("socket_api.IlolAck", "ilol|ack server", "string source_event_id=1"),
    ("socket_api.IlolError", "ilol|error server", "string source_event_id=1, string reason=2"),
    (
        "sfiles.UploadStartSlot",
        "upload-start server cache=604800 keys=text:local_key",
        "string key=1, string local_key=2",
    ),
    ("sfiles.UploadProgress", "upload-progress server", "int64 n_bytes=1, string key=2, string local_key=3"),
    ("sfiles.UploadDone", "upload-done server", "string key=1, .sfiles.UploadedFile file=2"),
    (
        "sfiles.UploadedFile",
        "",
        "string local_key=1, string url=2, string id=3, string mime=4, string thumb_url=5, string name=6, \
         bool downloadable=7",
    ),
    (
        "sfiles.UploadStart",
        "upload-start client cache=31536000 keys=text:local_key",
        "string local_key=1, string extension=2, string name=3, string mime=4",
    ),
    ("sfiles.DeleteFile", "delete-file client", ".sfiles.UploadedFile file=1"),
    ("sfiles.UploadEnd", "upload-end client", ""),
    (
        "uploader.UploadTask",
        "upload-task server cache=31536000 keys=text:fingerprint",
        "uint64 created=1, string path=2, string name=3, string mime=4, .uploader.UploadStatus status=5, \
         int32 retry_counter=6, string error=7, string fingerprint=8, string url=9, \
         repeated .uploader.UploadTask.MetadataEntry metadata=10",
    ),
    ("uploader.UploadUFile", "upload-ufile client", "string file_id=1, .uploader.UploadTask task=2"),
    ("uploader.DeleteUFile", "delete-ufile client", "string id=1"),
    (
        "uploader.UploadSlot",
        "upload-slot server",
        ".uploader.UFile file=1, repeated .uploader.UploadSlot.MetadataEntry metadata=2",
    ),
    (
        "uploader.UFile",
        "",
        "string id=1, string src=2, string preview=3, string previewLarge=4, string name=5, string upload_task=6, \
         string local_path=7",
    ),
];

const ENUMS: &[(&str, &str)] = &[
    ("socket_api.AckErrorCode", "error_code_none=0, error_code_unauthorized=401"),
    ("uploader.UploadStatus", "scheduled=0, uploading=1, paused=3, done=4, error=5, restored=6"),
];

const OWN: &str = "syntax = \"proto3\";\npackage own;\n/*\ntype = 'own'\norigin = client\n*/\nmessage Own {}\n";

fn schema() -> Schema {
    Folder::new().file("proto/own.proto", OWN).schema().unwrap()
}

#[test]
fn messages_are_as_contracted() {
    let schema = schema();
    let files: Vec<_> = schema.files.file.iter().filter(|file| file.name().starts_with("psd/")).collect();
    let found = files.iter().flat_map(|file| file.message_type.iter().map(|message| (file.package(), message)));
    let found: BTreeMap<String, (String, String)> = found
        .map(|(package, message)| {
            let full_name = format!("{package}.{}", message.name());
            let metadata = schema.message(&full_name).map(metadata).unwrap_or_default();
            (full_name, (metadata, fields(message)))
        })
        .collect();
    for &(name, metadata, fields) in MESSAGES {
        assert_eq!(found.get(name), Some(&(metadata.to_owned(), fields.to_owned())), "{name}");
    }
}

#[test]
fn enums_are_as_contracted() {
    let schema = schema();
    for (name, expected) in ENUMS {
        let (package, name) = name.split_once('.').unwrap();
        let file = schema.files.file.iter().find(|file| file.package() == package).unwrap();
        let item = file.enum_type.iter().find(|item| item.name() == name).unwrap();
        let values: Vec<_> = item.value.iter().map(|value| format!("{}={}", value.name(), value.number())).collect();
        assert_eq!(values.join(", "), *expected, "{name}");
    }
}

#[test]
fn common_messages_come_first_and_are_known_as_such() {
    let schema = schema();
    let (last, common) = schema.messages.split_last().unwrap();
    assert_eq!((last.full_name.as_str(), last.kind), ("own.Own", FileKind::User));
    assert!(common.iter().all(|message| message.kind == FileKind::Common));
    assert_eq!(schema.message("socket_api.Ack").unwrap().location.file, "psd/socket_api.proto");
    assert_eq!(schema.source("psd/socket_api.proto").unwrap().kind, FileKind::Common);
    assert_eq!(schema.source("own.proto").unwrap().kind, FileKind::User);
}

#[test]
fn without_common_messages_only_what_is_imported_is_there() {
    let folder = Folder::new().file("proto/own.proto", OWN);
    let schema = folder.own_schema().unwrap();
    assert_eq!(schema.messages.len(), 1);
    assert_eq!(schema.files.file.len(), 1);

    let folder = folder.file("proto/files.proto", "syntax = \"proto3\";\nimport \"psd/sfiles.proto\";\n");
    let schema = folder.own_schema().unwrap();
    let names: Vec<_> = schema.files.file.iter().map(|file| file.name()).collect();
    assert_eq!(names, ["psd/sfiles.proto", "files.proto", "own.proto"]);
    assert!(schema.message("sfiles.UploadEnd").is_some());
}

#[test]
fn a_common_file_is_imported_by_its_long_or_its_short_name() {
    for import in ["psd/sfiles.proto", "sfiles.proto"] {
        let contract = format!(
            "syntax = \"proto3\";\nimport \"{import}\";\nimport \"google/protobuf/timestamp.proto\";\n\
             message Picture {{ sfiles.UploadedFile file = 1; google.protobuf.Timestamp taken = 2; }}\n"
        );
        let schema = Folder::new().file("proto/own.proto", contract).schema().unwrap();
        let file = schema.files.file.iter().find(|file| file.name() == "own.proto").unwrap();
        assert_eq!(file.dependency, ["psd/sfiles.proto", "google/protobuf/timestamp.proto"]);
        assert_eq!(schema.files.file.iter().filter(|file| file.name().contains("sfiles")).count(), 1, "{import}");
        assert_eq!(schema.source("google/protobuf/timestamp.proto").unwrap().kind, FileKind::WellKnown);
        assert_eq!(schema.files.file.len(), schema.sources.len());
    }
}

#[test]
fn a_file_of_the_users_goes_before_the_short_name() {
    let folder = Folder::new()
        .file("proto/own.proto", "syntax = \"proto3\";\nimport \"sfiles.proto\";\nmessage A { mine.B b = 1; }\n")
        .file("proto/sfiles.proto", "syntax = \"proto3\";\npackage mine;\nmessage B {}\n");
    let schema = folder.schema().unwrap();
    assert_eq!(schema.files.file.iter().find(|file| file.name() == "own.proto").unwrap().dependency, ["sfiles.proto"]);
}

#[test]
fn the_names_of_common_files_are_taken() {
    let said = Folder::new().file("proto/psd/sfiles.proto", OWN).diagnostics();
    let expected = "`proto/psd/sfiles.proto` is imported as `psd/sfiles.proto`, which is a common file of psd";
    assert!(said.contains(expected), "{said}");
}

/// Contracts that clash with the common messages.
const CLASHES: &[(&str, &str)] = &[
    ("common_type", "syntax = \"proto3\";\n/*\ntype = 'login'\norigin = client\n*/\nmessage SignIn {}\n"),
    (
        "common_name",
        "syntax = \"proto3\";\npackage socket_api;\n/*\ntype = 'ack'\norigin = server\n*/\nmessage Ack {}\n",
    ),
    ("common_file", include_str!("../../protos/sfiles.proto")),
];

#[test]
fn a_clash_with_a_common_message_tells_how_to_replace_it() {
    for (name, contract) in CLASHES {
        let folder = Folder::new().file("proto/chat.proto", contract);
        check(name, contract, &folder.diagnostics());
        folder.own_schema().unwrap();
    }
}

fn metadata(message: &Message) -> String {
    let mut out = format!("{} {}", message.message_type, message.origin);
    if let Some(auth) = message.auth {
        out.push_str(&format!(" auth={auth}"));
    }
    if let Some(cache) = message.client_cache {
        out.push_str(&format!(" cache={}", cache.as_secs()));
    }
    let keys: Vec<_> = message.cache_keys.iter().map(|key| format!("{}:{}", key.kind, key.field)).collect();
    if !keys.is_empty() {
        out.push_str(&format!(" keys={}", keys.join(",")));
    }
    out
}

fn fields(message: &DescriptorProto) -> String {
    message.field.iter().map(field).collect::<Vec<_>>().join(", ")
}

fn field(field: &FieldDescriptorProto) -> String {
    let repeated = if field.label() == Label::Repeated { "repeated " } else { "" };
    let kind = match field.r#type() {
        Type::Message | Type::Enum => field.type_name().to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    format!("{repeated}{kind} {}={}", field.name(), field.number())
}
