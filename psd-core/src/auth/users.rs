//! Where users come from.

use std::{collections::HashMap, fmt};

use super::{Identity, authenticator::BoxFuture};
use crate::Error;

/// A user with its present rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who it is, and what it may do.
    pub identity: Identity,
    /// Whether it may log in and use its tokens.
    pub active: bool,
}

impl User {
    /// An active user.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { identity, active: true }
    }

    /// Sets whether the user may log in and use its tokens.
    #[must_use]
    pub fn active(mut self, active: bool) -> Self {
        self.active = active;
        self
    }
}

/// Knows users and their passwords.
pub trait UserStore: Send + Sync + 'static {
    /// The user with this name and password, active or not; `None` if there is none.
    ///
    /// An unknown user and a wrong password must take the same time.
    fn verify<'a>(&'a self, username: &'a str, password: &'a str) -> BoxFuture<'a, Result<Option<User>, Error>>;

    /// The user with this key, active or not; `None` if there is none.
    fn find<'a>(&'a self, user_id: &'a str) -> BoxFuture<'a, Result<Option<User>, Error>>;
}

/// Users in memory with plain passwords: for tests and prototypes.
#[derive(Default, Clone)]
pub struct MemoryUsers {
    users: HashMap<String, (User, String)>,
}

impl MemoryUsers {
    /// No users.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a user, or replaces the one with the same name.
    #[must_use]
    pub fn user(mut self, user: User, password: impl Into<String>) -> Self {
        self.users.insert(user.identity.username().to_owned(), (user, password.into()));
        self
    }
}

impl UserStore for MemoryUsers {
    fn verify<'a>(&'a self, username: &'a str, password: &'a str) -> BoxFuture<'a, Result<Option<User>, Error>> {
        let known = self.users.get(username);
        let matches = same(known.map_or("", |(_, password)| password), password);
        let user = known.filter(|_| matches).map(|(user, _)| user.clone());
        Box::pin(std::future::ready(Ok(user)))
    }

    fn find<'a>(&'a self, user_id: &'a str) -> BoxFuture<'a, Result<Option<User>, Error>> {
        let user = self.users.values().find(|(user, _)| user.identity.user_id() == user_id);
        Box::pin(std::future::ready(Ok(user.map(|(user, _)| user.clone()))))
    }
}

impl fmt::Debug for MemoryUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryUsers").field("users", &self.users.len()).finish()
    }
}

/// Compares in a time that depends only on the length of what was given.
fn same(expected: &str, given: &str) -> bool {
    let (expected, given) = (expected.as_bytes(), given.as_bytes());
    let differences = given
        .iter()
        .enumerate()
        .fold(0, |differences, (at, byte)| differences | (byte ^ expected.get(at).copied().unwrap_or(!byte)));
    differences == 0 && expected.len() == given.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_compared_whole() {
        for (expected, given, equal) in [("", "", true), ("a", "a", true), ("ab", "a", false), ("a", "ab", false)] {
            assert_eq!(same(expected, given), equal, "{expected} {given}");
        }
    }
}
