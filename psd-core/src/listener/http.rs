//! Who comes by a socket: a WebSocket at once, or HTTP, one request after another on a connection; and the way into somebody
//! else's axum application.

use std::{
    convert::Infallible,
    future::ready,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    http::StatusCode,
    routing::any,
};
use futures_util::future::Either;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{
    client::Client,
    drain::LAST_WORDS,
    handshake::{self, Came, Met},
    upgrade::{Opened, open},
    visit::{Answer, Paced, Upload, Visit},
};
use crate::{
    Server,
    connection::Socket,
    consumer::Endpoint,
    continue_::panic_text,
    limits::{Place, Places, Visiting},
    metrics::Dropped,
};

/// Bytes that HTTP holds of a socket in each direction; the head of a request may have as many, or is answered with
/// status 431.
const BUFFER: usize = 64 * 1024;

impl Server {
    /// The consumers' paths and the application's own routes, to be merged or nested into an axum application.
    ///
    /// With `axum::serve` over TCP the socket is taken out of hyper as with [`serve`](Self::serve); behind any other
    /// server it works through the server's own stream.
    ///
    /// What comes before a request is that server's business: its limits of sockets and of time, TLS and PROXY headers.
    /// Limits of WebSockets and of their handshakes hold here too. Who the client is, it has to say by
    /// `ConnectInfo<SocketAddr>`, as axum's `into_make_service_with_connect_info` does; without it nobody is a trusted
    /// proxy, and limits by address do not hold.
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

/// What is served behind a door.
pub(crate) struct Site {
    pub(super) server: Server,
    /// Those whose WebSockets are opened without asking the router.
    pub(super) endpoints: Vec<Arc<Endpoint>>,
    pub(super) router: Router,
    pub(super) places: Arc<Places>,
    /// Cancelled when no further request is taken.
    pub(super) closing: CancellationToken,
    /// Cancelled when those that are under way are given up.
    pub(super) halting: CancellationToken,
}

impl Site {
    /// What everybody gets.
    pub(crate) fn public(server: &Server) -> Self {
        Self {
            server: server.clone(),
            endpoints: server.0.endpoints.clone(),
            router: server.clone().into_router(),
            places: server.0.places.clone(),
            closing: server.0.draining.clone(),
            halting: server.0.halting.clone(),
        }
    }

    /// What everybody gets in the test kit, where there is no port to close: whoever comes too late is told so.
    #[cfg(feature = "test")]
    pub(crate) fn without_port(server: &Server) -> Self {
        Self { closing: CancellationToken::new(), ..Self::public(server) }
    }

    /// Takes a client that comes by a pipe of the test kit.
    #[cfg(feature = "test")]
    pub(crate) fn take_from_pipe(self: &Arc<Self>, pipe: tokio::io::DuplexStream, peer: std::net::SocketAddr) {
        let (site, client) = (self.clone(), Client::at(peer));
        self.take_in(client, move |entered| async move {
            site.receive(entered, |visit| receive(&site, visit, pipe, client, None, Socket::other)).await
        });
    }

    /// Counts a socket that is closed instead of served.
    pub(super) fn refuse(&self, why: Dropped) {
        self.server.0.metrics.dropped_visits.add(why);
    }

    /// Serves a client of the public in a task of its own, if it may come; also the WebSocket that becomes of it.
    pub(super) fn take_in<F>(&self, client: Client, serve: impl FnOnce(Entered) -> F)
    where
        F: Future<Output = Option<Opened>> + Send + 'static,
    {
        let (server, settings) = (&self.server, self.server.settings());
        // That of a proxy is not counted; where it says for whom it speaks before HTTP begins, that is seen to then.
        let own = client.own_address(settings);
        let address = own.map(|address| server.0.admission.visit(settings, address)).transpose();
        // Before it gets a place, or an address with too many would still take the places of others.
        let Ok(address) = address else { return self.refuse(Dropped::AddressFull) };
        let Ok(place) = self.places.enter() else { return self.refuse(Dropped::Full) };
        let visit = serve(Entered { place, address: address.flatten() });
        server.0.connections.spawn(async move {
            if let Some(opened) = visit.await {
                opened.run().await;
            }
        });
    }

    /// Serves a client that was let in until it has gone, or until it is a WebSocket, which is returned.
    pub(super) fn receive<F>(
        &self,
        Entered { place, address }: Entered,
        serve: impl FnOnce(Arc<Visit>) -> F + Send,
    ) -> impl Future<Output = Option<Opened>> + Send
    where
        F: Future<Output = Option<Opened>> + Send,
    {
        // Boxed, so that the large state of HTTP is not what the task of a connection is sized for.
        Box::pin(async move {
            let serve = |visit: Arc<Visit>| {
                visit.count(address);
                serve(visit)
            };
            self.host(place, serve).await.flatten()
        })
    }

