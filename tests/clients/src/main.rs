//! The server that the tests of clients in other languages run against: `proto/board.proto` says what it does.

mod handlers;
mod notes;

/// The messages of proto/board.proto.
mod pb {
    psd_core::include_messages!();
}

use std::{path::PathBuf, time::Duration};

use clap::Parser;
use psd_core::{
    Identity, Server, Settings,
    auth::{Jwt, MemoryUsers, User},
    files::Files,
};

use notes::Notes;

/// A board of notes for tests. The users `ann` and `bob` have their names as passwords.
#[derive(Parser)]
struct Arguments {
    /// The port to listen on, on 127.0.0.1; 0 lets the system choose.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The file that notes are kept in, over restarts.
    #[arg(long)]
    notes: PathBuf,
    /// Milliseconds that an access token is good for; tokens count in whole seconds.
    #[arg(long, default_value_t = 3_600_000)]
    access_ms: u64,
    /// The folder that files are kept in, over restarts; without it there are none.
    #[arg(long)]
    files: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let Arguments { port, notes, access_ms, files } = Arguments::parse();
    let users = ["ann", "bob"].into_iter().enumerate().fold(MemoryUsers::new(), |users, (index, name)| {
        users.user(User::new(Identity::new((index + 1).to_string(), name)), name)
    });
    let jwt = Jwt::hs256("the secret of a server for tests")?.users(users);
    let mut builder = Server::builder()
        .settings(Settings::from_env()?)
        .authenticator(jwt.access_lifetime(Duration::from_millis(access_ms)))
        .login()
        .state(Notes::open(&notes)?);
    if let Some(folder) = files {
        builder = builder.files(Files::folder(folder));
    }
    let listening = builder.listen(("127.0.0.1", port)).await?;
    println!("ws://{}/ws", listening.local_addr());
    listening.run_until_signal().await;
    Ok(())
}
