//! A PostgreSQL server of the tests' own: no port, no password, gone with the process that started it.

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Makes a cluster, starts it, says where its socket is, and waits until standard input ends: also when the tests are
/// killed, the operating system closes their end of the pipe, and the server stops.
const SCRIPT: &str = r#"
set -e
trap : HUP INT TERM
folder=$(mktemp -d /tmp/psd-postgres.XXXXXX)
trap 'pg_ctl -D "$folder/data" -m immediate stop >/dev/null 2>&1; rm -rf "$folder"' EXIT
initdb -D "$folder/data" --username=psd --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$folder/log" 2>&1 \
    || { cat "$folder/log" >&2; exit 1; }
pg_ctl -D "$folder/data" -l "$folder/log" -w -t 120 -o "-c listen_addresses= -c unix_socket_directories=$folder \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200" start >/dev/null 2>&1 \
    || { cat "$folder/log" >&2; exit 1; }
echo "$folder"
read -r _ || :
"#;

/// A running server, stopped when dropped.
#[derive(Debug)]
pub struct Postgres {
    server: Child,
    /// The PATH with PostgreSQL's programs on it.
    path: OsString,
    folder: PathBuf,
    databases: AtomicU32,
}

impl Postgres {
    /// The server that the tests of this process share, started by the first that asks for it; it stops when the process
    /// ends.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, saying how to get it: a test that needs it is never skipped silently.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Postgres> = LazyLock::new(Postgres::start);
        &SHARED
    }

    /// Starts a server.
    ///
    /// # Panics
    /// As [`shared`](Self::shared).
    #[must_use]
    pub fn start() -> Self {
        let programs = programs().expect(
            "PostgreSQL is missing: `cargo xtask test` installs it where it may; else install the Debian package \
             `postgresql`, or put `initdb` and `pg_ctl` on the PATH",
        );
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path))).unwrap();
        // PostgreSQL refuses to run as root; its package brings a user for it.
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "sh", "-c", SCRIPT]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", SCRIPT]);
            command
        };
        command.env("PATH", &path).current_dir("/").stdin(Stdio::piped());
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut folder = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut folder).unwrap();
        if folder.is_empty() {
            let mut reason = String::new();
            server.stderr.take().unwrap().read_to_string(&mut reason).unwrap();
            panic!("PostgreSQL does not start: {reason}");
        }
        Self { server, path, folder: folder.trim_end().into(), databases: AtomicU32::new(0) }
    }

    /// Makes an empty database; returns its name.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut create = Command::new("createdb");
        create.env("PATH", &self.path).arg("--host").arg(&self.folder).args(["--username", Self::USER, &name]);
        let output = create.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        name
    }

    /// The URL of a database, for sqlx and everything else that reads such URLs.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user={}", self.folder.display(), Self::USER)
    }

    /// What goes where a client asks for the host: the folder of the server's socket.
    #[must_use]
    pub fn host(&self) -> &Path {
        &self.folder
    }

    /// The name of the one user, a superuser without a password.
    pub const USER: &str = "psd";
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

/// The folder of `initdb` and `pg_ctl`: one of the PATH, or the newest that Debian's packages installed.
fn programs() -> Option<PathBuf> {
    let has = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file();
    let on_path = std::env::var_os("PATH").and_then(|path| std::env::split_paths(&path).find(|folder| has(folder)));
    on_path.or_else(|| {
        let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut versions: Vec<_> = versions.filter(|folder| has(&folder.join("bin"))).collect();
        versions.sort_by_key(version);
        Some(versions.pop()?.join("bin"))
    })
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_and_leaves_nothing_behind() {
        let postgres = Postgres::start();
        let (first, second) = (postgres.create_database(), postgres.create_database());
        assert_ne!(first, second);
        let folder = postgres.host().to_owned();
        assert!(folder.is_dir());
        drop(postgres);
        assert!(!folder.exists());
    }
}
