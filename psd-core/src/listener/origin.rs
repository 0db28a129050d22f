//! Which pages may connect: the `Origin` of a browser's handshake (RFC 6454, RFC 6455 section 10.2).

use std::{fmt, str::FromStr};

use axum::http::{HeaderMap, Uri, header, uri::Authority};

use crate::request::shown;

/// The pages that may connect besides those that come from the server's own host and port.
///
/// A browser says in every handshake which page opens it, and a page of somebody else's could otherwise use whatever
/// the browser knows of its user, such as cookies, or reach a server that only the user's machine can reach. Clients
/// that are no browsers send no `Origin` and always pass.
///
/// ```
/// use psd_core::{AllowedOrigins, Settings};
///
/// let origins: AllowedOrigins = "https://example.com, https://*.example.org:8443, http://localhost:3000".parse()?;
/// let settings = Settings::default().allowed_origins(origins);
/// # drop(settings);
/// # Ok::<(), psd_core::InvalidOrigin>(())
/// ```
///
/// `https://*.example.org` stands for every subdomain, however deep, but not for `example.org` itself. `*` alone lets
/// every page connect, `Origin: null` included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedOrigins {
    any: bool,
    origins: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    origin: Origin,
    /// Whether the host stands for its subdomains.
    subdomains: bool,
}

/// `scheme://host:port`, in lower case and with the port that the scheme implies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

/// A list of origins that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no origin: write `https://example.com`, `https://*.example.com:8443`, or `*` for every page")]
pub struct InvalidOrigin(String);

impl AllowedOrigins {
    /// Every page may connect: right where nothing depends on who asks, or tokens are the only proof of it.
    #[must_use]
    pub fn any() -> Self {
        Self { any: true, origins: Vec::new() }
    }

    /// Whether a handshake may go on; otherwise what the client is told. `is_secure` says that the client's connection is
    /// known to be encrypted.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap, is_secure: bool) -> Result<(), String> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(()) };
        if self.any {
            return Ok(());
        }
        let refuse = || {
            let text = shown(&String::from_utf8_lossy(origin.as_bytes()));
            format!(
                "pages of the origin `{text}` may not connect to this host: name it in `PSD_ALLOWED_ORIGINS`, or let \
                 the proxy in front pass the `Host` header on"
            )
        };
        let parsed = origin.to_str().ok().and_then(|text| text.parse::<Origin>().ok());
        // One that is said twice, or is no origin (`null` is none), is nobody's.
        let (Some(origin), None) = (parsed, origins.next()) else { return Err(refuse()) };
        // A page that came unencrypted may be anybody's who sits between, whatever its host.
        let is_weaker = is_secure && origin.scheme == "http";
        let own = !is_weaker && own_host(uri, headers).is_some_and(|(host, port)| origin.is_at(&host, port));
        if own || self.origins.iter().any(|pattern| pattern.matches(&origin)) { Ok(()) } else { Err(refuse()) }
    }
}

/// A list separated by commas.
impl FromStr for AllowedOrigins {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let mut allowed = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            if entry == "*" {
                allowed.any = true;
                continue;
            }
            let subdomains = entry.contains("://*.");
            let invalid = || InvalidOrigin(entry.to_owned());
            let origin: Origin = entry.replacen("://*.", "://", 1).parse().map_err(|()| invalid())?;
            if origin.host.contains('*') {
                return Err(invalid());
            }
            allowed.origins.push(Pattern { origin, subdomains });
        }
        Ok(allowed)
    }
}

impl Pattern {
    fn matches(&self, origin: &Origin) -> bool {
        if !self.subdomains {
            return *origin == self.origin;
        }
        let subdomain = origin.host.strip_suffix(&self.origin.host).and_then(|rest| rest.strip_suffix('.'));
        subdomain.is_some_and(|name| !name.is_empty())
            && (&origin.scheme, origin.port) == (&self.origin.scheme, self.origin.port)
    }
}

impl Origin {
    /// Whether a page of this origin comes from a host. The scheme is not compared: behind a proxy that ends TLS nobody
    /// here may know it.
    fn is_at(&self, host: &str, port: Option<u16>) -> bool {
        self.host == host && self.port == port.or_else(|| default_port(&self.scheme))
    }
}

impl FromStr for Origin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (scheme, authority) = text.split_once("://").ok_or(())?;
        let scheme = scheme.to_ascii_lowercase();
        let begins_with_letter = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if !begins_with_letter || !scheme.chars().all(|one| one.is_ascii_alphanumeric() || "+-.".contains(one)) {
            return Err(());
        }
        let (host, port) = host_and_port(authority).ok_or(())?;
        Ok(Self { port: port.or_else(|| default_port(&scheme)), scheme, host })
    }
}

