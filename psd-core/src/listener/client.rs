//! Who the client is when proxies stand before the server.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderName, header::FORWARDED},
};

use super::trust::TrustedProxies;
use crate::Settings;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The header in which trusted proxies say for whom they speak. One only: what a proxy does not write itself it passes
/// on from its client, who may have written anything into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    pub(super) peer: Peer,
    /// Whether the client's connection is encrypted.
    pub(crate) is_secure: bool,
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The port is 0 where a proxy did not say it.
    Address(SocketAddr),
    /// Somebody on this machine, by a Unix socket.
    Unix,
    /// Somebody else's server does not say. Nobody knows what he may be trusted with.
    Unknown,
}

impl Peer {
    pub(super) fn is_trusted(self, proxies: &TrustedProxies) -> bool {
        match self {
            Self::Address(address) => proxies.contains(Some(address.ip())),
            Self::Unix => proxies.contains(None),
            Self::Unknown => false,
        }
    }
}

impl Client {
    /// Whoever a socket of ours comes from. IPv4 is written as such, also where the port is one of IPv6.
    pub(super) fn at(address: SocketAddr) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        Self { peer: Peer::Address(address), is_secure: false }
    }

    pub(super) const fn by_unix_socket() -> Self {
        Self { peer: Peer::Unix, is_secure: false }
    }

    pub(crate) fn address(self) -> Option<SocketAddr> {
        match self.peer {
            Peer::Address(address) => Some(address),
            Peer::Unix | Peer::Unknown => None,
        }
    }

    /// The address, unless it is that of a proxy, which may stand for many.
    pub(super) fn own_address(self, settings: &Settings) -> Option<IpAddr> {
        self.address().map(|address| address.ip()).filter(|_| !self.peer.is_trusted(&settings.trusted_proxies))
    }

    /// Whose a request is; in somebody else's server, whom its proxies speak for is found out here.
    pub(crate) fn of(request: &Request, settings: &Settings) -> Self {
        if let Some(client) = request.extensions().get::<Self>() {
            return *client;
        }
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let client = peer.map_or(Self { peer: Peer::Unknown, is_secure: false }, |peer| Self::at(peer.0));
        client.forwarded(request.headers(), settings)
    }

    /// The client behind this peer: the rightmost address that no trusted proxy has. Whoever is not trusted speaks for
    /// himself; from what is malformed on nothing is believed.
    pub(super) fn forwarded(self, headers: &HeaderMap, settings: &Settings) -> Self {
        let trusted = &settings.trusted_proxies;
        if trusted.is_empty() || !self.peer.is_trusted(trusted) {
            return self;
        }
        match settings.forwarded_header {
            ForwardedHeader::XForwardedFor => self.x_forwarded_for(headers, trusted),
            ForwardedHeader::Forwarded => self.rfc_7239(headers, trusted),
        }
    }

    fn x_forwarded_for(mut self, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        // What the nearest proxy says of the scheme. Several values come from several proxies, the nearest last.
        if let Some(scheme) = values(headers, &X_FORWARDED_PROTO).last() {
            self.is_secure = is_secure(scheme);
        }
        for hop in values(headers, &X_FORWARDED_FOR).rev() {
            let Some(address) = node(hop) else { break };
            self.peer = Peer::Address(address);
            if !trusted.contains(Some(address.ip())) {
                break;
            }
        }
        self
    }

    fn rfc_7239(mut self, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        for element in values(headers, &FORWARDED).rev() {
            let (mut address, mut scheme) = (None, None);
            for pair in element.split(';') {
                let Some((name, value)) = pair.split_once('=') else { return self };
                let value = value.trim().trim_matches('"');
                match name.trim() {
                    name if name.eq_ignore_ascii_case("for") => address = node(value),
                    name if name.eq_ignore_ascii_case("proto") => scheme = Some(is_secure(value)),
                    _ => {}
                }
            }
            // `unknown`, `_hidden` and what is malformed end the chain at the proxy that wrote it.
            let Some(address) = address else { break };
            self = Self { peer: Peer::Address(address), is_secure: scheme.unwrap_or(self.is_secure) };
            if !trusted.contains(Some(address.ip())) {
                break;
            }
        }
        self
    }
}

/// The values of a list that may be spread over several header fields; a field that is not text is one empty value.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl DoubleEndedIterator<Item = &'a str> {
    let fields: Vec<&str> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    fields.into_iter().flat_map(|field| field.split(',')).map(str::trim)
}

