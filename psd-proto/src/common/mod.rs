//! The common messages.
