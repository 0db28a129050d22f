//! Generated Rust: what it looks like, and that its codec is right.
#![allow(clippy::unwrap_used)]

// The generated files that are committed are current.
mod current;
// Every kind of field, both ways, and by way of the binary form.
mod fields;
// What the clients of the field send and expect: the recorded conversations.
mod recorded;
// Texts that are refused, and how.
mod refused;
// Names of fields and types; what the schema says.
mod schema;
// Presence, defaults, null, oneofs.
mod presence;
// The corpus of the fuzzers.
mod corpus;
// The golden vectors that every language is held to.
mod vectors;
// Well-known types as fields.
mod well_known;

use psd_proto::json::{self, AnyTypes, JsonMessage, Names, ReadOptions, WriteOptions};

/// Everything in `protos`, and the demo application's contract: committed, so that a change of the generator shows.
#[rustfmt::skip]
mod pb;

fn any_types() -> AnyTypes {
    static TYPES: std::sync::LazyLock<AnyTypes> = std::sync::LazyLock::new(|| AnyTypes::of(&[&pb::SCHEMA]));
    *TYPES
}

fn read_options() -> ReadOptions {
    ReadOptions { types: any_types(), ..ReadOptions::default() }
}

#[track_caller]
fn read<M: JsonMessage>(text: &str) -> M {
    json::read(text, &read_options()).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn read_error<M: JsonMessage + std::fmt::Debug>(text: &str) -> String {
    json::read::<M>(text, &read_options()).expect_err(text).to_string()
}

/// Read as servers read: unknown fields ignored, classic objects accepted.
#[track_caller]
fn read_classic<M: JsonMessage>(text: &str) -> M {
    let options = ReadOptions { ignore_unknown: true, objects_for_well_known: true, ..read_options() };
    json::read(text, &options).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[track_caller]
fn write_as<M: JsonMessage>(message: &M, names: Names) -> String {
    let mut out = Vec::new();
    json::write(message, &mut out, &WriteOptions { names, types: any_types() }).unwrap();
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn write<M: JsonMessage>(message: &M) -> String {
    write_as(message, Names::Proto3)
}

/// The text is how a message is written, and survives the way to the struct, to the binary form and back.
#[track_caller]
fn round_trip<M: psd_proto::Message + PartialEq + std::fmt::Debug>(text: &str) -> M {
    let message: M = read(text);
    assert_eq!(write(&message), text);
    let decoded = M::decode(message.encode_to_vec().as_slice()).unwrap();
    assert_eq!(decoded, message);
    for names in [Names::Classic, Names::Proto3] {
        assert_eq!(read::<M>(&write_as(&message, names)), message);
    }
    message
}
