//! WebSocket handshakes that are read straight from the socket.
//!
//! Nearly everybody who comes by a public door asks for a WebSocket, in one segment. HTTP in all its generality, a router and
//! tasks to hand the socket over cost more than all else of such a handshake, so it is answered without them. Whatever is not
//! plainly one goes to hyper together with what was read of it, and is answered there, also where a handshake is refused.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Poll, ready},
};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    response::Response,
};
use bytes::Bytes;
use httparse::{EMPTY_HEADER, Status};
use tokio::io::{AsyncRead, ReadBuf};

use super::{
    client::Client,
    http::Site,
    upgrade::{Accepted, Asked},
    visit::{Fare, Visit},
};
use crate::consumer::Endpoint;

/// Bytes that are read at first. A longer head goes to hyper.
pub(super) const HEAD: usize = 4 * 1024;
/// Header fields of a head. One with more goes to hyper.
const FIELDS: usize = 48;

/// What the first bytes of a socket come to.
pub(super) enum Met {
    /// A WebSocket, to be opened with what was read beyond the handshake.
    Handshake(Accepted, Bytes),
    /// For hyper.
    Http(Came),
}

/// What was read of a socket before hyper gets it.
#[derive(Default)]
pub(super) struct Came {
    pub(super) bytes: Bytes,
    /// What its first request is answered with, where that is known.
    pub(super) answer: Option<Response>,
}

/// Reads what a socket says first. Cancellation safe: what was read is returned by the poll that has read it.
///
/// # Errors
/// The socket is broken.
pub(super) async fn meet<S: AsyncRead + Unpin>(
    site: &Site,
    visit: &Visit,
    stream: &mut S,
    client: Client,
) -> io::Result<Met> {
    let bytes = poll_fn(|context| {
        let mut head = [MaybeUninit::uninit(); HEAD];
        let mut head = ReadBuf::uninit(&mut head);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut head))?;
        Poll::Ready(io::Result::Ok(Bytes::copy_from_slice(head.filled())))
    })
    .await?;
    Ok(judge(site, Some(&visit.fare), bytes, client))
}

/// Says what was read of a socket comes to. `fare` is what the socket has been counted for already.
pub(super) fn judge(site: &Site, fare: Option<&Fare>, bytes: Bytes, client: Client) -> Met {
    let Some((endpoint, asked, length)) = read(site, &bytes) else {
        return Met::Http(Came { bytes, answer: None });
    };
    let client = client.forwarded(&asked.headers, site.server.settings());
    match Accepted::new(&site.server, endpoint, asked, client, fare) {
        Ok(accepted) => Met::Handshake(accepted, bytes.slice(length..)),
        Err((reason, answer)) => {
            site.server.0.metrics.refused_handshakes.add(reason);
            Met::Http(Came { bytes, answer: Some(answer) })
        }
    }
}

/// The request and its length, if it is a whole one that asks for a WebSocket of an endpoint, and nothing else.
fn read<'a>(site: &'a Site, bytes: &Bytes) -> Option<(&'a Arc<Endpoint>, Asked, usize)> {
    let mut fields = [EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let Ok(Status::Complete(length)) = request.parse(bytes) else { return None };
    let (Some("GET"), Some(target), Some(1)) = (request.method, request.path, request.version) else { return None };
    // A path with captures is a matter of the router.
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let endpoint = site.endpoints.iter().find(|endpoint| endpoint.spec.path == path)?;
    let uri = Uri::from_maybe_shared(part(bytes, target.as_bytes())?).ok()?;
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for field in &*request.headers {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_maybe_shared(part(bytes, field.value)?).ok()?);
    }
    let has_more = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT];
    let is_plain = !has_more.iter().any(|name| headers.contains_key(name)) && headers.contains_key(header::UPGRADE);
    is_plain.then_some((endpoint, Asked { method: Method::GET, uri, headers }, length))
}

/// The part of `bytes` that the parser has lent out, without a copy.
fn part(bytes: &Bytes, part: &[u8]) -> Option<Bytes> {
    let start = (part.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize)?;
    let end = start.checked_add(part.len()).filter(|end| *end <= bytes.len())?;
    Some(bytes.slice(start..end))
}
