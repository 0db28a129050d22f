//! What a message is: a protobuf body with a declared route, origin and place in a .proto file.

use std::time::Duration;

use crate::json::JsonMessage;

/// A structure of the contract: encodable as protobuf and as JSON.
///
/// Generated for every message of a .proto file; never implemented by hand.
pub trait Message: prost::Message + JsonMessage + Default + Clone + Send + Sync + 'static {
    /// The fully qualified protobuf name, such as `chat.SendChat`.
    const FULL_NAME: &'static str;
}

/// A message that a client sends: declared with `origin = client` (or `client/server`).
///
/// The type of a handler's first parameter is one of these; it is the route.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message that a client sends",
    label = "expected a message declared with `origin = client`",
    note = "a handler receives what clients send: give its message `type = '…'` and `origin = client` in the .proto file"
)]
pub trait ClientMessage: Message {
    /// What the .proto file says about this message in the direction client to server.
    const INFO: &'static MessageInfo;
}

/// A message that the server sends: declared with `origin = server` (or `client/server`).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message that the server sends",
    label = "expected a message declared with `origin = server`",
    note = "give the message `type = '…'` and `origin = server` in the .proto file, or derive `IntoMessage` for your own type"
)]
pub trait ServerMessage: Message {
    /// What the .proto file says about this message in the direction server to client.
    const INFO: &'static MessageInfo;
}

/// What a .proto file says about one message that travels: its route and its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageInfo {
    /// The message's own name, such as `SendChat`.
    pub name: &'static str,
    /// The fully qualified protobuf name, such as `chat.SendChat`.
    pub full_name: &'static str,
    /// The route: what travels as `messageType`; unique per direction.
    pub message_type: &'static str,
    /// Who sends it.
    pub origin: Origin,
    /// `auth` as declared; `None` where the .proto file is silent.
    pub auth: Option<bool>,
    /// How long a client keeps the message (`client cache`); `None` where it does not.
    pub client_cache: Option<Duration>,
    /// The fields by which a client finds a cached message.
    pub cache_keys: &'static [CacheKey],
    /// Where the message is declared.
    pub location: SourceLocation,
}

/// Who sends a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Clients.
    Client,
    /// The server.
    Server,
    /// Both.
    Both,
}

impl Origin {
    /// Whether clients send messages of this origin.
    #[must_use]
    pub const fn is_client(self) -> bool {
        matches!(self, Self::Client | Self::Both)
    }

    /// Whether the server sends messages of this origin.
    #[must_use]
    pub const fn is_server(self) -> bool {
        matches!(self, Self::Server | Self::Both)
    }
}

/// A field by which clients find a cached message, and how they order it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheKey {
    /// The column type a client's store uses.
    pub kind: CacheKeyKind,
    /// The field's name in the .proto file.
    pub field: &'static str,
}

/// The column type of a cache key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheKeyKind {
    /// Text.
    Text,
    /// A floating point number.
    Real,
    /// A point in time.
    Date,
    /// An integer.
    Int,
}

/// A place in a source file; lines and columns count from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceLocation {
    /// The file, as the compiler or generator was given it.
    pub file: &'static str,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl std::fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Everything one set of .proto files declares; generated as the constant `SCHEMA`.
#[derive(Debug)]
pub struct Schema {
    /// Every message that travels (has a `type`), in the order of the files.
    pub messages: &'static [&'static MessageInfo],
    /// Every message and structure, for `google.protobuf.Any` in JSON.
    pub types: &'static [crate::json::AnyType],
}
