//! Mixed work for a long time, after which nothing may be left.

use std::{net::SocketAddr, time::Duration};

use clap::Args;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    client::{Client, Failure, PATIENCE, frame},
    pb, process,
    report::{Report, mebibytes},
    server::Server,
};

/// Mixed work with joins, leaves, reconnects, errors and panics: nothing grows
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// Seconds of work between two counts
    #[arg(long, default_value_t = 15)]
    round: u64,
}

/// The part of all rounds after which nothing may grow any more.
const WARM_UP: f64 = 0.25;
/// What memory may wobble by after warm-up: pages that the allocator keeps for whatever came last.
const WOBBLE: u64 = 4 * 1024 * 1024;

/// What is left when everybody has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    connections: u64,
    groups: u64,
    tasks: u64,
    files: usize,
}

pub(crate) async fn run(arguments: Arguments, report: &mut Report) -> anyhow::Result<()> {
    let mut server = Server::start(&[]).await?;
    let rounds = (arguments.seconds / arguments.round.max(1)).max(4);
    let time = Duration::from_secs(arguments.seconds) / u32::try_from(rounds)?;
    let empty = count(&mut server).await?;
    let (mut memory, mut done) = (Vec::new(), Done::default());
    let mut remaining = Vec::new();
    for round in 0..rounds {
        let mut set = JoinSet::new();
        let end = Instant::now() + time;
        for number in 0..arguments.clients {
            set.spawn(live(server.address, number, end));
        }
        while let Some(part) = set.join_next().await {
            done.add(&part?);
        }
        let left = settle(&mut server, empty).await?;
        memory.push(server.resident());
        let resident = mebibytes(server.resident());
        println!("round {:>3}: {} requests, {resident} resident, {left:?}", round + 1, done.requests);
        remaining.push(left);
    }

    report.figure("requests, and refused as they should be", format!("{}, {}", done.requests, done.refused));
    report.figure("connections, and broken off", format!("{}, {}", done.connections, done.broken));
    report.count("requests that ended otherwise than they should", done.wrong, "0", done.wrong == 0);
    let worst = remaining.iter().filter(|left| **left != empty).count();
    report.count("rounds that left something behind", worst, "0", worst == 0);
    let warm = &memory[(memory.len() as f64 * WARM_UP) as usize..];
    let (early, late) = warm.split_at(warm.len() / 2);
    let (early, late) = (median(early), median(late));
    let growth = late.saturating_sub(early);
    report.figure(
        "median memory, first and second half after warm-up",
        format!("{}, {}", mebibytes(early), mebibytes(late)),
    );
    report.bar("growth after warm-up", mebibytes(growth), &mebibytes(WOBBLE), growth <= WOBBLE);
    Ok(())
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// What the clients have done.
#[derive(Debug, Default)]
struct Done {
    requests: u64,
    refused: u64,
    wrong: u64,
    connections: u64,
    broken: u64,
}

impl Done {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.refused += other.refused;
        self.wrong += other.wrong;
        self.connections += other.connections;
        self.broken += other.broken;
    }

    /// Counts a request that is to end with this code; 0 is well. Whether the connection goes on.
    fn note<T>(&mut self, result: Result<T, Failure>, expected: i32) -> bool {
        self.requests += 1;
        match result {
            Ok(_) if expected == 0 => {}
            Err(Failure::Refused(code)) if code == expected => self.refused += 1,
            _ => {
                self.wrong += 1;
                return false;
            }
        }
        true
    }
}

/// One user's life: connects, does this and that, leaves in one way or another, and comes back.
async fn live(server: SocketAddr, number: usize, end: Instant) -> Done {
    let mut done = Done::default();
    while Instant::now() < end {
        let token = format!("user-{number}");
        let Ok(mut client) = Client::connect(server, process::address_of(number), &token).await else {
            done.wrong += 1;
            return done;
        };
        done.connections += 1;
        let actions = rand::random_range(1..60);
        for _ in 0..actions {
            if !act(&mut client, &mut done).await {
                return done;
            }
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..20))).await;
        }
        match rand::random_range(0..3) {
            0 => client.close().await,
            1 => drop(client), // Without a word.
            // In the middle of a frame, while a handler may be running.
            _ => {
                done.broken += 1;
                let _ = client.send(&frame(0x2, &[1; 200])[..100]).await;
            }
        }
    }
    done
}

async fn act(client: &mut Client, done: &mut Done) -> bool {
    let group = format!("group-{}", rand::random_range(0..500));
    match rand::random_range(0..100) {
        0..50 => done.note(client.fetch::<pb::Worked>(&pb::Work { number: 1 }).await, 0),
        50..65 => done.note(client.ask(&pb::Join { group }).await, 0),
        65..75 => done.note(client.ask(&pb::Leave { group }).await, 0),
        75..85 => done.note(client.ask(&pb::Shout { group }).await, 0),
        85..90 => done.note(client.ask(&pb::Toil {}).await, 0),
        90..95 => done.note(client.ask(&pb::Fail { panic: false }).await, 422),
        95..98 => done.note(client.ask(&pb::Fail { panic: true }).await, 500),
        _ => client.send(&frame(0x2, b"\x07\xff")).await.is_ok(), // No envelope.
    }
}

async fn count(server: &mut Server) -> anyhow::Result<Left> {
    let pb::Census { connections, groups, tasks, .. } = server.census().await?;
    Ok(Left { connections, groups, tasks, files: process::files(server.process()) })
}

/// Waits until nothing is left that was not there at first; what is left at last.
async fn settle(server: &mut Server, empty: Left) -> anyhow::Result<Left> {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = count(server).await?;
        if left == empty || Instant::now() > until {
            return Ok(left);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
