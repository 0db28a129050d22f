//! The neutral model: what the .proto files declare, before any target prints it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use prost_types::FileDescriptorSet;

use crate::Diagnostic;

/// Everything one set of .proto files declares; what every target prints from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Schema {
    /// Every file with what it imports, each after the files it imports; types are resolved.
    ///
    /// Leading comments hold prose only: metadata lines are taken out, so that a generator may copy them as they are.
    pub files: FileDescriptorSet,
    /// Where each of [`files`](Self::files) comes from, in the same order.
    pub sources: Vec<SourceFile>,
    /// Every message that travels (declared with a `type`): by file (common files first, then the user's in sorted
    /// order), then as declared.
    pub messages: Vec<Message>,
    /// What is legal but looks wrong, or is ignored.
    pub warnings: Vec<Diagnostic>,
    pub(crate) docs: BTreeMap<String, String>,
    pub(crate) locations: BTreeMap<String, Location>,
}

impl Schema {
    /// The prose over an element, without metadata: plain Markdown, lines joined by `\n`, never empty.
    ///
    /// Elements are named by their fully qualified name without a leading dot: a message (`chat.SendChat`), a nested
    /// one (`chat.SendChat.Part`), a field or oneof (`chat.SendChat.room`), an enum (`chat.Color`), and an enum value
    /// inside its enum (`chat.Color.RED`, though protobuf scopes it beside the enum).
    #[must_use]
    pub fn docs(&self, full_name: &str) -> Option<&str> {
        self.docs.get(full_name).map(String::as_str)
    }

    /// Where an element is declared; the same names as for [`docs`](Self::docs).
    #[must_use]
    pub fn location(&self, full_name: &str) -> Option<&Location> {
        self.locations.get(full_name)
    }

    /// The message that travels under this fully qualified name.
    #[must_use]
    pub fn message(&self, full_name: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.full_name == full_name)
    }

    /// Where the file of this import name comes from.
    #[must_use]
    pub fn source(&self, import_name: &str) -> Option<&SourceFile> {
        self.sources.iter().find(|source| source.name == import_name)
    }
}

/// A file of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceFile {
    /// The name under which other files import it, which is also its name in [`Schema::files`].
    pub name: String,
    /// Who wrote it.
    pub kind: FileKind,
}

/// Who wrote a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// The user: it lies in one of the configured folders.
    User,
    /// psd: one of the common messages.
    Common,
    /// Protobuf itself: a well-known type.
    WellKnown,
}

/// A message that travels.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The fully qualified protobuf name, such as `chat.SendChat`.
    pub full_name: String,
    /// The message's own name, such as `SendChat`.
    pub name: String,
    /// The protobuf package, such as `chat`; empty where the file names none.
    pub package: String,
    /// The route: what travels as `messageType`; unique per direction.
    pub message_type: String,
    /// Who sends it.
    pub origin: Origin,
    /// `auth` as declared; `None` where the .proto file is silent.
    pub auth: Option<bool>,
    /// How long a client keeps the message (`client cache`); `None` where it does not.
    pub client_cache: Option<Duration>,
    /// The fields by which a client finds a cached message.
    pub cache_keys: Vec<CacheKey>,
    /// Where the message's name stands.
    pub location: Location,
    /// The prose over the message, without metadata; empty where there is none.
    pub docs: String,
    /// Who wrote it: [`FileKind::User`] or [`FileKind::Common`].
    pub kind: FileKind,
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

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Both => "client/server",
        })
    }
}

/// A field by which clients find a cached message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheKey {
    /// The column type a client's store uses.
    pub kind: CacheKeyKind,
    /// The field's name in the .proto file.
    pub field: String,
}

/// The column type of a cache key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl CacheKeyKind {
    /// Every kind, in the order in which they are documented.
    pub const ALL: [Self; 4] = [Self::Text, Self::Real, Self::Date, Self::Int];

    /// The name that a .proto file uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Real => "real",
            Self::Date => "date",
            Self::Int => "int",
        }
    }
}

impl fmt::Display for CacheKeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A place in a source file; lines and columns count from one, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The file: its folder as the configuration writes it (variables unexpanded, so that output depends on input
    /// bytes alone), then its path in there.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
