//! SQLite and PostgreSQL behind one face; the only module that names sqlx.
//!
//! Both understand `$1`, `RETURNING` and `ON CONFLICT`, so that one text serves both nearly everywhere. Values go in
//! and out as text, integers and booleans, which needs no type of a particular database.

use std::{fmt, str::FromStr as _, sync::Arc};

use sqlx::Row as _;

/// A pool of connections to a SQLite or PostgreSQL database; cheap to clone.
///
/// Made from a URL, or from a pool of the application's: `SqlUsers::open(pool)`.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    _kept: Kept,
}

/// A connection that nobody uses. A SQLite database in memory is gone with its last connection, and a pool may replace
/// one of its own.
#[derive(Clone, Default)]
struct Kept {
    #[cfg(feature = "sqlite")]
    _connection: Option<Arc<std::sync::Mutex<sqlx::SqliteConnection>>>,
}

#[derive(Clone)]
enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
}

/// Several statements of which all take effect, or none.
pub(crate) struct Transaction(Begun);

enum Begun {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

/// Where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    #[cfg(feature = "sqlite")]
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

/// The text of a statement. Values never stand in it; names of tables and columns do, quoted.
#[derive(Debug, Clone)]
pub(crate) enum Sql {
    Fixed(&'static str),
    Built(Arc<str>),
}

/// A value for a `$1`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Integer(i64),
    Boolean(bool),
}

/// A row of a result; columns are counted from 0.
pub(crate) struct Row(Fetched);

enum Fetched {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
}

/// Why a store of users cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL is of neither database.
    #[error("a database URL begins with `sqlite:` or `postgres://`, this one with `{0}`")]
    Scheme(String),
    /// Support for the database is not compiled in.
    #[error("this program knows no `{0}` database: switch on the feature `{0}` of psd-core")]
    NotCompiled(&'static str),
    /// The database cannot be reached or opened.
    #[error("cannot open the database: {0}")]
    Open(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A statement failed.
    #[error("the database refuses: {0}")]
    Query(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Tables or columns are not what was expected; each problem with its way out.
    #[error("the tables of users cannot be used:{}", .0.iter().map(|problem| format!("\n- {problem}")).collect::<String>())]
    Tables(Vec<String>),
    /// Our tables are of a later version of psd.
    #[error(
        "the tables `psd_…` are of version {found}, but this program knows version {known} at most: use a newer psd-core"
    )]
    TooNew {
        /// The version of the tables.
        found: i64,
        /// The last version that we know.
        known: i64,
    },
}

/// Runs the same code for either database.
macro_rules! each {
    ($kind:ident, $on:expr, $of:ident, $inner:pat => $run:expr) => {
        match $on {
            #[cfg(feature = "sqlite")]
            $kind::Sqlite($inner) => {
                #[allow(dead_code)]
                type $of = sqlx::Sqlite;
                $run
            }
            #[cfg(feature = "postgres")]
            $kind::Postgres($inner) => {
                #[allow(dead_code)]
                type $of = sqlx::Postgres;
                $run
            }
        }
    };
}

/// A statement of one database with its values.
macro_rules! statement {
    ($of:ident, $sql:expr, $values:expr) => {
        $values.iter().fold(sqlx::query::<$of>($sql.text()), |query, value| match *value {
            Value::Text(text) => query.bind(text),
            Value::Integer(integer) => query.bind(integer),
            Value::Boolean(boolean) => query.bind(boolean),
        })
    };
}

impl Database {
    /// Connects to `sqlite:PATH`, whose file must be there, `sqlite::memory:` or
    /// `postgres://USER:PASSWORD@HOST/DATABASE`; the parameters are those of sqlx.
    ///
    /// A connection to PostgreSQL is encrypted if one of sqlx's features `tls-…` is switched on in the program.
    ///
    /// # Errors
    /// The URL makes no sense, its database is not compiled in, or it cannot be opened. The URL, which may hold a
    /// password, is in none of the texts.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_to(url, false).await
    }

