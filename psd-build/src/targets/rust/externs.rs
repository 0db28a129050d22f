//! Types that are not generated because they exist: the well-known ones of prost, the common ones of psd-proto.

/// How JSON spells a well-known type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WellKnown {
    /// By its Rust type alone.
    Plain,
    /// As the scalar that it wraps.
    Wrapper,
    /// As `null`.
    Null,
}

/// The Rust type of a well-known type. `None` for a file that protobuf brings but JSON treats like any other
/// (`google/protobuf/type.proto`): these are generated if a field needs them.
pub(super) fn well_known(full_name: &str, runtime: &str) -> Option<(String, WellKnown)> {
    let name = full_name.strip_prefix("google.protobuf.")?;
    let prost = |path: &str| format!("{runtime}::prost::alloc::{path}");
    Some(match name {
        "BoolValue" => ("bool".to_owned(), WellKnown::Wrapper),
        "BytesValue" => (prost("vec::Vec<u8>"), WellKnown::Wrapper),
        "DoubleValue" => ("f64".to_owned(), WellKnown::Wrapper),
        "FloatValue" => ("f32".to_owned(), WellKnown::Wrapper),
        "Int32Value" => ("i32".to_owned(), WellKnown::Wrapper),
        "Int64Value" => ("i64".to_owned(), WellKnown::Wrapper),
        "StringValue" => (prost("string::String"), WellKnown::Wrapper),
        "UInt32Value" => ("u32".to_owned(), WellKnown::Wrapper),
        "UInt64Value" => ("u64".to_owned(), WellKnown::Wrapper),
        "Empty" => ("()".to_owned(), WellKnown::Plain),
        "NullValue" => (format!("{runtime}::prost_types::NullValue"), WellKnown::Null),
        "Any" | "Duration" | "FieldMask" | "ListValue" | "Struct" | "Timestamp" | "Value" => {
            (format!("{runtime}::prost_types::{name}"), WellKnown::Plain)
        }
        _ => return None,
    })
}
