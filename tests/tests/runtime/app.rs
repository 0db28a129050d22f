//! The application under test.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use psd_core::{
    Call, Connection, Consumer, Continue, Error, Extension, Extract, Handshake, Identity, IntoMessage, Progress,
    RequestHeaders, Server, ServerBuilder, Session, Settings, State, Unhandled, auth::StaticTokens, receive,
};
use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) mod pb {
    psd_core::include_messages!();
}

/// What the tests see of what happens inside.
#[derive(Clone, Default)]
pub(crate) struct Probe(Arc<Inside>);

#[derive(Default)]
struct Inside {
    /// Handlers that wait for something, until they are dropped.
    waiting: AtomicUsize,
    gates: Mutex<HashMap<String, Arc<Semaphore>>>,
    events: Mutex<Vec<String>>,
}

impl Probe {
    pub(crate) fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::SeqCst)
    }

    pub(crate) fn events(&self) -> Vec<String> {
        self.0.events.lock().unwrap().clone()
    }

    pub(crate) fn event(&self, event: impl Into<String>) {
        self.0.events.lock().unwrap().push(event.into());
    }

    pub(crate) fn gate(&self, name: &str) -> Arc<Semaphore> {
        self.0.gates.lock().unwrap().entry(name.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(0))).clone()
    }

    fn enter(&self) -> Waiting {
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        Waiting(self.clone())
    }
}

/// Counted while it lives.
struct Waiting(Probe);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(crate) fn tokens() -> StaticTokens {
    StaticTokens::new()
        .token("t-ann", Identity::new("1", "ann"))
        .token("t-bob", Identity::new("2", "bob").with_permissions(["app.view"]))
}

pub(crate) fn server_with(settings: Settings) -> (ServerBuilder, Probe) {
    let probe = Probe::default();
    let builder = Server::builder()
        .settings(settings)
        .authenticator(tokens())
        .unhandled(Unhandled::Allow)
        .consumer::<Quiet>()
        .state(probe.clone());
    (builder, probe)
}

pub(crate) fn server() -> (ServerBuilder, Probe) {
    // Nobody is to wait for classic clients that go one after another.
    server_with(Settings::default().reconnect_window(Duration::ZERO))
}

pub(crate) fn note(text: impl Into<String>, number: i64) -> pb::Note {
    pb::Note { text: text.into(), number, parts: Vec::new() }
}

/// An endpoint with everything.
pub(crate) struct Admin;

impl Consumer for Admin {
    const PATH: &'static str = "/admin";
    type Session = i64;

    fn default_groups(_: &Connection) -> Vec<String> {
        vec!["admins".into()]
    }

    async fn on_connect(connection: Connection, handshake: Handshake) -> Result<(), Error> {
        match handshake.uri.query() {
            Some("refuse") => return Err(Error::new(403, "not today")),
            Some("panic") => panic!("expected by the test"),
            Some("hang") => std::future::pending().await,
            Some("peer") => {
                let seen = format!("{:?}, secure: {}", connection.peer(), handshake.is_secure);
                connection.server().state::<Probe>().unwrap().event(seen);
                return Ok(());
            }
            _ => {}
        }
        let probe = connection.server().state::<Probe>().unwrap();
        probe.event(format!("connect {}", handshake.headers["host"].to_str().unwrap().starts_with("127.0.0.1")));
        connection.push(&note("welcome", 0))
    }

    async fn on_authenticated(connection: Connection, identity: Identity) {
        let probe = connection.server().state::<Probe>().unwrap();
        probe.event(format!("authenticated {}", identity.username()));
    }

    async fn on_disconnect(connection: Connection) {
        let probe = connection.server().state::<Probe>().unwrap();
        probe.event(format!("disconnect, groups {}", connection.groups().len()));
    }
}

/// An endpoint without handlers.
pub(crate) struct Quiet;

impl Consumer for Quiet {
    const PATH: &'static str = "/quiet";
    type Session = ();
}

#[receive(consumer = Admin)]
fn admin_ping(_: pb::AdminPing, session: Session<i64>) -> pb::Note {
    note(
        "pong",
        session.with(|count| {
            *count += 1;
            *count
        }),
    )
}

#[receive]
fn plain(message: pb::Plain) -> pb::Note {
    note("plain", message.number)
}

#[receive]
async fn later(message: pb::Later) -> pb::Note {
    tokio::task::yield_now().await;
    note("later", message.number)
}

#[receive(blocking)]
fn on_worker(message: pb::OnWorker) -> pb::Note {
    note(std::thread::current().name().unwrap_or_default(), message.number)
}

