//! Users in tables of our own.

use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    super::{BoxFuture, Identity, User, UserStore, password::Passwords},
    database::{Database, Row, Sql, StoreError, Value},
    login::{Key, Logins, Record, Tables},
    names, schema,
};
use crate::Error;

/// Users in a SQLite or PostgreSQL database, in tables of our own; cheap to clone.
///
/// All tables are called `psd_…`, so they can stand in the application's database. They are made, and brought up to
/// date, when the store is opened.
///
/// ```no_run
/// # async fn start() -> anyhow::Result<()> {
/// use psd_core::{Server, auth::{Jwt, SqlUsers}};
///
/// let users = SqlUsers::connect("sqlite:users.sqlite").await?;
/// if users.account("ann").await.is_ok_and(|ann| ann.is_none()) {
///     users.create("ann", "correct horse battery staple").await.map_err(|error| anyhow::anyhow!("{error}"))?;
/// }
/// let secret = std::env::var("SECRET_KEY")?;
/// Server::builder().authenticator(Jwt::hs256(secret)?.users(users)).login().serve("127.0.0.1:8000").await?;
/// # Ok(())
/// # }
/// ```
///
/// Names are normalised (NFKC) and the same in upper and lower case: whoever is called `Ann` logs in as `ann`, and
/// nobody else can be called `ANN`. Passwords are stored with Argon2id ([`passwords`](Self::passwords)); what is weaker
/// is stored anew at the next login.
#[derive(Clone)]
pub struct SqlUsers(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) database: Database,
    pub(super) logins: Logins,
    pub(super) minimum_password: usize,
}

impl SqlUsers {
    /// Opens `sqlite:PATH` (made if it is not there), `sqlite::memory:` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    ///
    /// # Errors
    /// The database cannot be reached, or its tables are of a later version.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::open(Database::create(url).await?).await
    }

    /// Opens a database in which the tables are, as [`connect`](Self::connect) does, and makes none.
    ///
    /// # Errors
    /// The database cannot be reached, has no such tables, or those of a later version.
    pub async fn connect_existing(url: &str) -> Result<Self, StoreError> {
        let database = Database::connect(url).await?;
        if database.columns("psd_users").await?.is_empty() {
            return Err(StoreError::Tables(vec![
                "there is no table `psd_users`: the first start of the application makes it, or `psd user add`".into(),
            ]));
        }
        Self::open(database).await
    }

    /// Uses a pool of the application's.
    ///
    /// # Errors
    /// The tables cannot be made, or are of a later version.
    pub async fn open(database: impl Into<Database>) -> Result<Self, StoreError> {
        let database = database.into();
        schema::USERS.migrate(&database).await?;
        let logins = Logins::new(Passwords::default(), true);
        Ok(Self(Arc::new(Inner { database, logins, minimum_password: 8 })))
    }

    /// Sets how new passwords are stored. Default: [`Passwords::default`], which is Argon2id.
    #[must_use]
    pub fn passwords(self, passwords: Passwords) -> Self {
        self.change(|inner| inner.logins.passwords = passwords)
    }

    /// Sets how many characters a new password has at least. Default: 8.
    #[must_use]
    pub fn minimum_password(self, characters: usize) -> Self {
        self.change(|inner| inner.minimum_password = characters)
    }

    /// Closes the connections to the database, so that SQLite leaves one file behind.
    pub async fn close(&self) {
        self.0.database.close().await;
    }

    /// Changes a store that nobody else has yet; a shared one is copied.
    fn change(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::try_unwrap(self.0).unwrap_or_else(|shared| {
            let mut logins = Logins::new(shared.logins.passwords.clone(), shared.logins.note);
            logins.upgrade = shared.logins.upgrade;
            Inner { database: shared.database.clone(), logins, minimum_password: shared.minimum_password }
        });
        change(&mut inner);
        Self(Arc::new(inner))
    }
}

impl UserStore for SqlUsers {
    fn verify<'a>(&'a self, username: &'a str, password: &'a str) -> BoxFuture<'a, Result<Option<User>, Error>> {
        Box::pin(self.0.logins.verify(&*self.0, username, password))
    }

    fn find<'a>(&'a self, user_id: &'a str) -> BoxFuture<'a, Result<Option<User>, Error>> {
        Box::pin(async move {
            let Ok(id) = user_id.parse() else { return Ok(None) };
            let find = Sql::Fixed("SELECT id, name, password, is_active, is_superuser FROM psd_users WHERE id = $1");
            match self.0.database.fetch_one(&find, &[Value::Integer(id)]).await? {
                Some(row) => Ok(Some(self.0.user(record(&row)?).await?)),
                None => Ok(None),
            }
        })
    }
}

