//! The headers of a request.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use psd_proto::envelope::Envelope;
use tracing::{Span, field::Empty};

use super::shown;
use crate::{codec::owned, trace_context};

/// The headers of a request, as its client wrote them.
///
/// The token is not among them: handlers see who is authenticated, never by what secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestHeaders {
    /// The route.
    pub message_type: Cow<'static, str>,
    /// What the client calls this request; replies and the ack carry it.
    pub uuid: Option<Box<str>>,
    /// When the event happened, by the client's clock. Browsers write milliseconds, Flutter seconds; told apart by
    /// size.
    pub event_time: Option<SystemTime>,
    /// When the message was sent, by the client's clock.
    pub local_time: Option<SystemTime>,
    /// Whether the client asked for an ack.
    pub ack: bool,
    /// How often the client sent this message before.
    pub retry_count: u32,
    /// The version of the application's contract that the client speaks; 0 if it does not say.
    pub api_version: u32,
    /// The W3C trace context of the request (v1): a `traceparent`, if the client sent one that is well formed.
    pub traceparent: Option<Box<str>>,
}

impl RequestHeaders {
    /// Keeps those of an envelope, whose type may be known to the program.
    pub(super) fn of(envelope: &Envelope<'_>, message_type: Option<&'static str>) -> Self {
        Self {
            message_type: message_type.map_or_else(|| envelope.message_type.clone().into_owned().into(), Cow::Borrowed),
            uuid: owned(envelope.uuid.as_ref()),
            event_time: envelope.event_time.and_then(time),
            local_time: envelope.local_time.and_then(time),
            ack: envelope.ack,
            retry_count: envelope.retry_count,
            api_version: envelope.api_version,
            traceparent: owned(envelope.traceparent.as_ref().filter(|text| trace_context::parse(text).is_some())),
        }
    }

    /// The trace that the request belongs to, in 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        trace_context::parse(self.traceparent.as_deref()?).map(|(trace, _)| trace)
    }

    /// The span of the client that the request was sent in, in 16 hexadecimal digits.
    #[must_use]
    pub fn parent_id(&self) -> Option<&str> {
        trace_context::parse(self.traceparent.as_deref()?).map(|(_, parent)| parent)
    }

    /// A span for everything that is done for the request; costs a look at a flag where nobody wants it.
    pub(super) fn span(&self) -> Span {
        tracing::debug_span!(
            "request",
            message_type = %shown(&self.message_type),
            uuid = self.uuid.as_deref().map(shown),
            trace_id = self.trace_id(),
            parent_id = self.parent_id(),
            user = Empty,
            outcome = Empty,
            duration_ms = Empty,
        )
    }
}

/// Takes milliseconds and seconds since 1970: no clock of seconds reaches 10^11 before the year 5138.
fn time(value: f64) -> Option<SystemTime> {
    let is_milliseconds = value >= 1e11;
    let duration = match value as u64 {
        // Nearly all are whole numbers.
        whole if whole as f64 == value && whole < 1 << 53 => {
            if is_milliseconds {
                Duration::from_millis(whole)
            } else {
                Duration::from_secs(whole)
            }
        }
        _ => Duration::try_from_secs_f64(if is_milliseconds { value / 1000.0 } else { value }).ok()?,
    };
    SystemTime::UNIX_EPOCH.checked_add(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_396_112);
        assert_eq!(time(1_795_396_112_000.0), Some(expected));
        assert_eq!(time(1_795_396_112.0), Some(expected));
        assert_eq!(time(1_795_396_112_250.0), Some(expected + Duration::from_millis(250)));
        assert_eq!(time(1_795_396_112.25), Some(expected + Duration::from_millis(250)));
        assert_eq!(time(-1.0), None);
        assert_eq!(time(f64::NAN), None);
        assert_eq!(time(1e300), None);
    }
}
