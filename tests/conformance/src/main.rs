//! Answers the requests of the official conformance runner: each is decoded from one format and encoded to another.

use std::io::{self, Read, Write};

use pb::conformance::conformance_request::Payload;
use pb::conformance::conformance_response::Result as Outcome;
use pb::conformance::{ConformanceRequest, ConformanceResponse, FailureSet, TestCategory, WireFormat};
use psd_proto::Schema;
use psd_proto::json::{self, AnyTypes, JsonMessage, ReadOptions, WriteOptions};
use psd_proto::prost::Message;

/// Messages as programs get them by default: what they do not know is dropped.
mod pb {
    include!(concat!(env!("OUT_DIR"), "/default/messages.rs"));
}

/// With `"unknown_fields": true`.
mod keeping {
    include!(concat!(env!("OUT_DIR"), "/unknown_fields/messages.rs"));
}

fn main() -> io::Result<()> {
    // The runner starts us without arguments.
    if std::env::var_os("UNKNOWN_FIELDS").is_some() {
        converse::<keeping::protobuf_test_messages::proto3::TestAllTypesProto3>(&keeping::SCHEMA)
    } else {
        converse::<pb::protobuf_test_messages::proto3::TestAllTypesProto3>(&pb::SCHEMA)
    }
}

fn converse<M: Message + JsonMessage>(schema: &'static Schema) -> io::Result<()> {
    let types = AnyTypes::of(&[schema]);
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut length = [0; 4];
    // The runner ends by closing its end.
    while input.read_exact(&mut length).is_ok() {
        let mut request = vec![0; u32::from_le_bytes(length) as usize];
        input.read_exact(&mut request)?;
        let request = ConformanceRequest::decode(request.as_slice()).map_err(io::Error::other)?;
        let response = ConformanceResponse { result: Some(answer::<M>(request, types)) }.encode_to_vec();
        let length = u32::try_from(response.len()).map_err(io::Error::other)?;
        output.write_all(&length.to_le_bytes())?;
        output.write_all(&response)?;
        output.flush()?;
    }
    Ok(())
}

fn answer<M: Message + JsonMessage>(request: ConformanceRequest, types: AnyTypes) -> Outcome {
    match request.message_type.as_str() {
        // Asked first: which failures are expected. The runner takes them from a file.
        "conformance.FailureSet" => return Outcome::ProtobufPayload(FailureSet::default().encode_to_vec()),
        "protobuf_test_messages.proto3.TestAllTypesProto3" => {}
        other => return Outcome::Skipped(format!("`{other}` is not proto3")),
    }
    let ignore_unknown = request.test_category == TestCategory::JsonIgnoreUnknownParsingTest as i32;
    let message: Result<M, String> = match request.payload {
        Some(Payload::ProtobufPayload(bytes)) => Message::decode(bytes.as_slice()).map_err(|error| error.to_string()),
        Some(Payload::JsonPayload(text)) => {
            let options = ReadOptions { ignore_unknown, types, ..ReadOptions::default() };
            json::read(&text, &options).map_err(|error| error.to_string())
        }
        _ => return Outcome::Skipped("only binary and JSON are read".to_owned()),
    };
    let message = match message {
        Ok(message) => message,
        Err(error) => return Outcome::ParseError(error),
    };
    match WireFormat::try_from(request.requested_output_format) {
        Ok(WireFormat::Protobuf) => Outcome::ProtobufPayload(message.encode_to_vec()),
        Ok(WireFormat::Json) => {
            let mut out = Vec::new();
            match json::write(&message, &mut out, &WriteOptions { types, ..WriteOptions::default() }) {
                Ok(()) => Outcome::JsonPayload(String::from_utf8_lossy(&out).into_owned()),
                Err(error) => Outcome::SerializeError(error.to_string()),
            }
        }
        _ => Outcome::Skipped("only binary and JSON are written".to_owned()),
    }
}
