//! The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): a proxy of TCP says before the first byte of
//! its client who that is.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::io::{AsyncRead, AsyncReadExt as _};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, its end included.
const LINE: usize = 107;
/// The longest header of version 2 that is read; addresses take 36 bytes, the rest is what proxies add.
const REST: usize = 4096;

/// Reads the header that a trusted proxy begins with, and not a byte more; `None` where it speaks for itself, such as to
/// see whether the server lives.
///
/// # Errors
/// There is no header, or it is malformed.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<SocketAddr>> {
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        return version_2(stream).await;
    }
    if !start.starts_with(b"PROXY ") {
        return Err(malformed("it does not begin with a PROXY header"));
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() == LINE {
            return Err(malformed("the line of the PROXY header does not end"));
        }
        line.push(stream.read_u8().await?);
    }
    let line = str::from_utf8(&line).map_err(|_| malformed("the PROXY header is no text"))?;
    version_1(line).ok_or_else(|| malformed("the PROXY header cannot be read"))
}

fn version_1(line: &str) -> Option<Option<SocketAddr>> {
    let mut words = line.trim_end().split(' ').skip(1);
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(None);
    }
    let (source, destination): (IpAddr, IpAddr) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let (port, _): (u16, u16) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let fits = match family {
        "TCP4" => source.is_ipv4() && destination.is_ipv4(),
        "TCP6" => source.is_ipv6() && destination.is_ipv6(),
        _ => false,
    };
    (fits && words.next().is_none()).then(|| Some(address(source, port)))
}

async fn version_2<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<SocketAddr>> {
    let (version, family, length) = (stream.read_u8().await?, stream.read_u8().await?, stream.read_u16().await?);
    let mut rest = vec![0; usize::from(length)];
    if rest.len() > REST {
        return Err(malformed("the PROXY header is too long"));
    }
    stream.read_exact(&mut rest).await?;
    match (version, family) {
        (0x20, _) => Ok(None), // LOCAL
        (0x21, 0x11) if rest.len() >= 12 => {
            let source: [u8; 4] = rest[..4].try_into().map_err(io::Error::other)?;
            Ok(Some(address(Ipv4Addr::from(source).into(), u16::from_be_bytes([rest[8], rest[9]]))))
        }
        (0x21, 0x21) if rest.len() >= 36 => {
            let source: [u8; 16] = rest[..16].try_into().map_err(io::Error::other)?;
            Ok(Some(address(Ipv6Addr::from(source).into(), u16::from_be_bytes([rest[32], rest[33]]))))
        }
        (0x21, 0x00 | 0x31) => Ok(None), // of no family, or by a Unix socket
        _ => Err(malformed("the PROXY header is of an unknown version or family")),
    }
}

fn address(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address.to_canonical(), port)
}

fn malformed(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every header is followed by the beginning of a request, which must stay unread.
    #[track_caller]
    fn check(header: &[u8], expected: Result<Option<&str>, &str>) {
        let bytes = [header, b"GET /"].concat();
        let mut stream = &bytes[..];
        let result = futures_util::FutureExt::now_or_never(read(&mut stream)).expect("memory does not wait");
        match (result, expected) {
            (Ok(address), Ok(expected)) => {
                assert_eq!(address, expected.map(|address| address.parse().expect("an address")));
                assert_eq!(stream, b"GET /");
            }
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
            (result, expected) => panic!("{result:?} is not {expected:?}"),
        }
    }

    fn version_2(version: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).expect("short");
        [&SIGNATURE[..], &[version, family], &length.to_be_bytes(), rest].concat()
    }

    #[test]
    fn lines() {
        check(b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n", Ok(Some("203.0.113.9:4711")));
        check(b"PROXY TCP6 2001:db8::1 ::1 4711 443\r\n", Ok(Some("[2001:db8::1]:4711")));
        check(b"PROXY UNKNOWN\r\n", Ok(None));
        check(b"PROXY UNKNOWN ffff::1 ::1 1 2\r\n", Ok(None));
        for line in [
            "PROXY TCP4 203.0.113.9 10.0.0.1 4711\r\n",
            "PROXY TCP4 2001:db8::1 ::1 4711 443\r\n",
            "PROXY TCP4 203.0.113.9 10.0.0.1 70000 443\r\n",
            "PROXY TCP4 203.0.113.9 10.0.0.1 1 2 3\r\n",
            "PROXY TCP5 203.0.113.9 10.0.0.1 1 2\r\n",
        ] {
            check(line.as_bytes(), Err("the PROXY header cannot be read"));
        }
        check(&[b"PROXY ", &[b'x'; 200][..]].concat(), Err("the line of the PROXY header does not end"));
        check(b"GET / HTTP/1.1\r\n", Err("it does not begin with a PROXY header"));
    }

    #[test]
    fn binary_headers() {
        let v4 = [203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x67, 1, 187];
        check(&version_2(0x21, 0x11, &v4), Ok(Some("203.0.113.9:4711")));
        check(&version_2(0x21, 0x11, &[&v4[..], &[4, 0, 1, 0]].concat()), Ok(Some("203.0.113.9:4711")));
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
        v6[15] = 1;
        v6[32..34].copy_from_slice(&[0x12, 0x67]);
        check(&version_2(0x21, 0x21, &v6), Ok(Some("[2001:db8::1]:4711")));
        check(&version_2(0x20, 0x00, &[]), Ok(None));
        check(&version_2(0x21, 0x31, &[0; 216]), Ok(None));
        let unknown = "the PROXY header is of an unknown version or family";
        check(&version_2(0x31, 0x11, &v4), Err(unknown));
        check(&version_2(0x21, 0x11, &v4[..11]), Err(unknown));
        check(&version_2(0x21, 0x11, &[0; 5000]), Err("the PROXY header is too long"));
    }
}
