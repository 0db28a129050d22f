//! What happens before a connection's first message, and the time that hooks have.

use std::{future::Future, panic::AssertUnwindSafe, pin::Pin, time::Duration};

use futures_util::FutureExt as _;

use super::{Connection, Handshake};
use crate::{Error, consumer::Credential, continue_::panicked, dispatch};

/// What is to be awaited before a connection's first message.
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<(), Box<Error>>> + Send>>;

/// Opens a connection, to be awaited by its task.
pub(super) fn opening(connection: Connection, handshake: Box<Handshake>, token: Option<String>) -> Opening {
    // A hook that panics may be what keeps strangers out: it lets nobody in.
    let opening = AssertUnwindSafe(open(connection, handshake, token)).catch_unwind();
    // Not an async block: it would have room for what it awaits twice.
    Box::pin(opening.map(|opened| opened.unwrap_or_else(|panic| Err(panicked(&*panic))).map_err(Box::new)))
}

/// What the consumer does about a new connection: who it is, groups, and its own hook.
async fn open(connection: Connection, handshake: Box<Handshake>, token: Option<String>) -> Result<(), Error> {
    let shared = &connection.shared;
    let spec = shared.endpoint.spec;
    let timeout = shared.server.settings().handler_timeout;
    let credential = match token {
        Some(token) => Some(Credential::Token(token)),
        None => in_time("authenticate", timeout, (spec.authenticate)(&shared.server, &handshake)).await??,
    };
    match credential {
        Some(Credential::Token(token)) => dispatch::verify(shared.clone(), token).await?,
        Some(Credential::Identity(identity)) => shared.authenticate(None, Some(identity)),
        None => {}
    }
    if spec.requires_auth && shared.identity().is_none() {
        return Err(Error::unauthenticated());
    }
    // Only now: nobody gets what is published there before it is known who it is.
    for group in (spec.default_groups)(&connection) {
        match shared.join(&group) {
            Ok(()) => {}
            Err(error) if error.code() == Some(403) => {
                tracing::debug!(connection = %shared.id, %group, "a default group does not admit the connection");
            }
            Err(error) => {
                tracing::error!(connection = %shared.id, consumer = spec.name, %group, %error, "bad default group");
            }
        }
    }
    let opening = (spec.on_connect)(connection.clone(), *handshake);
    in_time("on_connect", timeout, opening).await?
}

/// A hook has as long as a handler: what waits for it must not wait forever.
pub(super) async fn in_time<T>(hook: &str, timeout: Duration, future: impl Future<Output = T>) -> Result<T, Error> {
    let late = || Error::internal(format!("`{hook}` did not finish within {} s", timeout.as_secs_f64()));
    dispatch::within(timeout, future).await.ok_or_else(late)
}
