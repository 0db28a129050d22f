//! Slow readers among many who are told the same.

use std::{net::SocketAddr, time::Duration};

use clap::Args;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    client::{Client, Event, PATIENCE},
    pb, process,
    report::{Report, mebibytes},
    server::Server,
};

/// Connections under broadcast load, a tenth of which reads nothing
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Messages a second to everybody
    #[arg(long, default_value_t = 20)]
    rate: u32,
    /// Bytes of a message
    #[arg(long, default_value_t = 2048)]
    bytes: u32,
    /// What may wait for one client, in bytes
    #[arg(long, default_value_t = 256 * 1024)]
    outbox: u64,
}

/// How long a slow reader reads nothing, if that is no more than a third of all the time.
const STALL: Duration = Duration::from_secs(12);
/// What the server may need for a connection that keeps up. The bar of `idle`, and a buffer of 4 KiB that it keeps.
const EACH: u64 = 16 * 1024;
/// What the allocator may keep of buffers that have been larger.
const SLACK: u64 = 16 * 1024 * 1024;

/// What a client has seen.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    messages: u64,
    /// Messages between two that it has read.
    missed: u64,
    last: u64,
    slow_consumer: u64,
    closed_otherwise: u64,
    lost: u64,
}

pub(crate) async fn run(arguments: Arguments, report: &mut Report) -> anyhow::Result<()> {
    let slow = arguments.connections / 10;
    let healthy = arguments.connections - slow;
    let count = u64::from(arguments.rate) * arguments.seconds;
    let outbox = arguments.outbox;
    // A reader that has stopped is still told why when it reads again.
    let settings = [("PSD_OUTBOX_BYTES", outbox.to_string()), ("PSD_CLOSE_TIMEOUT", "60".to_owned())];
    let mut server = Server::start(&settings).await?;
    let before = server.resident();

    let address = server.address;
    let mut clients = Vec::new();
    for number in 0..arguments.connections {
        let buffer = (number < slow).then_some(4096);
        let from = process::address_of(number);
        clients.push(Client::connect_with(address, from, &format!("user-{number}"), buffer).await?);
    }
    let time = Duration::from_secs(arguments.seconds);
    let (end, stall) = (Instant::now() + time, STALL.min(time / 3));
    let (mut slow_ones, mut healthy_ones) = (JoinSet::new(), JoinSet::new());
    for (number, client) in clients.into_iter().enumerate() {
        match number < slow {
            true => drop(slow_ones.spawn(be_slow(client, address, number, end, stall))),
            false => drop(healthy_ones.spawn(keep_up(client, count))),
        }
    }
    let start = pb::StartTicks { per_second: arguments.rate, bytes: arguments.bytes, count };
    server.control.ask(&start).await?;

    // The control connection is told as well, and reads.
    let mut most = 0;
    while Instant::now() < end {
        most = most.max(server.resident());
        let _ = timeout(Duration::from_millis(20), server.control.event()).await;
    }
    let (mut well, mut badly) = (Seen::default(), Seen::default());
    while let Some(seen) = healthy_ones.join_next().await {
        well.add(&seen?);
    }
    while let Some(seen) = slow_ones.join_next().await {
        badly.add(&seen?);
    }

    let bound = before + arguments.connections as u64 * EACH + slow as u64 * outbox + SLACK;
    report.figure("connections, and slow ones among them", format!("{} and {slow}", arguments.connections));
    report.figure("deliveries to those who keep up", well.messages);
    report.figure("deliveries to slow ones", badly.messages);
    let expected = healthy as u64 * count;
    report.count("missed by those who keep up", expected - well.messages, "0", expected == well.messages);
    let closed = well.slow_consumer + well.closed_otherwise + well.lost;
    report.count("closed of those who keep up", closed, "0", closed == 0);
    report.count("closed with 4413 of slow ones", badly.slow_consumer, "1 or more", badly.slow_consumer > 0);
    let otherwise = badly.closed_otherwise + badly.lost;
    report.count("closed otherwise of slow ones", otherwise, "0", otherwise == 0);
    report.count("missed by slow ones before they were closed", badly.missed, "0", badly.missed == 0);
    let bar = format!(
        "{} = {} + {} × {EACH} + {slow} × {outbox} + {}",
        mebibytes(bound),
        mebibytes(before),
        arguments.connections,
        mebibytes(SLACK)
    );
    report.bar("server at most", mebibytes(most), &bar, most <= bound);
    Ok(())
}

/// Reads everything, as fast as it comes.
async fn keep_up(mut client: Client, count: u64) -> Seen {
    let mut seen = Seen::default();
    let mut heartbeat = Instant::now() + Duration::from_secs(20);
    let mut patience = Instant::now() + PATIENCE;
    while seen.last < count && Instant::now() < patience {
        match timeout_at(heartbeat.min(patience), client.event()).await {
            Ok(event) => {
                if !seen.note(event) {
                    return seen;
                }
                patience = Instant::now() + PATIENCE;
            }
            Err(_) => {
                let _ = client.heartbeat().await;
                heartbeat = Instant::now() + Duration::from_secs(20);
            }
        }
    }
    seen
}

/// Reads nothing for a while, then everything until it is closed, and comes back to do it again.
async fn be_slow(client: Client, server: SocketAddr, number: usize, end: Instant, stall: Duration) -> Seen {
    let (mut all, mut client) = (Seen::default(), Some(client));
    while let Some(mut current) = client.take() {
        let mut seen = Seen::default();
        tokio::time::sleep_until(Instant::now() + stall).await;
        // What had gathered comes at once; a second of silence means that there is nothing more.
        while let Ok(event) = timeout(Duration::from_secs(1), current.event()).await {
            if !seen.note(event) {
                break;
            }
        }
        all.add(&seen);
        if Instant::now() < end {
            client = Client::connect_with(server, process::address_of(number), "slow", Some(4096)).await.ok();
        }
    }
    all
}

impl Seen {
    /// Whether more may come.
    fn note(&mut self, event: Event) -> bool {
        match event {
            Event::Said(said) => {
                if let Some(tick) = said.read::<pb::Tick>() {
                    self.messages += 1;
                    if self.last > 0 {
                        self.missed += tick.number.saturating_sub(self.last + 1);
                    }
                    self.last = tick.number;
                }
                return true;
            }
            Event::Closed(4413) => self.slow_consumer += 1,
            Event::Closed(_) => self.closed_otherwise += 1,
            Event::Lost => self.lost += 1,
        }
        false
    }

    fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.missed += other.missed;
        self.slow_consumer += other.slow_consumer;
        self.closed_otherwise += other.closed_otherwise;
        self.lost += other.lost;
    }
}
