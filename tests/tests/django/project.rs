//! The Django project, and the server on its database.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{LazyLock, Mutex},
};

use psd_core::{
    Connection, Server, Unhandled,
    auth::{
        Database, DjangoTables, DjangoUsers, Jwt,
        password::{Passwords, Scheme},
    },
    receive,
};
use psd_tests::{Running, postgres::Postgres};
use serde_json::{Value, json};

use crate::python;

pub(crate) mod pb {
    psd_core::include_messages!();
}

/// What both sides sign with.
pub(crate) const SECRET: &str = "a secret that a Django project and a psd server share, 0123456789";

/// A Django project that answers questions (tests/django/serve.py).
pub(crate) struct Project {
    /// What the project is, for failures.
    pub(crate) name: &'static str,
    url: String,
    tables: DjangoTables,
    pipe: Mutex<Pipe>,
}

struct Pipe {
    /// Ends when its input does: at the latest with this process.
    _process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Every kind of project, each started by the first test that asks. Tests share them: each has users of its own.
pub(crate) fn projects() -> [&'static Project; 4] {
    const OWN: &str = "auth.User";
    const CUSTOM: &str = "accounts.Account";
    static SQLITE: LazyLock<Project> = LazyLock::new(|| Project::on_sqlite("Django's users in SQLite", OWN));
    static POSTGRES: LazyLock<Project> = LazyLock::new(|| Project::on_postgres("Django's users in PostgreSQL", OWN));
    static CUSTOM_SQLITE: LazyLock<Project> = LazyLock::new(|| Project::on_sqlite("own users in SQLite", CUSTOM));
    static CUSTOM_POSTGRES: LazyLock<Project> =
        LazyLock::new(|| Project::on_postgres("own users in PostgreSQL", CUSTOM));
    [&SQLITE, &POSTGRES, &CUSTOM_SQLITE, &CUSTOM_POSTGRES]
}

impl Project {
    fn on_sqlite(name: &'static str, users: &str) -> Self {
        let file: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("django-{users}.sqlite"));
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(format!("{}{suffix}", file.display()));
        }
        let url = format!("sqlite:{}", file.display());
        Self::start(name, users, url, |command| command.env("PROJECT_SQLITE", file))
    }

    fn on_postgres(name: &'static str, users: &str) -> Self {
        let postgres = Postgres::shared();
        let database = postgres.create_database();
        Self::start(name, users, postgres.url(&database), |command| {
            command
                .env("PROJECT_HOST", postgres.host())
                .env("PROJECT_USER", Postgres::USER)
                .env("PROJECT_DATABASE", database)
        })
    }

    fn start(
        name: &'static str,
        users: &str,
        url: String,
        database: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Self {
        let mut command = Command::new(python::python());
        command
            .arg("serve.py")
            .arg(users)
            .current_dir(python::PROJECT)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PROJECT_SECRET", SECRET);
        let mut process = database(&mut command).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let tables = match users {
            "accounts.Account" => DjangoTables::of("accounts_account").username_column("address"),
            _ => DjangoTables::default(),
        };
        let pipe = Mutex::new(Pipe { _process: process, questions, answers });
        let project = Self { name, url, tables, pipe };
        project.ask("migrate", json!({}));
        project
    }

    /// Asks Django something.
    #[track_caller]
    pub(crate) fn ask(&self, question: &str, with: Value) -> Value {
        let mut answer = String::new();
        {
            let mut pipe = self.pipe.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            writeln!(pipe.questions, "{}", json!({"ask": question, "with": with})).unwrap();
            pipe.answers.read_line(&mut answer).unwrap();
        }
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("Django has died: {answer}"));
        assert!(answer.get("error").is_none(), "{}: {question} {with}: {answer}", self.name);
        answer["answer"].clone()
    }

    /// Asks for a text, or nothing.
    #[track_caller]
    pub(crate) fn ask_text(&self, question: &str, with: Value) -> Option<String> {
        self.ask(question, with).as_str().map(str::to_owned)
    }

    /// Our view of the project's users. New passwords are as quick as those of the project (tests/django/project.py).
    pub(crate) async fn users(&self) -> DjangoUsers {
        let database = Database::connect(&self.url).await.unwrap();
        let users = DjangoUsers::open(database, self.tables.clone()).await.unwrap();
        users.passwords(Passwords::new(Scheme::Pbkdf2Sha256 { iterations: 20_000 }))
    }

    /// Our authenticator beside the project.
    pub(crate) async fn jwt(&self) -> Jwt {
        Jwt::hs256(SECRET).unwrap().users(self.users().await)
    }

    /// Our server beside the project.
    pub(crate) async fn serve(&self) -> Running {
        let jwt = self.jwt().await;
        Running::start(Server::builder().authenticator(jwt).login().unhandled(Unhandled::Allow)).await
    }
}

#[receive(auth)]
fn read_page(_: pb::ReadPage) {}

#[receive(permissions = ["pages.add_page"])]
fn edit_page(_: pb::EditPage) {}

#[receive(whitelist_groups = ["editors", "staff"])]
async fn print_page(_: pb::PrintPage) {}

#[receive(blacklist_groups = ["muted"])]
async fn watch_page(_: pb::WatchPage, _: Connection) {}

#[receive(
    permissions = ["pages.add_page", "pages.change_page"],
    whitelist_groups = ["editors", "staff"],
    blacklist_groups = ["muted"]
)]
fn guarded(_: pb::Guarded) {}
