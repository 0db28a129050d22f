//! Who may call a handler: data written by `#[receive]`, and a pure function over it.

pub(crate) mod function;

use std::fmt;

pub use function::{Decision, GuardFn};

use crate::{
    Error, Identity,
    extract::Requirement,
    request::{Request, shown},
};

/// Refusals of one connection that are logged at info level; a client that goes on trying must not fill the log.
const LOGGED_REFUSALS: u32 = 10;

/// What a handler demands of its caller.
///
/// Written by `#[receive]` as data. Each of `permissions`, `whitelist_groups` and `blacklist_groups` implies `auth`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guard {
    /// `auth` as written at the handler; `None` where it is silent.
    pub auth: Option<bool>,
    /// Permissions the caller must have, all of them.
    pub permissions: &'static [&'static str],
    /// User groups of which the caller must be in at least one; empty means any.
    pub whitelist_groups: &'static [&'static str],
    /// User groups of which the caller may be in none.
    pub blacklist_groups: &'static [&'static str],
    /// The application's function that is asked once these rules let the caller pass; see [`GuardFn`].
    pub function: Option<GuardFunction>,
}

/// A guard function of the application, as `#[receive(guard = path)]` names it.
#[derive(Debug, Clone, Copy)]
pub struct GuardFunction {
    /// The path as written.
    pub name: &'static str,
    /// What its parameters need.
    pub requirements: fn() -> Vec<Requirement>,
}

/// Which rule of a guard refused. Its text is for the log; the client learns only the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody is authenticated on the connection.
    Unauthenticated,
    /// The caller lacks this permission.
    MissingPermission(&'static str),
    /// The caller is in none of the `whitelist_groups`.
    NotInWhitelist,
    /// The caller is in this one of the `blacklist_groups`.
    InBlacklist(&'static str),
}

impl Guard {
    /// Whether somebody must be authenticated: as written here, else as the message declares, else `default_auth`.
    #[must_use]
    pub fn requires_auth(&self, declared: Option<bool>, default_auth: bool) -> bool {
        self.is_restricted() || self.auth.or(declared).unwrap_or(default_auth)
    }

    /// Decides about a caller: superusers pass; otherwise all `permissions`, any of `whitelist_groups` and none of
    /// `blacklist_groups`.
    ///
    /// # Errors
    /// The first rule that refuses.
    pub fn check(&self, requires_auth: bool, identity: Option<&Identity>) -> Result<(), Refusal> {
        let Some(identity) = identity else {
            return if requires_auth || self.is_restricted() { Err(Refusal::Unauthenticated) } else { Ok(()) };
        };
        if !self.is_restricted() || identity.is_superuser() {
            return Ok(());
        }
        if let Some(missing) = self.permissions.iter().find(|permission| !identity.has_permission(permission)) {
            return Err(Refusal::MissingPermission(missing));
        }
        if !self.whitelist_groups.is_empty() && !self.whitelist_groups.iter().any(|group| identity.in_user_group(group))
        {
            return Err(Refusal::NotInWhitelist);
        }
        match self.blacklist_groups.iter().find(|group| identity.in_user_group(group)) {
            Some(group) => Err(Refusal::InBlacklist(group)),
            None => Ok(()),
        }
    }

    fn is_restricted(&self) -> bool {
        !(self.permissions.is_empty() && self.whitelist_groups.is_empty() && self.blacklist_groups.is_empty())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthenticated => f.write_str("`auth`: nobody is authenticated"),
            Self::MissingPermission(permission) => write!(f, "`permissions`: lacks `{permission}`"),
            Self::NotInWhitelist => f.write_str("`whitelist_groups`: in none of them"),
            Self::InBlacklist(group) => write!(f, "`blacklist_groups`: in `{group}`"),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated => Self::unauthenticated(),
            _ => Self::forbidden(),
        }
    }
}

/// Logs which rule refused a request: one of the guard's own, or its function.
pub(crate) fn refused(request: &Request, refusal: Option<Refusal>, error: &Error) {
    let shared = request.shared();
    let Some(route) = request.route() else { return };
    let rule = match (refusal, route.guard.function) {
        (Some(refusal), _) => refusal.to_string(),
        (None, function) => {
            let name = function.map_or("", |function| function.name);
            format!("`guard = {name}`: {}", shown(&error.to_string()))
        }
    };
    let identity = shared.identity();
    let user = identity.as_ref().map(|identity| shown(identity.username()));
    let user_id = identity.as_ref().map(|identity| shown(identity.user_id()));
    let (connection, message, handler) = (shared.id, route.message.message_type, route.handler);
    let location = route.location;
    // Nobody being authenticated is what happens to every client whose token has expired.
    if refusal != Some(Refusal::Unauthenticated) && shared.count_refusal() <= LOGGED_REFUSALS {
        tracing::info!(%connection, user, user_id, message, handler, %location, rule, "refused by its guard");
    } else {
        tracing::debug!(%connection, user, user_id, message, handler, %location, rule, "refused by its guard");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Guard =
        Guard { auth: None, permissions: &[], whitelist_groups: &[], blacklist_groups: &[], function: None };
    const FULL: Guard = Guard {
        auth: None,
        permissions: &["chat.add", "chat.view"],
        whitelist_groups: &["staff", "ops"],
        blacklist_groups: &["muted"],
        function: None,
    };

    #[track_caller]
    fn check(guard: Guard, identity: Option<Identity>, expected: Result<(), Refusal>) {
        assert_eq!(guard.check(guard.requires_auth(None, false), identity.as_ref()), expected);
    }

    #[test]
    fn auth_is_the_handlers_then_the_messages_then_the_default() {
        for (own, declared, default, expected) in [
            (None, None, true, true),
            (None, None, false, false),
            (None, Some(false), true, false),
            (None, Some(true), false, true),
            (Some(true), Some(false), false, true),
            (Some(false), Some(true), true, false),
        ] {
            assert_eq!(Guard { auth: own, ..OPEN }.requires_auth(declared, default), expected);
        }
        assert!(FULL.requires_auth(Some(false), false), "restrictions imply auth");
    }

    #[test]
    fn rules() {
        let user = || Identity::new("1", "ann");
        check(OPEN, None, Ok(()));
        check(FULL, None, Err(Refusal::Unauthenticated));
        assert_eq!(FULL.check(false, None), Err(Refusal::Unauthenticated), "restrictions imply auth");
        check(FULL, Some(user()), Err(Refusal::MissingPermission("chat.add")));
        let permitted = || user().with_permissions(["chat.add", "chat.view"]);
        check(FULL, Some(user().with_permissions(["chat.add"])), Err(Refusal::MissingPermission("chat.view")));
        check(FULL, Some(permitted()), Err(Refusal::NotInWhitelist));
        check(FULL, Some(permitted().with_user_groups(["ops"])), Ok(()));
        check(FULL, Some(permitted().with_user_groups(["ops", "muted"])), Err(Refusal::InBlacklist("muted")));
        check(FULL, Some(user().with_user_groups(["muted"]).superuser(true)), Ok(()));
    }
}
