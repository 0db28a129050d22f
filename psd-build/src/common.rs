//! The messages that psd brings: login, acknowledgements, uploads.

use crate::schema::FileKind;
use crate::sources::Source;

/// The folder under which users import a common file: `import "psd/sfiles.proto";`.
///
/// Contracts of the field say `import "sfiles.proto";`, which means the same unless the user has a file of that name.
pub(crate) const FOLDER: &str = "psd/";

const FILES: [(&str, &str); 6] = [
    ("psd/authentication.proto", include_str!("../protos/authentication.proto")),
    ("psd/sfiles.proto", include_str!("../protos/sfiles.proto")),
    ("psd/socket_api.proto", include_str!("../protos/socket_api.proto")),
    ("psd/uploader.proto", include_str!("../protos/uploader.proto")),
    ("psd/v1.proto", include_str!("../protos/v1.proto")),
    ("psd/v1_uploads.proto", include_str!("../protos/v1_uploads.proto")),
];

/// The common files, by import name.
pub(crate) fn sources() -> Vec<Source> {
    FILES.iter().map(|(name, text)| source(name, (*text).to_owned())).collect()
}

/// Whether psd brings a file of this name.
pub(crate) fn is_common(name: &str) -> bool {
    FILES.iter().any(|(common, _)| *common == name)
}

/// A file that passes on the common file of the same name.
pub(crate) fn alias(name: &str) -> Source {
    source(name, format!("syntax = \"proto3\";\nimport public \"{FOLDER}{name}\";\n"))
}

fn source(name: &str, text: String) -> Source {
    Source { name: name.to_owned(), path: name.to_owned(), written_path: name.to_owned(), text, kind: FileKind::Common }
}
