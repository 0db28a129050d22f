//! What an idle connection costs.

use std::{sync::Arc, time::Duration};

use clap::Args;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    client::{Client, PATIENCE},
    process,
    report::{Report, mebibytes},
    server::Server,
};

/// The bar, and what is aimed for, in bytes of the server's own memory for each connection.
const BAR: u64 = 12_000;
const AIM: u64 = 8_000;

/// Memory of many connections that do nothing, authenticated and in one group
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// How long they are held after the last has come
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

pub(crate) async fn run(arguments: Arguments, report: &mut Report) -> anyhow::Result<()> {
    let spare = 100;
    let connections = arguments.connections.min(process::file_limit().saturating_sub(spare) as usize);
    report.figure("connections", format!("{connections} of {}", arguments.connections));
    let mut server = Server::start(&[]).await?;
    let before = server.resident();
    let files = process::files(server.process());

    let (address, places) = (server.address, Arc::new(Semaphore::new(64)));
    let mut opening = JoinSet::new();
    let began = tokio::time::Instant::now();
    for number in 0..connections {
        let places = places.clone();
        opening.spawn(async move {
            let _place = places.acquire().await;
            Client::connect(address, process::address_of(number), &format!("user-{number}")).await
        });
    }
    let mut clients = Vec::with_capacity(connections);
    while let Some(client) = opening.join_next().await {
        clients.push(client??);
    }
    report.figure("seconds until all had come", format!("{:.1}", began.elapsed().as_secs_f64()));

    let until = tokio::time::Instant::now() + Duration::from_secs(arguments.seconds);
    while tokio::time::Instant::now() < until {
        for client in &mut clients {
            client.heartbeat().await?;
        }
        tokio::time::sleep_until(until.min(tokio::time::Instant::now() + Duration::from_secs(15))).await;
    }
    let held = server.resident();
    let census = server.census().await?;
    let each = held.saturating_sub(before) / connections.max(1) as u64;
    report.figure("server before and with them", format!("{} and {}", mebibytes(before), mebibytes(held)));
    let name = "bytes for each, authenticated and in a group";
    report.bar(name, each, &format!("{BAR}, aim {AIM}"), each <= BAR);
    let all = connections as u64 + 1; // With the one that asks.
    report.count("in the group of everybody", census.everybody, &all.to_string(), census.everybody == all);

    drop(clients);
    let left = settle(&mut server, files).await?;
    report.count("connections and files left behind", format!("{} and {}", left.0, left.1), "0 and 0", left == (0, 0));
    report.figure("server after them", mebibytes(server.resident()));
    Ok(())
}

/// Waits until the server has let go of everybody; what it has too much.
async fn settle(server: &mut Server, files: usize) -> anyhow::Result<(u64, usize)> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let left = server.census().await?.connections - 1;
        let files = process::files(server.process()).saturating_sub(files);
        if (left, files) == (0, 0) || tokio::time::Instant::now() > until {
            return Ok((left, files));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
