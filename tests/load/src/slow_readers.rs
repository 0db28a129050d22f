//! Slow readers among many who are told the same.

use std::{net::SocketAddr, time::Duration};

use clap::Args;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    client::{Client, Event, PATIENCE, frame_of},
    pb,
    policy::Policy,
    process,
    report::{Report, mebibytes},
    server::Server,
};

/// Connections under broadcast load, a tenth of which reads nothing, by each policy for slow consumers
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
/// How often a client says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// What the server may need for a connection that keeps up. The bar of `idle`, and a buffer of 4 KiB that it keeps.
const EACH: u64 = 16 * 1024;
/// What the allocator may keep of buffers that have been larger.
const SLACK: u64 = 16 * 1024 * 1024;

/// What a client has seen.
#[derive(Debug, Default)]
struct Seen {
    /// The numbers of ticks, in the order of their coming, since it connected.
    ticks: Vec<u64>,
    closed: Option<Event>,
    /// What the server says that it has dropped, and whether it goes on.
    dropped: Option<pb::Dropped>,
    /// When the client has to say again that it is there, however much it hears.
    heartbeat: Option<Instant>,
}

/// What the clients of a policy have seen.
#[derive(Debug, Default)]
struct Sum {
    clients: u64,
    deliveries: u64,
    /// Neither delivered nor dropped by the policy.
    lost: u64,
    dropped: u64,
    /// Clients that were told otherwise than the policy says.
    otherwise: u64,
    slow_consumers: u64,
    closed_otherwise: u64,
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
        clients.push(connect(address, number, number < slow).await?);
    }
    let time = Duration::from_secs(arguments.seconds);
    let (end, stall) = (Instant::now() + time, STALL.min(time / 3));
    let (mut slow_ones, mut healthy_ones) = (JoinSet::new(), JoinSet::new());
    for (number, client) in clients.into_iter().enumerate() {
        match (number < slow, Policy::of(number)) {
            (false, policy) => drop(healthy_ones.spawn(keep_up(client, policy, count))),
            (true, Policy::Close) => drop(slow_ones.spawn(be_closed(client, address, number, end, stall))),
            (true, policy) => drop(slow_ones.spawn(be_slow(client, policy, count, end, stall))),
        }
    }
    let start = pb::StartTicks { per_second: arguments.rate, bytes: arguments.bytes, count };
    server.control.ask(&start).await?;

    let mut most = 0;
    let mut heartbeat = Instant::now() + HEARTBEAT;
    while Instant::now() < end {
        most = most.max(server.resident());
        let _ = timeout(Duration::from_millis(20), server.control.event()).await;
        if Instant::now() >= heartbeat {
            server.control.heartbeat().await?;
            heartbeat = Instant::now() + HEARTBEAT;
        }
    }
    let (mut well, mut badly): (Sum, [Sum; 4]) = Default::default();
    while let Some(sum) = healthy_ones.join_next().await {
        well.add(&sum?);
    }
    while let Some(one) = slow_ones.join_next().await {
        let (policy, sum) = one?;
        badly[policy as usize].add(&sum);
    }

    let bound = before + arguments.connections as u64 * EACH + slow as u64 * outbox + SLACK;
    report.figure("connections, and slow ones among them", format!("{} and {slow}", arguments.connections));
    report.figure("deliveries to those who keep up", well.deliveries);
    let missed = healthy as u64 * count - well.deliveries;
    report.count("missed by those who keep up", missed, "0", missed == 0);
    let closed = well.slow_consumers + well.closed_otherwise;
    report.count("closed of those who keep up", closed, "0", closed == 0);
    for (policy, sum) in Policy::ALL.into_iter().zip(&badly) {
        let name = policy.group();
        report.figure(&format!("{name}: clients, deliveries"), format!("{}, {}", sum.clients, sum.deliveries));
        if policy == Policy::Close {
            let closed = sum.slow_consumers;
            report.count(&format!("{name}: closed with 4413"), closed, "1 or more", closed > 0);
        } else {
            report.count(&format!("{name}: dropped"), sum.dropped, "1 or more", sum.dropped > 0);
            report.count(&format!("{name}: closed"), sum.slow_consumers, "0", sum.slow_consumers == 0);
        }
        report.count(&format!("{name}: neither delivered nor dropped"), sum.lost, "0", sum.lost == 0);
        report.count(&format!("{name}: told otherwise"), sum.otherwise, "0", sum.otherwise == 0);
        let closed = sum.closed_otherwise;
        report.count(&format!("{name}: closed otherwise"), closed, "0", closed == 0);
    }
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

/// Connects a client, in the group of its policy.
async fn connect(server: SocketAddr, number: usize, is_slow: bool) -> anyhow::Result<Client> {
    let buffer = is_slow.then_some(4096);
    let from = process::address_of(number);
    let mut client = Client::connect_with(server, from, &format!("user-{number}"), buffer).await?;
    client.ask(&pb::Join { group: Policy::of(number).group().into() }).await?;
    Ok(client)
}

