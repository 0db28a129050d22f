//! The binary on one side, a WebSocket server of the test on the other.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{
        Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

const DEADLINE: Duration = Duration::from_secs(30);

/// `psd` with arguments; build it up, then [`Psd::run`] or [`Psd::start`].
pub(crate) struct Psd {
    command: Command,
    input: String,
}

/// How it ended and what it printed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A running `psd`.
pub(crate) struct Running {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    err: BufReader<std::process::ChildStderr>,
    /// What was read from standard output line by line.
    seen: String,
}

pub(crate) fn psd(arguments: &[&str]) -> Psd {
    let mut command = Command::new(env!("CARGO_BIN_EXE_psd"));
    command.args(arguments);
    for name in [
        "PSD_TOKEN",
        "PSD_JWT_KEY",
        "PSD_DATABASE_URL",
        "DATABASE_URL",
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
    ] {
        command.env_remove(name);
    }
    Psd { command, input: String::new() }
}

impl Psd {
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn input(mut self, text: &str) -> Self {
        self.input = text.to_owned();
        self
    }

    pub(crate) fn start(mut self) -> Running {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(self.input.as_bytes()).unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let err = BufReader::new(child.stderr.take().unwrap());
        Running { child, out, err, seen: String::new() }
    }

    pub(crate) fn run(self) -> Finished {
        self.start().finish()
    }

    /// Runs it against a server; `{url}` in the arguments is the server's.
    pub(crate) fn against<F>(self, serve: impl FnOnce(Server) -> F) -> Finished
    where
        F: Future<Output = ()>,
    {
        let (runtime, server) = server();
        let running = self.at(&server).start();
        runtime.block_on(async { timeout(DEADLINE, serve(server)).await.expect("the conversation ends in time") });
        running.finish()
    }

    /// Replaces `{url}` in the arguments.
    pub(crate) fn at(self, server: &Server) -> Self {
        let mut command = Command::new(self.command.get_program());
        command.args(self.command.get_args().map(|argument| match argument.to_str() {
            Some("{url}") => server.url.clone().into(),
            _ => argument.to_owned(),
        }));
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self { command, input: self.input }
    }
}

impl Running {
    /// The next line of standard output.
    pub(crate) fn line(&mut self) -> String {
        read_line(&mut self.out, &mut self.seen)
    }

    /// The next line of standard error.
    pub(crate) fn error_line(&mut self) -> String {
        read_line(&mut self.err, &mut String::new())
    }

    /// What ctrl-c (`INT`) or a polite kill (`TERM`) sends.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Closes our end of its standard output.
    pub(crate) fn close_output(self) -> Child {
        self.child
    }

    /// Waits for its end; the output is what has not been read yet.
    pub(crate) fn finish(mut self) -> Finished {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.err.read_to_string(&mut err).unwrap();
        Finished { code: self.child.wait().unwrap().code(), out, err }
    }
}

fn read_line(from: &mut impl BufRead, seen: &mut String) -> String {
    let start = seen.len();
    from.read_line(seen).unwrap();
    seen[start..].trim_end_matches('\n').to_owned()
}

/// What a run without complaints looks like.
pub(crate) fn success(out: &str) -> Finished {
    Finished { code: Some(0), out: out.to_owned(), err: String::new() }
}

pub(crate) fn failure(code: i32, out: &str, err: &str) -> Finished {
    Finished { code: Some(code), out: out.to_owned(), err: err.to_owned() }
}

/// Listens on a free port.
pub(crate) struct Server {
    pub(crate) url: String,
    listener: TcpListener,
}

pub(crate) struct Peer(WebSocketStream<TcpStream>);

pub(crate) fn server() -> (Runtime, Server) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    (runtime, Server { url, listener })
}

impl Server {
    pub(crate) async fn accept(&self) -> Peer {
        Peer(accept_async(self.accept_raw().await).await.unwrap())
    }

    pub(crate) async fn accept_raw(&self) -> TcpStream {
        timeout(DEADLINE, self.listener.accept()).await.expect("psd connects").unwrap().0
    }
}

impl Peer {
    async fn next(&mut self) -> Option<Message> {
        timeout(DEADLINE, self.0.next()).await.expect("psd sends a frame").map(Result::unwrap)
    }

    /// The next request.
    pub(crate) async fn receive(&mut self) -> Value {
        match self.next().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected an envelope, found {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, frame: String) {
        self.0.send(Message::text(frame)).await.unwrap();
    }

    pub(crate) async fn push(&mut self, message_type: &str, body: &str) {
        self.send(format!(r#"{{"headers":{{"messageType":"{message_type}"}},"body":{body}}}"#)).await;
    }

    pub(crate) async fn reply(&mut self, request: &Value, message_type: &str, body: &str) {
        let uuid = &request["headers"]["uuid"];
        self.send(format!(r#"{{"headers":{{"messageType":"{message_type}","uuid":{uuid}}},"body":{body}}}"#)).await;
    }

    pub(crate) async fn ack(&mut self, request: &Value, error: &str) {
        let uuid = request["headers"]["uuid"].to_string();
        self.reply(request, "ack", &format!(r#"{{"uuid":{uuid}{error}}}"#)).await;
    }

    pub(crate) async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        self.0.close(Some(frame)).await.unwrap();
        self.until_gone().await;
    }

    /// Expects a proper goodbye.
    pub(crate) async fn goodbye(&mut self) {
        match self.next().await {
            Some(Message::Close(Some(frame))) => assert_eq!(u16::from(frame.code), 1000),
            other => panic!("expected a close frame, found {other:?}"),
        }
        self.until_gone().await;
    }

    async fn until_gone(&mut self) {
        while let Some(Ok(_)) = timeout(DEADLINE, self.0.next()).await.expect("psd hangs up") {}
    }
}
