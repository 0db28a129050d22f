//! What a [`Schema`](crate::Schema) is printed as; one module per target.

pub mod rust;
