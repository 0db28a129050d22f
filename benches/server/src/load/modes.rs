//! What is measured. Each mode runs for a while before it counts, and counts for a given time.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use anyhow::ensure;
use hdrhistogram::Histogram;

use super::{Clients, Cpu, Dialog, Server};

/// The outcome of one round of one mode.
#[derive(Debug, Clone)]
pub struct Round {
    /// What was done: requests, deliveries, connections.
    pub count: u64,
    pub wall: Duration,
    /// Processor time of the server and of the clients.
    pub server: Duration,
    pub clients: Duration,
    /// Nanoseconds from a request to its last answer, where that is measured.
    pub latency: Option<Histogram<u64>>,
}

impl Round {
    /// What was done in a second of the server's processor time.
    pub fn per_cpu_second(&self) -> f64 {
        self.count as f64 / self.server.as_secs_f64()
    }
}

const WARM_UP: Duration = Duration::from_millis(200);

/// Stops the time of both sides.
struct Watch {
    start: Instant,
    server: Cpu,
    clients: Cpu,
}

impl Watch {
    fn start(server: &Server) -> Self {
        Self { start: Instant::now(), server: server.cpu(), clients: Cpu::own() }
    }

    fn stop(self, server: &Server, count: u64, latency: Option<Histogram<u64>>) -> Round {
        let (wall, server) = (self.start.elapsed(), server.cpu().since(self.server));
        Round { count, wall, server, clients: Cpu::own().since(self.clients), latency }
    }
}

/// Requests in a closed loop: each connection keeps so many under way.
pub fn requests(
    server: &Server,
    dialog: &Dialog,
    connections: usize,
    in_flight: usize,
    duration: Duration,
) -> anyhow::Result<Round> {
    let (request, answers) = &dialog.say;
    let mut clients = Clients::new()?;
    clients.connect(server.address, connections, dialog)?;
    let mut latency = Histogram::<u64>::new_with_max(20_000_000_000, 3)?;
    // The time at which each request was sent, oldest first: answers come in order.
    let mut sent: Vec<VecDeque<Instant>> = vec![VecDeque::new(); connections];
    let mut frames = vec![0_usize; connections];
    let pipeline = request.repeat(in_flight);
    for (client, sent) in sent.iter_mut().enumerate() {
        sent.extend(std::iter::repeat_n(Instant::now(), in_flight));
        clients.send(client, &pipeline)?;
    }
    let mut count = 0_u64;
    let mut run = |clients: &mut Clients, duration: Duration, count: &mut u64, latency: &mut Histogram<u64>| {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            clients.turn(
                Duration::from_millis(100),
                |client, read| {
                    frames[client] += read;
                    let done = frames[client] / answers;
                    frames[client] %= answers;
                    if done > 0 {
                        let now = Instant::now();
                        for _ in 0..done {
                            if let Some(sent) = sent[client].pop_front() {
                                latency.saturating_record((now - sent).as_nanos() as u64);
                            }
                        }
                        sent[client].extend(std::iter::repeat_n(now, done));
                        *count += done as u64;
                    }
                    done
                },
                request,
            )?;
        }
        anyhow::Ok(())
    };
    run(&mut clients, WARM_UP, &mut count, &mut latency)?;
    (count, latency) = (0, Histogram::new_with_max(20_000_000_000, 3)?);
    let watch = Watch::start(server);
    run(&mut clients, duration, &mut count, &mut latency)?;
    ensure!(count > 0, "no request was answered");
    Ok(watch.stop(server, count, Some(latency)))
}

/// Broadcasts to all connections, so many under way; what counts is deliveries.
pub fn broadcast(
    server: &Server,
    dialog: &Dialog,
    members: usize,
    in_flight: usize,
    duration: Duration,
) -> anyhow::Result<Round> {
    let (request, own) = &dialog.shout;
    let mut clients = Clients::new()?;
    clients.connect(server.address, members, dialog)?;
    let each = (members + own) as u64;
    let mut received = 0_u64;
    let mut sent = 0_u64;
    let mut run = |clients: &mut Clients, received: &mut u64, duration: Duration| {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            while sent < *received / each + in_flight as u64 {
                clients.send(0, request)?;
                sent += 1;
            }
            let counted = |_: usize, frames: usize| {
                *received += frames as u64;
                0
            };
            clients.turn(Duration::from_millis(100), counted, &[])?;
        }
        anyhow::Ok(())
    };
    run(&mut clients, &mut received, WARM_UP)?;
    let before = received;
    let watch = Watch::start(server);
    run(&mut clients, &mut received, duration)?;
    let count = received - before;
    ensure!(count > 0, "nothing was delivered");
    Ok(watch.stop(server, count, None))
}

/// Connections that open and go at once, so many at a time; with `churn` each has one request answered before.
pub fn connects(
    server: &Server,
    dialog: &Dialog,
    at_once: usize,
    churn: bool,
    duration: Duration,
) -> anyhow::Result<Round> {
    let cycle = |count: &mut u64, end: Instant| {
        while Instant::now() < end {
            let mut clients = Clients::new()?;
            clients.connect(server.address, at_once, dialog)?;
            if churn {
                one_request_each(&mut clients, dialog)?;
            }
            drop(clients);
            *count += at_once as u64;
        }
        anyhow::Ok(())
    };
    cycle(&mut 0, Instant::now() + WARM_UP)?;
    let mut count = 0;
    let watch = Watch::start(server);
    cycle(&mut count, Instant::now() + duration)?;
    Ok(watch.stop(server, count, None))
}

fn one_request_each(clients: &mut Clients, dialog: &Dialog) -> anyhow::Result<()> {
    let (request, answers) = &dialog.say;
    let mut missing = clients.len() * answers;
    for client in 0..clients.len() {
        clients.send(client, request)?;
    }
    let end = Instant::now() + Duration::from_secs(20);
    while missing > 0 {
        ensure!(Instant::now() < end, "{missing} answers are missing");
        let counted = |_: usize, frames: usize| {
            missing = missing.saturating_sub(frames);
            0
        };
        clients.turn(Duration::from_millis(100), counted, &[])?;
    }
    Ok(())
}

/// Bytes of the server's own memory for each of so many idle connections, authenticated and in a group.
pub fn idle(server: &Server, dialog: &Dialog, connections: usize) -> anyhow::Result<f64> {
    // What the first connections bring about belongs to none.
    let mut clients = Clients::new()?;
    clients.connect(server.address, 100, dialog)?;
    one_request_each(&mut clients, dialog)?;
    let before = server.resident();
    clients.connect(server.address, connections, dialog)?;
    one_request_each(&mut clients, dialog)?;
    Ok((server.resident().saturating_sub(before)) as f64 / connections as f64)
}
