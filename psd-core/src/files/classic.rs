//! The classic upload: a WebSocket of its own for one file, as clients in the field open it.
//!
//! Binary frames are the file, each answered by `upload-progress` with what has come on this socket; the envelope
//! `upload-end` ends it. The next frame is read when the one before has been taken by the writer, so that nothing piles up
//! here. Such a client knows no offset: each socket begins the file anew.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use psd_proto::{
    ClientMessage as _, ServerMessage,
    common::{
        authentication::TokenInvalid,
        sfiles::{UploadEnd, UploadProgress},
        socket_api::ProtocolError,
    },
    envelope::{Envelope, Outgoing, classic},
};
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message, Utf8Bytes,
        error::CapacityError,
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

use super::{
    FileService, UploadId,
    http::identified,
    uploads::{Caller, Finished, Resumed},
    writer::Writer,
};
use crate::{Error, codec::Dialect, connection::frame, dispatch::within, listener::Wire};

/// What is read at once; tungstenite clears as much before each look, whether there is something or not.
const READ_BUFFER: usize = 16 * 1024;

/// An upload connection.
pub(crate) struct Upload {
    service: FileService,
    id: UploadId,
    local_key: String,
    socket: WebSocketStream<Wire>,
    /// Whoever has shown a token, in the handshake or in an envelope.
    caller: Option<Caller>,
    address: Option<std::net::IpAddr>,
    token: Option<String>,
    state: State,
    /// Bytes that have come on this socket.
    received: u64,
    mistakes: u32,
}

/// Where the bytes go.
enum State {
    /// Nothing has come yet.
    New,
    Open(Box<Writer>),
    /// The file was stored before, and its client has not heard of it: what it sends again is not needed.
    Known(Box<Finished>),
    Over,
}

/// Why a socket is closed, and what its client is told before.
struct Closing {
    code: u16,
    error: Option<Error>,
}

impl Closing {
    fn plain(code: u16) -> Self {
        Self { code, error: None }
    }
}

impl From<Error> for Closing {
    fn from(error: Error) -> Self {
        Self { code: frame::refusal(&error), error: Some(error) }
    }
}

impl Upload {
    pub(crate) async fn new(
        service: FileService,
        (id, local_key): (UploadId, String),
        caller: Caller,
        token: Option<String>,
        (wire, prefix): (Wire, Bytes),
    ) -> Self {
        let limit = service.settings().max_frame_bytes;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(Some(limit))
            .max_frame_size(Some(limit));
        let socket = WebSocketStream::from_partially_read(wire, prefix.to_vec(), Role::Server, Some(config)).await;
        Self {
            service,
            id,
            local_key,
            socket,
            address: caller.address,
            caller: token.is_some().then_some(caller),
            token,
            state: State::New,
            received: 0,
            mistakes: 0,
        }
    }

    /// Serves the socket until it is gone.
    pub(crate) async fn run(mut self) {
        let closing = self.converse().await;
        if let State::Open(writer) = std::mem::replace(&mut self.state, State::Over) {
            if let Some(Closing { error: Some(error), .. }) = &closing {
                self.service.core.metrics.interrupted(error);
            }
            writer.pause_in_time().await;
        }
        if let Some(Closing { code, error }) = closing {
            self.close(code, error).await;
        }
    }

    /// `None` if the client has gone.
    async fn converse(&mut self) -> Option<Closing> {
        let (draining, idle) = (self.service.server.0.draining.clone(), self.service.settings().upload_idle_timeout);
        loop {
            let stop = match &self.state {
                State::Open(writer) => Some(writer.stop()),
                _ => None,
            };
            let stopped = async {
                match &stop {
                    Some(stop) => stop.cancelled().await,
                    None => std::future::pending().await,
                }
            };
            let message = tokio::select! {
                biased;
                () = stopped => return Some(Error::new(423, "another connection works with this upload").into()),
                () = draining.cancelled() => return Some(Closing::plain(frame::RESTART)),
                message = timeout(idle, self.socket.next()) => message,
            };
            let heard = match message {
                Ok(Some(Ok(Message::Binary(bytes)))) => self.bytes(bytes).await,
                Ok(Some(Ok(Message::Text(text)))) => self.text(&text).await,
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => Ok(()),
                Ok(Some(Ok(Message::Close(_))) | None) => {
                    let _ = timeout(idle, self.socket.flush()).await; // tungstenite has the answer ready.
                    return None;
                }
                Ok(Some(Err(error))) => return self.unreadable(&error),
                Err(_) if matches!(self.state, State::Over) => Err(Closing::plain(frame::NORMAL)),
                Err(_) => Err(Error::new(408, format!("nothing came for {} s", idle.as_secs_f64())).into()),
            };
            if let Err(closing) = heard {
                return Some(closing);
            }
        }
    }

