//! The classic style: what runs on the packages of the original Flutter client, for applications that are there today.
//!
//! Two interfaces are matched: `messages.dart` as `flutter_persistent_socket` expects it, and message classes as
//! package:protobuf expects them of protoc's plugin (`.pb.dart`, `.pbenum.dart`). docs/DART.md names the versions.
//!
//! Reading order: `names` has the rules by which the plugin names things, `model` applies them to descriptors,
//! `message` and `enumeration` write classes, `registry` writes `messages.dart`.

mod enumeration;
mod message;
mod model;
mod names;
mod registry;

use super::super::{File, MARK};
use crate::Schema;
use crate::schema::FileKind;

/// The package of the original client, which has the common messages.
const PACKAGE: &str = "package:flutter_persistent_socket";

/// The files of one kind, and those of protobuf that they need.
pub(super) fn print(schema: &Schema, kind: FileKind) -> Vec<File> {
    let model = model::Model::new(schema, kind);
    let mut files = Vec::new();
    for file in &model.files {
        files.push(File::new(format!("{}.pb.dart", file.path), message::print(file, &model)));
        if !file.enums.is_empty() {
            files.push(File::new(format!("{}.pbenum.dart", file.path), enumeration::print(file, schema)));
        }
    }
    files.push(File::new("messages.dart", registry::print(&model, kind)));
    files
}

/// The first lines of every file. The formatter of Dart leaves the rest as it is.
fn head(source: &str) -> String {
    format!("// {MARK}{source}; do not edit.\n// dart format off\n// ignore_for_file: type=lint\n\n")
}

/// The comment of the .proto file over an element, and what it says of its age.
fn docs(schema: &Schema, full_name: &str, is_deprecated: bool, indent: &str) -> String {
    let mut out = String::new();
    for line in schema.docs(full_name).unwrap_or_default().lines() {
        out.push_str(format!("{indent}/// {line}").trim_end());
        out.push('\n');
    }
    if is_deprecated {
        out.push_str(indent);
        out.push_str("@$core.Deprecated('The .proto file says so.')\n");
    }
    out
}
