//! The settings and limits of a server, and their `PSD_` variables: one table drives fields, defaults, builder
//! methods, parsing and documentation.

use std::{fmt, net::SocketAddr, panic::AssertUnwindSafe, path::PathBuf, time::Duration};

use crate::{AllowedOrigins, Error, ForwardedHeader, PerType, Rate, TrustedProxies};

/// JSON is read recursively: what nests much deeper than this would need more than the 2 MiB of a thread's stack.
const DEEPEST_JSON: u32 = 1000;
/// What is added to a moment must not overflow it, and nobody means more.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Declares [`Settings`] from one table.
macro_rules! settings {
    ($( $(#[doc = $doc:literal])+ $name:ident : $type:ty = $default:expr, $variable:literal, $shown:literal; )+) => {
        /// What a server may be told from outside: by builder methods or by `PSD_` variables.
        ///
        /// [`Settings::TABLE`] lists name, default and meaning of each; docs/SETTINGS.md is printed from it.
        #[derive(Clone)]
        pub struct Settings {
            $( pub(crate) $name: $type, )+
            pub(crate) exception_formatter: ExceptionFormatter,
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $( $name: $default, )+ exception_formatter: ExceptionFormatter(display) }
            }
        }

        impl Settings {
            /// Variable, default and meaning of every setting, in the order of the documentation.
            pub const TABLE: &'static [(&'static str, &'static str, &'static str)] =
                &[ $( ($variable, $shown, concat!($($doc),+)), )+ ];

            $(
                $(#[doc = $doc])+
                #[doc = ""]
                #[doc = concat!("Default: ", $shown, ". Variable: `", $variable, "`.")]
                #[must_use]
                pub fn $name(mut self, value: $type) -> Self {
                    self.$name = value;
                    self
                }
            )+

            fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
                let mut settings = Self::default();
                let mut problems = Vec::new();
                $(
                    if let Some(text) = get($variable).filter(|text| !text.trim().is_empty()) {
                        match <$type as Value>::parse(text.trim()) {
                            Ok(value) => settings.$name = value,
                            Err(expected) => problems.push(format!("`{}` is `{text}`: expected {expected}", $variable)),
                        }
                    }
                )+
                if problems.is_empty() { Ok(settings) } else { Err(SettingsError { problems }) }
            }

            /// Names the values that no setting of their type can have, whatever it is about.
            fn check_values(&self, problems: &mut Vec<String>) {
                $( problems.extend(Value::problem(&self.$name).map(|problem| format!("`{}` is {problem}", $variable))); )+
            }
        }
    };
}

