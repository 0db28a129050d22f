//! From an endpoint to a connection that has been greeted: which dialect, as whom, under which terms.

use std::{sync::Arc, time::Duration};

use psd_proto::{common::psd::v1::Welcome, json::AnyTypes};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use crate::{
    body,
    builder::Settings,
    dialect::{self, Dialect},
    envelope::Envelope,
    error::{Disconnect, Error},
    socket::{Endpoint, Socket, Unopened},
    trace::Direction,
    transport::Transport,
};

/// The entry by which a client says that it can compress and decompress.
const COMPRESSES: &str = "psd.compress.deflate-raw";
/// What stands before a token in the list of subprotocols.
const TOKEN: &str = "psd.token.";

/// A connection at its beginning.
pub(crate) struct Opened<S> {
    pub(crate) socket: Socket<S>,
    pub(crate) terms: Terms,
    /// The token that was sent with the handshake.
    pub(crate) token: Option<Arc<str>>,
    /// What came in the frame of the welcome, behind it.
    pub(crate) rest: Vec<Result<Envelope, Error>>,
}

/// What was agreed on.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) dialect: Dialect,
    /// The server's greeting (v1).
    pub(crate) welcome: Option<Arc<Welcome>>,
}

impl Terms {
    /// From how many bytes on bodies are compressed, if they may be.
    pub(crate) fn compress_from(&self) -> Option<usize> {
        let welcome = self.welcome.as_ref().filter(|welcome| welcome.compression == "deflate-raw")?;
        Some(usize::try_from(welcome.compress_from).unwrap_or(usize::MAX))
    }

    /// The largest frame the server takes, if it said so.
    pub(crate) fn max_frame_bytes(&self) -> Option<usize> {
        let limit = self.welcome.as_ref()?.max_frame_bytes;
        usize::try_from(limit).ok().filter(|limit| *limit > 0)
    }

    /// The longest time in which the server wants to hear something, if it said so.
    pub(crate) fn heartbeat(&self) -> Option<Duration> {
        let interval = self.welcome.as_ref()?.heartbeat_ms;
        Some(Duration::from_millis(interval.into())).filter(|interval| !interval.is_zero())
    }
}

/// Opens a connection, and in v1 waits for the welcome, all within [`Settings::connect_timeout`].
pub(crate) async fn open<T: Transport>(
    endpoint: &Endpoint,
    transport: &T,
    settings: &Settings,
    token: Option<Arc<str>>,
) -> Result<Opened<T::Stream>, Disconnect> {
    let within = settings.connect_timeout;
    timeout(within, shake_hands(endpoint, transport, settings, token))
        .await
        .unwrap_or_else(|_| Err(endpoint.unreachable(format!("no answer within {within:?}"))))
}

async fn shake_hands<T: Transport>(
    endpoint: &Endpoint,
    transport: &T,
    settings: &Settings,
    token: Option<Arc<str>>,
) -> Result<Opened<T::Stream>, Disconnect> {
    // One that may not stand there goes with the first message instead.
    let token = token.filter(|token| check_token(token).is_ok());
    let offer = offer(settings.dialect, token.as_deref());
    let (mut socket, chosen) = match endpoint.open(transport, settings.frame_limit, offer.as_deref()).await {
        Ok(opened) => opened,
        Err(Unopened::Failed(reason)) => return Err(reason),
        Err(Unopened::NoSubprotocol) => match settings.dialect {
            Some(wanted) => return Err(Disconnect::Dialect(wanted)),
            None => match endpoint.open(transport, settings.frame_limit, None).await {
                Ok(opened) => opened,
                Err(Unopened::Failed(reason)) => return Err(reason),
                Err(Unopened::NoSubprotocol) => return Err(Disconnect::Dialect(Dialect::Classic)),
            },
        },
    };
    let dialect = Dialect::of_subprotocol(chosen.as_deref())
        .ok_or_else(|| endpoint.unreachable(format!("it chose the subprotocol `{}`", chosen.unwrap_or_default())))?;
    if dialect == Dialect::Classic {
        return Ok(Opened { socket, terms: Terms { dialect, welcome: None }, token: None, rest: Vec::new() });
    }
    let (welcome, rest) = welcome(&mut socket, dialect, settings).await?;
    let terms = Terms { dialect, welcome: Some(Arc::new(welcome)) };
    Ok(Opened { socket, terms, token, rest })
}

