//! The operator's HTTP: whether the process lives, whether clients should be sent to it, and what it counts.

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, header::CONTENT_TYPE},
    routing::get,
};
use tokio_util::sync::CancellationToken;

use super::{
    accept::take_from,
    door::{Door, Visitor},
    handshake::Came,
    http::{self, Site},
};
use crate::{Server, limits::Places, metrics::Dropped};

/// Sockets that the operator may have open; beyond them the one goes that has kept the server waiting for longest.
const PLACES: usize = 64;

impl Server {
    /// `/healthz`, `/readyz` and `/metrics`, as the address of [`admin_address`](crate::Settings::admin_address) serves them; for
    /// programs that would rather have them on a port of their own.
    ///
    /// - `/healthz`: 200 as long as the process answers.
    /// - `/readyz`: 200, and 503 from the moment the server is about to shut down.
    /// - `/metrics`: what the server counts, for Prometheus; see [`METRICS`](Self::METRICS).
    pub fn admin_router(&self) -> Router {
        let server = self.clone();
        let ready = move || {
            std::future::ready(match server.is_ready() {
                true => (StatusCode::OK, "ready\n"),
                false => (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n"),
            })
        };
        let server = self.clone();
        let metrics = move || std::future::ready(([(CONTENT_TYPE, "text/plain; version=0.0.4")], server.metrics()));
        Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(|| std::future::ready("alive\n")))
            .route("/readyz", get(ready))
    }
}

/// Serves the operator until `end` is cancelled; requests that have begun are answered. It has places of its own, so that
/// a flood elsewhere takes none of them.
pub(super) async fn serve(server: Server, door: Door, end: CancellationToken) {
    let site = Arc::new(Site {
        endpoints: Vec::new(),
        router: server.admin_router(),
        server,
        places: Places::new(PLACES),
        closing: end,
        halting: CancellationToken::new(),
    });
    take_from(&site, &door, |visitor| {
        let client = visitor.client();
        let Visitor::Tcp(stream, _) = visitor else { return };
        let Ok(place) = site.places.enter() else { return site.refuse(Dropped::Full) };
        let site = site.clone();
        drop(tokio::spawn(async move {
            site.host(place, |visit| http::serve(&site, visit, stream, client, Came::default())).await
        }));
    })
    .await;
}
