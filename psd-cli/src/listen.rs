//! `psd listen`: print what the server pushes.

use std::{collections::HashMap, time::Duration};

use clap::Args;
use psd_client::{Client, Envelope, Error, Outcome, State};

use crate::{
    call::disconnected,
    connect::{Format, Server, duration, interrupted},
    exit::{CODES, Exit},
    json, output,
    output::Printer,
};

/// A message that changes nothing, for a connection that has a token to show and nothing to say.
const CARRIES_TOKEN: &str = "verify-token";

const EXAMPLES: &str = "\
Examples:
  psd listen ws://localhost:8000/ws
  psd listen ws://localhost:8000/ws --type chat-sent --type presence
  psd listen ws://localhost:8000/ws --send 'join-room {\"room\":\"lobby\"}'
  psd listen ws://localhost:8000/ws --json | jq .body";

/// Print what the server pushes, until ctrl-c.
///
/// Connects again when the connection breaks, unless the server forbids it; the messages of --send are then sent again.
/// With a token and nothing to send, a `verify-token` message carries the token.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{CODES}"))]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: Server,
    /// Print messages of this type only; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Send a message on every new connection: its type, a space, and its body; may be repeated
    #[arg(long, value_name = "TYPE JSON", value_parser = greeting)]
    send: Vec<Greeting>,
    /// End with exit code 3 when the connection breaks
    #[arg(long)]
    no_reconnect: bool,
    /// How long to wait for the connection
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    format: Format,
}

/// A message to send on every new connection.
#[derive(Debug, Clone)]
struct Greeting {
    message_type: String,
    body: String,
    ack: bool,
}

fn greeting(text: &str) -> Result<Greeting, String> {
    let (message_type, body) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), "{}"));
    if message_type.is_empty() {
        return Err("expected the type of a message, a space, and its body".to_owned());
    }
    json::check_object(body)?;
    Ok(Greeting { message_type: message_type.to_owned(), body: body.to_owned(), ack: true })
}

pub(crate) async fn run(mut arguments: Arguments) -> Result<(), Exit> {
    if arguments.send.is_empty() && arguments.server.token.is_some() {
        let greeting = Greeting { message_type: CARRIES_TOKEN.to_owned(), body: "{}".to_owned(), ack: false };
        arguments.send.push(greeting);
    }
    let (way, bodies) = arguments.server.way(arguments.timeout)?;
    let listener = Listener {
        types: arguments.types,
        greetings: arguments.send,
        printer: Printer::new(arguments.format.json, bodies),
    };
    let client = tokio::select! {
        client = way.connect(!arguments.no_reconnect) => client?,
        () = interrupted() => return Ok(()),
    };
    let result = tokio::select! {
        result = listener.run(&client) => result,
        () = interrupted() => Ok(()),
    };
    client.close().await;
    result
}

struct Listener {
    types: Vec<String>,
    greetings: Vec<Greeting>,
    printer: Printer,
}

impl Listener {
    async fn run(&self, client: &Client) -> Result<(), Exit> {
        let mut envelopes = client.envelopes();
        let mut state = client.state();
        let mut waiting = self.greet(client).await?;
        loop {
            tokio::select! {
                biased;
                next = envelopes.next() => match next {
                    Some(Ok(envelope)) => self.receive(&envelope, &mut waiting)?,
                    Some(Err(error @ (Error::Malformed { .. } | Error::Lagged(_)))) => output::error(&error.to_string()),
                    Some(Err(error)) => return Err(error.into()),
                    None => return Err(disconnected(client)),
                },
                Ok(()) = state.changed() => {
                    let now = state.borrow_and_update().clone();
                    match now {
                        State::Connected => {
                            output::note("connected again");
                            waiting = self.greet(client).await?;
                        }
                        State::Waiting { delay, reason, .. } => {
                            output::note(format_args!("{reason}; trying again in {:.1} s", delay.as_secs_f64()));
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// Sends the greetings; returns which acks are to come. A connection that breaks meanwhile is greeted again.
    async fn greet(&self, client: &Client) -> Result<HashMap<String, String>, Exit> {
        let mut waiting = HashMap::new();
        for Greeting { message_type, body, ack } in &self.greetings {
            match self.printer.bodies.send(client, message_type, body, *ack).await {
                Ok(uuid) => waiting.insert(uuid, message_type.clone()),
                Err(Error::Disconnected(_) | Error::Timeout { .. }) => break,
                Err(error) => return Err(error.into()),
            };
        }
        Ok(waiting)
    }

    fn receive(&self, envelope: &Envelope, waiting: &mut HashMap<String, String>) -> Result<(), Exit> {
        if self.types.is_empty() || self.types.iter().any(|wanted| wanted == envelope.message_type()) {
            self.printer.print_message(envelope)?;
        }
        if let Some(outcome) = envelope.outcome() {
            let greeting = envelope.uuid().and_then(|uuid| waiting.remove(uuid));
            if let (Some(message_type), Outcome::Refused { code, message }) = (greeting, outcome.clone()) {
                return Err(Error::Refused { message_type, code, message }.into());
            }
        }
        Ok(())
    }
}
