//! tokio-tungstenite, written by hand: the limit of the design. What one read brought is answered by one flush.

use std::collections::HashMap;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use psd_proto::{
    ClientMessage, ServerMessage,
    envelope::{
        Body,
        classic::{self, Layouts},
    },
    json::{self, ReadOptions, WriteOptions},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        handshake::server::{ErrorResponse, Request, Response},
        protocol::WebSocketConfig,
    },
};

use crate::{pb, token::Verifier};

/// An encoded envelope.
pub type Answer = Utf8Bytes;

/// How many broadcasts may wait for a connection.
const CHANNEL: usize = 16 * 1024;

/// What every connection shares.
pub struct Hub {
    verifier: Verifier,
    members: Mutex<HashMap<u64, mpsc::Sender<Answer>>>,
    next: AtomicU64,
}

impl Hub {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { verifier: Verifier::new(), members: Mutex::default(), next: AtomicU64::new(0) })
    }

    /// Joins everybody; leaves when the returned membership is dropped.
    pub fn join(self: &Arc<Self>) -> (Membership, mpsc::Receiver<Answer>) {
        let (sender, receiver) = mpsc::channel(CHANNEL);
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.members.lock().expect("nothing panics with it").insert(id, sender);
        (Membership { hub: Arc::clone(self), id }, receiver)
    }
}

pub struct Membership {
    hub: Arc<Hub>,
    id: u64,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.hub.members.lock().expect("nothing panics with it").remove(&self.id);
    }
}

/// Who sends.
pub struct Caller {
    hub: Arc<Hub>,
    token: String,
    user: Option<String>,
    layouts: Layouts,
}

impl Caller {
    pub fn new(hub: &Arc<Hub>) -> Self {
        Self { hub: Arc::clone(hub), token: String::new(), user: None, layouts: Layouts::new() }
    }

    /// Verifies a token that is not the last one.
    pub fn authenticate(&mut self, token: &str) {
        if self.token != token {
            self.user = self.hub.verifier.verify(token);
            token.clone_into(&mut self.token);
        }
    }

    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }
}

/// What a request is answered with.
pub struct Answers {
    hub: Arc<Hub>,
    replies: Vec<Answer>,
}

impl Answers {
    pub fn new(hub: &Arc<Hub>) -> Self {
        Self { hub: Arc::clone(hub), replies: Vec::new() }
    }

    pub fn reply(&mut self, answer: &Answer) {
        self.replies.push(answer.clone());
    }

    /// Tells everybody.
    pub fn broadcast(&self, answer: &Answer) {
        for member in self.hub.members.lock().expect("nothing panics with it").values() {
            // A channel that is full belongs to a client that reads too slowly.
            let _ = member.try_send(answer.clone());
        }
    }

    pub fn take(&mut self) -> impl Iterator<Item = Answer> {
        self.replies.drain(..)
    }
}

pub fn config() -> WebSocketConfig {
    // 128 KiB would be cleared for every read.
    WebSocketConfig::default().read_buffer_size(4096)
}

/// The token of a handshake.
pub fn bearer(request: &Request) -> Option<String> {
    let header = request.headers().get("authorization")?.to_str().ok()?;
    header.strip_prefix("Bearer ").map(Into::into)
}

type Handle = fn(&mut Caller, &str, &mut Answers) -> Option<()>;

pub async fn serve(listener: TcpListener, handle: Handle) -> anyhow::Result<()> {
    let hub = Hub::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(connection(stream, Arc::clone(&hub), handle));
    }
}

async fn connection(stream: TcpStream, hub: Arc<Hub>, handle: Handle) -> Option<()> {
    let mut caller = Caller::new(&hub);
    #[allow(clippy::result_large_err)]
    let upgrade = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        if let Some(token) = bearer(request) {
            caller.authenticate(&token);
        }
        Ok(response)
    };
    let socket = tokio_tungstenite::accept_hdr_async_with_config(stream, upgrade, Some(config())).await.ok()?;
    talk(socket, hub, caller, handle).await
}

async fn talk(mut socket: WebSocketStream<TcpStream>, hub: Arc<Hub>, mut caller: Caller, handle: Handle) -> Option<()> {
    let (_membership, mut broadcasts) = hub.join();
    let mut answers = Answers::new(&hub);
    loop {
        tokio::select! {
            message = socket.next() => {
                let mut next = Some(message?.ok()?);
                while let Some(message) = next {
                    match message {
                        Message::Text(text) => handle(&mut caller, &text, &mut answers)?,
                        Message::Close(_) => return None,
                        _ => {}
                    }
                    for answer in answers.take() {
                        socket.feed(Message::Text(answer)).await.ok()?;
                    }
                    next = socket.next().now_or_never().flatten().and_then(Result::ok);
                }
            }
            broadcast = broadcasts.recv() => {
                socket.feed(Message::Text(broadcast?)).await.ok()?;
                while let Ok(broadcast) = broadcasts.try_recv() {
                    socket.feed(Message::Text(broadcast)).await.ok()?;
                }
            }
        }
        socket.flush().await.ok()?;
    }
}

/// Handles one frame by psd's codec: `None` for one that cannot be read.
pub fn with_codec(caller: &mut Caller, frame: &str, answers: &mut Answers) -> Option<()> {
    let envelope = caller.layouts.read(frame).ok()?;
    if let Some(token) = &envelope.auth_header {
        caller.authenticate(token);
    }
    let uuid = envelope.uuid.as_deref();
    let result = call(caller, &envelope.message_type, envelope.body, uuid, answers);
    if envelope.ack {
        let mut ack = Vec::new();
        classic::write_ack(&mut ack, uuid, result.map_err(|(text, code)| (text, Some(code))));
        answers.reply(&text(ack)?);
    }
    Some(())
}

fn call(
    caller: &Caller,
    message_type: &str,
    body: Body<'_>,
    uuid: Option<&str>,
    answers: &mut Answers,
) -> Result<(), (&'static str, i32)> {
    let author = caller.user().ok_or(("not authenticated", 401))?;
    match message_type {
        "say" => {
            let pb::Say { room, text, number } = read(body).ok_or(("the body cannot be read", 400))?;
            let said = pb::Said { room, author: author.into(), text, number };
            answers.reply(&write(&said, uuid).ok_or(("the answer cannot be written", 500))?);
        }
        "shout" => {
            let pb::Shout { text } = read(body).ok_or(("the body cannot be read", 400))?;
            let shouted = pb::Shouted { author: author.into(), text };
            answers.broadcast(&write(&shouted, None).ok_or(("the answer cannot be written", 500))?);
        }
        _ => return Err(("no such message", 404)),
    }
    Ok(())
}

fn read<M: ClientMessage>(body: Body<'_>) -> Option<M> {
    let Body::Json(text) = body else { return None };
    json::read(text, &ReadOptions { ignore_unknown: true, ..ReadOptions::default() }).ok()
}

fn write<M: ServerMessage>(message: &M, uuid: Option<&str>) -> Option<Answer> {
    let mut out = Vec::new();
    let options = WriteOptions { names: json::Names::Classic, ..WriteOptions::default() };
    classic::write(&mut out, M::INFO.message_type, uuid, |out| json::write(message, out, &options)).ok()?;
    text(out)
}

fn text(bytes: Vec<u8>) -> Option<Answer> {
    Utf8Bytes::try_from(bytes).ok()
}
