//! The operator's HTTP: whether the process lives, whether clients should be sent to it, and what it counts.

use axum::{
    Router,
    http::{StatusCode, header::CONTENT_TYPE},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Server;

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

/// Serves the operator until `end` is cancelled; requests that have begun are answered.
pub(super) async fn serve(server: Server, listener: TcpListener, end: CancellationToken) {
    let serving = axum::serve(listener, server.admin_router()).with_graceful_shutdown(end.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(%error, "the operator's port is closed");
    }
}