/// Reads everything, as fast as it comes.
async fn keep_up(mut client: Client, policy: Policy, count: u64) -> Sum {
    let mut seen = Seen::default();
    while (seen.ticks.len() as u64) < count && seen.hear_for(&mut client, PATIENCE, 1).await {}
    seen.sum(policy, count, 0)
}

/// Reads nothing for a while, then everything until it is closed, and comes back to do it again.
async fn be_closed(client: Client, server: SocketAddr, number: usize, end: Instant, stall: Duration) -> (Policy, Sum) {
    let (mut all, mut client) = (Sum { clients: 1, ..Sum::default() }, Some(client));
    while let Some(mut current) = client.take() {
        let mut seen = Seen::default();
        tokio::time::sleep_until(Instant::now() + stall).await;
        // What had gathered comes at once, and then the close.
        while seen.closed.is_none() && seen.hear_for(&mut current, Duration::from_secs(1), usize::MAX).await {}
        // Between its first tick and its last it has missed none.
        let between = seen.ticks.last().zip(seen.ticks.first()).map_or(0, |(last, first)| last - first + 1);
        all.add(&Sum { clients: 0, ..seen.sum(Policy::Close, between, 0) });
        if Instant::now() < end {
            client = connect(server, number, true).await.ok();
        }
    }
    (Policy::Close, all)
}

/// Reads nothing for a while, then for a moment what comes, and so on; at the end everything.
async fn be_slow(mut client: Client, policy: Policy, count: u64, end: Instant, stall: Duration) -> (Policy, Sum) {
    let mut seen = Seen::default();
    while Instant::now() < end && seen.closed.is_none() {
        tokio::time::sleep(stall).await;
        let _ = client.heartbeat().await;
        seen.hear_for(&mut client, Duration::from_secs(1), usize::MAX).await;
    }
    // Whatever the server does not say that it has dropped has to come.
    let patience = Instant::now() + PATIENCE;
    loop {
        let dropped =
            seen.dropped.take().map_or(u64::MAX, |dropped| if dropped.goes_on { u64::MAX } else { dropped.count });
        let is_complete = dropped.saturating_add(seen.ticks.len() as u64) == count;
        if is_complete || seen.closed.is_some() || Instant::now() > patience {
            let sum = seen.sum(policy, count, if dropped == u64::MAX { 0 } else { dropped });
            return (policy, sum);
        }
        let _ = client.send(&frame_of(&pb::FetchDropped {}, "dropped")).await;
        seen.hear_for(&mut client, Duration::from_secs(1), usize::MAX).await;
    }
}

impl Seen {
    /// Hears so many things, or what comes in a time; false if nothing came, or nothing more can.
    async fn hear_for(&mut self, client: &mut Client, time: Duration, most: usize) -> bool {
        let until = Instant::now() + time;
        let mut count = 0;
        while count < most && self.closed.is_none() {
            let heartbeat = *self.heartbeat.get_or_insert_with(|| Instant::now() + HEARTBEAT);
            if Instant::now() >= heartbeat {
                let _ = client.heartbeat().await;
                self.heartbeat = None;
                continue;
            }
            match timeout_at(until.min(heartbeat), client.event()).await {
                Ok(event) => self.note(event),
                Err(_) if Instant::now() < until => continue,
                Err(_) => break,
            }
            count += 1;
        }
        count > 0 && self.closed.is_none()
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Said(said) => {
                if let Some(tick) = said.read::<pb::Tick>() {
                    self.ticks.push(tick.number);
                } else if let Some(dropped) = said.read::<pb::Dropped>() {
                    self.dropped = Some(dropped);
                }
            }
            ended => self.closed = Some(ended),
        }
    }

    /// Compares it with what it should have been told, all in all.
    fn sum(&self, policy: Policy, count: u64, dropped: u64) -> Sum {
        let deliveries = self.ticks.len() as u64;
        let is_slow_consumer = matches!(self.closed, Some(Event::Closed(4413)));
        Sum {
            clients: 1,
            deliveries,
            lost: count.abs_diff(deliveries + dropped),
            dropped,
            otherwise: (!policy.holds(&self.ticks, count)).into(),
            slow_consumers: is_slow_consumer.into(),
            closed_otherwise: (self.closed.is_some() && !is_slow_consumer).into(),
        }
    }
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.clients += other.clients;
        self.deliveries += other.deliveries;
        self.lost += other.lost;
        self.dropped += other.dropped;
        self.otherwise += other.otherwise;
        self.slow_consumers += other.slow_consumers;
        self.closed_otherwise += other.closed_otherwise;
    }
}
