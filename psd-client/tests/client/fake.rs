//! A server that does exactly what a test tells it.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use psd_client::{Address, Builder, Client, Dialect, Disconnect, State, Transport};
use serde_json::Value;
use tokio::{
    io::DuplexStream,
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{
        Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

/// Longer than any wait of the client; with paused time it costs nothing and turns a hang into a failure.
const DEADLINE: Duration = Duration::from_secs(600);

/// Where the client connects to.
#[derive(Clone)]
pub(crate) struct Network {
    connections: mpsc::UnboundedSender<DuplexStream>,
    attempts: Arc<Mutex<Vec<Instant>>>,
    refuse: Arc<AtomicBool>,
    buffer: usize,
}

/// The other end of it.
pub(crate) struct Server {
    connections: mpsc::UnboundedReceiver<DuplexStream>,
}

/// One accepted connection.
pub(crate) struct Peer {
    pub(crate) socket: WebSocketStream<DuplexStream>,
}

pub(crate) fn network() -> (Network, Server) {
    network_with_buffer(64 * 1024)
}

/// A network whose streams hold so many bytes before a writer waits.
pub(crate) fn network_with_buffer(buffer: usize) -> (Network, Server) {
    let (connections, receiver) = mpsc::unbounded_channel();
    let network = Network { connections, attempts: Arc::default(), refuse: Arc::default(), buffer };
    (network, Server { connections: receiver })
}

pub(crate) fn builder() -> Builder {
    Client::builder("ws://server.test:8000/ws").dialect(Dialect::Classic)
}

/// A client and the server's end of its connection.
pub(crate) async fn connect(builder: Builder) -> (Client, Peer, Network, Server) {
    let (network, mut server) = network();
    let (client, peer) = tokio::join!(builder.connect_over(network.clone()), server.accept());
    (client.unwrap(), peer, network, server)
}

impl Transport for Network {
    type Stream = DuplexStream;

    async fn connect(&self, address: Address<'_>) -> io::Result<DuplexStream> {
        assert_eq!((address.host, address.port, address.tls), ("server.test", 8000, false));
        self.attempts.lock().unwrap().push(Instant::now());
        if self.refuse.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused"));
        }
        let (ours, theirs) = tokio::io::duplex(self.buffer);
        self.connections.send(theirs).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(ours)
    }
}

impl Network {
    /// Lets further attempts fail, or succeed again.
    pub(crate) fn refuse(&self, refuse: bool) {
        self.refuse.store(refuse, Ordering::Relaxed);
    }

    /// When the client tried to connect.
    pub(crate) fn attempts(&self) -> Vec<Instant> {
        self.attempts.lock().unwrap().clone()
    }
}

impl Server {
    /// The bytes of the next connection.
    pub(crate) async fn accept_raw(&mut self) -> DuplexStream {
        timeout(DEADLINE, self.connections.recv()).await.expect("the client connects").unwrap()
    }

    pub(crate) async fn accept(&mut self) -> Peer {
        Peer { socket: accept_async(self.accept_raw().await).await.unwrap() }
    }
}

impl Peer {
    /// The next frame of the client.
    pub(crate) async fn next(&mut self) -> Message {
        timeout(DEADLINE, self.socket.next()).await.expect("the client sends a frame").unwrap().unwrap()
    }

    /// The next envelope of the client, pings aside.
    pub(crate) async fn receive(&mut self) -> Value {
        loop {
            match self.next().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("expected an envelope, found {other:?}"),
            }
        }
    }

    pub(crate) async fn send(&mut self, frame: impl Into<String>) {
        self.socket.send(Message::text(frame.into())).await.unwrap();
    }

    /// Acknowledges the request; `error` is the rest of the ack's body, such as `,"errorMessage":"no"`.
    pub(crate) async fn ack(&mut self, request: &Value, error: &str) {
        let uuid = &request["headers"]["uuid"];
        self.send(format!(r#"{{"headers":{{"messageType":"ack","uuid":{uuid}}},"body":{{"uuid":{uuid}{error}}}}}"#))
            .await;
    }

    pub(crate) async fn reply(&mut self, request: &Value, message_type: &str, body: &str) {
        let uuid = &request["headers"]["uuid"];
        self.send(format!(r#"{{"headers":{{"messageType":"{message_type}","uuid":{uuid}}},"body":{body}}}"#)).await;
    }

    pub(crate) async fn push(&mut self, message_type: &str, body: &str) {
        self.send(format!(r#"{{"headers":{{"messageType":"{message_type}"}},"body":{body}}}"#)).await;
    }

    pub(crate) async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        self.socket.close(Some(frame)).await.unwrap();
    }

    /// The client's goodbye; answered on the way.
    pub(crate) async fn goodbye(&mut self) -> Option<(u16, String)> {
        loop {
            match self.next().await {
                Message::Close(frame) => return frame.map(|frame| (frame.code.into(), frame.reason.to_string())),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("expected a close frame, found {other:?}"),
            }
        }
    }
}

/// Waits until the client is in such a state.
pub(crate) async fn until(client: &Client, condition: impl FnMut(&State) -> bool) -> State {
    let mut state = client.state();
    let state = timeout(DEADLINE, state.wait_for(condition)).await.expect("the client gets into that state");
    state.unwrap().clone()
}

/// Waits until the client has given up, and says why.
pub(crate) async fn closed(client: &Client) -> Disconnect {
    match until(client, |state| matches!(state, State::Closed(_))).await {
        State::Closed(reason) => reason,
        other => panic!("{other:?}"),
    }
}
