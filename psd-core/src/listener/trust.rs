//! Which proxies are believed when they say who their client is.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// Networks whose machines are believed when they say, as proxies do, for whom they speak: a list such as
/// `10.0.0.0/8, ::1, unix`, of which `unix` stands for whoever connects by a Unix socket.
///
/// Only what belongs to the operator may stand here: whoever is believed can claim any address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    unix: bool,
}

/// Addresses that share their first bits; those of IPv4 are mapped into IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: u128,
    bits: u8,
}

impl TrustedProxies {
    /// Whether the machine with this address is believed; `None` stands for a Unix socket.
    #[must_use]
    pub fn contains(&self, address: Option<IpAddr>) -> bool {
        match address {
            Some(address) => self.networks.iter().any(|network| network.contains(mapped(address))),
            None => self.unix,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }
}

impl FromStr for TrustedProxies {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let mut proxies = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            if part.eq_ignore_ascii_case("unix") {
                proxies.unix = true;
            } else {
                proxies.networks.push(part.parse()?);
            }
        }
        Ok(proxies)
    }
}

impl Network {
    fn contains(self, address: u128) -> bool {
        (address ^ self.address).checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork(text.to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), |bits| bits.parse::<u8>().map_err(|_| invalid()))?;
        if bits > width {
            return Err(invalid());
        }
        Ok(Self { address: mapped(address), bits: bits + (128 - width) })
    }
}

/// IPv4 as IPv6 writes it, so that a listener on `::` and one on `0.0.0.0` see the same client.
fn mapped(address: IpAddr) -> u128 {
    let address: Ipv6Addr = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    address.to_bits()
}

/// A text that names no network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidNetwork(String);

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is neither an address, nor a network such as `10.0.0.0/8`, nor `unix`", self.0)
    }
}

impl std::error::Error for InvalidNetwork {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(proxies: &str, address: &str, expected: bool) {
        let proxies: TrustedProxies = proxies.parse().expect("well formed");
        let address = (address != "unix").then(|| address.parse().expect("an address"));
        assert_eq!(proxies.contains(address), expected, "{address:?} in {proxies:?}");
    }

    #[test]
    fn networks() {
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.0/8", "::ffff:10.1.2.3", true);
        check("10.1.2.3", "10.1.2.3", true);
        check("10.1.2.3", "10.1.2.2", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("::/0", "203.0.113.9", true);
        check("2001:db8::/33, ::1", "2001:db8:7fff::1", true);
        check("2001:db8::/33, ::1", "2001:db8:8000::1", false);
        check("2001:db8::/33, ::1", "::1", true);
        check("::1", "unix", false);
        check("unix", "unix", true);
        check("", "127.0.0.1", false);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["10.0.0.0/33", "::/129", "localhost", "10.0.0/8", "10.0.0.0/", "1.2.3.4/-1"] {
            let error = text.parse::<TrustedProxies>().expect_err(text);
            let expected = format!("`{text}` is neither an address, nor a network such as `10.0.0.0/8`, nor `unix`");
            assert_eq!(error.to_string(), expected);
        }
    }
}
