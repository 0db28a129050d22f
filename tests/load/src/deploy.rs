//! A server is replaced while its clients work: what was acked has happened, nothing hangs, and nobody stampedes.

use std::{
    collections::HashSet,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use clap::Args;
use psd_client::{Client, Dialect, Error, State};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{client::PATIENCE, pb, report::Report, server::Process};

/// SIGTERM under load, and another server in its place: nothing acked is lost, clients return one after another
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[arg(long, default_value_t = 300)]
    clients: usize,
    /// How many of them speak classic, which knows no drain
    #[arg(long, default_value_t = 100)]
    classic: usize,
    /// Seconds over which clients return
    #[arg(long, default_value_t = 5)]
    window: u64,
}

/// Parts of the window that are told apart.
const PARTS: usize = 10;
/// Work before the signal.
const BEFORE: Duration = Duration::from_secs(2);

/// What became of one client.
#[derive(Default)]
struct Done {
    acked: Vec<i64>,
    /// Ended by an error code, or with their connection.
    ended: usize,
    /// Neither.
    hung: usize,
    /// How long after the signal it was back.
    returned: Option<Duration>,
}

pub(crate) async fn run(arguments: Arguments, report: &mut Report) -> anyhow::Result<()> {
    let journal = std::env::temp_dir().join(format!("psd-load-{}.journal", std::process::id()));
    let _removed = Removed(&journal);
    let settings = [
        ("PSD_RECONNECT_WINDOW", arguments.window.to_string()),
        ("PSD_DRAIN_TIMEOUT", (arguments.window + 5).to_string()),
        ("LOAD_JOURNAL", journal.to_string_lossy().into_owned()),
    ];
    let mut old = Process::start(&settings, None).await?;
    let address = old.address;
    let numbers = Arc::new(AtomicI64::new(0));
    let begin = Instant::now();
    let (signal, at) = (begin + BEFORE, numbers.clone());
    let end = signal + Duration::from_secs(arguments.window) * 3;
    let mut clients = JoinSet::new();
    for number in 0..arguments.clients {
        let dialect = if number < arguments.classic { Dialect::Classic } else { Dialect::V1Proto };
        clients.spawn(work(address, dialect, numbers.clone(), signal, end));
    }
    tokio::time::sleep_until(signal).await;
    old.terminate()?;
    // It gets the port as soon as the old one lets go of it.
    let _new = Process::start(&settings, Some(address)).await?;
    let took = timeout(PATIENCE, old.ended()).await.map(|_| signal.elapsed());

    let mut all = Done::default();
    let mut returns = Vec::new();
    while let Some(done) = clients.join_next().await {
        let done = done??;
        all.acked.extend(done.acked);
        (all.ended, all.hung) = (all.ended + done.ended, all.hung + done.hung);
        returns.extend(done.returned);
    }
    let text = std::fs::read_to_string(&journal)?;
    let happened: HashSet<i64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let lost = all.acked.iter().filter(|number| !happened.contains(number)).count();

    report.figure("requests sent", at.load(Ordering::Relaxed));
    report.figure("acked", all.acked.len());
    report.figure("refused, or ended with their connection", all.ended);
    report.count("acked without having happened", lost, "0", lost == 0 && !all.acked.is_empty());
    report.count("neither acked nor ended", all.hung, "0", all.hung == 0);
    report.count("server ended", took.is_ok(), "true", took.is_ok());
    report.figure("seconds until it had ended", took.map_or(f64::NAN, |took| took.as_secs_f64()));
    report.count("clients back", returns.len(), "all", returns.len() == arguments.clients);
    histogram(&returns, Duration::from_secs(arguments.window), report);
    Ok(())
}

/// Sends one request after another until the end, and notes when the client was back from the restart.
async fn work(
    address: SocketAddr,
    dialect: Dialect,
    numbers: Arc<AtomicI64>,
    signal: Instant,
    end: Instant,
) -> anyhow::Result<Done> {
    let builder = Client::builder(format!("ws://{address}/ws")).token("client").dialect(dialect);
    let client = builder.connect().await?;
    let mut state = client.state();
    let returned = tokio::spawn(async move {
        state.wait_for(|state| *state != State::Connected).await.ok()?;
        state.wait_for(|state| *state == State::Connected).await.ok()?;
        Some(signal.elapsed())
    });
    let mut done = Done::default();
    while Instant::now() < end {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        match client.send(&pb::Record { number }).await {
            Ok(()) => done.acked.push(number),
            Err(Error::Refused { .. } | Error::Disconnected(_)) => {
                done.ended += 1;
                sleep(Duration::from_millis(10)).await;
            }
            Err(_) => done.hung += 1,
        }
    }
    done.returned = timeout(PATIENCE, returned).await.ok().and_then(Result::ok).flatten();
    client.close().await;
    Ok(done)
}

/// When clients were back, and whether too many of them came at once.
fn histogram(returns: &[Duration], window: Duration, report: &mut Report) {
    let part = window / u32::try_from(PARTS).unwrap_or(1);
    let mut counts = vec![0_usize; PARTS];
    for returned in returns {
        let index = (returned.as_secs_f64() / part.as_secs_f64()) as usize;
        if index >= counts.len() {
            counts.resize(index + 1, 0);
        }
        counts[index] += 1;
    }
    println!("\nback after, in seconds:");
    for (index, count) in counts.iter().enumerate() {
        let begin = part.as_secs_f64() * index as f64;
        println!("{begin:>6.2}  {count:>5}  {}", "#".repeat(count * 200 / returns.len().max(1)));
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let fair = returns.len().div_ceil(PARTS);
    report.bar("most in a tenth of the window", most, &format!("≤ {}, thrice its share", fair * 3), most <= fair * 3);
}

/// A file that is removed at the end.
struct Removed<'a>(&'a Path);

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.0);
    }
}
