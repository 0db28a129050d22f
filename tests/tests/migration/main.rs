//! docs/MIGRATION.md, followed: a real Django with the classes that psd generates for it, the crate that `psd migrate`
//! begins from its project, and nginx before both. And what the generated classes are worth by themselves.
//!
//! proto-socket-django is not in the Python registry; django/original stands in for it.
#![allow(clippy::unwrap_used, missing_docs)]

/// Python with Django, as the tests beside Django have it.
#[path = "../django/python.rs"]
mod python;

/// The two servers and the proxy.
mod side_by_side;

/// Generated classes with betterproto 1.2.5.
mod generated;
