//! The arguments by which every subcommand reaches a server.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use psd_client::{Builder, Client, Tls};

use crate::{bodies::Bodies, exit::Exit, trace};

/// Enough that a burst of messages is printed without loss.
const BUFFER: usize = 65_536;

/// Where and as whom to connect.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// Where the server listens, such as ws://127.0.0.1:8000/ws or wss://example.org/ws
    pub(crate) url: String,
    /// The token that says who you are; safer in the environment, where other users do not see it
    #[arg(long, env = "PSD_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// What to speak; every server speaks classic, and v1-proto needs --proto
    #[arg(long, value_enum, default_value_t = Dialect::Classic)]
    dialect: Dialect,
    /// The contract by which v1-proto turns JSON into protobuf and back: folders of .proto files, or configuration files
    #[arg(long, value_name = "FOLDER|CONFIG")]
    proto: Vec<PathBuf>,
    /// Print every frame to standard error, with the token masked
    #[arg(long)]
    trace: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dialect {
    /// JSON as clients before v1 speak it
    Classic,
    /// v1 in JSON
    V1Json,
    /// v1 in protobuf
    V1Proto,
}

/// How to print.
#[derive(Debug, Args)]
pub(crate) struct Format {
    /// Print one JSON object per line, for machines
    #[arg(long)]
    pub(crate) json: bool,
}

impl Server {
    /// A way to it that is given up after this time, and the bodies it may be sent.
    pub(crate) fn way(self, timeout: Duration) -> Result<(Way, Bodies), Exit> {
        let dialect = match self.dialect {
            Dialect::Classic => psd_client::Dialect::Classic,
            Dialect::V1Json => psd_client::Dialect::V1Json,
            Dialect::V1Proto => psd_client::Dialect::V1Proto,
        };
        if self.dialect == Dialect::V1Proto && self.proto.is_empty() {
            return Err(Exit::Usage(
                "`--dialect v1-proto` sends protobuf: say by `--proto FOLDER|CONFIG` which, or use `--dialect v1-json`"
                    .to_owned(),
            ));
        }
        let bodies = if self.proto.is_empty() { Bodies::default() } else { Bodies::read(self.proto)? };
        let scheme = self.url.split(':').next().unwrap_or_default();
        let tls = match scheme.eq_ignore_ascii_case("wss") {
            true => Some(Tls::system().map_err(|error| Exit::Connection(error.to_string()))?),
            false => None,
        };
        let mut builder = Client::builder(self.url)
            .dialect(dialect)
            .connect_timeout(timeout)
            .request_timeout(timeout)
            .close_timeout(Duration::from_secs(1))
            .subscription_buffer(BUFFER);
        if self.trace {
            builder = builder.trace(trace::tracer(self.token.clone()));
        }
        if let Some(token) = self.token {
            builder = builder.token(token);
        }
        Ok((Way { builder, tls }, bodies))
    }
}

/// How to reach a server: over TLS if its URL says so, trusting whom the system trusts.
pub(crate) struct Way {
    builder: Builder,
    tls: Option<Tls>,
}

impl Way {
    pub(crate) async fn connect(self, reconnect: bool) -> Result<Client, psd_client::Error> {
        let builder = self.builder.reconnect(reconnect);
        match self.tls {
            Some(tls) => builder.connect_over(tls).await,
            None => builder.connect().await,
        }
    }
}

/// Reads a time such as `10s`, `500ms` or `2m`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let seconds = match &text[digits.len()..] {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero()).ok_or_else(wrong)
}

fn wrong() -> String {
    "expected a time such as `10s`, `500ms` or `2m`".to_owned()
}

/// Waits until somebody ends the program: ctrl-c, or a polite kill.
pub(crate) async fn interrupted() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // An error means that there is no such signal here; then only a kill ends the program.
    if interrupt.await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, milliseconds) in [("10s", 10_000), ("3", 3_000), ("500ms", 500), ("1.5m", 90_000), ("2h", 7_200_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "0", "-1s", "10 s", "10d", "1e400", "NaN", "infms"] {
            assert_eq!(duration(text), Err(wrong()), "{text}");
        }
    }
}
