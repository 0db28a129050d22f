//! Bodies in protobuf: JSON for people on one side, bytes for `psd.v1.proto` on the other, by a contract.

use std::{borrow::Cow, collections::HashMap, fmt::Write as _, path::PathBuf};

use prost::Message as _;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor};
use psd_client::{Body, Client, Dialect, Envelope, Error};

use crate::{contract::Contract, exit::Exit, json::compact};

/// The messages of a contract by their types; without a contract there are none.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    /// What clients send.
    requests: HashMap<String, MessageDescriptor>,
    /// What the server sends.
    answers: HashMap<String, MessageDescriptor>,
}

impl Bodies {
    /// Those of a contract in folders or configuration files; its mistakes are for `psd check` to show.
    pub(crate) fn read(paths: Vec<PathBuf>) -> Result<Self, Exit> {
        let mut bodies = Self::default();
        for schema in Contract::of(paths).read().map_err(|mistakes| Exit::Usage(explain(&mistakes)))? {
            let unusable = |error| Exit::Usage(format!("the contract cannot be used: {error}"));
            // By way of bytes, since the two libraries may know descriptors of different versions.
            let pool = DescriptorPool::decode(&*schema.files.encode_to_vec()).map_err(unusable)?;
            for message in schema.messages {
                let Some(descriptor) = pool.get_message_by_name(&message.full_name) else { continue };
                if message.origin.is_client() {
                    bodies.requests.insert(message.message_type.clone(), descriptor.clone());
                }
                if message.origin.is_server() {
                    bodies.answers.insert(message.message_type, descriptor);
                }
            }
        }
        Ok(bodies)
    }

    /// Sends a body that is given as JSON in the form that the connection wants.
    pub(crate) async fn send(
        &self,
        client: &Client,
        message_type: &str,
        body: &str,
        ack: bool,
    ) -> Result<String, Error> {
        if client.dialect() != Some(Dialect::V1Proto) {
            return client.send_raw(message_type, body, ack).await;
        }
        let body = self
            .encode(message_type, body)
            .map_err(|reason| Error::Encode { message_type: message_type.to_owned(), reason })?;
        client.send_raw_proto(message_type, &body, ack).await
    }

    /// JSON to protobuf.
    pub(crate) fn encode(&self, message_type: &str, body: &str) -> Result<Vec<u8>, String> {
        let Some(descriptor) = self.requests.get(message_type) else {
            return Err(format!(
                "no message of clients in the contract has the type `{message_type}`; see `psd routes`"
            ));
        };
        let mut reader = serde_json::Deserializer::from_str(body);
        let message =
            DynamicMessage::deserialize_with_options(descriptor.clone(), &mut reader, &DeserializeOptions::new())
                .map_err(|error| format!("the body is no `{}`: {error}", descriptor.full_name()))?;
        Ok(message.encode_to_vec())
    }

    /// The body of an envelope as JSON on one line; bytes that no contract explains come as a string of hex digits.
    pub(crate) fn json<'a>(&self, envelope: &'a Envelope) -> Cow<'a, str> {
        match envelope.body() {
            Body::Json(text) => compact(text).into(),
            Body::Proto(bytes) => self
                .answers
                .get(envelope.message_type())
                .and_then(|descriptor| DynamicMessage::decode(descriptor.clone(), bytes).ok())
                .and_then(|message| serde_json::to_string(&message).ok())
                .unwrap_or_else(|| format!("\"{}\"", hex(bytes, "")))
                .into(),
        }
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8], between: &str) -> String {
    let mut out = String::with_capacity(bytes.len() * 3);
    for (place, byte) in bytes.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(out, "{}{byte:02x}", if place > 0 { between } else { "" });
    }
    out
}

fn explain(mistakes: &[psd_build::Diagnostic]) -> String {
    let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    format!("the contract has mistakes\n{}", mistakes.join("\n"))
}