settings! {
    /// Threads for blocking work; 0 turns it off, and a blocking handler is then a start-up error.
    n_sync_workers: usize = default_workers(), "PSD_N_SYNC_WORKERS", "number of cores";
    /// Whether `Continue::future` is allowed.
    run_async_worker: bool = true, "PSD_RUN_ASYNC_WORKER", "true";
    /// `auth` of a `#[receive]` that does not say, where the message does not say either.
    default_auth: bool = true, "PSD_DEFAULT_AUTH", "true";
    /// Origins of pages that may connect besides the server's own: `https://example.com, https://*.example.org`, or `*` for
    /// every page. Others are answered with code 403 at the handshake; clients that are no browsers always pass.
    allowed_origins: AllowedOrigins = AllowedOrigins::default(), "PSD_ALLOWED_ORIGINS", "none";
    /// Whether an internal error's text reaches the client in the ack; the ack itself is always sent.
    forward_exceptions: bool = false, "PSD_FORWARD_EXCEPTIONS", "false";
    /// The largest frame a client may send, in bytes; a larger one ends its connection with close code 1009.
    max_frame_bytes: usize = 1024 * 1024, "PSD_MAX_FRAME_BYTES", "1048576";
    /// How deep JSON may nest, 1000 at most; deeper bodies are answered with code 400.
    json_depth: u32 = 100, "PSD_JSON_DEPTH", "100";
    /// Bytes that may wait for one connection's client; beyond them it is a slow consumer, closed with 4413.
    outbox_bytes: usize = 4 * 1024 * 1024, "PSD_OUTBOX_BYTES", "4194304";
    /// Messages that may wait for one connection's client; beyond them it is a slow consumer, closed with 4413.
    outbox_messages: usize = 16 * 1024, "PSD_OUTBOX_MESSAGES", "16384";
    /// Publications that may be dropped and wait for one connection's client; beyond them their policy says which goes.
    droppable_messages: usize = 1024, "PSD_DROPPABLE_MESSAGES", "1024";
    /// `#[receive(concurrent)]` handlers that may run at once on one connection; then its socket is not read.
    max_concurrent: usize = 16, "PSD_MAX_CONCURRENT", "16";
    /// Seconds a handler may take before it is dropped and its request answered with code 408; 0 means no limit.
    handler_timeout: Duration = Duration::from_secs(30), "PSD_HANDLER_TIMEOUT", "30";
    /// Jobs that may wait for the sync workers; a job beyond them is answered with code 503.
    worker_queue: usize = 1024, "PSD_WORKER_QUEUE", "1024";
    /// Jobs of one connection that may wait for the sync workers; a job beyond them is answered with code 503.
    worker_queue_per_connection: usize = 256, "PSD_WORKER_QUEUE_PER_CONNECTION", "256";
    /// Seconds a `Continue::future` may take before it is dropped and its request answered with code 408, unless it is
    /// detached; 0 means no limit.
    deferred_timeout: Duration = Duration::from_secs(60 * 60), "PSD_DEFERRED_TIMEOUT", "3600";
    /// `Continue::future` futures that may run at once in the server; one beyond them is answered with code 503.
    max_deferred: usize = 16 * 1024, "PSD_MAX_DEFERRED", "16384";
    /// `Continue::future` futures that may run at once for one connection; one beyond them is answered with code 429.
    max_deferred_per_connection: usize = 1024, "PSD_MAX_DEFERRED_PER_CONNECTION", "1024";
    /// Groups one connection may be in; joining one more is an error with code 429.
    groups_per_connection: usize = 1024, "PSD_GROUPS_PER_CONNECTION", "1024";
    /// Messages a connection may send; beyond them they are answered with code 429.
    messages_per_connection: Rate = Rate::per_minute(60_000), "PSD_MESSAGES_PER_CONNECTION", "60000/m";
    /// Messages a user may send, over all connections; beyond them they are answered with code 429.
    messages_per_user: Rate = Rate::per_minute(120_000), "PSD_MESSAGES_PER_USER", "120000/m";
    /// What a connection may say that is no request: messages of v1 itself (heartbeats, cancels), WebSocket pings and pongs,
    /// frames without envelopes; one more closes it with code 4429.
    controls_per_connection: Rate = Rate::per_minute(60_000), "PSD_CONTROLS_PER_CONNECTION", "60000/m";
    /// Messages of a type that a user, or an anonymous connection, may send, such as `send-chat=10/s, fetch-history=60/m`;
    /// beyond them they are answered with code 429. They go before the `rate` of `#[receive]`.
    message_rates: PerType<Rate> = PerType::new(), "PSD_MESSAGE_RATES", "none";
    /// Messages over a rate that a connection may send; one more closes it with code 4429.
    refusals_per_connection: Rate = Rate::per_minute(100), "PSD_REFUSALS_PER_CONNECTION", "100/m";
    /// Bytes that the body of a message of a type may have, such as `send-chat=4096`; beyond them it is answered with code
    /// 413. They go before the `max_bytes` of `#[receive]`; else a body may fill its frame.
    message_bytes: PerType<usize> = PerType::new(), "PSD_MESSAGE_BYTES", "none";
    /// Connections that may be open; beyond them handshakes are answered with status 503; 0 means no limit.
    max_connections: usize = 100_000, "PSD_MAX_CONNECTIONS", "100000";
    /// Connections that may be open from one address (of IPv6: one /64); beyond them handshakes are answered with status
    /// 429; 0 means no limit. Set it where the server sees the addresses of clients and not that of a proxy.
    connections_per_address: usize = 0, "PSD_CONNECTIONS_PER_ADDRESS", "0";
    /// Sockets that may be open and are not WebSockets, or not yet: PROXY headers, TLS handshakes, HTTP with its pages. Beyond
    /// them the one is closed that has kept the server waiting for longest, or the new one where none does; 0 means no
    /// limit.
    max_http_connections: usize = 10_000, "PSD_MAX_HTTP_CONNECTIONS", "10000";
    /// The same from one address (of IPv6: one /64), trusted proxies excepted; beyond them they are closed; 0 means no limit.
    /// A browser opens six for a page. Set it where the server sees the addresses of clients and not that of a proxy.
    http_connections_per_address: usize = 0, "PSD_HTTP_CONNECTIONS_PER_ADDRESS", "0";
    /// Handshakes that the server takes; beyond them they are answered with status 503. Where it speaks TLS, each of those
    /// handshakes counts, the first WebSocket behind it included; beyond them they are closed.
    handshakes: Rate = Rate::per_minute(60_000), "PSD_HANDSHAKES", "60000/m";
    /// Handshakes, counted alike, that the server takes from one address (of IPv6: one /64); beyond them they are answered
    /// with status 429. Set it where the server sees the addresses of clients and not that of a proxy.
    handshakes_per_address: Rate = Rate::UNLIMITED, "PSD_HANDSHAKES_PER_ADDRESS", "off";
    /// Unreadable frames a connection may send in a minute; one more ends it with close code 4400.
    protocol_errors_per_minute: u32 = 10, "PSD_PROTOCOL_ERRORS_PER_MINUTE", "10";
    /// Seconds a client may take for its PROXY header, for its TLS handshake, for an HTTP request from the end of the one
    /// before, and for each further part of the request's body, before its socket is closed.
    handshake_timeout: Duration = Duration::from_secs(10), "PSD_HANDSHAKE_TIMEOUT", "10";
    /// Seconds a client may say nothing; after twice as many a v1 client is closed with 4408, and a classic one is, that
    /// does not answer a ping; 0 lets it be silent for ever.
    heartbeat: Duration = Duration::from_secs(25), "PSD_HEARTBEAT", "25";
    /// Bytes from which on the bodies for v1 clients that can decompress are compressed; 0 turns compression off.
    compress_from: usize = 1024, "PSD_COMPRESS_FROM", "1024";
    /// Seconds over which clients spread their return when the server shuts down: v1 clients are told when to come back,
    /// classic ones are closed one after another.
    reconnect_window: Duration = Duration::from_secs(5), "PSD_RECONNECT_WINDOW", "5";
    /// Seconds for which a v1 client whose token has expired keeps its identity, so that it can bring another; 0 makes it
    /// anonymous at once, as classic clients are.
    token_grace: Duration = Duration::from_secs(25), "PSD_TOKEN_GRACE", "25";
    /// Logins that may fail for one user name, in any spelling, within `PSD_LOGIN_WINDOW`; further ones are answered with
    /// `too-many-attempts`, right or wrong, except from addresses that have logged in under the name. 0 means no limit.
    login_failures_per_user: u32 = 10, "PSD_LOGIN_FAILURES_PER_USER", "10";
    /// Logins that may fail from one address (of IPv6, one /64) within `PSD_LOGIN_WINDOW`; further ones are answered with
    /// `too-many-attempts`. 0 means no limit.
    login_failures_per_address: u32 = 50, "PSD_LOGIN_FAILURES_PER_ADDRESS", "50";
    /// Seconds after which failed logins are forgotten, little by little; 0 means at once.
    login_window: Duration = Duration::from_secs(5 * 60), "PSD_LOGIN_WINDOW", "300";
    /// Seconds a client may take nothing of what waits for it before it is a slow consumer, closed with 4413, or its socket
    /// is closed where that is no WebSocket; 0 means no limit.
    write_timeout: Duration = Duration::from_secs(30), "PSD_WRITE_TIMEOUT", "30";
    /// Seconds a closing connection may take to accept what waits for it; after them the socket is dropped.
    close_timeout: Duration = Duration::from_secs(5), "PSD_CLOSE_TIMEOUT", "5";
    /// Seconds between the wish to shut down, from which on the server is not ready, and the closing of its ports: as long
    /// as what sends it clients takes to notice.
    drain_delay: Duration = Duration::ZERO, "PSD_DRAIN_DELAY", "0";
    /// Seconds that running handlers get when the server shuts down; then what still runs is answered with code 503.
    drain_timeout: Duration = Duration::from_secs(10), "PSD_DRAIN_TIMEOUT", "10";
    /// PEM file of the certificate, those of its issuers behind it, with which ports speak TLS; read anew when it changes and
    /// on SIGHUP. Needs the feature `tls`.
    tls_certificate: Option<PathBuf> = None, "PSD_TLS_CERTIFICATE", "none";
    /// PEM file of the certificate's private key.
    tls_key: Option<PathBuf> = None, "PSD_TLS_KEY", "none";
    /// Bytes that a file may have, unless `on_upload_start` says otherwise; beyond them its upload is answered with code 413;
    /// 0 means no limit. This and what follows to `PSD_FILE_LINK_EXPIRY` need the feature `files`.
    upload_max_bytes: u64 = 100 * 1024 * 1024, "PSD_UPLOAD_MAX_BYTES", "104857600";
    /// Bytes that the files of one user may have together, unfinished uploads included; beyond them uploads are answered with
    /// code 413; 0 means no limit.
    upload_quota: u64 = 1024 * 1024 * 1024, "PSD_UPLOAD_QUOTA", "1073741824";
    /// Seconds after which an upload expires that nobody goes on with.
    upload_expiry: Duration = Duration::from_secs(24 * 60 * 60), "PSD_UPLOAD_EXPIRY", "86400";
    /// Seconds a client may send nothing of a file before its request ends with code 408; what has come is kept.
    upload_idle_timeout: Duration = Duration::from_secs(30), "PSD_UPLOAD_IDLE_TIMEOUT", "30";
    /// Uploads that a user, or the address of who is anonymous, may begin; beyond them they are answered with code 429.
    upload_rate: Rate = Rate::per_minute(600), "PSD_UPLOAD_RATE", "600/m";
    /// Requests about uploads and files that a user may send over HTTP; beyond them they are answered with code 429.
    file_requests_per_user: Rate = Rate::per_minute(6_000), "PSD_FILE_REQUESTS_PER_USER", "6000/m";
    /// The same from one address (of IPv6: one /64), whoever sends them, before their token is looked at. Set it where the
    /// server sees the addresses of clients and not that of a proxy.
    file_requests_per_address: Rate = Rate::UNLIMITED, "PSD_FILE_REQUESTS_PER_ADDRESS", "off";
    /// Uploads that a user may have unfinished; one more is answered with code 429.
    uploads_per_user: usize = 100, "PSD_UPLOADS_PER_USER", "100";
    /// Uploads that may be unfinished in all; one more is answered with code 503.
    uploads_unfinished: usize = 10_000, "PSD_UPLOADS_UNFINISHED", "10000";
    /// Uploads that may be written at once, each with 256 KiB of memory, in an object store with up to 24 MiB; one more is
    /// answered with code 503.
    upload_writers: usize = 256, "PSD_UPLOAD_WRITERS", "256";
    /// Seconds that the storage may take for what has come of a file before its client is told, with code 503. Clients of
    /// the field give up after 20.
    upload_write_timeout: Duration = Duration::from_secs(15), "PSD_UPLOAD_WRITE_TIMEOUT", "15";
    /// Upload streams that a connection may have at once (v1); one more is answered with code 429.
    upload_streams: usize = 4, "PSD_UPLOAD_STREAMS", "4";
    /// Bytes of a stream that may be under way and not yet taken by its writer; a chunk beyond them ends the stream with code
    /// 400.
    upload_window: usize = 256 * 1024, "PSD_UPLOAD_WINDOW", "262144";
    /// Whether files in a folder outlive a loss of power: they are synchronised at the end of each request, every 64 MiB and
    /// before they are published. What was confirmed outlives a crash of the server in any case.
    upload_fsync: bool = true, "PSD_UPLOAD_FSYNC", "true";
    /// Seconds for which the signed links are good that clients are told of.
    file_link_expiry: Duration = Duration::from_secs(24 * 60 * 60), "PSD_FILE_LINK_EXPIRY", "86400";
    /// Proxies that are believed when they say who their client is: addresses, networks, and `unix` for Unix sockets, such as
    /// `10.0.0.0/8, unix`.
    trusted_proxies: TrustedProxies = TrustedProxies::default(), "PSD_TRUSTED_PROXIES", "none";
    /// The header in which trusted proxies say it: `x-forwarded-for` (with `x-forwarded-proto`) or `forwarded`. They must
    /// write it themselves, or drop what their client wrote into it.
    forwarded_header: ForwardedHeader = ForwardedHeader::default(), "PSD_FORWARDED_HEADER", "x-forwarded-for";
    /// Whether trusted proxies begin each connection with a PROXY header (version 1 or 2), those by Unix sockets too where
    /// `unix` is trusted; one without is closed.
    proxy_protocol: bool = false, "PSD_PROXY_PROTOCOL", "false";
    /// Whether requests are counted and timed; they are anyway where `PSD_ADMIN_ADDRESS` is set.
    metrics: bool = false, "PSD_METRICS", "false";
    /// Address and port of the operator's HTTP: `/healthz`, `/readyz` and `/metrics`; empty for none.
    admin_address: Option<SocketAddr> = None, "PSD_ADMIN_ADDRESS", "none";
}

