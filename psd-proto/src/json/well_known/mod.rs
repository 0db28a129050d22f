//! The well-known types that JSON spells in their own way.

mod date;
mod duration;
mod field_mask;
mod structure;
mod timestamp;
