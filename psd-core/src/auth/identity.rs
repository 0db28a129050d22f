//! Who is authenticated on a connection.

use std::{collections::BTreeSet, fmt, sync::Arc, time::SystemTime};

/// An authenticated user with the rights it had when its token was verified.
///
/// Cheap to clone. As a handler's parameter it demands that somebody is authenticated (code 401 otherwise); take
/// `Option<Identity>` where nobody may be.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity(Arc<Data>);

#[derive(Clone, PartialEq, Eq)]
struct Data {
    user_id: String,
    username: String,
    permissions: BTreeSet<String>,
    user_groups: BTreeSet<String>,
    superuser: bool,
    expires_at: Option<SystemTime>,
    session_id: Option<String>,
}

impl Identity {
    /// A user without permissions and user groups.
    #[must_use]
    pub fn new(user_id: impl Into<String>, username: impl Into<String>) -> Self {
        Self(Arc::new(Data {
            user_id: user_id.into(),
            username: username.into(),
            permissions: BTreeSet::new(),
            user_groups: BTreeSet::new(),
            superuser: false,
            expires_at: None,
            session_id: None,
        }))
    }

    /// Adds permissions, written `app.codename`.
    #[must_use]
    pub fn with_permissions<S: Into<String>>(self, permissions: impl IntoIterator<Item = S>) -> Self {
        self.change(|data| data.permissions.extend(permissions.into_iter().map(Into::into)))
    }

    /// Adds user groups.
    #[must_use]
    pub fn with_user_groups<S: Into<String>>(self, groups: impl IntoIterator<Item = S>) -> Self {
        self.change(|data| data.user_groups.extend(groups.into_iter().map(Into::into)))
    }

    /// Makes the user a superuser, whom every guard lets pass, or an ordinary one.
    #[must_use]
    pub fn superuser(self, superuser: bool) -> Self {
        self.change(|data| data.superuser = superuser)
    }

    /// Sets when the authentication ends; connections then become anonymous. Default: never.
    #[must_use]
    pub fn expiring_at(self, time: SystemTime) -> Self {
        self.change(|data| data.expires_at = Some(time))
    }

    /// Sets the login session that the user's token belongs to. Default: none.
    #[must_use]
    pub fn with_session_id(self, session: impl Into<String>) -> Self {
        self.change(|data| data.session_id = Some(session.into()))
    }

    /// The user's key in the user store.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.0.user_id
    }

    /// The user's name.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.0.username
    }

    /// Whether every guard lets the user pass.
    #[must_use]
    pub fn is_superuser(&self) -> bool {
        self.0.superuser
    }

    /// Whether the user has the permission; a superuser has each.
    #[must_use]
    pub fn has_permission(&self, permission: &str) -> bool {
        self.0.superuser || self.0.permissions.contains(permission)
    }

    /// Whether the user is in the user group.
    #[must_use]
    pub fn in_user_group(&self, group: &str) -> bool {
        self.0.user_groups.contains(group)
    }

    /// When the authentication ends; `None` means never.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.expires_at
    }

    /// The login session that the user's token belongs to, where the authenticator knows sessions; see
    /// [`Server::end_session`](crate::Server::end_session).
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }

    fn change(mut self, change: impl FnOnce(&mut Data)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("user_id", &self.0.user_id)
            .field("username", &self.0.username)
            .field("superuser", &self.0.superuser)
            .finish_non_exhaustive()
    }
}