    fn unreadable(&self, error: &tungstenite::Error) -> Option<Closing> {
        use tungstenite::Error as E;
        tracing::debug!(upload = %self.id, %error, "an upload connection has ended");
        match error {
            E::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
                let text = format!("a frame of {size} bytes is over the limit of {max_size}");
                Some(Closing { code: frame::TOO_BIG, error: Some(Error::new(413, text)) })
            }
            E::Utf8(_) => Some(Closing::plain(frame::NOT_UTF8)),
            _ => None,
        }
    }

    /// A part of the file. Its answer, or an error, is there before the client gives up (20 s): the storage has no longer
    /// than [`upload_write_timeout`](crate::Settings::upload_write_timeout) for it.
    async fn bytes(&mut self, bytes: Bytes) -> Result<(), Closing> {
        let patience = self.service.settings().upload_write_timeout;
        let length = bytes.len() as u64;
        let late = || Error::unavailable("the storage takes too long: try again later");
        match within(patience, self.write(bytes)).await {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(self.fail(error).await),
            None => {
                self.state = State::Over; // What was written by then may be forgotten.
                return Err(late().into());
            }
        }
        self.received += length;
        let progress = UploadProgress {
            n_bytes: i64::try_from(self.received).unwrap_or(i64::MAX),
            key: self.id.to_string(),
            local_key: self.local_key.clone(),
        };
        self.send(&progress).await
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        match self.writer().await? {
            Some(writer) => writer.write(bytes).await,
            None => Ok(()),
        }
    }

    /// What takes the bytes; `None` if they are not needed.
    async fn writer(&mut self) -> Result<Option<&mut Writer>, Error> {
        if matches!(self.state, State::New) {
            self.state = match self.service.restart(self.caller.as_ref(), self.id).await? {
                Resumed::Open(writer) => State::Open(writer),
                Resumed::Done(record, _) => State::Known(Box::new(self.service.told(*record).await?)),
            };
        }
        match &mut self.state {
            State::Open(writer) => Ok(Some(writer)),
            State::Over => Err(Error::new(409, "the upload has ended")),
            State::New | State::Known(_) => Ok(None),
        }
    }

    /// Ends the upload on this socket: nothing is kept of a file that may not be.
    async fn fail(&mut self, error: Error) -> Closing {
        if let State::Open(writer) = std::mem::replace(&mut self.state, State::Over) {
            match error.code() {
                // Not for somebody of whom nothing is known but the key.
                Some(413 | 415 | 507) if self.caller.is_some() => writer.discard().await,
                _ => {
                    self.service.core.metrics.interrupted(&error);
                    writer.pause_in_time().await;
                }
            }
        }
        error.into()
    }

    /// An envelope: `upload-end`, or something that has no place here.
    async fn text(&mut self, text: &Utf8Bytes) -> Result<(), Closing> {
        let envelope = match classic::read(text) {
            Ok(envelope) => envelope,
            Err(error) => return self.mistake(&error.to_string()).await,
        };
        if let Some(token) = envelope.auth_header.as_deref() {
            self.authenticate(token).await?;
        }
        if envelope.message_type == UploadEnd::INFO.message_type {
            let ended = self.end().await;
            return self.conclude(&envelope, ended).await;
        }
        let text = format!(
            "`{}` is not said here: this connection takes a file",
            crate::request::shown(&envelope.message_type)
        );
        if envelope.ack {
            return self.ack(&envelope, Err(&Error::new(404, text))).await;
        }
        // Clients of the field send here what they had no connection for.
        tracing::debug!(upload = %self.id, text, "a message on an upload connection");
        Ok(())
    }

    async fn authenticate(&mut self, token: &str) -> Result<(), Closing> {
        if self.token.as_deref() == Some(token) {
            return Ok(());
        }
        self.token = Some(token.to_owned());
        let address = self.address;
        self.caller = Some(match identified(&self.service, token, address).await {
            Ok(caller) => caller,
            Err(error) if error.code() == Some(401) => {
                self.send(&TokenInvalid::default()).await?;
                Caller { identity: None, address }
            }
            Err(error) => return Err(error.into()),
        });
        Ok(())
    }

    /// Makes a file of what has come, if whoever says so may have it.
    async fn end(&mut self) -> Result<(), Error> {
        let nobody = Caller { identity: None, address: self.address };
        let caller = self.caller.clone().unwrap_or(nobody);
        self.service.admit(&caller).await?;
        self.service.record_for(Some(&caller), self.id).await?;
        self.caller = Some(caller);
        self.writer().await?;
        match std::mem::replace(&mut self.state, State::Over) {
            State::Open(mut writer) => {
                writer.release();
                let (length, offset) = (writer.record().length, writer.offset());
                if let Some(length) = length.filter(|length| *length != offset) {
                    let text = format!("the file was said to have {length} bytes, and {offset} have come");
                    writer.pause_in_time().await;
                    return Err(Error::new(409, text));
                }
                let finished = writer.finish().await?;
                self.service.announce_slot(&finished);
            }
            State::Known(finished) => self.service.announce_slot(&finished),
            State::New | State::Over => {}
        }
        Ok(())
    }

    async fn conclude(&mut self, envelope: &Envelope<'_>, ended: Result<(), Error>) -> Result<(), Closing> {
        if envelope.ack {
            self.ack(envelope, ended.as_ref().copied()).await?;
        }
        match ended {
            Ok(()) => Ok(()),
            Err(error) if envelope.ack => {
                let closing = self.fail(error).await;
                Err(Closing { error: None, ..closing })
            }
            Err(error) => Err(self.fail(error).await),
        }
    }

    /// Something that cannot be understood; too much of it ends the connection.
    async fn mistake(&mut self, text: &str) -> Result<(), Closing> {
        self.mistakes += 1;
        if self.mistakes > self.service.settings().protocol_errors_per_minute {
            return Err(Closing::plain(frame::UNREADABLE));
        }
        self.send(&ProtocolError { error_message: text.to_owned(), error_code: 400 }).await
    }

    async fn ack(&mut self, envelope: &Envelope<'_>, result: Result<(), &Error>) -> Result<(), Closing> {
        let text = result.err().map(|error| self.service.settings().text_for_client(error));
        let result = match (&text, result) {
            (Some(text), Err(error)) => Err((text.as_str(), error.code())),
            _ => Ok(()),
        };
        let mut out = Vec::new();
        classic::write_ack(&mut out, envelope.uuid.as_deref(), result);
        self.write_text(out).await
    }

    async fn send<M: ServerMessage>(&mut self, message: &M) -> Result<(), Closing> {
        let outgoing = Outgoing { message_type: M::INFO.message_type, uuid: None, result: None, seen: 0 };
        let mut out = Vec::new();
        Dialect::Classic.write_message(&mut out, message, &outgoing, &mut 0)?;
        self.write_text(out).await
    }

    async fn write_text(&mut self, text: Vec<u8>) -> Result<(), Closing> {
        let text = Utf8Bytes::try_from(text).map_err(|_| Error::internal("an envelope is not UTF-8"))?;
        let limit = self.service.settings().write_timeout;
        match within(limit, self.socket.send(Message::Text(text))).await {
            Some(Ok(())) => Ok(()),
            // Whoever reads nothing, or has gone, is told nothing more.
            _ => Err(Closing::plain(frame::SLOW_CONSUMER)),
        }
    }

    /// Says why, and waits a little for the client's own close frame.
    async fn close(&mut self, code: u16, error: Option<Error>) {
        let limit: Duration = self.service.settings().close_timeout;
        let closed = async {
            let mut reason = String::new();
            if let Some(error) = error {
                match error.source() {
                    Some(source) => tracing::error!(upload = %self.id, error = ?source, "an upload failed"),
                    None => tracing::debug!(upload = %self.id, %error, "an upload connection is closed"),
                }
                reason = self.service.settings().text_for_client(&error);
                let error_code = error.code().unwrap_or_default();
                let _ = self.send(&ProtocolError { error_message: reason.clone(), error_code }).await; // Or it has gone.
            }
            reason.truncate(reason.floor_char_boundary(123));
            let close = CloseFrame { code: code.into(), reason: reason.into() };
            match self.socket.close(Some(close)).await {
                // The rest of the frame: bytes that nobody reads make the system reset the socket, and the close frame is lost.
                Ok(()) if code == frame::TOO_BIG => discard(self.socket.get_mut()).await,
                Ok(()) => while let Some(Ok(_)) = self.socket.next().await {},
                Err(_) => {}
            }
        };
        let _ = timeout(limit, closed).await;
    }
}

/// Reads to the end.
async fn discard(wire: &mut Wire) {
    let read = |context: &mut Context<'_>| {
        let mut bytes = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut *wire).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    };
    poll_fn(read).await;
}
