//! The server under load: an application with a bit of everything.

use std::{
    io::Write as _,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use psd_core::{
    Connection, Consumer, Error, Identity, ServeError, Server, Settings,
    auth::{Authenticator, BoxFuture, TokenError},
    files::Files,
    receive,
};

use crate::{pb, policy::Policy};

/// The group of every connection.
pub(crate) const EVERYBODY: &str = "everybody";

/// Whether ticks are still to come.
static TICKING: AtomicBool = AtomicBool::new(false);

struct Load;

impl Consumer for Load {
    const PATH: &'static str = "/ws";
    type Session = ();

    fn default_groups(_: &Connection) -> Vec<String> {
        vec![EVERYBODY.into()]
    }
}

/// Every token is good, and names its user.
struct Anybody;

impl Authenticator for Anybody {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>> {
        Box::pin(std::future::ready(Ok(Identity::new(token, token).with_permissions(["load.work"]))))
    }
}

#[receive(consumer = Load, permissions = ["load.work"])]
async fn work(message: pb::Work) -> pb::Worked {
    pb::Worked { number: message.number }
}

/// Takes a moment, and then writes the number where it outlives the server.
#[receive(consumer = Load)]
async fn record(message: pb::Record) -> Result<(), Error> {
    tokio::time::sleep(Duration::from_millis(rand::random_range(1..50))).await;
    let path = std::env::var("LOAD_JOURNAL")?;
    let mut journal = std::fs::File::options().append(true).create(true).open(path)?;
    journal.write_all(format!("{}\n", message.number).as_bytes())?;
    Ok(())
}

#[receive(consumer = Load, blocking)]
fn toil(_: pb::Toil) -> pb::Worked {
    std::thread::sleep(Duration::from_millis(1));
    pb::Worked { number: 0 }
}

#[receive(consumer = Load)]
fn join(message: pb::Join, connection: Connection) -> Result<(), Error> {
    connection.join(&message.group)
}

#[receive(consumer = Load)]
fn leave(message: pb::Leave, connection: Connection) {
    connection.leave(&message.group);
}

#[receive(consumer = Load)]
fn shout(message: pb::Shout, connection: Connection) -> Result<(), Error> {
    connection.broadcast(&message.group, &pb::Shouted {})
}

#[receive(consumer = Load)]
fn fail(message: pb::Fail) -> Result<(), Error> {
    assert!(!message.panic, "as it was asked to");
    Err(Error::new(422, "as it was asked to"))
}

#[receive(consumer = Load)]
fn start_ticks(message: pb::StartTicks, connection: Connection) -> Result<(), Error> {
    let server = connection.server().clone();
    let interval = Duration::from_secs(1) / message.per_second.max(1);
    TICKING.store(true, Ordering::SeqCst);
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(interval);
        let mut tick = pb::Tick { number: 0, padding: vec![b'x'; message.bytes as usize] };
        for number in 1..=message.count {
            interval.tick().await;
            tick.number = number;
            for policy in Policy::ALL {
                let _ = policy.publish(&server, &tick);
            }
        }
        TICKING.store(false, Ordering::SeqCst);
    });
    Ok(())
}

#[receive(consumer = Load)]
fn fetch_dropped(_: pb::FetchDropped, connection: Connection) -> pb::Dropped {
    let goes_on = TICKING.load(Ordering::SeqCst);
    pb::Dropped { count: connection.dropped_publications(), goes_on }
}

#[receive(consumer = Load)]
fn fetch_census(_: pb::FetchCensus, connection: Connection) -> pb::Census {
    let server = connection.server();
    pb::Census {
        connections: server.connections().len() as u64,
        groups: server.groups().len() as u64,
        tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks() as u64,
        everybody: server.group_size(EVERYBODY) as u64,
    }
}

/// Serves on a free port, or at `LOAD_ADDRESS` as soon as that is free, until a signal, or until its standard input ends: a
/// program that dies leaves no server behind. Prints its address.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    std::panic::set_hook(Box::new(|_| {})); // Handlers panic because they are told to.
    let settings = Settings::from_env()?;
    let mut builder = Server::builder().settings(settings).authenticator(Anybody);
    if let Some(folder) = std::env::var_os("LOAD_FILES") {
        builder = builder.files(Files::folder(folder));
    }
    let server = builder.build()?;
    let address = std::env::var("LOAD_ADDRESS").unwrap_or_else(|_| "127.0.0.1:0".into());
    let listening = loop {
        match server.listen(&address).await {
            Err(ServeError::Listen(error)) if error.kind() == std::io::ErrorKind::AddrInUse => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            listening => break listening?,
        }
    };
    println!("{}", listening.local_addr());
    let (mut input, mut nowhere) = (tokio::io::stdin(), tokio::io::sink());
    tokio::select! {
        () = listening.run_until_signal() => {}
        _ = tokio::io::copy(&mut input, &mut nowhere) => {}
    }
    // Returning would wait for the thread that reads the standard input.
    std::process::exit(0)
}
