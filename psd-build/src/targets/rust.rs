//! Rust: prost structures, their JSON codec, and the schema.
//!
//! prost-build prints the structures; everything else is printed here. Reading order: `model` walks the descriptors
//! once, `codec` and `metadata` print implementations from it, `modules` puts all of it into one file.

mod codec;
mod externs;
mod metadata;
mod model;
mod modules;
mod names;
mod structures;
mod unknown;

use std::path::Path;

use super::{File, Key, Kind, Settings, Target};
use crate::schema::FileKind;
use crate::{Config, Error, Schema};

/// Rust: one file of structures, codecs and the schema. A build script writes it ([`crate::compile`]); `psd generate`
/// can as well.
pub const TARGET: Target = Target {
    name: "rust",
    aliases: &[],
    out: "src/generated",
    keys: &[
        Key {
            name: "runtime",
            kind: Kind::Text("::psd_core::proto"),
            expected: "a path: a string such as `\"::psd_core::proto\"`",
        },
        Key { name: "unknown_fields", kind: Kind::Flag, expected: "`true` or `false`" },
    ],
    recognize,
    generate: |schema, settings| Ok(vec![File::new(FILE, generate(schema, settings)?)]),
};

/// The file that is written.
pub(crate) const FILE: &str = "messages.rs";

fn recognize(folder: &Path) -> Option<&'static str> {
    folder.join("Cargo.toml").is_file().then_some("Cargo.toml")
}

/// The contents of [`FILE`].
pub(crate) fn generate(schema: &Schema, settings: &Settings) -> Result<String, Error> {
    print(schema, settings, FileKind::User)
}

/// The common messages as they are committed in psd-proto; for its maintainers, through `cargo xtask generate`.
///
/// # Errors
/// If the common .proto files are not valid.
pub fn common() -> Result<String, Error> {
    let schema = Config::from_folders::<&str>([]).schema()?;
    let mut settings = Settings::default();
    settings.set_text("runtime", "crate".to_owned());
    print(&schema, &settings, FileKind::Common)
}

/// Prints the files of one kind; the others are referred to.
fn print(schema: &Schema, settings: &Settings, kind: FileKind) -> Result<String, Error> {
    let model = model::Model::new(schema, settings.text(&TARGET, "runtime"), kind);
    let structures = structures::print(&model)?;
    modules::assemble(&model, structures, settings.flag("unknown_fields"))
}
