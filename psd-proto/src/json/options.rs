//! What a reader tolerates and what a writer emits.

use super::AnyTypes;

/// Which spelling of a field's name is written; every spelling is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Names {
    /// What the clients in the field read: an underscore goes only when a lower-case letter follows, which is
    /// raised; everything else stays (`with_2_digit` is `with_2Digit`, `HTTPCode` stays).
    Classic,
    /// The proto3 JSON name (`json_name`).
    #[default]
    Proto3,
}

/// How JSON is read.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// Skip fields and enum names that the contract does not know, instead of refusing them. Servers run with this
    /// on, so that a newer client is understood as far as possible. Off by default.
    pub ignore_unknown: bool,
    /// How deep objects and arrays may nest; one level more is an error. 100 by default.
    pub depth: u32,
    /// Accept `{"seconds": …, "nanos": …}` for timestamps and durations and `{"value": …}` for wrappers, as classic
    /// clients write them. Off by default.
    pub objects_for_well_known: bool,
    /// The messages that a `google.protobuf.Any` may hold, besides the well-known ones.
    pub types: AnyTypes,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { ignore_unknown: false, depth: 100, objects_for_well_known: false, types: AnyTypes::default() }
    }
}

/// How JSON is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteOptions {
    /// The spelling of field names.
    pub names: Names,
    /// The messages that a `google.protobuf.Any` may hold, besides the well-known ones.
    pub types: AnyTypes,
}
