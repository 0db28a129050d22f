//! Users in a Django database, read as it stands.

mod key;
mod tables;

use std::fmt;

use key::KeyKind;
pub use tables::DjangoTables;
use tables::Queries;

use super::{
    super::{
        BoxFuture, Identity, User, UserStore,
        password::{Passwords, Scheme},
    },
    database::{Database, Row, StoreError, Value},
    login::{Logins, Record, Tables},
    names,
};
use crate::Error;

/// The users of a Django database: their passwords, groups and permissions count as they do in Django.
///
/// ```no_run
/// # async fn start() -> anyhow::Result<()> {
/// use psd_core::{Server, auth::{DjangoUsers, Jwt}};
///
/// let users = DjangoUsers::connect("postgres://app:secret@localhost/app").await?;
/// let secret = std::env::var("DJANGO_SECRET_KEY")?;
/// Server::builder().authenticator(Jwt::hs256(secret)?.users(users)).login().serve("127.0.0.1:8000").await?;
/// # Ok(())
/// # }
/// ```
///
/// Nothing is ever written but a password that is weaker than Django's default, at its owner's login
/// ([`upgrade_passwords`](Self::upgrade_passwords)), and, on request, the time of a login
/// ([`update_last_login`](Self::update_last_login)). If the database user may not write, a warning is logged and the
/// login succeeds.
///
/// A name is looked up as it was sent, upper and lower case apart, as Django does it; if there is none, once more without
/// spaces around it and in normal form (NFKC), in which Django stores names and in which its login form looks them up.
pub struct DjangoUsers {
    database: Database,
    logins: Logins,
    key: KeyKind,
    queries: Queries,
}

impl DjangoUsers {
    /// Opens the database of a project that uses Django's own users: `postgres://USER:PASSWORD@HOST/DATABASE` or
    /// `sqlite:PATH`, which must be there.
    ///
    /// # Errors
    /// The database cannot be reached, or a table or column is missing; all that is missing is named at once.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::open(Database::connect(url).await?, DjangoTables::default()).await
    }

    /// Uses a pool of the application's, or a [`Database`], and tables of other names.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn open(database: impl Into<Database>, tables: DjangoTables) -> Result<Self, StoreError> {
        let database = database.into();
        let (key, queries) = tables.check(&database).await?;
        let logins = Logins::new(Passwords::new(Scheme::PBKDF2_SHA256), false);
        Ok(Self { database, logins, key, queries })
    }

    /// Sets what stored passwords are brought up to, and how many are verified at once.
    ///
    /// Default: [`Scheme::PBKDF2_SHA256`], which every Django reads; passwords of stronger schemes are left alone. Set
    /// [`Scheme::ARGON2ID`] only if the Django beside it has `Argon2PasswordHasher` among its `PASSWORD_HASHERS` and the
    /// package for it, or it can log nobody in any more.
    #[must_use]
    pub fn passwords(mut self, passwords: Passwords) -> Self {
        self.logins.passwords = passwords;
        self
    }

    /// Sets whether a password that is weaker than it would be stored today is stored anew when its owner logs in.
    /// Default: true.
    #[must_use]
    pub fn upgrade_passwords(mut self, upgrade: bool) -> Self {
        self.logins.upgrade = upgrade;
        self
    }

    /// Sets whether `last_login` is kept, as simplejwt's setting `UPDATE_LAST_LOGIN` does. Default: false, as there.
    #[must_use]
    pub fn update_last_login(mut self, update: bool) -> Self {
        self.logins.note = update;
        self
    }

    fn record(&self, row: &Row) -> Result<Record, StoreError> {
        let key = row.text(0)?;
        Ok(Record {
            key: self.key.stored(key)?,
            name: row.text(1)?,
            password: row.text(2)?,
            active: row.boolean(3)?,
            superuser: row.boolean(4)?,
        })
    }
}

impl UserStore for DjangoUsers {
    fn verify<'a>(&'a self, username: &'a str, password: &'a str) -> BoxFuture<'a, Result<Option<User>, Error>> {
        Box::pin(self.logins.verify(self, username, password))
    }

    fn find<'a>(&'a self, user_id: &'a str) -> BoxFuture<'a, Result<Option<User>, Error>> {
        Box::pin(async move {
            let Some(key) = self.key.read(user_id) else { return Ok(None) };
            match self.database.fetch_one(&self.queries.by_key, &[key.value()]).await? {
                Some(row) => Ok(Some(self.user(self.record(&row)?).await?)),
                None => Ok(None),
            }
        })
    }
}

impl Tables for DjangoUsers {
    async fn by_name(&self, name: &str) -> Result<Option<Record>, StoreError> {
        let mut row = self.database.fetch_one(&self.queries.by_name, &[Value::Text(name)]).await?;
        let normalized = names::normalized(name.trim());
        if row.is_none() && normalized != name {
            row = self.database.fetch_one(&self.queries.by_name, &[Value::Text(&normalized)]).await?;
        }
        row.map(|row| self.record(&row)).transpose()
    }

    async fn user(&self, record: Record) -> Result<User, StoreError> {
        let (mut permissions, mut user_groups) = (Vec::new(), Vec::new());
        if let Some(rights) = &self.queries.rights {
            for row in self.database.fetch(rights, &[record.key.value()]).await? {
                // Names of user groups have no app.
                match row.text(0)? {
                    app if app.is_empty() => user_groups.push(row.text(1)?),
                    app => permissions.push(format!("{app}.{}", row.text(1)?)),
                }
            }
        }
        let identity = Identity::new(self.key.shown(&record.key), record.name)
            .with_permissions(permissions)
            .with_user_groups(user_groups)
            .superuser(record.superuser);
        Ok(User::new(identity).active(record.active))
    }

    async fn replace_password(&self, record: &Record, new: &str) -> Result<(), StoreError> {
        let values = [Value::Text(new), record.key.value(), Value::Text(&record.password)];
        self.database.execute(&self.queries.replace_password, &values).await.map(drop)
    }

    async fn note_login(&self, record: &Record) -> Result<(), StoreError> {
        self.database.execute(&self.queries.note_login, &[record.key.value()]).await.map(drop)
    }

    async fn sample(&self) -> Result<Vec<String>, StoreError> {
        self.database.fetch(&self.queries.sample, &[]).await?.iter().map(|row| row.text(0)).collect()
    }
}

impl fmt::Debug for DjangoUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DjangoUsers").field("database", &self.database).finish_non_exhaustive()
    }
}
