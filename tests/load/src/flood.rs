//! What others feel of hostile connections.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use anyhow::Context as _;
use clap::Args;
use tokio::{
    process::Command,
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::{
    client::{Client, Event, Failure, frame, frame_of, header},
    pb,
    report::{Report, percentile},
    server::Server,
};

/// Latency of connections that work while others flood the server with valid, invalid and half frames
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Connections that work
    #[arg(long, default_value_t = 50)]
    workers: usize,
    /// Connections that flood
    #[arg(long, default_value_t = 50)]
    attackers: usize,
    /// How long, half of it in peace
    #[arg(long, default_value_t = 40)]
    seconds: u64,
}

/// The hostile half: what `flood` starts.
#[derive(Debug, Args)]
pub(crate) struct Attack {
    #[arg(long)]
    server: SocketAddr,
    #[arg(long)]
    attackers: usize,
    #[arg(long)]
    seconds: u64,
}

/// How much worse it may become for the others.
const FACTOR: u32 = 5;
/// Between two requests of a worker.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) async fn run(arguments: Arguments, report: &mut Report) -> anyhow::Result<()> {
    let half = Duration::from_secs(arguments.seconds.div_ceil(2));
    let mut server = Server::start(&[]).await?;
    let mut quiet = work(server.address, arguments.workers, half).await?;

    // Attackers bring machines of their own. Here they share the cores with the server and with those who measure, which
    // come first, so that the figures tell what the server does and not whose turn the system gave.
    let mut command = Command::new("nice");
    command.args(["-n", "19"]).arg(std::env::current_exe()?);
    command.args(["attack", "--server", &server.address.to_string()]);
    command.args(["--attackers", &arguments.attackers.to_string(), "--seconds", &(half.as_secs() + 2).to_string()]);
    let attack = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().context("the attack does not start")?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut flooded = work(server.address, arguments.workers, half).await?;
    let attack = attack.wait_with_output().await?;
    report.figure("frames of the attack", String::from_utf8_lossy(&attack.stdout).trim());

    for (name, latencies) in [("in peace", &mut quiet.latencies), ("in the flood", &mut flooded.latencies)] {
        let [half, most, nearly_all] = [0.5, 0.99, 0.999].map(|part| percentile(latencies, part));
        let count = latencies.len();
        report.figure(&format!("{name}: p50, p99, p99.9 of {count}, µs"), format!("{half}, {most}, {nearly_all}"));
    }
    let (before, after) = (percentile(&mut quiet.latencies, 0.99), percentile(&mut flooded.latencies, 0.99));
    let factor = f64::from(after) / f64::from(before.max(1));
    report.bar("p99 in the flood against peace", format!("{factor:.1}"), &FACTOR.to_string(), after <= before * FACTOR);
    let failed = quiet.failed + flooded.failed;
    report.count("requests of workers that failed", failed, "0", failed == 0);
    let census = server.census().await?;
    report.figure("connections at the end", census.connections);
    Ok(())
}

/// What workers have felt.
#[derive(Default)]
struct Felt {
    /// Microseconds from each request to its reply.
    latencies: Vec<u32>,
    failed: u64,
}

async fn work(server: SocketAddr, workers: usize, time: Duration) -> anyhow::Result<Felt> {
    let end = Instant::now() + time;
    let mut set = JoinSet::new();
    for number in 0..workers {
        let mut client = Client::connect(server, [127, 2, 0, 1].into(), &format!("worker-{number}")).await?;
        set.spawn(async move {
            let mut felt = Felt::default();
            while Instant::now() < end {
                let began = Instant::now();
                match client.fetch::<pb::Worked>(&pb::Work { number: 1 }).await {
                    Ok(_) => felt.latencies.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX)),
                    Err(failure) => {
                        felt.failed += 1;
                        if !matches!(failure, Failure::Refused(_)) {
                            break;
                        }
                    }
                }
                tokio::time::sleep(PAUSE).await;
            }
            felt
        });
    }
    let mut all = Felt::default();
    while let Some(felt) = set.join_next().await {
        let felt = felt?;
        all.latencies.extend(felt.latencies);
        all.failed += felt.failed;
    }
    Ok(all)
}

/// Floods the server; prints how many frames that took.
pub(crate) async fn attack(arguments: Attack) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let mut set = JoinSet::new();
    for number in 0..arguments.attackers {
        set.spawn(async move {
            let mut sent = 0;
            while Instant::now() < end {
                let token = format!("attacker-{number}");
                // Refused at the door or thrown out: it comes back, like anybody who means harm.
                let Ok(mut client) = Client::connect(arguments.server, [127, 3, 0, 1].into(), &token).await else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                let (name, bytes, frames) = weapon(number);
                sent += flood(&mut client, name, &bytes, frames, end).await;
            }
            sent
        });
    }
    let mut sent = 0;
    while let Some(frames) = set.join_next().await {
        sent += frames?;
    }
    println!("{sent}");
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weapon {
    Valid,
    Invalid,
    Half,
}

/// What an attacker sends again and again, and how many frames that is.
fn weapon(number: usize) -> (Weapon, Vec<u8>, u64) {
    match number % 3 {
        0 => (Weapon::Valid, frame_of(&pb::Work { number: 1 }, "flood").repeat(64), 64),
        1 => (Weapon::Invalid, frame(0x2, b"\x07\xff\xff\xff\xff\xff\xff\xff").repeat(4), 4),
        // A frame of a megabyte that never comes to its end.
        _ => (Weapon::Half, [header(0x2, 1_000_000), vec![0; 1000]].concat(), 1),
    }
}

async fn flood(client: &mut Client, weapon: Weapon, bytes: &[u8], frames: u64, end: Instant) -> u64 {
    let mut sent = 0;
    while Instant::now() < end {
        if client.send(bytes).await.is_err() {
            return sent;
        }
        sent += frames;
        if weapon == Weapon::Half {
            // Sometimes it hangs on for a while.
            if rand::random_ratio(1, 20) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            return sent;
        }
        // Reads what is there, so that the server never waits for it.
        while let Ok(event) = timeout(Duration::ZERO, client.event()).await {
            if !matches!(event, Event::Said(_)) {
                return sent;
            }
        }
    }
    sent
}
