//! The common messages: what every client in the field knows (login, acknowledgements, uploads), a module per package.
//!
//! Generated from `psd-build/protos` by `cargo xtask generate`.

// As the generator prints it, so that `cargo xtask generate --check` can compare.
#[rustfmt::skip]
mod messages;

pub use messages::*;
