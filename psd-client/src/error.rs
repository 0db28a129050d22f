//! What goes wrong for a client.

use std::time::Duration;

use crate::dialect::Dialect;

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not one of a WebSocket, or a header is not one of HTTP. Nothing was tried.
    #[error("`{url}` cannot be used: {reason}")]
    Url {
        /// The URL as given.
        url: String,
        /// What is wrong, and what to write instead.
        reason: String,
    },
    /// The token cannot travel in a handshake. Nothing was tried.
    #[error(
        "the token cannot be sent at the handshake: {reason}; authenticate later with `Client::set_token`, or speak \
         `Dialect::Classic`"
    )]
    Token {
        /// What is wrong with it. The token itself is a secret and not told.
        reason: String,
    },
    /// The server answered with an error ack.
    #[error("the server refused `{message_type}`{}: {message}", with_code(*.code))]
    Refused {
        /// The type of the message that was sent.
        message_type: String,
        /// The error code, where the server gave one. Codes follow HTTP where HTTP has one.
        code: Option<i32>,
        /// The server's text.
        message: String,
    },
    /// There is no connection, or it ended before the server answered. Whether the server has handled the message is
    /// unknown; it is not sent again.
    #[error("not connected: {0}")]
    Disconnected(#[from] Disconnect),
    /// The server did not answer in time. Whether it has handled the message is unknown.
    #[error("the server did not answer `{message_type}` within {after:?}")]
    Timeout {
        /// The type of the message that was sent.
        message_type: String,
        /// The time that was waited, see [`Builder::request_timeout`](crate::Builder::request_timeout).
        after: Duration,
    },
    /// The server acknowledged the message without sending the reply that was asked for.
    #[error("the server handled `{message_type}` without sending `{expected}`{}", instead(.received))]
    NoReply {
        /// The type of the message that was sent.
        message_type: String,
        /// The type of the reply that was asked for.
        expected: String,
        /// The types of the replies that came instead, in order, without repetition.
        received: Vec<String>,
    },
    /// A message could not be written, such as a timestamp that JSON cannot hold. Nothing was sent.
    #[error("`{message_type}` cannot be sent: {reason}")]
    Encode {
        /// The type of the message.
        message_type: String,
        /// The field and the reason.
        reason: String,
    },
    /// A message of the server is not what the contract says: the two sides were built from different .proto files.
    #[error("`{message_type}` cannot be read: {reason}; was the server built from another version of the contract?")]
    Decode {
        /// The type of the message.
        message_type: String,
        /// The field and the reason.
        reason: String,
    },
    /// The server sent a frame that is no envelope.
    #[error("the server sent a frame that is no envelope: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// The message is larger than [`Builder::frame_limit`](crate::Builder::frame_limit), or than what the server said that
    /// it takes (v1). Nothing was sent.
    #[error("`{message_type}` has {size} bytes, the limit is {limit}; see `Builder::frame_limit`")]
    TooLarge {
        /// The type of the message.
        message_type: String,
        /// The size of its envelope in bytes, at most.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The reader was slower than the server: the oldest messages were dropped. What follows is complete again.
    #[error("{0} messages were dropped because they were not read in time")]
    Lagged(u64),
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Disconnect {
    /// The server closed the connection.
    #[error("the server closed the connection with {code}{}", with_reason(.reason))]
    Server {
        /// The close code; 1005 when the server gave none.
        code: u16,
        /// The server's text, possibly empty.
        reason: String,
    },
    /// The connection broke without a close frame.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The server sent a frame over [`Builder::frame_limit`](crate::Builder::frame_limit).
    #[error("a frame of {size} bytes is over the limit of {limit}; see `Builder::frame_limit`")]
    FrameTooLarge {
        /// The size of the frame in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Nothing came for so long, not even an answer to a ping.
    #[error("the server was silent for {0:?}")]
    Silent(Duration),
    /// No connection could be opened.
    #[error("cannot connect to {address}: {reason}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the operating system said.
        reason: String,
    },
    /// The server answered the handshake, but not with a WebSocket.
    #[error("the server refused the handshake with HTTP {status}{}", status_hint(*.status))]
    Handshake {
        /// The status of the HTTP response.
        status: u16,
    },
    /// The server does not speak the dialect that [`Builder::dialect`](crate::Builder::dialect) insists on.
    #[error("the server does not speak `{0}`; without `Builder::dialect` its own is taken")]
    Dialect(Dialect),
    /// This client closed the connection.
    #[error("this client is closed")]
    Local,
}

impl Disconnect {
    /// Whether trying again by itself would be wrong: the server said so (close codes 4400 to 4403, HTTP 401 and 403), or
    /// this client was closed.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Server { code, .. } => (4400..=4403).contains(code),
            Self::Handshake { status } => matches!(status, 401 | 403),
            Self::Dialect(_) | Self::Local => true,
            Self::Lost(_) | Self::FrameTooLarge { .. } | Self::Silent(_) | Self::Unreachable { .. } => false,
        }
    }

    /// Whether every client of the server was disconnected or turned away at this moment, so that a quick retry would
    /// make it worse: going away (1001), restart (1012), try again later (1013), slow consumer (4413), rate (4429).
    pub(crate) fn asks_to_spread(&self) -> bool {
        match self {
            Self::Server { code, .. } => matches!(code, 1001 | 1012 | 1013 | 4413 | 4429),
            Self::Handshake { .. } => true,
            _ => false,
        }
    }
}

