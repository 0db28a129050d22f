//! The rows of the comparison, measured in alternating rounds.

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::{
    Compare,
    load::{Dialect, Dialog, Server, modes, modes::Round},
    peers::Peer,
    report::{self, Figure, Row},
    token,
};

/// Somebody who is measured: a server, and how it is spoken to.
pub type Side = (Peer, Dialect);

const CLASSIC: Side = (Peer::Psd, Dialect::Classic);
const V1_JSON: Side = (Peer::Psd, Dialect::V1Json);
const V1_PROTO: Side = (Peer::Psd, Dialect::V1Proto);
const SOCKETIOXIDE: Side = (Peer::Socketioxide, Dialect::SocketIo);
const SOCKETIOXIDE_ENVELOPE: Side = (Peer::SocketioxideEnvelope, Dialect::SocketIoEnvelope);
const AXUM: Side = (Peer::Axum, Dialect::Classic);
const BY_HAND: Side = (Peer::ByHand, Dialect::Classic);
const BY_HAND_CODEC: Side = (Peer::ByHandCodec, Dialect::Classic);
const ECHO: Side = (Peer::Echo, Dialect::Classic);
const SOCKET_IO: Side = (Peer::SocketIo, Dialect::SocketIo);

/// What is measured.
#[derive(Debug, Clone, Copy)]
enum Work {
    Requests { connections: usize, in_flight: usize },
    Broadcast { members: usize, in_flight: usize },
    Connects { churn: bool },
}

const CONNECTIONS: usize = 64;
const MEMBERS: usize = 1000;
const IDLE: usize = 5000;

/// How a server grows is of interest where it can be told from the row with so few.
const MANY: usize = 10_000;

const WORKS: [(&str, Work); 8] = [
    ("requests, 64 connections × 1 in flight", Work::Requests { connections: CONNECTIONS, in_flight: 1 }),
    ("requests, 64 connections × 16 in flight", Work::Requests { connections: CONNECTIONS, in_flight: 16 }),
    ("requests, 10,000 connections × 1 in flight", Work::Requests { connections: MANY, in_flight: 1 }),
    ("broadcast to 1,000, one in flight", Work::Broadcast { members: MEMBERS, in_flight: 1 }),
    ("broadcast to 1,000, 16 in flight", Work::Broadcast { members: MEMBERS, in_flight: 16 }),
    ("broadcast to 10,000, one in flight", Work::Broadcast { members: MANY, in_flight: 1 }),
    ("handshake with a token", Work::Connects { churn: false }),
    ("churn: connect, one request, go", Work::Connects { churn: true }),
];

impl Work {
    /// Whether it shows how the servers grow.
    fn is_growth(self) -> bool {
        matches!(self, Self::Requests { connections: MANY, .. } | Self::Broadcast { members: MANY, .. })
    }

    fn sides(self) -> Vec<Side> {
        if self.is_growth() {
            let mut sides = vec![CLASSIC, V1_PROTO, BY_HAND_CODEC];
            if matches!(self, Self::Requests { .. }) {
                sides.push(ECHO); // What the system needs.
            }
            return sides;
        }
        let mut sides = vec![CLASSIC, V1_JSON, V1_PROTO, SOCKETIOXIDE, AXUM, BY_HAND, BY_HAND_CODEC];
        if !matches!(self, Self::Connects { .. }) {
            sides.push(SOCKETIOXIDE_ENVELOPE);
        }
        if matches!(self, Self::Requests { .. }) {
            sides.push(ECHO);
        }
        sides.push(SOCKET_IO);
        sides
    }

    fn measure(self, server: &Server, dialog: &Dialog, compare: &Compare) -> anyhow::Result<Round> {
        // So many connections take their time until each has had a turn.
        let duration = compare.duration() * if self.is_growth() { 5 } else { 1 };
        match self {
            Self::Requests { connections, in_flight } => {
                modes::requests(server, dialog, connections, in_flight, duration)
            }
            Self::Broadcast { members, in_flight } => modes::broadcast(server, dialog, members, in_flight, duration),
            Self::Connects { churn } => modes::connects(server, dialog, CONNECTIONS, churn, duration),
        }
    }
}

/// What tables call a side.
pub fn title((peer, dialect): Side) -> String {
    match (peer, dialect) {
        (Peer::Psd, Dialect::Classic) => "psd, classic".into(),
        (Peer::Psd, Dialect::V1Json) => "psd, v1 JSON".into(),
        (Peer::Psd, Dialect::V1Proto) => "psd, v1 binary".into(),
        _ => peer.title().into(),
    }
}

pub fn run(compare: &Compare) -> anyhow::Result<()> {
    raise_file_limit();
    let token = token::issue();
    let mut rows = Vec::new();
    for (name, work) in WORKS {
        if compare.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let mut sides = work.sides();
        sides.retain(|side| compare.side.as_ref().is_none_or(|only| title(*side).contains(only.as_str())));
        let mut rounds: BTreeMap<Side, Vec<Round>> = BTreeMap::new();
        let servers = servers(&sides)?;
        for round in 0..compare.rounds {
            eprint!("\r{name}: round {} of {} ", round + 1, compare.rounds);
            for place in 0..sides.len() {
                // Nobody always follows the same one.
                let side = sides[(place + round) % sides.len()];
                let Some(server) = servers.get(&side.0) else { continue };
                let dialog = Dialog::new(side.0, side.1, &token);
                let measured = work.measure(server, &dialog, compare);
                rounds.entry(side).or_default().push(measured.with_context(|| title(side))?);
            }
        }
        eprintln!();
        let figures = sides.iter().filter_map(|side| Some(Figure::of_rounds(title(*side), rounds.get(side)?)));
        let row = Row { name: name.into(), unit: "a second of processor time", figures: figures.collect() };
        report::print(&row);
        rows.push(row);
    }
    if compare.only.as_ref().is_none_or(|only| "idle".contains(only.as_str())) {
        let row = idle(&token)?;
        report::print(&row);
        rows.push(row);
    }
    if let Some(folder) = &compare.out {
        report::write(folder, &rows)?;
    }
    Ok(())
}

/// A server for each peer that is there.
fn servers(sides: &[Side]) -> anyhow::Result<BTreeMap<Peer, Server>> {
    let mut servers = BTreeMap::new();
    for (peer, _) in sides {
        if *peer == Peer::SocketIo && std::env::var_os("BENCH_WITHOUT_NODE").is_some() {
            continue;
        }
        if !servers.contains_key(peer) {
            servers.insert(*peer, Server::start(*peer)?);
        }
    }
    Ok(servers)
}

/// Memory is measured once: it does not wobble.
fn idle(token: &str) -> anyhow::Result<Row> {
    let mut figures = Vec::new();
    for side in [CLASSIC, V1_PROTO, SOCKETIOXIDE, AXUM, BY_HAND, SOCKET_IO] {
        let servers = servers(&[side])?;
        let Some(server) = servers.get(&side.0) else { continue };
        let bytes = modes::idle(server, &Dialog::new(side.0, side.1, token), IDLE)?;
        figures.push(Figure::of_value(title(side), bytes));
    }
    Ok(Row { name: format!("idle, {IDLE} connections"), unit: "bytes a connection", figures })
}

fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
