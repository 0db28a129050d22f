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

use crate::schema::FileKind;
use crate::{Config, Error, Schema};

/// The file that is written.
pub(crate) const FILE: &str = "messages.rs";

/// The `rust` object of the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The path by which generated code names psd-proto.
    pub(crate) runtime: String,
    /// Whether messages keep the fields of the binary form that they do not know.
    pub(crate) unknown_fields: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { runtime: "::psd_core::proto".to_owned(), unknown_fields: false }
    }
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
    print(&schema, &Settings { runtime: "crate".to_owned(), ..Settings::default() }, FileKind::Common)
}

/// Prints the files of one kind; the others are referred to.
fn print(schema: &Schema, settings: &Settings, kind: FileKind) -> Result<String, Error> {
    let model = model::Model::new(schema, &settings.runtime, kind);
    let structures = structures::print(&model)?;
    modules::assemble(&model, structures, settings.unknown_fields)
}