#[receive]
fn outcome(message: pb::Outcome, connection: Connection) -> Result<Option<pb::Note>, Error> {
    match message.kind.as_str() {
        "reply" => Ok(Some(note("reply", 0))),
        "nothing" => Ok(None),
        "coded" => Err(Error::new(422, "not so")),
        "std" => Err("x".parse::<u32>().unwrap_err().into()),
        "anyhow" => Err(anyhow::anyhow!("inner").context("outer").into()),
        "several" => {
            connection.send(&note("first", 1))?;
            connection.push(&note("push", 0))?;
            Ok(Some(note("second", 2)))
        }
        kind => Err(Error::text(format!("unknown kind {kind}"))),
    }
}

#[receive]
fn maybe(message: pb::Maybe) -> Option<pb::Note> {
    message.some.then(|| note("some", 0))
}

#[receive]
fn list(message: pb::List) -> Vec<pb::Note> {
    (0..message.count).map(|number| note("item", number)).collect()
}

#[derive(Clone, IntoMessage)]
#[message(pb::Note)]
struct Article {
    #[message(rename = "text")]
    title: &'static str,
    number: i32,
    parts: Vec<Chapter>,
    #[message(skip)]
    _secret: (),
}

#[derive(Clone, IntoMessage)]
#[message(pb::Part)]
struct Chapter {
    name: String,
}

#[receive]
fn derived(_: pb::Derived, connection: Connection) -> Result<Article, Error> {
    let parts = vec![Chapter { name: "one".into() }];
    let article = Article { title: "sent", number: 1, parts, _secret: () };
    connection.send(&article)?;
    Ok(Article { title: "returned", ..article })
}

#[receive]
fn panic_plain(_: pb::PanicPlain) {
    panic!("expected by the test");
}

#[receive]
async fn panic_later(_: pb::PanicLater) {
    tokio::task::yield_now().await;
    panic!("expected by the test");
}

#[receive(blocking)]
fn panic_on_worker(_: pb::PanicOnWorker) {
    panic!("expected by the test");
}

#[receive(concurrent)]
async fn panic_concurrent(_: pb::PanicConcurrent) {
    tokio::task::yield_now().await;
    panic!("expected by the test");
}

struct Explosive;

impl Extract for Explosive {
    fn extract(_: &Call<'_>) -> Result<Self, Error> {
        panic!("expected by the test");
    }
}

#[receive]
fn panic_extract(_: pb::PanicExtract, _: Explosive) {}

#[receive]
fn panic_deferred(message: pb::PanicDeferred) -> Continue {
    match message.blocking {
        true => Continue::blocking(|| -> () { panic!("expected by the test") }),
        false => Continue::future(async move {
            tokio::task::yield_now().await;
            assert!(message.blocking, "expected by the test");
        }),
    }
}

#[receive]
async fn hang(_: pb::Hang, State(probe): State<Probe>) {
    let _waiting = probe.enter();
    std::future::pending().await
}

#[receive(concurrent)]
async fn hang_concurrent(_: pb::HangConcurrent, State(probe): State<Probe>) {
    let _waiting = probe.enter();
    std::future::pending().await
}

#[receive]
fn hang_deferred(message: pb::HangDeferred, State(probe): State<Probe>) -> Continue {
    let waiting = probe.enter();
    let work = Continue::future(async move {
        let _waiting = waiting;
        let _ = probe.gate("deferred").acquire().await.unwrap();
        probe.event("deferred work went on");
    });
    if message.detached { work.detached() } else { work }
}

/// Keeps its thread until somebody opens the gate.
fn block_on_gate(probe: &Probe, gate: String) -> pb::Note {
    let _waiting = probe.enter();
    while probe.gate(&gate).try_acquire().map(SemaphorePermit::forget).is_err() {
        std::thread::yield_now();
    }
    note(gate, 0)
}

#[receive(blocking)]
fn block(message: pb::Block, connection: Connection, State(probe): State<Probe>) -> Result<pb::Note, Error> {
    let opened = block_on_gate(&probe, message.gate);
    if opened.text == "says more" {
        connection.send(&note("more", 0))?;
    }
    Ok(opened)
}

#[receive]
fn block_deferred(message: pb::BlockDeferred, State(probe): State<Probe>) -> Continue {
    Continue::blocking(move || block_on_gate(&probe, message.gate))
}

#[receive(concurrent)]
async fn wait(message: pb::Wait, State(probe): State<Probe>) -> pb::Note {
    probe.gate(&message.gate).acquire().await.unwrap().forget();
    note(message.gate, 0)
}

