//! Who may come and who may open a connection: decided by numbers alone, before any work is done for it.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    keyed::Keyed,
    rate::{Bucket, Clock},
};
use crate::Settings;

/// When a client is told to come back that was refused because there are too many connections.
const RETRY_FULL: Duration = Duration::from_secs(5);

/// Counts connections and handshakes, in all and from each address.
pub(crate) struct Admission {
    clock: Clock,
    connections: Arc<AtomicUsize>,
    handshakes: Bucket,
    addresses: Keyed<IpAddr, Address>,
}

#[derive(Default)]
struct Address {
    connections: Arc<AtomicUsize>,
    /// Sockets that are not WebSockets, or not yet.
    visitors: Arc<AtomicUsize>,
    handshakes: Bucket,
}

/// A connection that was let in; counted until it is dropped.
pub(crate) struct Admitted {
    _all: Counted,
    /// The address is remembered as long as it is counted.
    _address: Option<(Counted, Arc<Address>)>,
}

/// A socket that is no connection, or not yet; counted for its address until it is dropped.
pub(crate) struct Visiting {
    _counted: Counted,
    _address: Arc<Address>,
}

/// Which of the rates have counted a handshake already.
#[derive(Debug, Default)]
pub(crate) struct Paid {
    all: bool,
    address: bool,
}

/// Why nobody is let in now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The server is full.
    Full,
    /// Too many handshakes at the server; how long it takes until it takes another.
    Busy(Duration),
    /// The address has too many connections.
    AddressFull,
    /// Too many handshakes from the address; how long it takes until another is taken.
    AddressBusy(Duration),
}

impl Admission {
    pub(crate) fn new() -> Self {
        Self {
            clock: Clock::new(),
            connections: Arc::default(),
            handshakes: Bucket::default(),
            addresses: Keyed::new(),
        }
    }

    /// Counts a socket for the address that it is of.
    ///
    /// # Errors
    /// The address has too many.
    pub(crate) fn visit(&self, settings: &Settings, address: IpAddr) -> Result<Option<Visiting>, Refused> {
        if settings.http_connections_per_address == 0 {
            return Ok(None);
        }
        let address = self.address(address);
        let counted = Counted::new(&address.visitors, settings.http_connections_per_address);
        Ok(Some(Visiting { _counted: counted.ok_or(Refused::AddressFull)?, _address: address }))
    }

    /// Counts a handshake before anything else is known of it, of the address if it is known already.
    ///
    /// # Errors
    /// The first rate that refuses: that of the address first, so that one address cannot use up what is everybody's.
    #[cfg_attr(not(any(feature = "tls", test)), expect(dead_code, reason = "only TLS costs anything that early"))]
    pub(crate) fn handshake(&self, settings: &Settings, peer: Option<IpAddr>) -> Result<Paid, Refused> {
        let now = self.clock.now();
        if let Some(peer) = peer.filter(|_| !settings.handshakes_per_address.is_unlimited()) {
            let handshakes = &self.address(peer).handshakes;
            handshakes.take(settings.handshakes_per_address, now).map_err(Refused::AddressBusy)?;
        }
        self.handshakes.take(settings.handshakes, now).map_err(Refused::Busy)?;
        Ok(Paid { all: true, address: peer.is_some() })
    }

    /// Lets a connection in. A handshake that is refused counts for the rates that were looked at before.
    ///
    /// # Errors
    /// The first limit that refuses: those of the address first, as above.
    pub(crate) fn admit(&self, settings: &Settings, peer: Option<IpAddr>, paid: &Paid) -> Result<Admitted, Refused> {
        let now = self.clock.now();
        let limits_addresses = settings.connections_per_address > 0 || !settings.handshakes_per_address.is_unlimited();
        let address = match peer.filter(|_| limits_addresses) {
            Some(peer) => {
                let address = self.address(peer);
                if !paid.address {
                    address.handshakes.take(settings.handshakes_per_address, now).map_err(Refused::AddressBusy)?;
                }
                let counted = Counted::new(&address.connections, settings.connections_per_address);
                Some((counted.ok_or(Refused::AddressFull)?, address))
            }
            None => None,
        };
        if !paid.all {
            self.handshakes.take(settings.handshakes, now).map_err(Refused::Busy)?;
        }
        let all = Counted::new(&self.connections, settings.max_connections).ok_or(Refused::Full)?;
        Ok(Admitted { _all: all, _address: address })
    }

