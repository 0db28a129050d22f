//! How a name and a password become a user, whatever the tables look like.

use std::fmt;

use super::{
    super::{
        User,
        password::{Passwords, StoredPassword, Verdict},
    },
    database::{StoreError, Value},
    decoys::Decoys,
    names,
};
use crate::Error;

/// The tables of a store, as a login needs them.
pub(super) trait Tables: Sync {
    /// The user of a name that can exist, by the rules of the store.
    fn by_name(&self, name: &str) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send;

    /// The user with its rights.
    fn user(&self, record: Record) -> impl Future<Output = Result<User, StoreError>> + Send;

    /// Stores a password anew, unless somebody has changed it meanwhile.
    fn replace_password(&self, record: &Record, new: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps the time of a login.
    fn note_login(&self, record: &Record) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Some of the stored passwords.
    fn sample(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;
}

/// A user without rights, as its row has it.
pub(super) struct Record {
    pub(super) key: Key,
    pub(super) name: String,
    pub(super) password: String,
    pub(super) active: bool,
    pub(super) superuser: bool,
}

/// The primary key of a user, as the database compares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Integer(i64),
    Text(String),
}

/// What logins of a store share.
pub(super) struct Logins {
    pub(super) passwords: Passwords,
    /// Whether passwords that are weaker than the preferred way are stored anew.
    pub(super) upgrade: bool,
    /// Whether the time of a login is kept.
    pub(super) note: bool,
    decoys: Decoys,
}

impl Logins {
    pub(super) fn new(passwords: Passwords, note: bool) -> Self {
        Self { passwords, upgrade: true, note, decoys: Decoys::new() }
    }

    /// One query and one computation, whether the name is unknown, has no password, or the password is wrong.
    pub(super) async fn verify(&self, tables: &impl Tables, name: &str, password: &str) -> Result<Option<User>, Error> {
        if self.decoys.is_due() {
            self.decoys.learn(tables.sample().await?.iter().map(String::as_str));
        }
        let record = if names::can_exist(name) { tables.by_name(name).await? } else { None };
        let stored = record.as_ref().and_then(Record::stored);
        let decoy = self.decoys.choose(name, self.passwords.preferred());
        let verdict = self.passwords.judge(password, stored, decoy).await?;
        let (Verdict::Right { outdated }, Some(record)) = (verdict, record) else { return Ok(None) };
        if record.active {
            // Neither is worth failing a login for: the database user may only be allowed to read.
            if outdated && self.upgrade {
                match self.passwords.hash(password).await {
                    Ok(new) => warn(&record, "the password of a user", tables.replace_password(&record, &new).await),
                    Err(error) => tracing::debug!(%error, "a password is stored anew at a later login"),
                }
            }
            if self.note {
                warn(&record, "the time of a login", tables.note_login(&record).await);
            }
        }
        Ok(Some(tables.user(record).await?))
    }
}

impl Record {
    /// The stored password, if there is one that can be read. Django marks those that no password opens with a `!`.
    fn stored(&self) -> Option<StoredPassword> {
        match StoredPassword::parse(&self.password) {
            Ok(stored) => Some(stored),
            Err(_) if self.password.is_empty() || self.password.starts_with('!') => None,
            Err(reason) => {
                tracing::warn!(user = %self.key, "the stored password of a user cannot be read: {reason}");
                None
            }
        }
    }
}

impl Key {
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Text(text) => Value::Text(text),
        }
    }
}

/// As tokens have it.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => integer.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

fn warn(record: &Record, what: &str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::warn!(user = %record.key, %error, "{what} could not be stored");
    }
}