fn is_secure(scheme: &str) -> bool {
    ["https", "wss"].iter().any(|secure| scheme.eq_ignore_ascii_case(secure))
}

/// An address as proxies write it: with or without a port, IPv6 with or without brackets.
fn node(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().map(|address| SocketAddr::new(address, 0));
    let address = address.or_else(|_| text.parse::<SocketAddr>()).ok()?;
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: ForwardedHeader, fields: &[(&'static str, &str)], expected: (&str, bool)) {
        let trusted = "10.0.0.0/8, 2001:db8::/32".parse().expect("well formed");
        let settings = Settings::default().trusted_proxies(trusted).forwarded_header(header);
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), value.parse().expect("a header value"));
        }
        let peer = Client::at(([10, 0, 0, 1], 5000).into());
        let expected = Client { is_secure: expected.1, ..Client::at(expected.0.parse().expect("an address")) };
        assert_eq!(peer.forwarded(&headers, &settings), expected, "{fields:?}");
    }

    #[test]
    fn x_forwarded_for() {
        let check = |fields: &[(&'static str, &str)], expected| check(ForwardedHeader::XForwardedFor, fields, expected);
        check(&[], ("10.0.0.1:5000", false));
        check(&[("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")], ("203.0.113.9:0", true));
        // What the client itself wrote stands on the left.
        check(&[("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.2.0.1")], ("203.0.113.9:0", false));
        check(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9")], ("203.0.113.9:0", false));
        check(&[("x-forwarded-for", "203.0.113.9:4711")], ("203.0.113.9:4711", false));
        check(&[("x-forwarded-for", "[2001:db9::1]:4711, 2001:db8::1")], ("[2001:db9::1]:4711", false));
        check(&[("x-forwarded-for", "10.1.1.1, 10.2.2.2")], ("10.1.1.1:0", false));
        check(&[("x-forwarded-for", "203.0.113.9, nonsense, 10.2.2.2")], ("10.2.2.2:0", false));
        check(&[("x-forwarded-for", "")], ("10.0.0.1:5000", false));
        // The other header is the client's own.
        check(&[("forwarded", "for=1.1.1.1")], ("10.0.0.1:5000", false));
        check(&[("x-forwarded-proto", "https, http")], ("10.0.0.1:5000", false));
    }

    #[test]
    fn rfc_7239() {
        let check = |fields: &[(&'static str, &str)], expected| check(ForwardedHeader::Forwarded, fields, expected);
        check(&[("forwarded", "for=203.0.113.9;proto=https;by=10.0.0.1")], ("203.0.113.9:0", true));
        check(
            &[("forwarded", "for=1.1.1.1, FOR=\"203.0.113.9:80\"; Proto=HTTPS, for=10.1.1.1")],
            ("203.0.113.9:80", true),
        );
        check(&[("forwarded", "for=\"[2001:db9::1]:4711\"")], ("[2001:db9::1]:4711", false));
        check(&[("forwarded", "for=203.0.113.9, for=unknown, for=10.1.1.1")], ("10.1.1.1:0", false));
        check(&[("forwarded", "nonsense")], ("10.0.0.1:5000", false));
        check(&[("x-forwarded-for", "1.1.1.1")], ("10.0.0.1:5000", false));
    }

    #[test]
    fn whoever_is_not_trusted_speaks_for_himself() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, "1.1.1.1".parse().expect("a header value"));
        headers.insert(X_FORWARDED_PROTO, "https".parse().expect("a header value"));
        let peer = Client::at(([203, 0, 113, 9], 5000).into());
        for trusted in ["", "10.0.0.0/8", "unix"] {
            let settings = Settings::default().trusted_proxies(trusted.parse().expect("well formed"));
            assert_eq!(peer.forwarded(&headers, &settings), peer);
        }
        let settings = Settings::default().trusted_proxies("unix".parse().expect("well formed"));
        let expected = Client { is_secure: true, ..Client::at(([1, 1, 1, 1], 0).into()) };
        assert_eq!(Client::by_unix_socket().forwarded(&headers, &settings), expected);
        // A server that does not say who its peers are may serve anybody.
        let unknown = Client { peer: Peer::Unknown, is_secure: false };
        assert_eq!(unknown.forwarded(&headers, &settings), unknown);
    }
}
