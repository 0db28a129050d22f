//! What a client sees when something goes wrong.

use std::fmt;

/// The outcome of a request that failed: all that a client ever sees of an error.
///
/// Codes follow HTTP where HTTP has one: 400 undecodable, 401 not authenticated, 403 not permitted, 404 unknown
/// message type, 408 deadline, 413 too large, 422 the handler's own validation, 429 too many, 499 cancelled, 500
/// internal, 503 shutting down or queue full. A handler may use any other number.
///
/// Every `std` and `anyhow` error converts into one with `?`: the client then gets code 500 and a general text (or the
/// error's own text, see [`Settings::forward_exceptions`](crate::Settings::forward_exceptions)), the log gets all of
/// it.
///
/// ```
/// use psd_core::Error;
///
/// fn parse(text: &str) -> Result<u32, Error> {
///     if text.is_empty() {
///         return Err(Error::new(422, "the text is empty"));
///     }
///     Ok(text.parse()?)
/// }
///
/// assert_eq!(parse("").unwrap_err().code(), Some(422));
/// assert_eq!(parse("x").unwrap_err().code(), Some(500));
/// ```
pub struct Error {
    code: Option<i32>,
    message: String,
    source: Option<anyhow::Error>,
}

impl Error {
    /// An error with a code and a text for the client.
    ///
    /// An empty text is replaced by a general one when it is sent: classic clients take an empty text for success.
    #[must_use]
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code: Some(code), message: message.into(), source: None }
    }

    /// An error with a text and no code.
    #[must_use]
    pub fn text(message: impl Into<String>) -> Self {
        Self { code: None, message: message.into(), source: None }
    }

    /// The code; `None` for [`Error::text`].
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.code
    }

    /// The text for the client; empty for an internal error.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The error behind an internal one; goes to the log and, if the settings say so, to the client.
    #[must_use]
    pub fn source(&self) -> Option<&anyhow::Error> {
        self.source.as_ref()
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(401, "authentication required")
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(403, "not permitted")
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(499, "cancelled by the client")
    }

    pub(crate) fn deadline() -> Self {
        Self::new(408, "the client's deadline has passed")
    }

    pub(crate) fn shutting_down() -> Self {
        Self::unavailable("the server is shutting down")
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self { code: Some(500), message: String::new(), source: Some(anyhow::Error::msg(message.into())) }
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{source:?}"),
            None => fmt::Display::fmt(self, f),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.code) {
            (Some(source), _) => write!(f, "{source:#}"),
            (None, Some(code)) => write!(f, "{} ({code})", self.message),
            (None, None) => f.write_str(&self.message),
        }
    }
}

/// Anything that `anyhow` takes is an internal error. `Error` itself is deliberately no `std::error::Error`: that is
/// what lets this conversion stand beside the standard library's `From<T> for T`.
impl<E: Into<anyhow::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        Self { code: Some(500), message: String::new(), source: Some(error.into()) }
    }
}