impl Tables for Inner {
    async fn by_name(&self, name: &str) -> Result<Option<Record>, StoreError> {
        let find = Sql::Fixed("SELECT id, name, password, is_active, is_superuser FROM psd_users WHERE name_key = $1");
        let row = self.database.fetch_one(&find, &[Value::Text(&names::key(name))]).await?;
        row.map(|row| record(&row)).transpose()
    }

    async fn user(&self, record: Record) -> Result<User, StoreError> {
        let rights = Sql::Fixed(
            "SELECT 'permission', permission FROM psd_user_permissions WHERE user_id = $1
             UNION SELECT 'permission', permission FROM psd_user_group_permissions
                JOIN psd_memberships ON psd_memberships.user_group_id = psd_user_group_permissions.user_group_id
                WHERE psd_memberships.user_id = $1
             UNION SELECT 'user group', name FROM psd_user_groups
                JOIN psd_memberships ON psd_memberships.user_group_id = psd_user_groups.id
                WHERE psd_memberships.user_id = $1",
        );
        let (mut permissions, mut user_groups) = (Vec::new(), Vec::new());
        for row in self.database.fetch(&rights, &[record.key.value()]).await? {
            if row.text(0)? == "permission" { permissions.push(row.text(1)?) } else { user_groups.push(row.text(1)?) }
        }
        let identity = Identity::new(record.key.to_string(), record.name)
            .with_permissions(permissions)
            .with_user_groups(user_groups)
            .superuser(record.superuser);
        Ok(User::new(identity).active(record.active))
    }

    async fn replace_password(&self, record: &Record, new: &str) -> Result<(), StoreError> {
        let replace = Sql::Fixed("UPDATE psd_users SET password = $1 WHERE id = $2 AND password = $3");
        let values = [Value::Text(new), record.key.value(), Value::Text(&record.password)];
        self.database.execute(&replace, &values).await.map(drop)
    }

    async fn note_login(&self, record: &Record) -> Result<(), StoreError> {
        let note = Sql::Fixed("UPDATE psd_users SET last_login = $1 WHERE id = $2");
        self.database.execute(&note, &[Value::Integer(now()), record.key.value()]).await.map(drop)
    }

    async fn sample(&self) -> Result<Vec<String>, StoreError> {
        let sample = Sql::Fixed("SELECT password FROM psd_users ORDER BY id DESC LIMIT 256");
        self.database.fetch(&sample, &[]).await?.iter().map(|row| row.text(0)).collect()
    }
}

impl fmt::Debug for SqlUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlUsers").field("database", &self.0.database).finish_non_exhaustive()
    }
}

fn record(row: &Row) -> Result<Record, StoreError> {
    Ok(Record {
        key: Key::Integer(row.integer(0)?),
        name: row.text(1)?,
        password: row.text(2)?,
        active: row.boolean(3)?,
        superuser: row.boolean(4)?,
    })
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(now).unwrap_or(i64::MAX)
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::{super::super::password::Scheme, *};

    /// A password that was changed while a login was about to store the old one anew stays changed.
    #[tokio::test]
    async fn a_password_is_only_replaced_if_it_is_still_the_same() {
        let users = SqlUsers::connect("sqlite::memory:").await.expect("memory is there");
        let users = users.passwords(Passwords::new(Scheme::Pbkdf2Sha256 { iterations: 1 }));
        users.create("ann", "the old one").await.expect("the name is free");
        let stale = users.0.by_name("ann").await.expect("memory is there").expect("she was created");
        users.set_password("ann", "the new one").await.expect("she was created");
        let stored = async || users.0.by_name("ann").await.expect("memory is there").expect("she is there").password;
        let new = stored().await;
        users.0.replace_password(&stale, "something else").await.expect("memory is there");
        assert_eq!(stored().await, new);
        let record = users.0.by_name("ann").await.expect("memory is there").expect("she is there");
        users.0.replace_password(&record, "something else").await.expect("memory is there");
        assert_eq!(stored().await, "something else");
    }
}
