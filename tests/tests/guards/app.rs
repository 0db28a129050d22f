//! The application under test.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use psd_core::{
    Connection, Consumer, Error, Identity, Server, ServerBuilder, State, Unhandled,
    auth::{Authenticator, BoxFuture, TokenError},
    receive,
};
use tokio::sync::Semaphore;

pub(crate) mod pb {
    psd_core::include_messages!();
}

/// Whose pages are locked; what a guard that asks elsewhere asks.
#[derive(Clone, Default)]
pub(crate) struct Locked(Arc<Mutex<BTreeSet<String>>>);

impl Locked {
    pub(crate) fn lock(&self, owner: &str) {
        self.0.lock().unwrap().insert(owner.to_owned());
    }

    async fn contains(&self, owner: &str) -> anyhow::Result<bool> {
        tokio::task::yield_now().await;
        anyhow::ensure!(owner != "broken", "the database password is hunter2");
        Ok(self.0.lock().unwrap().contains(owner))
    }
}

/// Users whose rights change while they are connected. The token of `ann` is `t-ann`.
#[derive(Clone)]
pub(crate) struct Directory(Arc<Mutex<HashMap<String, Entry>>>);

#[derive(Clone)]
enum Entry {
    Known(Identity),
    /// Nobody can say now.
    Unavailable,
    /// Answered once the gate opens.
    Slow(Arc<Semaphore>, Identity),
}

impl Directory {
    fn new() -> Self {
        let directory = Self(Arc::default());
        directory.set(Identity::new("1", "ann").with_permissions(["pages.edit"]));
        directory.set(Identity::new("2", "bob"));
        directory.set(Identity::new("3", "root").superuser(true));
        directory
    }

    fn insert(&self, username: &str, entry: Entry) {
        self.0.lock().unwrap().insert(username.to_owned(), entry);
    }

    pub(crate) fn set(&self, identity: Identity) {
        self.insert(identity.username(), Entry::Known(identity.clone()));
    }

    pub(crate) fn remove(&self, username: &str) {
        self.0.lock().unwrap().remove(username);
    }

    pub(crate) fn break_down(&self, username: &str) {
        self.insert(username, Entry::Unavailable);
    }

    /// Answers about a user once a permit is there, and then with this.
    pub(crate) fn delay(&self, identity: Identity) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.insert(identity.username(), Entry::Slow(gate.clone(), identity.clone()));
        gate
    }
}

impl Authenticator for Directory {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>> {
        let entry = token.strip_prefix("t-").and_then(|username| self.0.lock().unwrap().get(username).cloned());
        Box::pin(async move {
            match entry {
                Some(Entry::Known(identity)) => Ok(identity),
                Some(Entry::Unavailable) => Err(TokenError::unavailable("the database sleeps")),
                Some(Entry::Slow(gate, identity)) => {
                    gate.acquire().await.unwrap().forget();
                    Ok(identity)
                }
                None => Err("nobody knows this token".into()),
            }
        })
    }
}

/// What the tests reach of the application.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) locked: Locked,
    pub(crate) directory: Directory,
    /// How often `on_authenticated` ran.
    pub(crate) authentications: Arc<AtomicUsize>,
}

pub(crate) fn server() -> (ServerBuilder, App) {
    let app = App { locked: Locked::default(), directory: Directory::new(), authentications: Arc::default() };
    let builder = Server::builder()
        .authenticator(app.directory.clone())
        .unhandled(Unhandled::Allow)
        .state(app.locked.clone())
        .state(app.clone());
    (builder, app)
}

/// Lets into `staff` only staff, into a group named after a user only that user, and trips over `trap`.
pub(crate) struct Pages;

impl Consumer for Pages {
    const PATH: &'static str = "/ws";
    type Session = ();

    fn default_groups(_: &Connection) -> Vec<String> {
        vec!["lobby".into(), "staff".into()]
    }

    fn admits(group: &str, identity: Option<&Identity>, _: &Connection) -> bool {
        match group {
            "staff" => identity.is_some_and(|identity| identity.in_user_group("staff")),
            "everybody" | "lobby" => true,
            "trap" => panic!("the rule of `trap` is broken"),
            name => identity.is_some_and(|identity| identity.username() == name),
        }
    }

    async fn on_authenticated(connection: Connection, _: Identity) {
        let app: &App = connection.server().state().unwrap();
        app.authentications.fetch_add(1, Ordering::SeqCst);
    }
}

fn note(text: impl Into<String>) -> pb::GuardNote {
    pb::GuardNote { text: text.into() }
}

/// An asynchronous guard that asks elsewhere and refuses in its own words.
async fn owns_page(message: &pb::EditPage, caller: Identity, State(locked): State<Locked>) -> Result<(), Error> {
    if locked.contains(&message.owner).await? {
        return Err(Error::new(423, "the page is locked"));
    }
    if message.owner == caller.username() {
        return Ok(());
    }
    Err(Error::text("the page is somebody else's"))
}

#[receive(consumer = Pages, permissions = ["pages.edit"], guard = owns_page)]
async fn edit_page(message: pb::EditPage, caller: Identity) -> Result<pb::GuardNote, Error> {
    Ok(note(format!("{} edits {}", caller.username(), message.owner)))
}

/// The shortest guard; without `auth` it sees whoever comes.
fn is_public(message: &pb::ReadPage, caller: Option<Identity>) -> bool {
    message.owner == "everybody" || caller.is_some()
}

#[receive(consumer = Pages, guard = is_public)]
fn read_page(message: pb::ReadPage) -> pb::GuardNote {
    note(format!("the page of {}", message.owner))
}

/// Guards of other modules, too.
pub(crate) mod printers {
    use super::pb;

    pub(crate) fn has_paper(message: &pb::PrintPage) -> anyhow::Result<()> {
        anyhow::ensure!(message.owner != "nobody", "out of paper");
        if message.owner == "everybody" {
            panic!("the printer burns");
        }
        Ok(())
    }
}

#[receive(consumer = Pages, blocking, guard = printers::has_paper)]
fn print_page(message: pb::PrintPage) -> pb::GuardNote {
    note(format!("{} on {}", message.owner, std::thread::current().name().unwrap_or_default()))
}

fn is_somebody(_: &pb::WatchPage, connection: Connection) -> bool {
    connection.identity().is_some()
}

#[receive(consumer = Pages, concurrent, guard = is_somebody)]
async fn watch_page(message: pb::WatchPage, connection: Connection) -> Result<(), Error> {
    connection.send(&note(message.owner))
}

#[receive(consumer = Pages)]
fn join_group(message: pb::JoinGroup, connection: Connection) -> Result<(), Error> {
    connection.join(&message.name)
}

#[receive(consumer = Pages, permissions = ["pages.edit"])]
fn guarded(_: pb::Guarded) {}

#[receive(consumer = Pages)]
fn log_out(_: pb::LogOut, connection: Connection) {
    connection.deauthenticate();
}
