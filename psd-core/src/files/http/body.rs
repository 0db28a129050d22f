//! The body of a request, into an upload.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use crate::{Error, Server, files::writer::Writer};

/// What is read of a body that is of no use any more, so that its client hears why: bytes, and for how long.
const LINGER: (usize, Duration) = (1024 * 1024, Duration::from_secs(2));

pub(super) struct Incoming {
    stream: BodyDataStream,
    is_over: bool,
}

impl Incoming {
    pub(super) fn new(body: Body) -> Self {
        Self { stream: body.into_data_stream(), is_over: false }
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// It ends too early (400), pauses for too long (408), somebody else wants the upload (423), the server shuts down (503),
    /// or as [`Writer::write`].
    pub(super) async fn write_to(&mut self, writer: &mut Writer, server: &Server) -> Result<(), Error> {
        let (stop, idle) = (writer.stop(), writer.idle());
        loop {
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Error::new(423, "another request works with this upload")),
                () = server.0.draining.cancelled() => return Err(Error::shutting_down()),
                next = timeout(idle, self.stream.next()) => next,
            };
            match next {
                Ok(Some(Ok(chunk))) => writer.write(chunk).await?,
                Ok(None) => {
                    self.is_over = true;
                    return writer.flush().await;
                }
                Ok(Some(Err(error))) => {
                    self.is_over = true;
                    tracing::debug!(%error, "the body of an upload broke off");
                    return Err(Error::new(400, "the request's body broke off"));
                }
                Err(_) => return Err(Error::new(408, "nothing has come for too long")),
            }
        }
    }

    /// Whether there is anything in it.
    pub(super) async fn is_empty(&mut self) -> bool {
        matches!(timeout(LINGER.1, self.stream.next()).await, Ok(None))
    }

    /// Reads on for a moment: a connection that is closed with bytes unread takes the answer with it.
    pub(super) async fn linger(mut self) {
        let rest = async {
            let mut bytes = 0;
            while !self.is_over && bytes < LINGER.0 {
                match self.stream.next().await {
                    Some(Ok(chunk)) => bytes += chunk.len(),
                    _ => return,
                }
            }
        };
        let _ = timeout(LINGER.1, rest).await; // Who sends on has been told.
    }
}
