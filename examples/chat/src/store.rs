//! What the chat remembers: people, rooms and messages, in one SQLite file.

use std::{
    path::Path,
    str::FromStr as _,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use psd_core::{
    IntoMessage,
    auth::{SqlDenyList, SqlUsers},
};
use serde::{Deserialize, Serialize};
use sqlx::{
    ConnectOptions as _, FromRow, Row, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow},
};

use crate::pb;

/// How the tables came to be, step by step; the database keeps count. New steps go to the end.
const MIGRATIONS: [&str; 3] = [
    include_str!("../migrations/1_rooms.sql"),
    include_str!("../migrations/2_accounts.sql"),
    include_str!("../migrations/3_files.sql"),
];
/// Messages in one piece of history.
const PAGE: usize = 50;

/// Messages with the names of their rooms.
macro_rules! messages {
    () => {
        "SELECT messages.*, rooms.name AS room FROM messages JOIN rooms ON rooms.id = room_id "
    };
}

/// The database; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    pool: SqlitePool,
    /// A database in memory is gone with its last connection, and a pool may replace one of its own: this one stays.
    _kept: Option<Arc<Mutex<SqliteConnection>>>,
}

/// `#[derive(IntoMessage)]` lets our own types travel: as a `pb::Room`, field by field.
#[derive(Clone, IntoMessage)]
#[message(pb::Room)]
pub(crate) struct Room {
    #[message(skip)]
    id: i64,
    pub(crate) name: String,
    pub(crate) last: Option<Message>,
}

#[derive(Clone, IntoMessage)]
#[message(pb::ChatSent)]
pub(crate) struct Message {
    room: String,
    id: i64,
    author: String,
    text: String,
    #[message(with = psd_core::into_message::some)]
    sent_at: SystemTime,
    key: String,
    files: Vec<File>,
}

/// A file of a message, as it is kept with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, IntoMessage, Serialize, Deserialize)]
#[message(pb::File)]
pub(crate) struct File {
    pub(crate) url: String,
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) size: i64,
    pub(crate) is_picture: bool,
    pub(crate) alt: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// What somebody says.
pub(crate) struct Draft<'a> {
    pub(crate) author: &'a str,
    pub(crate) text: &'a str,
    pub(crate) key: &'a str,
    pub(crate) files: &'a [File],
}

/// The name of the room, and a piece of what was said in it.
#[derive(Clone, IntoMessage)]
#[message(pb::History)]
pub(crate) struct History {
    room: String,
    messages: Vec<Message>,
    complete: bool,
}

