//! The same people in every store.

use std::sync::Arc;

use psd_core::{
    Identity,
    auth::{
        DjangoTables, DjangoUsers, MemoryUsers, SqlUsers, User, UserStore,
        password::{Passwords, Scheme},
    },
};
use psd_tests::postgres::Postgres;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool, sqlite::SqlitePoolOptions};

/// A hash that takes no time.
pub(crate) const CHEAP: Scheme = Scheme::Pbkdf2Sha256 { iterations: 3 };

pub(crate) fn cheap() -> Passwords {
    Passwords::new(CHEAP)
}

/// The people: name, password, whether active, whether superuser.
pub(crate) const PEOPLE: [(&str, Option<&str>, bool, bool); 5] = [
    ("ann", Some("ann's password"), true, false),
    ("sue", Some("sue's password"), true, true),
    ("ian", Some("ian's password"), false, false),
    ("una", None, true, false),
    ("Zoë Ωμέγα", Some("пароль 密码"), true, false),
];
/// What ann may do by herself, and by her user groups.
pub(crate) const PERMISSIONS: [&str; 2] = ["chat.add_message", "chat.view_room"];
pub(crate) const USER_GROUPS: [&str; 2] = ["editors", "Zwölf 12"];

/// A database of either kind.
#[derive(Clone)]
pub(crate) enum Db {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Db {
    pub(crate) async fn sqlite() -> Self {
        let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        Self::Sqlite(pool.connect("sqlite::memory:").await.unwrap())
    }

    pub(crate) async fn postgres() -> Self {
        let postgres = Postgres::shared();
        Self::Postgres(PgPool::connect(&postgres.url(&postgres.create_database())).await.unwrap())
    }

    /// Runs statements.
    pub(crate) async fn run(&self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(pool) => drop(sql.execute(pool).await.unwrap()),
            Self::Postgres(pool) => drop(sql.execute(pool).await.unwrap()),
        }
    }