impl Settings {
    /// The defaults, overridden by the `PSD_` variables of the environment; an empty one counts as not set.
    ///
    /// # Errors
    /// Every variable that cannot be read, all at once.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::read(|name| std::env::var_os(name).map(|text| text.to_string_lossy().into_owned()))
    }

    /// How an internal error is written when [`forward_exceptions`](Self::forward_exceptions) is on.
    ///
    /// Default: `Display`, with the chain of causes.
    #[must_use]
    pub fn exception_formatter(mut self, formatter: fn(&anyhow::Error) -> String) -> Self {
        self.exception_formatter = ExceptionFormatter(formatter);
        self
    }

    /// Names the limits with which no message would ever be handled.
    pub(crate) fn check(&self, problems: &mut Vec<String>) {
        self.check_values(problems);
        let closed = [
            ("PSD_MAX_FRAME_BYTES", self.max_frame_bytes == 0),
            ("PSD_JSON_DEPTH", self.json_depth == 0),
            ("PSD_OUTBOX_BYTES", self.outbox_bytes == 0),
            ("PSD_OUTBOX_MESSAGES", self.outbox_messages == 0),
            ("PSD_MAX_CONCURRENT", self.max_concurrent == 0),
            ("PSD_WORKER_QUEUE", self.worker_queue == 0 && self.n_sync_workers > 0),
            ("PSD_WORKER_QUEUE_PER_CONNECTION", self.worker_queue_per_connection == 0 && self.n_sync_workers > 0),
            ("PSD_MAX_DEFERRED", self.max_deferred == 0 && self.run_async_worker),
            ("PSD_MAX_DEFERRED_PER_CONNECTION", self.max_deferred_per_connection == 0 && self.run_async_worker),
            ("PSD_HANDSHAKE_TIMEOUT", self.handshake_timeout.is_zero()),
            ("PSD_UPLOAD_EXPIRY", self.upload_expiry.is_zero()),
            ("PSD_UPLOAD_IDLE_TIMEOUT", self.upload_idle_timeout.is_zero()),
            ("PSD_UPLOADS_PER_USER", self.uploads_per_user == 0),
            ("PSD_UPLOADS_UNFINISHED", self.uploads_unfinished == 0),
            ("PSD_UPLOAD_WRITERS", self.upload_writers == 0),
            ("PSD_UPLOAD_WRITE_TIMEOUT", self.upload_write_timeout.is_zero()),
            ("PSD_UPLOAD_STREAMS", self.upload_streams == 0),
            ("PSD_UPLOAD_WINDOW", self.upload_window == 0),
        ];
        if self.json_depth > DEEPEST_JSON {
            let depth = self.json_depth;
            problems.push(format!("`PSD_JSON_DEPTH` is {depth}, for which no thread has room: {DEEPEST_JSON} at most"));
        }
        let closed = closed.iter().filter(|(_, is_closed)| *is_closed);
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            problems.push("`PSD_TLS_CERTIFICATE` and `PSD_TLS_KEY` belong together: set both, or neither".into());
        }
        if self.tls_certificate.is_some() && cfg!(not(feature = "tls")) {
            problems.push("`PSD_TLS_CERTIFICATE` is set, but psd-core was built without its feature `tls`".into());
        }
        if self.proxy_protocol && self.trusted_proxies.is_empty() {
            problems
                .push("`PSD_PROXY_PROTOCOL` is on, but `PSD_TRUSTED_PROXIES` names no proxy that may use it".into());
        }
        problems.extend(closed.map(|(name, _)| format!("`{name}` is 0, which lets nothing through: set it above 0")));
    }

    /// The text a client gets for an error; never empty, since classic clients take an empty one for success.
    pub(crate) fn text_for_client(&self, error: &Error) -> String {
        let text = match error.source() {
            // The formatter, and `Display` of what it formats, are the application's, and may panic.
            Some(source) if self.forward_exceptions => {
                std::panic::catch_unwind(AssertUnwindSafe(|| (self.exception_formatter.0)(source)))
                    .unwrap_or_else(|_| "internal error".into())
            }
            Some(_) => "internal error".into(),
            None => error.message().to_owned(),
        };
        if text.is_empty() { "error".into() } else { text }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("n_sync_workers", &self.n_sync_workers)
            .field("default_auth", &self.default_auth)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
pub(crate) struct ExceptionFormatter(fn(&anyhow::Error) -> String);

fn display(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// `PSD_` variables that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct SettingsError {
    problems: Vec<String>,
}

/// A type that a variable can hold; the error says what was expected.
trait Value: Sized {
    fn parse(text: &str) -> Result<Self, &'static str>;

    /// What is wrong with it, wherever it came from.
    fn problem(&self) -> Option<String> {
        None
    }
}

impl Value for bool {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err("`true` or `false`"),
        }
    }
}

