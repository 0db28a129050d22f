//! From a token to an identity.

use std::{borrow::Cow, collections::HashMap, fmt, future::Future, pin::Pin};

use super::Identity;
use crate::Error;

/// A future in a box, since these traits are used behind a pointer: `Box::pin(async move { … })`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Verifies tokens.
///
/// Called once for a token of a connection, when the token changes; the identity is cached, with the rights it had.
pub trait Authenticator: Send + Sync + 'static {
    /// Verifies a token and says whose it is.
    ///
    /// The future is dropped if the connection goes away. The reason of a refusal goes to the log, never to the
    /// client, who gets `token-invalid`.
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>>;

    /// Reads the rights of an identity again, when the application asks for it by
    /// [`Server::refresh_identity`](crate::Server::refresh_identity). `token` is what the identity came from; `None` if
    /// the application has authenticated it by other means.
    ///
    /// Default: verifies the token again; without one the identity stays as it is.
    fn refresh_identity<'a>(
        &'a self,
        identity: &'a Identity,
        token: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Identity, TokenError>> {
        match token {
            Some(token) => self.authenticate(token),
            None => Box::pin(std::future::ready(Ok(identity.clone()))),
        }
    }

    /// Whoever answers `login` and `refresh-token`. Default: nobody, and the ready-made receivers are refused.
    fn issuer(&self) -> Option<&dyn TokenIssuer> {
        None
    }
}

/// Gives tokens to users.
pub trait TokenIssuer: Send + Sync {
    /// Checks credentials; `None` if they are wrong, the user is unknown or not active, without saying which.
    fn login<'a>(&'a self, username: &'a str, password: &'a str) -> BoxFuture<'a, Result<Option<Login>, Error>>;

    /// Begins a login session for a user whom the application has authenticated in another way; `None` if there is no
    /// such user, or it is not active.
    fn issue<'a>(&'a self, user_id: &'a str) -> BoxFuture<'a, Result<Option<Login>, Error>>;

    /// Exchanges a refresh token.
    fn refresh<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Refreshed, Error>>;

    /// Ends the login session of a token, of access or refresh: this token, and every other of the session, is worth
    /// nothing from now on. `None` if it was worth nothing before. Connections are not touched; see
    /// [`Server::end_session`](crate::Server::end_session).
    ///
    /// # Errors
    /// It could not be noted, and the token is still good.
    fn revoke<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<RevokedSession>, Error>>;
}

/// What came of a refresh token.
#[derive(Debug, Clone)]
pub enum Refreshed {
    /// It was good.
    Login(Login),
    /// It is none, has expired or was revoked, or its user is gone or not active.
    Refused,
    /// It had been used before, by its owner or by a thief: its session is revoked.
    Reused(RevokedSession),
}

/// A login session that has ended before its tokens expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedSession {
    /// Whose it was.
    pub user_id: String,
    /// What the identities of its connections have as [`session_id`](Identity::session_id).
    pub session_id: String,
}

/// What a successful login gives.
#[derive(Clone)]
pub struct Login {
    /// Who it is.
    pub identity: Identity,
    /// What proves it to the server from now on.
    pub access: String,
    /// What gets a new access token later.
    pub refresh: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Why a token was refused; for the log. A `&'static str` or a `String` becomes one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TokenError {
    reason: Cow<'static, str>,
    is_unavailable: bool,
}

impl TokenError {
    /// Whether the token is good cannot be told now, as when the database does not answer.
    ///
    /// The client does not get `token-invalid`, on which it would throw its token away: the message is answered with
    /// code 503, and the token verified again with the next one.
    #[must_use]
    pub fn unavailable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), is_unavailable: true }
    }

    /// Whether it cannot be told now whether the token is good.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.is_unavailable
    }
}

impl From<&'static str> for TokenError {
    fn from(reason: &'static str) -> Self {
        Self { reason: reason.into(), is_unavailable: false }
    }
}

impl From<String> for TokenError {
    fn from(reason: String) -> Self {
        Self { reason: reason.into(), is_unavailable: false }
    }
}

/// Fixed tokens, each with its identity: for tests and prototypes.
///
/// ```
/// use psd_core::{Identity, auth::StaticTokens};
///
/// let tokens = StaticTokens::new().token("t-ann", Identity::new("1", "ann").with_permissions(["chat.add_message"]));
/// # drop(tokens);
/// ```
#[derive(Default, Clone)]
pub struct StaticTokens(HashMap<String, Identity>);

impl StaticTokens {
    /// No tokens.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a token.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>, identity: Identity) -> Self {
        self.0.insert(token.into(), identity);
        self
    }
}

impl Authenticator for StaticTokens {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>> {
        let identity = self.0.get(token).cloned().ok_or_else(|| "the token is not known".into());
        Box::pin(std::future::ready(identity))
    }
}

impl fmt::Debug for StaticTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticTokens").field("tokens", &self.0.len()).finish()
    }
}