impl Store {
    /// Opens the file, or makes it; `:memory:` forgets everything at the end.
    pub(crate) async fn open(path: &Path) -> sqlx::Result<Self> {
        let mut kept = None;
        let pool = if path == Path::new(":memory:") {
            let options = SqliteConnectOptions::from_str("sqlite::memory:")?;
            kept = Some(Arc::new(Mutex::new(options.connect().await?)));
            let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
            pool.connect_with(options).await?
        } else {
            let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
            SqlitePoolOptions::new().connect_with(options.journal_mode(SqliteJournalMode::Wal)).await?
        };
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        let done: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
        for migration in MIGRATIONS.iter().skip(usize::try_from(done).unwrap_or(0)) {
            sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
        }
        let done = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {}", MIGRATIONS.len()));
        sqlx::raw_sql(done).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Self { pool, _kept: kept })
    }

    /// Leaves one file behind, not also those that SQLite writes ahead.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// The accounts, in tables of psd's beside ours.
    pub(crate) async fn users(&self) -> anyhow::Result<SqlUsers> {
        Ok(SqlUsers::open(self.pool.clone()).await?)
    }

    /// Who has signed out, kept beside it, so that no restart signs them in again.
    pub(crate) async fn signed_out(&self) -> anyhow::Result<SqlDenyList> {
        Ok(SqlDenyList::open(self.pool.clone()).await?)
    }

    /// What tokens are signed with: made at the first start, and kept, so that they outlive a restart.
    pub(crate) async fn secret(&self) -> sqlx::Result<String> {
        let fresh = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        let insert = "INSERT INTO secret (id, secret) VALUES (1, ?) ON CONFLICT (id) DO NOTHING";
        sqlx::query(insert).bind(fresh).execute(&self.pool).await?;
        sqlx::query_scalar("SELECT secret FROM secret").fetch_one(&self.pool).await
    }

    /// Every room by name.
    pub(crate) async fn rooms(&self) -> sqlx::Result<Vec<Room>> {
        let select = "SELECT rooms.id AS room_id, rooms.name AS room, messages.* FROM rooms LEFT JOIN messages
            ON messages.id = (SELECT max(id) FROM messages WHERE room_id = rooms.id) ORDER BY rooms.name";
        sqlx::query_as(select).fetch_all(&self.pool).await
    }

    /// The room of a name, without its last message; `None` if there is none.
    pub(crate) async fn room(&self, name: &str) -> sqlx::Result<Option<Room>> {
        let select = "SELECT id AS room_id, name AS room, NULL AS id FROM rooms WHERE name = ?";
        sqlx::query_as(select).bind(name).fetch_optional(&self.pool).await
    }

    /// Makes a room; `None` if there is one of this name.
    pub(crate) async fn create_room(&self, name: &str) -> sqlx::Result<Option<Room>> {
        let insert = "INSERT INTO rooms (name) VALUES (?) ON CONFLICT (name) DO NOTHING
            RETURNING id AS room_id, name AS room, NULL AS id";
        sqlx::query_as(insert).bind(name).fetch_optional(&self.pool).await
    }

    /// Keeps a message. What its author has sent under the same key before is returned as it was, with `false`.
    pub(crate) async fn save(&self, room: &Room, draft: Draft<'_>) -> anyhow::Result<(Message, bool)> {
        let Draft { author, text, key, files } = draft;
        let insert = "INSERT INTO messages (room_id, author, text, key, files, sent_at)
            VALUES (?, ?, ?, nullif(?, ''), ?, ?) ON CONFLICT (author, key) DO NOTHING RETURNING *, ? AS room";
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let insert = sqlx::query_as(insert).bind(room.id).bind(author).bind(text).bind(key);
        let insert = insert.bind(serde_json::to_string(files)?).bind(now as i64).bind(&room.name);
        if let Some(message) = insert.fetch_optional(&self.pool).await? {
            return Ok((message, true));
        }
        let select = sqlx::query_as(concat!(messages!(), "WHERE author = ? AND key = ?")).bind(author).bind(key);
        Ok((select.fetch_one(&self.pool).await?, false))
    }

    /// The newest messages of a room, or the newest older than `before`; and whether nothing older is left.
    pub(crate) async fn history(&self, room: Room, before: Option<i64>) -> sqlx::Result<History> {
        let select = concat!(messages!(), "WHERE room_id = ? AND messages.id < ? ORDER BY messages.id DESC LIMIT ?");
        let select = sqlx::query_as(select).bind(room.id).bind(before.unwrap_or(i64::MAX)).bind(PAGE as i64 + 1);
        let mut messages: Vec<Message> = select.fetch_all(&self.pool).await?;
        let complete = messages.len() <= PAGE;
        messages.truncate(PAGE);
        messages.reverse();
        Ok(History { room: room.name, messages, complete })
    }
}

impl FromRow<'_, SqliteRow> for Room {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let last: Option<i64> = row.try_get("id")?;
        let last = last.map(|_| Message::from_row(row)).transpose()?;
        Ok(Self { id: row.try_get("room_id")?, name: row.try_get("room")?, last })
    }
}

impl FromRow<'_, SqliteRow> for Message {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let milliseconds: i64 = row.try_get("sent_at")?;
        Ok(Self {
            room: row.try_get("room")?,
            id: row.try_get("id")?,
            author: row.try_get("author")?,
            text: row.try_get("text")?,
            sent_at: UNIX_EPOCH + Duration::from_millis(milliseconds.unsigned_abs()),
            key: row.try_get::<Option<_>, _>("key")?.unwrap_or_default(),
            files: serde_json::from_str(row.try_get("files")?).map_err(|error| sqlx::Error::Decode(error.into()))?,
        })
    }
}