/// The list of subprotocols, most wanted first.
fn offer(wanted: Option<Dialect>, token: Option<&str>) -> Option<String> {
    let dialects = wanted.as_ref().map_or(&Dialect::OFFERED[..], std::slice::from_ref);
    let mut entries: Vec<String> =
        dialects.iter().filter_map(|dialect| dialect.subprotocol()).map(str::to_owned).collect();
    if entries.is_empty() {
        return None;
    }
    if dialects.contains(&Dialect::V1Proto) {
        entries.push(COMPRESSES.to_owned());
    }
    entries.extend(token.map(|token| format!("{TOKEN}{token}")));
    Some(entries.join(", "))
}

/// Reads the server's first envelope.
async fn welcome<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<S>,
    dialect: Dialect,
    settings: &Settings,
) -> Result<(Welcome, Vec<Result<Envelope, Error>>), Disconnect> {
    loop {
        let Some(frame) = socket.receiver.next().await? else { continue };
        settings.tracer.show(Direction::Received, dialect, &frame);
        let mut envelopes = dialect::decode(dialect, frame, settings.frame_limit).into_iter();
        let not_greeted = |what: String| Disconnect::Lost(format!("the server did not begin with a welcome: {what}"));
        return match envelopes.next() {
            None => continue,
            Some(Ok(envelope)) if envelope.message_type() == "psd.welcome" => {
                let welcome =
                    body::read(&envelope, AnyTypes::default()).map_err(|error| not_greeted(error.to_string()))?;
                Ok((welcome, envelopes.collect()))
            }
            Some(Ok(envelope)) => Err(not_greeted(format!("it sent `{}`", envelope.message_type()))),
            Some(Err(error)) => Err(not_greeted(error.to_string())),
        };
    }
}

/// Whether a token may be part of an entry of `Sec-WebSocket-Protocol`: a token in the words of RFC 9110, section 5.6.2.
pub(crate) fn check_token(token: &str) -> Result<(), Error> {
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character);
    match token.chars().find(|character| !is_allowed(*character)) {
        _ if token.is_empty() => Err(Error::Token { reason: "it is empty".to_owned() }),
        Some(character) => Err(Error::Token { reason: format!("{character:?} may not stand there") }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers() {
        for (wanted, token, expected) in [
            (None, None, Some("psd.v1.proto, psd.v1.json, psd.compress.deflate-raw")),
            (None, Some("t.1"), Some("psd.v1.proto, psd.v1.json, psd.compress.deflate-raw, psd.token.t.1")),
            (Some(Dialect::V1Json), Some("t"), Some("psd.v1.json, psd.token.t")),
            (Some(Dialect::V1Proto), None, Some("psd.v1.proto, psd.compress.deflate-raw")),
            (Some(Dialect::Classic), Some("t"), None),
        ] {
            assert_eq!(offer(wanted, token).as_deref(), expected);
        }
    }

    #[test]
    fn tokens_that_cannot_stand_in_a_list() {
        for token in ["eyJh.bGci-_.x", "a~b|c", "!#$%&'*+-.^_`|~"] {
            assert!(check_token(token).is_ok(), "{token}");
        }
        for (token, expected) in [
            ("", "it is empty"),
            ("a,b", "',' may not stand there"),
            ("YQ==", "'=' may not stand there"),
            ("a b", "' ' may not stand there"),
            ("a\nb", "'\\n' may not stand there"),
            ("é", "'é' may not stand there"),
        ] {
            match check_token(token) {
                Err(Error::Token { reason }) => assert_eq!(reason, expected),
                other => panic!("{other:?}"),
            }
        }
    }
}
