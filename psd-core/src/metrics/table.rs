//! All metrics, in the order of the documentation.

use std::sync::atomic::Ordering;

use super::{FileMetrics, StorageOperation, count::Label as _, process, text::Samples};
use crate::Server;

/// One metric that a server writes: see [`Server::METRICS`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Metric {
    /// The name; a histogram's samples have `_bucket`, `_sum` or `_count` behind it.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The names of the labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
    collect: fn(&Server, &mut Samples<'_>),
}

/// Declares [`Server::METRICS`].
macro_rules! metrics {
    ($( $(#[doc = $help:literal])+ $kind:ident $name:literal [$($label:literal),*] = $collect:expr; )+) => {
        impl Server {
            /// Every metric that [`metrics`](Self::metrics) writes, in the order of docs/OPERATIONS.md.
            pub const METRICS: &'static [Metric] = &[$(
                Metric {
                    name: $name,
                    kind: stringify!($kind),
                    labels: &[$($label),*],
                    help: concat!($($help),+).trim_ascii_start(),
                    collect: $collect,
                },
            )+];
        }
    };
}

metrics! {
    /// Whether new clients should be sent here: 0 from the moment the server is about to shut down.
    gauge "psd_ready" [] = |server, out| out.add(&[], server.is_ready().into());
    /// Connections that are open.
    gauge "psd_connections" ["consumer", "dialect"] = |server, out| {
        for endpoint in &server.0.endpoints {
            let metrics = &endpoint.metrics;
            // Those that have gone are read first: none of them has not been opened.
            let gone: Vec<_> = metrics.gone.iter().collect();
            for ((dialect, opened), (_, gone)) in metrics.opened.iter().zip(gone) {
                out.add(&[endpoint.spec.path, dialect], opened.saturating_sub(gone));
            }
        }
    };
    /// Connections that were opened.
    counter "psd_connections_opened_total" ["consumer", "dialect"] = |server, out| {
        for endpoint in &server.0.endpoints {
            for (dialect, opened) in endpoint.metrics.opened.iter() {
                out.add(&[endpoint.spec.path, dialect], opened);
            }
        }
    };
    /// Connections that have ended, by the close code the server sent; `client` where the client closed or was lost.
    counter "psd_connections_closed_total" ["code"] = |server, out| {
        server.0.metrics.closed.iter().for_each(|(code, count)| out.add(&[code], count));
    };
    /// WebSocket handshakes that were refused: `not_websocket` (400, 405, 426), the page's `origin` (403), `token_too_long` (431), `address_full` and `address_busy` (429, the limits of an address), `full`, `busy` and `shutting_down` (503).
    counter "psd_handshakes_refused_total" ["reason"] = |server, out| {
        server.0.metrics.refused_handshakes.iter().for_each(|(reason, count)| out.add(&[reason], count));
    };
    /// Sockets that are open and not WebSockets, or not yet: PROXY headers, TLS handshakes, HTTP.
    gauge "psd_http_connections" [] = |server, out| out.add(&[], server.0.places.taken() as u64);
    /// Of those, sockets that were closed: `full`, `replaced` (by the next, as the one that had kept the server waiting for longest), `address_full`; `busy` and `address_busy` (rates of handshakes, before TLS); `proxy_header`, `tls` and `malformed` (what was sent is none); `timeout`, `stalled` (an answer was not taken).
    counter "psd_http_connections_dropped_total" ["reason"] = |server, out| {
        server.0.metrics.dropped_visits.iter().for_each(|(reason, count)| out.add(&[reason], count));
    };
    /// Times the operating system gave no connection, such as for want of file descriptors.
    counter "psd_accept_errors_total" [] = |server, out| out.add(&[], server.failed_accepts());
    /// Requests that have ended, by the code of their ack; `gone` where the client had gone. What no handler receives is of the type `unknown` (`_unknown` where a handler receives messages called `unknown`).
    counter "psd_requests_total" ["consumer", "type", "code"] = |server, out| {
        for endpoint in &server.0.endpoints {
            for (name, of_type) in endpoint.metrics.requests.iter() {
                for (code, count) in of_type.codes.iter().filter(|(_, count)| *count > 0) {
                    out.add(&[endpoint.spec.path, name, code], count);
                }
            }
        }
    };
    /// Seconds from a request's arrival (classic: its beginning) to its ack, also where none was asked for.
    histogram "psd_request_duration_seconds" ["consumer", "type"] = |server, out| {
        for endpoint in &server.0.endpoints {
            for (name, of_type) in endpoint.metrics.requests.iter() {
                if of_type.codes.iter().any(|(_, count)| count > 0) {
                    out.histogram(&[endpoint.spec.path, name], &of_type.durations, 1e-6);
                }
            }
        }
    };
    /// Frames and envelopes that could not be read.
    counter "psd_protocol_errors_total" [] = |server, out| {
        out.add(&[], server.0.metrics.unreadable.load(Ordering::Relaxed));
    };
    /// Tokens that made nobody an identity: `refused`, `expired` while connected, or `unavailable` where nobody could tell.
    counter "psd_tokens_refused_total" ["reason"] = |server, out| {
        server.0.metrics.refused_tokens.iter().for_each(|(reason, count)| out.add(&[reason], count));
    };
    /// Logins with a user name (`login`): `ok`, `wrong`, `throttled` after too many of those, or `unavailable` where nobody could tell.
    counter "psd_logins_total" ["outcome"] = |server, out| {
        server.0.metrics.logins.iter().for_each(|(outcome, count)| out.add(&[outcome], count));
    };
    /// Bytes that wait for clients, of all connections together.
    gauge "psd_outbox_bytes" [] = |server, out| {
        let waiting = server.hub().connections().iter().map(|connection| connection.held_bytes() as u64).sum();
        out.add(&[], waiting);
    };
    /// Bytes that wait for the client for which most wait.
    gauge "psd_outbox_bytes_max" [] = |server, out| {
        let waiting = server.hub().connections().iter().map(|connection| connection.held_bytes() as u64).max();
        out.add(&[], waiting.unwrap_or(0));
    };
    /// Clients that read too slowly: their outbox was `full`, or they had `stalled`.
    counter "psd_slow_consumers_total" ["reason"] = |server, out| {
        server.0.metrics.slow_consumers.iter().for_each(|(reason, count)| out.add(&[reason], count));
    };
    /// Publications that were dropped, or replaced by later ones, for clients that read too slowly.
    counter "psd_dropped_publications_total" [] = |server, out| out.add(&[], server.dropped_publications());
    /// Publications to groups and users, by the connections that each went to.
    histogram "psd_broadcast_fanout" [] = |server, out| out.histogram(&[], &server.0.metrics.fan_out, 1.0);
    /// Groups that have members.
    gauge "psd_groups" [] = |server, out| out.add(&[], server.hub().group_count() as u64);
    /// Users that are connected.
    gauge "psd_users" [] = |server, out| out.add(&[], server.hub().user_count() as u64);
    /// Jobs that wait for a sync worker.
    gauge "psd_worker_queue" [] = |server, out| out.add(&[], server.workers().waiting() as u64);
    /// Deferred futures that run.
    gauge "psd_deferred" [] = |server, out| {
        let places = server.settings().max_deferred;
        out.add(&[], places.saturating_sub(server.0.deferred.available_permits()) as u64);
    };
    /// Tasks of connections, and work that was acked before it was done.
    gauge "psd_tasks" [] = |server, out| out.add(&[], server.0.connections.len() as u64);
    /// Uploads that have begun, parts of files included. This and what follows to `psd_file_storage_duration_seconds` are there with files.
    counter "psd_uploads_begun_total" [] = |server, out| {
        files(server).into_iter().for_each(|files| out.add(&[], files.begun.load(Ordering::Relaxed)));
    };
    /// Uploads that have become a file, or a part of one.
    counter "psd_uploads_done_total" [] = |server, out| {
        files(server).into_iter().for_each(|files| out.add(&[], files.done.load(Ordering::Relaxed)));
    };
    /// Uploads that have become none, or did not begin: `refused` (by a guard or a hook), `rate`, `too_large` (for a limit or a quota), of a `type` that is not taken, `key_taken`, `full` (the disk), `unavailable` (the storage does not answer, or too much goes on), `internal` (an error of the server), `cancelled` by the client, `expired`.
    counter "psd_uploads_failed_total" ["reason"] = |server, out| {
        let failed = files(server).into_iter().flat_map(|files| files.failed.iter());
        failed.for_each(|(reason, count)| out.add(&[reason], count));
    };
    /// Requests about uploads that ended early, so that the client must come back: `broken` (400), `idle` (408), a wrong `offset` (409), `too_large` (413), `taken_over` by a later request (423), a wrong `checksum` (460), `unavailable` (503), or `other`.
    counter "psd_uploads_interrupted_total" ["reason"] = |server, out| {
        let interrupted = files(server).into_iter().flat_map(|files| files.interrupted.iter());
        interrupted.for_each(|(reason, count)| out.add(&[reason], count));
    };
    /// Uploads that are neither done nor given up.
    gauge "psd_uploads_unfinished" [] = |server, out| {
        #[cfg(feature = "files")]
        server.0.files.iter().for_each(|files| out.add(&[], files.index.len() as u64));
        let _ = (server, out);
    };
    /// Uploads that are being written; `PSD_UPLOAD_WRITERS` says how many may be.
    gauge "psd_upload_writers" [] = |server, out| {
        #[cfg(feature = "files")]
        server.0.files.iter().for_each(|files| out.add(&[], files.writing() as u64));
        let _ = (server, out);
    };
    /// Bytes of files that have come.
    counter "psd_file_received_bytes_total" [] = |server, out| {
        files(server).into_iter().for_each(|files| out.add(&[], files.received.load(Ordering::Relaxed)));
    };
    /// Bytes of files that were sent.
    counter "psd_file_sent_bytes_total" [] = |server, out| {
        files(server).into_iter().for_each(|files| out.add(&[], files.sent.load(Ordering::Relaxed)));
    };
    /// Times the server has looked for uploads that have expired.
    counter "psd_upload_sweeps_total" [] = |server, out| {
        files(server).into_iter().for_each(|files| out.add(&[], files.sweeps.load(Ordering::Relaxed)));
    };
    /// Uploads that were removed or gone on with then.
    counter "psd_uploads_swept_total" [] = |server, out| {
        files(server).into_iter().for_each(|files| out.add(&[], files.swept.load(Ordering::Relaxed)));
    };
    /// Seconds that the storage of files took: to `write` a block of an upload, to `sync` (make safe what has come), to `publish` a file, to begin to `read` one, and to `get` and `put` what is known of uploads and files.
    histogram "psd_file_storage_duration_seconds" ["operation"] = |server, out| {
        let storage = files(server).into_iter().flat_map(|files| files.storage.iter());
        storage.zip(StorageOperation::NAMES).for_each(|(took, name)| out.histogram(&[name], took, 1e-6));
    };
    /// Memory of the process, in bytes (Linux).
    gauge "process_resident_memory_bytes" [] = |_, out| {
        process::resident_bytes().into_iter().for_each(|bytes| out.add(&[], bytes));
    };
    /// File descriptors that are open (Linux).
    gauge "process_open_fds" [] = |_, out| process::open_files().into_iter().for_each(|files| out.add(&[], files));
    /// File descriptors that may be open (Linux).
    gauge "process_max_fds" [] = |_, out| process::max_files().into_iter().for_each(|files| out.add(&[], files));
}

/// What is counted where there are files.
fn files(server: &Server) -> Option<&FileMetrics> {
    #[cfg(feature = "files")]
    let files = server.0.files.as_ref().map(|files| &files.metrics);
    #[cfg(not(feature = "files"))]
    let files = None.filter(|_: &&FileMetrics| server.is_ready());
    files
}

impl Server {
    /// What the server counts, as text for Prometheus; what [`admin_address`](crate::Settings::admin_address) serves as
    /// `/metrics`.
    ///
    /// Requests are counted only where that address is set or [`metrics`](crate::Settings::metrics) is true. Looks at
    /// every connection, which takes a millisecond or so for ten thousand.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        for metric in Self::METRICS {
            (metric.collect)(self, &mut Samples::of(metric, &mut text));
        }
        text
    }
}
