//! The generators of psd: .proto files in, messages, codecs and a schema out; without protoc.
//!
//! A build script needs one line, and a configuration file beside it:
//!
//! ```no_run
//! // build.rs
//! fn main() -> Result<(), psd_build::Error> {
//!     psd_build::compile("fps_config.json")
//! }
//! ```
//! ```json
//! { "protos": ["proto"] }
//! ```
//!
//! What a message is to psd stands in the block comment above it:
//!
//! ```proto
//! /*
//! Says something to everyone in a room.
//!
//! type = 'send-chat'
//! origin = client
//! */
//! message SendChat { string room = 1; string text = 2; }
//! ```
//!
//! The grammar, every rule and every mistake are described in `docs/CONTRACT.md`. All mistakes of a run are reported
//! together, each with its place and the way out. Output depends on input bytes alone.

mod comments;
mod common;
mod compare;
mod compile;
mod config;
mod diagnostics;
mod metadata;
mod nearest;
mod output;
pub mod schema;
mod sources;
pub mod targets;

use std::path::Path;

pub use compare::{Breaks, Change, compare};
pub use config::Config;
pub use diagnostics::{Colors, Diagnostic, Error, Label, Severity};
pub use output::{Output, State};
pub use schema::Schema;

/// Generates Rust from the files that `fps_config.json` names; the one line of a build script.
///
/// Writes `$OUT_DIR/psd/messages.rs`, which `include_messages!()` includes, and tells cargo what it depends on. The
/// keys of the configuration:
///
/// | key | default | meaning |
/// | --- | --- | --- |
/// | `protos` | | folders, searched recursively; relative to the configuration file; `$VAR` and `${VAR}` are expanded |
/// | `include_common` | `true` | whether the common messages (login, uploads, …) are part of the schema |
/// | `out` | `$OUT_DIR/psd` | the folder to write to; `rust.out` goes before it |
/// | `rust.runtime` | `"::psd_core::proto"` | the path by which generated code names the runtime |
///
/// # Errors
/// Every mistake of the configuration, or every mistake of the files, together.
pub fn compile(config: impl AsRef<Path>) -> Result<(), Error> {
    Config::load(config)?.compile()
}