    /// The one text that a query gives.
    pub(crate) async fn text(&self, sql: &str) -> String {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
            Self::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
        }
    }

    pub(crate) async fn own(&self) -> SqlUsers {
        let users = match self {
            Self::Sqlite(pool) => SqlUsers::open(pool.clone()).await,
            Self::Postgres(pool) => SqlUsers::open(pool.clone()).await,
        };
        users.unwrap().passwords(cheap())
    }

    pub(crate) async fn django(&self, tables: DjangoTables) -> Result<DjangoUsers, String> {
        let users = match self {
            Self::Sqlite(pool) => DjangoUsers::open(pool.clone(), tables).await,
            Self::Postgres(pool) => DjangoUsers::open(pool.clone(), tables).await,
        };
        users.map(|users| users.passwords(cheap())).map_err(|error| error.to_string())
    }

    /// What `manage.py migrate` makes, as far as users are concerned. `key` is the type of a user's primary key.
    pub(crate) async fn make_django_tables(&self, users: &str, username: &str, key: &str) {
        let model = users.split_once('_').map_or(users, |(_, model)| model);
        let (time, boolean) = match self {
            Self::Sqlite(_) => ("datetime", "bool"),
            Self::Postgres(_) => ("timestamp with time zone", "boolean"),
        };
        self.run(&format!(
            "CREATE TABLE {users} (
                id {key} NOT NULL PRIMARY KEY, password varchar(128) NOT NULL, last_login {time} NULL,
                is_superuser {boolean} NOT NULL, {username} varchar(150) NOT NULL UNIQUE, is_active {boolean} NOT NULL
            );
            CREATE TABLE {users}_groups (
                id integer NOT NULL PRIMARY KEY, {model}_id {key} NOT NULL REFERENCES {users} (id),
                group_id integer NOT NULL
            );
            CREATE TABLE {users}_user_permissions (
                id integer NOT NULL PRIMARY KEY, {model}_id {key} NOT NULL REFERENCES {users} (id),
                permission_id integer NOT NULL
            );
            CREATE TABLE auth_group (id integer NOT NULL PRIMARY KEY, name varchar(150) NOT NULL UNIQUE);
            CREATE TABLE auth_group_permissions (
                id integer NOT NULL PRIMARY KEY, group_id integer NOT NULL, permission_id integer NOT NULL
            );
            CREATE TABLE auth_permission (
                id integer NOT NULL PRIMARY KEY, content_type_id integer NOT NULL, codename varchar(100) NOT NULL,
                name varchar(255) NOT NULL
            );
            CREATE TABLE django_content_type (
                id integer NOT NULL PRIMARY KEY, app_label varchar(100) NOT NULL, model varchar(100) NOT NULL
            );
            INSERT INTO django_content_type VALUES (1, 'chat', 'message'), (2, 'chat', 'room');
            INSERT INTO auth_permission VALUES
                (11, 1, 'add_message', ''), (12, 2, 'view_room', ''), (13, 2, 'delete_room', '');
            INSERT INTO auth_group VALUES (21, 'editors'), (22, 'Zwölf 12'), (23, 'nobody');
            INSERT INTO auth_group_permissions VALUES (31, 21, 12), (32, 23, 13);"
        ))
        .await;
    }

    /// Fills what [`make_django_tables`](Self::make_django_tables) has made; ann is the first of the keys.
    pub(crate) async fn fill_django_tables(&self, users: &str, username: &str, keys: [&str; 5]) {
        for ((name, password, active, superuser), key) in PEOPLE.into_iter().zip(keys) {
            let password = match password {
                Some(password) => cheap().hash(password).await.unwrap(),
                None => "!unusable".into(),
            };
            self.run(&format!(
                "INSERT INTO {users} (id, {username}, password, is_active, is_superuser)
                 VALUES ('{key}', '{name}', '{password}', {active}, {superuser})"
            ))
            .await;
        }
        self.run(&format!(
            "INSERT INTO {users}_user_permissions VALUES (1, '{ann}', 11);
             INSERT INTO {users}_groups VALUES (1, '{ann}', 21), (2, '{ann}', 22)",
            ann = keys[0]
        ))
        .await;
    }
}

/// Our own tables with everybody in them.
pub(crate) async fn own(db: &Db) -> SqlUsers {
    let users = db.own().await;
    for (name, password, active, superuser) in PEOPLE {
        match password {
            Some(password) => users.create(name, password).await,
            None => users.create_without_password(name).await,
        }
        .unwrap();
        users.set_active(name, active).await.unwrap();
        users.set_superuser(name, superuser).await.unwrap();
    }
    users.grant("ann", PERMISSIONS[0]).await.unwrap();
    users.grant_user_group(USER_GROUPS[0], PERMISSIONS[1]).await.unwrap();
    users.grant_user_group("nobody", "chat.delete_room").await.unwrap();
    for user_group in USER_GROUPS {
        users.join("ann", user_group).await.unwrap();
    }
    users
}

/// Django's tables with everybody in them.
pub(crate) async fn django(db: &Db) -> DjangoUsers {
    db.make_django_tables("auth_user", "username", "integer").await;
    db.fill_django_tables("auth_user", "username", ["1", "2", "3", "4", "5"]).await;
    db.django(DjangoTables::default()).await.unwrap()
}

pub(crate) fn memory() -> Arc<dyn UserStore> {
    let mut users = MemoryUsers::new();
    for ((name, password, active, superuser), id) in PEOPLE.into_iter().zip(1..) {
        // In memory everybody has a password; this one nobody knows.
        let password = password.unwrap_or("\u{1}nobody knows it");
        let mut identity = Identity::new(id.to_string(), name).superuser(superuser);
        if name == "ann" {
            identity = identity.with_permissions(PERMISSIONS).with_user_groups(USER_GROUPS);
        }
        users = users.user(User::new(identity).active(active), password);
    }
    Arc::new(users)
}
