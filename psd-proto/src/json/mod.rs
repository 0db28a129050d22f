//! The JSON codec.

/// A structure with a JSON form.
pub trait JsonMessage {}

/// An entry of the registry for `google.protobuf.Any`.
#[derive(Debug)]
pub struct AnyType {}
