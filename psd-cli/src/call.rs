//! `psd call`: send one message, see what comes back.

use std::time::Duration;

use clap::Args;
use psd_client::{Client, Envelope, Error, Outcome, State};
use tokio::time::{Instant, timeout_at};

use crate::{
    connect::{Format, Server, duration, interrupted},
    exit::{CODES, Exit},
    json, output,
    output::Printer,
};

const EXAMPLES: &str = "\
Examples:
  psd call ws://localhost:8000/ws ping
  psd call ws://localhost:8000/ws send-chat '{\"room\":\"lobby\",\"text\":\"hi\"}' --ack
  PSD_TOKEN=eyJ… psd call ws://localhost:8000/ws who-am-i --json | jq .body
  generate-body | psd call ws://localhost:8000/ws import - --ack --timeout 2m
  psd call ws://localhost:8000/ws ping --dialect v1-proto --proto protos --trace
  psd call ws://localhost:8000/ws join-room '{\"room\":\"lobby\"}' --ack --follow";

/// Send one message and print what comes back.
///
/// Without --ack it is done at the first reply; with --ack it is done when the server says that it has handled the
/// message, and the exit code tells the outcome. Pushes that arrive meanwhile are printed too.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{CODES}"))]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: Server,
    /// The type of the message, such as send-chat
    #[arg(value_name = "TYPE")]
    message_type: String,
    /// The body as a JSON object; `-` reads it from standard input
    #[arg(value_name = "JSON", default_value = "{}", hide_default_value = true)]
    body: String,
    /// Ask the server for an ack and wait for it
    #[arg(long)]
    ack: bool,
    /// Go on printing what arrives, until ctrl-c
    #[arg(long)]
    follow: bool,
    /// How long to wait for the connection, and then for the answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Exit> {
    let body = match arguments.body.as_str() {
        "-" => std::io::read_to_string(std::io::stdin().lock())
            .map_err(|error| Exit::Usage(format!("cannot read the body from standard input: {error}")))?,
        body => body.to_owned(),
    };
    json::check_object(&body).map_err(Exit::Usage)?;
    let (way, bodies) = arguments.server.way(arguments.timeout)?;
    let call = Call {
        message_type: arguments.message_type,
        body,
        ack: arguments.ack,
        follow: arguments.follow,
        timeout: arguments.timeout,
        printer: Printer::new(arguments.format.json, bodies),
    };
    let client = way.connect(false).await?;
    let result = if call.follow {
        tokio::select! {
            result = call.run(&client) => result,
            () = interrupted() => Ok(()),
        }
    } else {
        call.run(&client).await
    };
    client.close().await;
    result
}

struct Call {
    message_type: String,
    body: String,
    ack: bool,
    follow: bool,
    timeout: Duration,
    printer: Printer,
}

impl Call {
    async fn run(&self, client: &Client) -> Result<(), Exit> {
        let mut envelopes = client.envelopes();
        let uuid = self.printer.bodies.send(client, &self.message_type, &self.body, self.ack).await?;
        let deadline = Instant::now() + self.timeout;
        // Nothing is awaited when only following.
        let mut done = self.follow && !self.ack;
        loop {
            let next = if done {
                envelopes.next().await
            } else {
                timeout_at(deadline, envelopes.next()).await.map_err(|_| self.timed_out())?
            };
            match next {
                Some(Ok(envelope)) => {
                    self.printer.print(&envelope)?;
                    done |= self.is_answer(&envelope, &uuid)?;
                }
                Some(Err(error @ (Error::Malformed { .. } | Error::Lagged(_)))) => output::error(&error.to_string()),
                Some(Err(error)) => return Err(error.into()),
                None => return Err(disconnected(client)),
            }
            if done && !self.follow {
                return Ok(());
            }
        }
    }

    /// Whether this is what the call waits for. A refusal has been printed and is the end in any case.
    fn is_answer(&self, envelope: &Envelope, uuid: &str) -> Result<bool, Exit> {
        if envelope.uuid() != Some(uuid) {
            return Ok(false);
        }
        match envelope.outcome() {
            Some(Outcome::Refused { .. }) => Err(Exit::Refused(None)),
            Some(Outcome::Success) => Ok(true),
            None => Ok(!self.ack),
        }
    }

    fn timed_out(&self) -> Exit {
        let (message_type, timeout) = (&self.message_type, self.timeout);
        Exit::Timeout(if self.ack {
            format!("the server did not answer `{message_type}` within {timeout:?}")
        } else {
            format!(
                "no reply to `{message_type}` came within {timeout:?}; with `--ack` the server says when it is done"
            )
        })
    }
}

/// Why the stream of envelopes has ended.
pub(crate) fn disconnected(client: &Client) -> Exit {
    match &*client.state().borrow() {
        State::Closed(reason) => Exit::Connection(reason.to_string()),
        state => Exit::Connection(format!("the connection ended in the state {state:?}")),
    }
}