impl Value for AllowedOrigins {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.parse().map_err(|_| "origins such as `https://example.com, https://*.example.org:8443`, or `*`")
    }
}

impl Value for usize {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.parse().map_err(|_| "a whole number")
    }
}

impl Value for u64 {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.parse().map_err(|_| "a whole number")
    }
}

impl Value for u32 {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.parse().map_err(|_| "a whole number")
    }
}

impl Value for Option<SocketAddr> {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.parse().map(Some).map_err(|_| "an IP address and a port, such as `127.0.0.1:9000`")
    }
}

impl Value for Option<PathBuf> {
    fn parse(text: &str) -> Result<Self, &'static str> {
        Ok(Some(text.into()))
    }
}

impl Value for TrustedProxies {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.parse().map_err(|_| "addresses and networks such as `10.0.0.0/8, ::1, unix`")
    }
}

impl Value for ForwardedHeader {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err("`x-forwarded-for` or `forwarded`"),
        }
    }
}

impl Value for Rate {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.parse()
    }
}

impl Value for PerType<Rate> {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.parse().map_err(|()| "message types and rates such as `send-chat=10/s, fetch-history=60/m`")
    }
}

impl Value for PerType<usize> {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.parse().map_err(|()| "message types and bytes such as `send-chat=4096, upload=65536`")
    }
}

