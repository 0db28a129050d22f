//! Dart: a file for each .proto file, with a class for each message; and `messages.dart`, which exports all of it.
//!
//! Reading order: `model` walks the descriptors and gives everything its name, `values` says what fields hold, `imports`
//! collects what a file refers to, `message` and `enumeration` write classes, `index` the file that exports them. `layout`
//! breaks lines as `dart format` does. `classic` is the other style, with a model and printers of its own.

mod classic;
mod enumeration;
mod imports;
mod index;
mod layout;
mod message;
mod model;
mod names;
mod values;

use std::path::Path;

use super::{File, Key, Kind, Settings, Target};
use crate::schema::FileKind;
use crate::{Config, Error, Schema};

/// Dart for Flutter and for programs without it.
pub const TARGET: Target = Target {
    name: "dart",
    aliases: &["flutter"],
    out: "lib/messages",
    keys: &[
        Key {
            name: "style",
            kind: Kind::Choice(&["default", "classic"]),
            expected: "`\"default\"`, or `\"classic\"` for code that runs on the original client's packages",
        },
        Key {
            name: "int64",
            kind: Kind::Choice(&["int", "bigint"]),
            expected: "how integers of 64 bits are held: `\"int\"` or `\"bigint\"`",
        },
        Key {
            name: "runtime",
            kind: Kind::Text("psd_client"),
            expected: "the name of a package: a string such as `\"psd_client\"`",
        },
    ],
    recognize,
    generate,
};

/// How the files are written.
pub(crate) struct Options {
    /// Where the runtime is imported from.
    pub(crate) codec: String,
    /// Where the common messages are imported from.
    pub(crate) common: String,
    pub(crate) int64: Int64,
    /// What the registry of all messages is called.
    pub(crate) registry: &'static str,
}

/// How integers of 64 bits are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Int64 {
    Int,
    BigInt,
}

impl Options {
    fn of(settings: &Settings) -> Self {
        let runtime = settings.text(&TARGET, "runtime");
        Self {
            codec: format!("package:{runtime}/codec.dart"),
            common: format!("package:{runtime}/common.dart"),
            int64: if settings.text(&TARGET, "int64") == "bigint" { Int64::BigInt } else { Int64::Int },
            registry: "registry",
        }
    }
}

/// A project of Flutter or Dart.
fn recognize(folder: &Path) -> Option<&'static str> {
    folder.join("pubspec.yaml").is_file().then_some("pubspec.yaml")
}

fn generate(schema: &Schema, settings: &Settings) -> Result<Vec<File>, Error> {
    match settings.text(&TARGET, "style") {
        "classic" => Ok(classic::print(schema, FileKind::User)),
        _ => Ok(print(schema, &Options::of(settings), FileKind::User)),
    }
}

/// The common messages as they are committed in clients/dart; for its maintainers, through `cargo xtask generate`.
///
/// # Errors
/// If the common .proto files are not valid.
pub fn common() -> Result<Vec<File>, Error> {
    let schema = Config::from_folders::<&str>([]).schema()?;
    let options = Options {
        codec: "../../codec.dart".to_owned(),
        common: String::new(),
        int64: Int64::Int,
        registry: "commonRegistry",
    };
    Ok(print(&schema, &options, FileKind::Common))
}

/// The common messages in the classic style, as the original package has them; for the tests, which build a stand-in of
/// that package with them.
///
/// # Errors
/// If the common .proto files are not valid.
pub fn classic_common() -> Result<Vec<File>, Error> {
    let schema = Config::from_folders::<&str>([]).schema()?;
    Ok(classic::print(&schema, FileKind::Common))
}

/// Prints the files of one kind; the others are referred to.
fn print(schema: &Schema, options: &Options, kind: FileKind) -> Vec<File> {
    let model = model::Model::new(schema, options, kind);
    let mut files: Vec<File> = model.files.iter().map(|file| File::new(&*file.path, file.print(&model))).collect();
    files.push(File::new(index::FILE, index::print(&model)));
    files
}