    /// As [`connect`](Self::connect); the file of a SQLite database that is not there is made, and it is in WAL mode.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn create(url: &str) -> Result<Self, StoreError> {
        Self::connect_to(url, true).await
    }

    async fn connect_to(url: &str, create: bool) -> Result<Self, StoreError> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

                let options = SqliteConnectOptions::from_str(url).map_err(StoreError::open)?;
                let options = options.create_if_missing(create);
                let pool = if url.contains(":memory:") || url.contains("mode=memory") {
                    let kept = sqlx::ConnectOptions::connect(&options).await.map_err(StoreError::open)?;
                    let kept = Kept { _connection: Some(Arc::new(std::sync::Mutex::new(kept))) };
                    // Connections that share memory do not wait for each other's locks: there is one that works.
                    let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
                    let pool = pool.connect_with(options).await.map_err(StoreError::open)?;
                    return Ok(Self { pool: Pool::Sqlite(pool), _kept: kept });
                } else if create {
                    SqlitePoolOptions::new().connect_with(options.journal_mode(SqliteJournalMode::Wal)).await
                } else {
                    SqlitePoolOptions::new().connect_with(options).await
                };
                Ok(Self { pool: Pool::Sqlite(pool.map_err(StoreError::open)?), _kept: Kept::default() })
            }
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                let _ = create;
                let options = sqlx::postgres::PgConnectOptions::from_str(url).map_err(StoreError::open)?;
                // A login that waits longer than this for a connection fails; it can be tried again.
                let pool = sqlx::postgres::PgPoolOptions::new().acquire_timeout(std::time::Duration::from_secs(10));
                Ok(Self {
                    pool: Pool::Postgres(pool.connect_with(options).await.map_err(StoreError::open)?),
                    _kept: Kept::default(),
                })
            }
            #[cfg(not(feature = "sqlite"))]
            "sqlite" => Err(StoreError::NotCompiled("sqlite")),
            #[cfg(not(feature = "postgres"))]
            "postgres" | "postgresql" => Err(StoreError::NotCompiled("postgres")),
            _ => Err(StoreError::Scheme(scheme.chars().take(20).collect())),
        }
    }

    /// Closes all connections, so that SQLite leaves one file behind; whoever uses the database later gets an error.
    pub async fn close(&self) {
        each!(Pool, &self.pool, Db, pool => pool.close().await);
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => Dialect::Postgres,
        }
    }

    /// All rows of a result.
    pub(crate) async fn fetch(&self, sql: &Sql, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        each!(Pool, &self.pool, Db, pool => {
            let rows = statement!(Db, sql, values).fetch_all(pool).await.map_err(StoreError::query)?;
            Ok(rows.into_iter().map(|row| Row(row.into())).collect())
        })
    }

    /// The first row of a result.
    pub(crate) async fn fetch_one(&self, sql: &Sql, values: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        each!(Pool, &self.pool, Db, pool => {
            let row = statement!(Db, sql, values).fetch_optional(pool).await.map_err(StoreError::query)?;
            Ok(row.map(|row| Row(row.into())))
        })
    }

    /// How many rows were changed.
    pub(crate) async fn execute(&self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        each!(Pool, &self.pool, Db, pool => {
            let done = statement!(Db, sql, values).execute(pool).await.map_err(StoreError::query)?;
            Ok(done.rows_affected())
        })
    }

    /// Begins a transaction that will write; it is rolled back if it is dropped.
    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(Transaction(match &self.pool {
            // A transaction that reads first could not wait for its turn to write.
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool) => Begun::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await.map_err(StoreError::query)?),
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => Begun::Postgres(pool.begin().await.map_err(StoreError::query)?),
        }))
    }

    /// Name and type, in lower case, of each column of a table; none if there is no such table.
    pub(crate) async fn columns(&self, table: &str) -> Result<Vec<(String, String)>, StoreError> {
        let sql = match self.dialect() {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => "SELECT name, lower(type) FROM pragma_table_info($1)",
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                "SELECT CAST(column_name AS TEXT), CAST(udt_name AS TEXT) FROM information_schema.columns
                 WHERE table_schema = ANY (current_schemas(false)) AND table_name = $1 ORDER BY ordinal_position"
            }
        };
        let rows = self.fetch(&Sql::Fixed(sql), &[Value::Text(table)]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
    }
}

#[cfg(feature = "sqlite")]
impl From<sqlx::SqlitePool> for Database {
    fn from(pool: sqlx::SqlitePool) -> Self {
        Self { pool: Pool::Sqlite(pool), _kept: Kept::default() }
    }
}

#[cfg(feature = "postgres")]
impl From<sqlx::PgPool> for Database {
    fn from(pool: sqlx::PgPool) -> Self {
        Self { pool: Pool::Postgres(pool), _kept: Kept::default() }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.dialect()).finish()
    }
}

impl Transaction {
    pub(crate) async fn fetch_one(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        each!(Begun, &mut self.0, Db, begun => {
            let row = statement!(Db, sql, values).fetch_optional(&mut **begun).await.map_err(StoreError::query)?;
            Ok(row.map(|row| Row(row.into())))
        })
    }

    pub(crate) async fn execute(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        each!(Begun, &mut self.0, Db, begun => {
            let done = statement!(Db, sql, values).execute(&mut **begun).await.map_err(StoreError::query)?;
            Ok(done.rows_affected())
        })
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        each!(Begun, self.0, Db, begun => begun.commit().await.map_err(StoreError::query))
    }
}

impl Row {
    pub(crate) fn text(&self, column: usize) -> Result<String, StoreError> {
        each!(Fetched, &self.0, Db, row => row.try_get(column).map_err(StoreError::query))
    }

    pub(crate) fn integer(&self, column: usize) -> Result<i64, StoreError> {
        each!(Fetched, &self.0, Db, row => row.try_get(column).map_err(StoreError::query))
    }

    pub(crate) fn optional_integer(&self, column: usize) -> Result<Option<i64>, StoreError> {
        each!(Fetched, &self.0, Db, row => row.try_get(column).map_err(StoreError::query))
    }

    pub(crate) fn boolean(&self, column: usize) -> Result<bool, StoreError> {
        each!(Fetched, &self.0, Db, row => row.try_get(column).map_err(StoreError::query))
    }
}

#[cfg(feature = "sqlite")]
impl From<sqlx::sqlite::SqliteRow> for Fetched {
    fn from(row: sqlx::sqlite::SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

#[cfg(feature = "postgres")]
impl From<sqlx::postgres::PgRow> for Fetched {
    fn from(row: sqlx::postgres::PgRow) -> Self {
        Self::Postgres(row)
    }
}

impl Sql {
    pub(crate) fn built(text: String) -> Self {
        Self::Built(text.into())
    }

    fn text(&self) -> sqlx::SqlStr {
        use sqlx::SqlSafeStr as _;

        match self {
            Self::Fixed(text) => text.into_sql_str(),
            Self::Built(text) => sqlx::AssertSqlSafe(text.clone()).into_sql_str(),
        }
    }
}

impl StoreError {
    fn open(error: sqlx::Error) -> Self {
        Self::Open(error.into())
    }

    fn query(error: sqlx::Error) -> Self {
        Self::Query(error.into())
    }
}

/// A name of a table or column as SQL takes it, whatever is in it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