impl Value for Duration {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let seconds: f64 = text.parse().map_err(|_| "a number of seconds")?;
        Self::try_from_secs_f64(seconds).map_err(|_| "a number of seconds that is not negative")
    }

    fn problem(&self) -> Option<String> {
        let (seconds, longest) = (self.as_secs_f64(), LONGEST.as_secs());
        (*self > LONGEST).then(|| format!("{seconds} s, longer than timers are made for: {longest} s at most, a year"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn variables_override_defaults() {
        let settings =
            read(&[("PSD_N_SYNC_WORKERS", "3"), ("PSD_DEFAULT_AUTH", "off"), ("PSD_HANDLER_TIMEOUT", "1.5")]);
        let settings = settings.expect("all are well formed");
        assert_eq!(settings.n_sync_workers, 3);
        assert!(!settings.default_auth);
        assert_eq!(settings.handler_timeout, Duration::from_millis(1500));
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let settings = read(&[("PSD_DEFAULT_AUTH", ""), ("PSD_N_SYNC_WORKERS", " ")]).expect("all have defaults");
        assert!(settings.default_auth, "an empty variable must not open every handler");
        assert_eq!(settings.n_sync_workers, default_workers());
    }

    #[test]
    fn every_mistake_is_reported() {
        let problems =
            read(&[("PSD_N_SYNC_WORKERS", "-1"), ("PSD_DEFAULT_AUTH", "maybe"), ("PSD_CLOSE_TIMEOUT", "-2")]);
        assert_eq!(
            problems.expect_err("three are wrong"),
            "`PSD_N_SYNC_WORKERS` is `-1`: expected a whole number\n\
             `PSD_DEFAULT_AUTH` is `maybe`: expected `true` or `false`\n\
             `PSD_CLOSE_TIMEOUT` is `-2`: expected a number of seconds that is not negative"
        );
    }

    #[test]
    fn no_time_is_longer_than_a_year() {
        let mut problems = Vec::new();
        let settings = read(&[("PSD_HEARTBEAT", "31536000"), ("PSD_HANDLER_TIMEOUT", "31536001")]);
        settings.expect("all are well formed").write_timeout(Duration::MAX).check(&mut problems);
        let expected = [
            "`PSD_HANDLER_TIMEOUT` is 31536001 s, longer than timers are made for: 31536000 s at most, a year",
            "`PSD_WRITE_TIMEOUT` is 18446744073709552000 s, longer than timers are made for: 31536000 s at most, a year",
        ];
        assert_eq!(problems, expected);
    }

    #[test]
    fn a_client_never_gets_an_empty_text() {
        let settings = Settings::default();
        assert_eq!(settings.text_for_client(&Error::new(5, "")), "error");
        assert_eq!(settings.text_for_client(&Error::internal("secret")), "internal error");
        assert_eq!(settings.forward_exceptions(true).text_for_client(&Error::internal("secret")), "secret");
    }
}