    /// Serves whoever has a place, until it has gone or is a WebSocket, somebody else needs the place, or the server
    /// gives up.
    pub(super) async fn host<F: Future>(&self, place: Place, serve: impl FnOnce(Arc<Visit>) -> F) -> Option<F::Output> {
        let visit = Arc::new(Visit::new(self.server.clone(), place));
        tokio::select! {
            served = serve(visit.clone()) => return Some(served),
            () = visit.place.dismissed() => self.refuse(Dropped::Replaced),
            () = self.halting.cancelled() => {}
        }
        None
    }
}

/// What a client of the public holds that was let in, until it is a WebSocket.
pub(super) struct Entered {
    place: Place,
    address: Option<Visiting>,
}

/// Serves whoever is behind a stream: the WebSocket that it asks for is returned, anything else is a matter of HTTP. `came` was
/// read of it already, and is none.
pub(super) async fn receive<S>(
    site: &Site,
    visit: Arc<Visit>,
    mut stream: S,
    client: Client,
    came: Option<Came>,
    socket: fn(S) -> Socket,
) -> Option<Opened>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if let Some(came) = came {
        Box::pin(serve(site, visit, stream, client, came)).await;
        return None;
    }
    let met = tokio::select! {
        met = timeout(site.server.settings().handshake_timeout, handshake::meet(site, &visit, &mut stream, client)) => met,
        () = site.closing.cancelled() => Ok(Ok(Met::Http(Came::default()))),
    };
    match met {
        Ok(Ok(Met::Handshake(accepted, prefix))) => return Some(accepted.open(socket(stream), prefix)),
        // Boxed, or every handshake would bring the room for HTTP along.
        Ok(Ok(Met::Http(came))) => Box::pin(serve(site, visit, stream, client, came)).await,
        Ok(Err(error)) => tracing::debug!(?client, %error, "a client left without a word"),
        Err(_) => {
            site.refuse(Dropped::Timeout);
            tracing::debug!(?client, "a client said nothing in time");
        }
    }
    None
}

/// Serves HTTP on a socket until it ends or is upgraded. `came` was read of it already.
pub(super) async fn serve<S>(site: &Site, visit: Arc<Visit>, stream: S, client: Client, came: Came)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (server, router) = (site.server.clone(), site.router.clone());
    let stream = TokioIo::new(Paced::new(stream, came.bytes, visit.clone()));
    let asked = visit.clone();
    let known = Mutex::new(came.answer);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let under_way = visit.request();
        let known = known.lock().unwrap_or_else(PoisonError::into_inner).take();
        let answer = match known {
            Some(answer) => Either::Left(ready(Ok(answer))),
            None => {
                let mut request = request.map(|body| Upload::new(body, visit.clone()));
                let client = client.forwarded(request.headers(), server.settings());
                request.extensions_mut().insert(client);
                request.extensions_mut().insert(visit.fare.clone());
                if let Some(address) = client.address() {
                    request.extensions_mut().insert(ConnectInfo(address));
                }
                Either::Right(router.clone().oneshot(request))
            }
        };
        async move {
            let answer = answer.await?;
            if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                // It keeps its place until hyper lets go of the socket.
                under_way.for_good();
                return Ok(answer.map(|body| Answer::new(body, None)));
            }
            Ok::<_, Infallible>(answer.map(|body| Answer::new(body, Some(under_way))))
        }
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(site.server.settings().handshake_timeout)
        .max_buf_size(BUFFER)
        .max_header_size(BUFFER)
        .serve_connection(stream, service)
        .with_upgrades();
    let mut http = std::pin::pin!(http);
    let result = tokio::select! {
        result = http.as_mut() => result,
        () = site.closing.cancelled() => {
            http.as_mut().graceful_shutdown();
            tokio::select! {
                result = http.as_mut() => result,
                // What is written may still be on its way; but a request that has not come by now need not come.
                () = tokio::time::sleep(LAST_WORDS) => match asked.place.has_request() {
                    true => http.await,
                    false => return,
                }
            }
        }
    };
    if let Err(error) = result {
        if error.is_timeout() {
            site.refuse(Dropped::Timeout);
        } else if error.is_parse() {
            site.refuse(Dropped::Malformed);
        }
        tracing::debug!(?client, %error, "an HTTP connection failed");
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
