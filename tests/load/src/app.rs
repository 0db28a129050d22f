//! The server under load: an application with a bit of everything.

use std::time::Duration;

use psd_core::{
    Connection, Consumer, Error, Identity, Server, Settings,
    auth::{Authenticator, BoxFuture, TokenError},
    receive,
};

use crate::pb;

/// The group of every connection.
pub(crate) const EVERYBODY: &str = "everybody";

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
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(interval);
        let padding = vec![b'x'; message.bytes as usize];
        for number in 1..=message.count {
            interval.tick().await;
            let _ = server.broadcast(EVERYBODY, &pb::Tick { number, padding: padding.clone() });
        }
    });
    Ok(())
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

/// Serves on a free port, which it prints, until its standard input ends: a program that dies leaves no server behind.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    std::panic::set_hook(Box::new(|_| {})); // Handlers panic because they are told to.
    let settings = Settings::from_env()?;
    let listening = Server::builder().settings(settings).authenticator(Anybody).listen("127.0.0.1:0").await?;
    println!("{}", listening.local_addr());
    let (mut input, mut nowhere) = (tokio::io::stdin(), tokio::io::sink());
    tokio::select! {
        () = listening.run() => {}
        _ = tokio::io::copy(&mut input, &mut nowhere) => {}
    }
    Ok(())
}
