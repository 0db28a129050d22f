//! Revoked tokens in a database.

use std::{
    fmt::{self, Write as _},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    super::{BoxFuture, DenyList, RefreshUse, password::fingerprint},
    database::{Database, Sql, StoreError, Value},
    names, schema,
};
use crate::Error;

/// A deny list in a SQLite or PostgreSQL database, shared by all processes that use it, and there after a restart.
///
/// ```no_run
/// # async fn start(secret: &str) -> anyhow::Result<psd_core::auth::Jwt> {
/// use psd_core::auth::{Database, Jwt, SqlDenyList, SqlUsers};
///
/// let database = Database::create("sqlite:app.sqlite").await?;
/// let users = SqlUsers::open(database.clone()).await?;
/// Ok(Jwt::hs256(secret)?.users(users).deny_list(SqlDenyList::open(database).await?))
/// # }
/// ```
///
/// Its tables are called `psd_revoked…` and are made when it is opened. They hold hashes of ids, and what has expired is
/// deleted as new entries come.
#[derive(Clone)]
pub struct SqlDenyList {
    database: Database,
    reads_simplejwt: bool,
}

impl SqlDenyList {
    /// Opens `sqlite:PATH` (made if it is not there) or `postgres://USER:PASSWORD@HOST/DATABASE`.
    ///
    /// # Errors
    /// The database cannot be reached, or its tables are of a later version.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::open(Database::create(url).await?).await
    }

    /// Uses a pool of the application's, or a [`Database`].
    ///
    /// # Errors
    /// The tables cannot be made, or are of a later version.
    pub async fn open(database: impl Into<Database>) -> Result<Self, StoreError> {
        let database = database.into();
        schema::REVOKED.migrate(&database).await?;
        Ok(Self { database, reads_simplejwt: false })
    }

    /// Refuses also the refresh tokens that simplejwt's blacklist app has in the same database. Its tables are only read;
    /// what is revoked here Django does not learn.
    ///
    /// # Errors
    /// The tables of `rest_framework_simplejwt.token_blacklist` are not there.
    pub async fn reading_simplejwt(self) -> Result<Self, StoreError> {
        for (table, column) in
            [("token_blacklist_outstandingtoken", "jti"), ("token_blacklist_blacklistedtoken", "token_id")]
        {
            if !self.database.columns(table).await?.iter().any(|(name, _)| name == column) {
                return Err(StoreError::Tables(vec![format!(
                    "there is no column `{column}` of a table `{table}`: add \
                     `rest_framework_simplejwt.token_blacklist` to INSTALLED_APPS and run `manage.py migrate`"
                )]));
            }
        }
        Ok(Self { reads_simplejwt: true, ..self })
    }

    async fn any(&self, select: &str, column: &str, ids: &[&str]) -> Result<bool, StoreError> {
        if ids.is_empty() {
            return Ok(false);
        }
        let mut sql = format!("{select} WHERE {column} IN (");
        for number in 1..=ids.len() {
            let _ = write!(sql, "{}${number}", if number == 1 { "" } else { ", " });
        }
        let values: Vec<_> = ids.iter().map(|id| Value::Text(id)).collect();
        Ok(self.database.fetch_one(&Sql::built(sql + ") LIMIT 1"), &values).await?.is_some())
    }

    async fn forget_expired(&self) -> Result<(), StoreError> {
        let now = [Value::Integer(milliseconds(SystemTime::now()))];
        for delete in
            ["DELETE FROM psd_revoked WHERE expires_at < $1", "DELETE FROM psd_revoked_uses WHERE expires_at < $1"]
        {
            self.database.execute(&Sql::Fixed(delete), &now).await?;
        }
        Ok(())
    }
}

impl DenyList for SqlDenyList {
    fn is_denied<'a>(&'a self, ids: &'a [&'a str]) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let hashes: Vec<_> = ids.iter().map(|id| fingerprint(id)).collect();
            let hashes: Vec<_> = hashes.iter().map(String::as_str).collect();
            if self.any("SELECT id FROM psd_revoked", "id", &hashes).await? {
                return Ok(true);
            }
            if !self.reads_simplejwt {
                return Ok(false);
            }
            let ids: Vec<_> = ids.iter().copied().filter(|id| names::can_exist(id)).collect();
            let select = "SELECT CAST(listed.id AS TEXT) FROM token_blacklist_blacklistedtoken listed
                JOIN token_blacklist_outstandingtoken tokens ON tokens.id = listed.token_id";
            Ok(self.any(select, "tokens.jti", &ids).await?)
        })
    }

    fn deny<'a>(&'a self, id: &'a str, until: SystemTime) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.forget_expired().await?;
            let deny = "INSERT INTO psd_revoked (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE
                SET expires_at = excluded.expires_at WHERE psd_revoked.expires_at < excluded.expires_at";
            let values = [Value::Text(&fingerprint(id)), Value::Integer(milliseconds(until))];
            Ok(self.database.execute(&Sql::Fixed(deny), &values).await.map(drop)?)
        })
    }

    fn use_up<'a>(
        &'a self,
        session: &'a str,
        number: u64,
        until: SystemTime,
    ) -> BoxFuture<'a, Result<RefreshUse, Error>> {
        Box::pin(async move {
            self.forget_expired().await?;
            let id = fingerprint(session);
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            // One statement: of two that come at once, the database lets one be the first.
            let first = "INSERT INTO psd_revoked_uses (id, number, used_at, expires_at) VALUES ($1, $2, $3, $4)
                ON CONFLICT (id) DO UPDATE SET number = excluded.number, used_at = excluded.used_at,
                    expires_at = excluded.expires_at WHERE psd_revoked_uses.number < excluded.number
                RETURNING number";
            let times = [SystemTime::now(), until].map(|time| Value::Integer(milliseconds(time)));
            let values = [Value::Text(&id), Value::Integer(number), times[0], times[1]];
            if self.database.fetch_one(&Sql::Fixed(first), &values).await?.is_some() {
                return Ok(RefreshUse::First);
            }
            let last = Sql::Fixed("SELECT number, used_at FROM psd_revoked_uses WHERE id = $1");
            Ok(match self.database.fetch_one(&last, &[Value::Text(&id)]).await? {
                Some(row) if row.integer(0)? == number => RefreshUse::Again(time(row.integer(1)?)),
                // A later one; or it has just expired.
                _ => RefreshUse::Outdated,
            })
        })
    }
}

impl fmt::Debug for SqlDenyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlDenyList").field("database", &self.database).finish_non_exhaustive()
    }
}

/// Since 1970. A time that no clock reaches is the last that the column holds.
fn milliseconds(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

fn time(milliseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
}