#[receive]
async fn wait_in_order(message: pb::WaitInOrder, State(probe): State<Probe>) -> pb::Note {
    let _waiting = probe.enter();
    probe.gate(&message.gate).acquire().await.unwrap().forget();
    note(message.gate, 0)
}

#[receive]
fn open_gate(message: pb::OpenGate, State(probe): State<Probe>) {
    probe.gate(&message.gate).add_permits(1);
}

#[receive(permissions = ["app.view"])]
async fn extract_all(
    _: pb::ExtractAll,
    connection: Connection,
    identity: Identity,
    maybe: Option<Identity>,
    State(probe): State<Probe>,
    headers: RequestHeaders,
    session: Session<()>,
) -> pb::Note {
    session.with(|()| probe.event("session"));
    let same = maybe.as_ref() == Some(&identity) && connection.identity().as_ref() == Some(&identity);
    note(format!("{} {} {same}", identity.username(), headers.message_type), i64::from(headers.retry_count))
}

#[receive]
fn join(message: pb::Join, connection: Connection) -> Result<(), Error> {
    connection.join(&message.group)
}

#[receive]
fn leave(message: pb::Leave, connection: Connection) {
    connection.leave(&message.group);
}

#[receive]
fn say(message: pb::Say, connection: Connection) -> Result<(), Error> {
    let said = note(message.text, 0);
    match message.others {
        true => connection.broadcast_others(&message.group, &said),
        false => connection.broadcast(&message.group, &said),
    }
}

#[receive]
fn tell(message: pb::Tell, connection: Connection) -> Result<pb::Note, Error> {
    let count = connection.server().send_to_user(&message.user, &note(message.text, 0))?;
    Ok(note("told", i64::try_from(count)?))
}

#[receive]
fn flood(message: pb::Flood, connection: Connection) -> Result<(), Error> {
    let text = "x".repeat(usize::try_from(message.size)?);
    for number in 0..message.count {
        connection.push(&note(text.clone(), number))?;
    }
    Ok(())
}

#[receive]
fn kick(_: pb::Kick, connection: Connection) {
    connection.close(4403, "thrown out");
}

/// What a layer may have attached to a request.
#[derive(Clone)]
pub(crate) struct Tenant(pub(crate) String);

#[receive]
fn whose(_: pb::Whose, tenant: Option<Extension<Tenant>>) -> pb::Note {
    note(tenant.map_or_else(|| "nobody's".into(), |Extension(Tenant(name))| name), 0)
}

/// Reports every hundredth of its work at once, and once more when the gate is open.
#[receive]
fn long_work(message: pb::LongWork, progress: Progress, State(probe): State<Probe>) -> Continue {
    let work = move || {
        for done in 0..100 {
            progress.report(f64::from(done) / 100.0, "working");
        }
        let _waiting = probe.enter();
        while probe.gate("long work").try_acquire().map(SemaphorePermit::forget).is_err() {
            if progress.is_cancelled() {
                probe.event("it noticed");
                return Ok(());
            }
            std::thread::yield_now();
        }
        if message.fails { Err(Error::new(422, "no more")) } else { Ok(()) }
    };
    if message.detached { Continue::blocking(work).detached() } else { Continue::blocking(work) }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("expected by the test");
    }
}

#[receive(timeout = "20ms")]
async fn bomb(_: pb::Bomb) {
    let _bomb = Bomb;
    std::future::pending().await
}

/// Leaves a task behind that reports and sends when the gate opens.
#[receive]
fn outlive(
    message: pb::Outlive,
    connection: Connection,
    progress: Progress,
    State(probe): State<Probe>,
) -> Option<pb::Note> {
    progress.report(0.5, "begun");
    tokio::spawn(async move {
        probe.gate(&message.gate).acquire().await.unwrap().forget();
        progress.report(0.7, "late");
        connection.send(&note("late", 0)).unwrap();
    });
    message.replies.then(|| note("reply", 0))
}

/// Two an hour: no test takes long enough to get a third.
#[receive(rate = "2/h", max_bytes = 100)]
fn limited(message: pb::Limited) -> pb::Note {
    note(message.text, 0)
}

#[receive(timeout = "20ms")]
async fn brief(message: pb::Brief, State(probe): State<Probe>) {
    let _waiting = probe.enter();
    if message.hang {
        std::future::pending().await
    }
}

#[receive]
fn bad_reply(_: pb::BadReply) -> pb::Moment {
    let at = psd_core::proto::prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
    pb::Moment { at: Some(at) }
}