fn with_code(code: Option<i32>) -> String {
    code.map(|code| format!(" with {code}")).unwrap_or_default()
}

fn with_reason(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

fn instead(types: &[String]) -> String {
    if types.is_empty() { String::new() } else { format!("; it sent `{}`", types.join("`, `")) }
}

fn status_hint(status: u16) -> &'static str {
    match status {
        401 | 403 => ": authentication is required at the handshake",
        404 => ": is the path of the URL right?",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: impl Into<Error>, expected: &str) {
        assert_eq!(error.into().to_string(), expected);
    }

    #[test]
    fn texts_name_the_culprit_the_place_and_the_way_out() {
        let message_type = || "send-chat".to_owned();
        let refused = |code| Error::Refused { message_type: message_type(), code, message: "no".to_owned() };
        check(refused(Some(403)), "the server refused `send-chat` with 403: no");
        check(refused(None), "the server refused `send-chat`: no");
        let no_reply =
            |received| Error::NoReply { message_type: message_type(), expected: "pong".to_owned(), received };
        check(no_reply(vec![]), "the server handled `send-chat` without sending `pong`");
        check(
            no_reply(vec!["a".to_owned(), "b".to_owned()]),
            "the server handled `send-chat` without sending `pong`; it sent `a`, `b`",
        );
        check(
            Error::Timeout { message_type: message_type(), after: Duration::from_secs(10) },
            "the server did not answer `send-chat` within 10s",
        );
        check(
            Disconnect::Server { code: 4403, reason: "kicked".to_owned() },
            "not connected: the server closed the connection with 4403: kicked",
        );
        check(
            Disconnect::Server { code: 1005, reason: String::new() },
            "not connected: the server closed the connection with 1005",
        );
        check(
            Disconnect::Handshake { status: 404 },
            "not connected: the server refused the handshake with HTTP 404: is the path of the URL right?",
        );
    }

    #[test]
    fn what_ends_for_good() {
        let server = |code| Disconnect::Server { code, reason: String::new() };
        for (reason, expected) in [
            (server(1000), false),
            (server(1012), false),
            (server(4399), false),
            (server(4400), true),
            (server(4401), true),
            (server(4403), true),
            (server(4404), false),
            (server(4408), false),
            (Disconnect::Handshake { status: 401 }, true),
            (Disconnect::Handshake { status: 503 }, false),
            (Disconnect::Local, true),
            (Disconnect::Lost(String::new()), false),
        ] {
            assert_eq!(reason.is_final(), expected, "{reason}");
        }
    }
}
