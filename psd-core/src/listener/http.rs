//! HTTP: one request after another on a connection, and the way into somebody else's axum application.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    routing::any,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt as _;

use super::{client::Client, upgrade::open};
use crate::{Server, consumer::Endpoint, continue_::panic_text};

impl Server {
    /// The consumers' paths and the application's own routes, to be merged or nested into an axum application.
    ///
    /// With `axum::serve` over TCP the socket is taken out of hyper as with [`serve`](Self::serve); behind any other
    /// server it works through the server's own stream.
    pub fn into_router(self) -> Router {
        let mut router = self.0.router.clone();
        for endpoint in &self.0.endpoints {
            let (server, endpoint) = (self.clone(), endpoint.clone());
            let path = endpoint.spec.path;
            router =
                router.route(path, any(move |request: Request| std::future::ready(open(&server, &endpoint, request))));
        }
        #[cfg(feature = "files")]
        if let Ok(files) = self.files() {
            router = router.merge(files.router());
        }
        router
    }
}

/// Serves HTTP on a connection until it ends or is upgraded.
pub(super) async fn serve<S>(server: Server, router: Router, stream: S, peer: Client)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let inner = server.clone();
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        let client = peer.forwarded(request.headers(), inner.settings());
        request.extensions_mut().insert(client);
        if let Some(address) = client.address {
            request.extensions_mut().insert(ConnectInfo(address));
        }
        request.map(Body::new)
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(server.0.settings.handshake_timeout)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut http = std::pin::pin!(http);
    let result = tokio::select! {
        result = http.as_mut() => result,
        () = server.0.draining.cancelled() => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(?peer, %error, "an HTTP connection failed");
    }
}

/// Merges the application's routers and tries each consumer's path beside them.
///
/// axum says only by a panic that a path is malformed or taken; start-up refuses it like everything else.
pub(crate) fn merge(routers: Vec<Router>, endpoints: &[Arc<Endpoint>], problems: &mut Vec<String>) -> Router {
    let attempt = |change: &dyn Fn() -> Router| {
        catch_unwind(AssertUnwindSafe(change)).map_err(|panic| panic_text(&*panic).to_owned())
    };
    let mut merged = Router::new();
    for router in routers {
        match attempt(&|| merged.clone().merge(router.clone())) {
            Ok(both) => merged = both,
            Err(reason) => problems.push(format!("the routers given by `.router(…)` do not fit together: {reason}")),
        }
    }
    // A path without `/` at its beginning has been refused already.
    let specs = endpoints.iter().map(|endpoint| &endpoint.spec).filter(|spec| spec.path.starts_with('/'));
    for spec in specs {
        // Not `any` alone: axum would let a GET route of the application hide the consumer.
        if let Err(reason) = attempt(&|| merged.clone().route(spec.path, any(|| async {}).get(|| async {}))) {
            let (name, path) = (spec.name, spec.path);
            problems.push(format!("consumer `{name}` cannot have the path `{path}`: {reason}; give it another"));
        }
    }
    merged
}