    fn address(&self, address: IpAddr) -> Arc<Address> {
        let now = self.clock.now();
        self.addresses.get(network(address), |address| !address.handshakes.is_full(now))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, wait, text) = match self {
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, RETRY_FULL, "the server has too many connections"),
            Self::Busy(wait) => (StatusCode::SERVICE_UNAVAILABLE, wait, "too many connections are being opened"),
            Self::AddressFull => (StatusCode::TOO_MANY_REQUESTS, RETRY_FULL, "your address has too many connections"),
            Self::AddressBusy(wait) => (StatusCode::TOO_MANY_REQUESTS, wait, "your address opens too many connections"),
        };
        let seconds = HeaderValue::from(wait.as_secs() + 1);
        (status, [(header::RETRY_AFTER, seconds)], text).into_response()
    }
}

/// Counted in a number until it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    /// `None` if there are `limit` already; 0 is no limit.
    fn new(number: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let most = if limit == 0 { usize::MAX } else { limit };
        let next = |count| (count < most).then_some(count + 1);
        number.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok().map(|_| Self(number.clone()))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What counts as one address: of IPv6 the network of 64 bits, all of which a client may have to itself.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rate;

    #[track_caller]
    fn admit(admission: &Admission, settings: &Settings, address: &str) -> Result<Admitted, Refused> {
        admission.admit(settings, Some(address.parse().expect("it is an address")), &Paid::default())
    }

    #[test]
    fn the_server_may_be_full() {
        let (admission, settings) = (Admission::new(), Settings::default().max_connections(2));
        let first = admission.admit(&settings, None, &Paid::default()).ok();
        let _second = admission.admit(&settings, None, &Paid::default()).expect("there is room for two");
        assert_eq!(admission.admit(&settings, None, &Paid::default()).err(), Some(Refused::Full));
        drop(first);
        assert!(admission.admit(&settings, None, &Paid::default()).is_ok(), "one has left");
    }

    #[test]
    fn an_address_may_have_so_many() {
        let (admission, settings) = (Admission::new(), Settings::default().connections_per_address(1));
        let held = ["192.0.2.1", "192.0.2.2", "2001:db8:1:1::1", "2001:db8:1:2::1"];
        let _held = held.map(|address| admit(&admission, &settings, address).expect("each has its own"));
        for address in ["192.0.2.1", "::ffff:192.0.2.2", "2001:db8:1:1:ffff::9"] {
            assert_eq!(admit(&admission, &settings, address).err(), Some(Refused::AddressFull), "{address}");
        }
        assert!(admission.admit(&settings, None, &Paid::default()).is_ok(), "who has no address is not counted");
    }

    #[tokio::test(start_paused = true)]
    async fn handshakes_come_at_a_rate() {
        let settings = Settings::default().handshakes(Rate::per_second(3)).handshakes_per_address(Rate::per_second(2));
        let admission = Admission::new();
        for _ in 0..2 {
            assert!(admit(&admission, &settings, "192.0.2.1").is_ok());
        }
        assert!(matches!(admit(&admission, &settings, "192.0.2.1").err(), Some(Refused::AddressBusy(_))));
        assert!(admit(&admission, &settings, "192.0.2.2").is_ok(), "others are let in");
        assert!(matches!(admit(&admission, &settings, "192.0.2.2").err(), Some(Refused::Busy(_))));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(admit(&admission, &settings, "192.0.2.1").is_ok());
    }

    #[test]
    fn what_was_counted_at_the_door_is_not_counted_again() {
        let settings = Settings::default().handshakes(Rate::per_hour(2)).handshakes_per_address(Rate::per_hour(1));
        let admission = Admission::new();
        let address = Some([192, 0, 2, 1].into());
        let paid = admission.handshake(&settings, address).expect("it is the first");
        assert!(admission.admit(&settings, address, &paid).is_ok());
        assert!(matches!(admission.handshake(&settings, address).err(), Some(Refused::AddressBusy(_))));
        // Behind a proxy the address is known only when the request has come.
        let paid = admission.handshake(&settings, None).expect("it is the second of all");
        assert!(matches!(admission.admit(&settings, address, &paid).err(), Some(Refused::AddressBusy(_))));
        assert!(admission.admit(&settings, Some([192, 0, 2, 2].into()), &paid).is_ok());
        assert!(matches!(admission.handshake(&settings, None).err(), Some(Refused::Busy(_))));
    }

    #[test]
    fn an_address_may_have_so_many_sockets_that_are_no_connections() {
        let settings = Settings::default().http_connections_per_address(1).connections_per_address(1);
        let admission = Admission::new();
        let visit = |address: [u8; 4]| admission.visit(&settings, address.into());
        let first = visit([192, 0, 2, 1]).expect("it is the first");
        assert_eq!(visit([192, 0, 2, 1]).err(), Some(Refused::AddressFull));
        assert!(visit([192, 0, 2, 2]).is_ok());
        let _connection = admit(&admission, &settings, "192.0.2.1").expect("they are counted apart");
        drop(first);
        assert!(visit([192, 0, 2, 1]).is_ok());
    }
}