impl fmt::Display for AllowedOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.any {
            return f.write_str("*");
        }
        for (at, Pattern { origin, subdomains }) in self.origins.iter().enumerate() {
            let (comma, wild) = (if at == 0 { "" } else { ", " }, if *subdomains { "*." } else { "" });
            write!(f, "{comma}{}://{wild}{}", origin.scheme, origin.host)?;
            match origin.port {
                Some(port) if Some(port) != default_port(&origin.scheme) => write!(f, ":{port}")?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The host that the client asked for: of the request's target where it is absolute, else of its `Host` header.
fn own_host(uri: &Uri, headers: &HeaderMap) -> Option<(String, Option<u16>)> {
    match uri.authority() {
        Some(authority) => host_and_port(authority.as_str()),
        None => host_and_port(headers.get(header::HOST)?.to_str().ok()?),
    }
}

/// The host in lower case, and the port if it is said; `None` for anything else, such as user names and paths.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let authority: Authority = text.parse().ok()?;
    let host = authority.host().to_ascii_lowercase();
    let port = authority.port_u16();
    let whole = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
    (!host.is_empty() && text.eq_ignore_ascii_case(&whole)).then_some((host, port))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(allowed: &str, host: &str, origins: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("it is a header's value"));
        for origin in origins {
            headers.append(header::ORIGIN, origin.parse().expect("it is a header's value"));
        }
        let allowed: AllowedOrigins = allowed.parse().expect("it is a list of origins");
        allowed.check(&Uri::from_static("/ws"), &headers, false).is_ok()
    }

    #[test]
    fn own_pages_and_programs_pass() {
        for (host, origin) in [
            ("example.com", "http://example.com"),
            ("example.com", "https://example.com"),
            ("example.com:443", "https://example.com"),
            ("example.com", "https://example.com:443"),
            ("Example.COM", "https://example.com"),
            ("localhost:8000", "http://localhost:8000"),
            ("[::1]:8000", "http://[::1]:8000"),
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ] {
            assert!(allows("", host, &[origin]), "{host} {origin}");
        }
        assert!(allows("", "example.com", &[]), "no browser");
        // A name has up to 253 characters; what is told to a client is cut, what is compared is not.
        let long = format!("{}.example.com", "a-branch-with-a-long-name.".repeat(8).trim_end_matches('.'));
        assert!(allows("", &long, &[&format!("https://{long}")]));
        assert!(allows("https://*.example.com", "own.example", &[&format!("https://{long}")]));
        assert!(!allows("", &long, &[&format!("https://b{long}")]));
    }

    #[test]
    fn foreign_pages_do_not() {
        for (host, origin) in [
            ("example.com", "https://evil.example"),
            ("example.com", "https://example.com.evil.example"),
            ("example.com", "https://evilexample.com"),
            ("example.com", "https://sub.example.com"),
            ("example.com", "https://example.com:8443"),
            ("example.com:8443", "https://example.com"),
            ("localhost:8000", "http://localhost:3000"),
            ("localhost:8000", "http://127.0.0.1:8000"),
            ("example.com", "null"),
            ("example.com", ""),
            ("example.com", "example.com"),
            ("example.com", "https://example.com/"),
            ("example.com", "https://user@example.com"),
            ("example.com", "https://example.com:99999"),
            ("example.com", "https://example.com:"),
            ("example.com", "https://example.com, https://evil.example"),
            ("example.com", "file://"),
            ("", "http://"),
        ] {
            assert!(!allows("", host, &[origin]), "{host} {origin}");
        }
        assert!(!allows("", "example.com", &["https://example.com", "https://example.com"]), "said twice");
    }

    #[test]
    fn listed_pages_pass() {
        let list = "https://app.example, https://*.example.org:8443,http://localhost:3000, capacitor://localhost";
        for origin in [
            "https://app.example",
            "https://APP.example",
            "https://app.example:443",
            "https://a.example.org:8443",
            "https://a.b.example.org:8443",
            "http://localhost:3000",
            "capacitor://localhost",
            "https://own.example",
        ] {
            assert!(allows(list, "own.example", &[origin]), "{origin}");
        }
        for origin in [
            "http://app.example",
            "https://example.org:8443",
            "https://evilexample.org:8443",
            "https://.example.org:8443",
            "https://a.example.org",
            "https://localhost:3000",
            "null",
        ] {
            assert!(!allows(list, "own.example", &[origin]), "{origin}");
        }
        assert!(allows("*", "own.example", &["null"]) && allows("*", "own.example", &["https://evil.example"]));
    }

    #[test]
    fn an_absolute_target_names_the_host() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "evil.example".parse().expect("it is a header's value"));
        headers.insert(header::ORIGIN, "https://evil.example".parse().expect("it is a header's value"));
        let uri = Uri::from_static("http://own.example/ws");
        assert!(AllowedOrigins::default().check(&uri, &headers, false).is_err());
    }

    #[test]
    fn a_page_in_the_clear_is_not_one_of_a_secure_host() {
        let check = |allowed: &str, origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "own.example".parse().expect("it is a header's value"));
            headers.insert(header::ORIGIN, origin.parse().expect("it is a header's value"));
            let allowed: AllowedOrigins = allowed.parse().expect("it is a list of origins");
            allowed.check(&Uri::from_static("/ws"), &headers, true).is_ok()
        };
        assert!(check("", "https://own.example"));
        assert!(!check("", "http://own.example"));
        assert!(check("http://own.example", "http://own.example"), "unless that is wanted");
    }

    #[test]
    fn a_list_is_read_whole_or_refused() {
        let list = "https://*.example.org, http://localhost:3000, https://app.example";
        assert_eq!(list.parse::<AllowedOrigins>().expect("all are origins").to_string(), list);
        for bad in ["example.com", "null", "https://", "https://a.*.example", "https://app.example/", "https://*"] {
            assert_eq!(bad.parse::<AllowedOrigins>(), Err(InvalidOrigin(bad.into())));
        }
    }
}
