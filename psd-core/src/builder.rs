//! Building a server: what start-up checks, and all it refuses at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64},
};

use tokio::{net::ToSocketAddrs, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[cfg(feature = "tls")]
use crate::listener::tls::Tls;
use crate::{
    Consumer, ConsumerSpec, DefaultConsumer, Error, Layer, Server, Settings,
    auth::{self, Authenticator, BoxFuture, LoginThrottle},
    connection::OutboxLimits,
    hub::Hub,
    limits::{Admission, MessageRates, Places},
    listener::{self, Listening, ServeError, TokenEndpoint},
    metrics::Metrics,
    receiver::receivers,
    routes::{Table, Unhandled},
    server::Inner,
    state::States,
    workers::{Limits, Workers},
};

/// Builds a [`Server`]. Handlers need not be named: `#[receive]` has registered them.
#[must_use = "a builder does nothing until it is built or serves"]
pub struct ServerBuilder {
    settings: Settings,
    states: States,
    authenticator: Option<Arc<dyn Authenticator>>,
    login: bool,
    consumers: Vec<ConsumerSpec>,
    layers: Vec<(Option<ConsumerSpec>, Arc<dyn Layer>)>,
    unhandled: Unhandled,
    routers: Vec<axum::Router>,
    token_endpoints: Vec<TokenEndpoint>,
    #[cfg(feature = "files")]
    files: Option<crate::files::Files>,
}

impl ServerBuilder {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings::default(),
            states: States::default(),
            authenticator: None,
            login: false,
            consumers: Vec::new(),
            layers: Vec::new(),
            unhandled: Unhandled::default(),
            routers: Vec::new(),
            token_endpoints: Vec::new(),
            #[cfg(feature = "files")]
            files: None,
        }
    }

    /// Sets the settings. Default: [`Settings::default`], whatever the environment says.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Sets who verifies tokens. Default: nobody, and every token is refused.
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.authenticator = Some(Arc::new(authenticator));
        self
    }

    /// Switches on the ready-made receivers of `login`, `refresh-token`, `revoke-token` and `verify-token`, on every
    /// consumer. A handler of the application for one of these messages takes its place.
    ///
    /// Start-up refuses them without an authenticator that issues tokens, such as [`Jwt`](crate::auth::Jwt) with
    /// users.
    pub fn login(mut self) -> Self {
        self.login = true;
        self
    }

    /// Opens an HTTP endpoint that gives tokens to whoever the application has authenticated in a way of its own, such as
    /// by a session cookie: a page fetches them with POST and then connects with them.
    ///
    /// `user` sees the request without its body and says whose it is: the user's id, or `None` for nobody, which is
    /// answered with 401. The answer is `{"token": …, "refresh": …}`, not to be cached; a user that is unknown or not
    /// active gets 401, an error its code as the status. Pages of foreign origins get 403, as at the handshake
    /// ([`Settings::allowed_origins`]), and could not read the answer either.
    ///
    /// ```
    /// use psd_core::{Server, auth::Jwt};
    ///
    /// # async fn user_of_session(_: &str) -> Result<Option<String>, psd_core::Error> { Ok(None) }
    /// # fn builder(jwt: Jwt) {
    /// let builder = Server::builder().authenticator(jwt).token_endpoint("/token", async |request| {
    ///     let cookie = request.headers.get("cookie").and_then(|cookie| cookie.to_str().ok());
    ///     match cookie.and_then(|cookie| cookie.strip_prefix("session=")) {
    ///         Some(session) => user_of_session(session).await,
    ///         None => Ok(None),
    ///     }
    /// });
    /// # drop(builder);
    /// # }
    /// ```
    pub fn token_endpoint<F>(
        mut self,
        path: impl Into<String>,
        user: impl Fn(axum::http::request::Parts) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Option<String>, Error>> + Send + 'static,
    {
        let user = Arc::new(move |request| -> BoxFuture<'static, _> { Box::pin(user(request)) });
        self.token_endpoints.push(TokenEndpoint { path: path.into(), user });
        self
    }

    /// Provides a value that handlers take as [`State<T>`](crate::State); the last one of a type counts.
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// Opens a consumer's path even if no handler names it.
    pub fn consumer<C: Consumer>(mut self) -> Self {
        self.consumers.push(ConsumerSpec::of::<C>());
        self
    }

    /// Adds hooks around every request. Layers run in the order in which they are added.
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.layers.push((None, Arc::new(layer)));
        self
    }

    /// Adds hooks around every request of one consumer, which opens its path; they run inside those of
    /// [`layer`](Self::layer).
    pub fn consumer_layer<C: Consumer>(mut self, layer: impl Layer) -> Self {
        self.layers.push((Some(ConsumerSpec::of::<C>()), Arc::new(layer)));
        self.consumer::<C>()
    }

    /// What to do about client messages that no handler receives. Default: [`Unhandled::Warn`].
    pub fn unhandled(mut self, unhandled: Unhandled) -> Self {
        self.unhandled = unhandled;
        self
    }

    /// Serves pages and other HTTP routes beside the consumers' paths.
    ///
    /// Start-up refuses routers, and paths of consumers, that cannot stand beside each other.
    pub fn router(mut self, router: axum::Router) -> Self {
        self.routers.push(router);
        self
    }

    /// Switches files on: uploads by tus at `/uploads`, downloads at `/files`, and the ready-made receivers of
    /// `upload-start`, `upload-end`, `delete-file`, `upload-ufile` and `delete-ufile`, on every consumer. A handler of the
    /// application for one of these messages takes its place.
    ///
    /// Start-up refuses a folder that cannot be made, and paths that clash.
    #[cfg(feature = "files")]
    pub fn files(mut self, files: crate::files::Files) -> Self {
        self.files = Some(files);
        self
    }

    /// Checks everything and builds the server. The routing table is logged at debug level.
    ///
    /// # Errors
    /// All that is wrong, at once, with file and line: two handlers for one message on one consumer, a `State` nobody
    /// provided, a blocking handler without workers, paths that clash, login receivers without users, and more.
    pub fn build(self) -> Result<Server, StartError> {
        let mut problems = Vec::new();
        self.settings.check(&mut problems);
        let mut linked: Vec<_> = receivers().collect();
        if self.login {
            auth::check_issuer("login()", self.authenticator.as_deref(), &mut problems);
        }
        if !self.token_endpoints.is_empty() {
            auth::check_issuer("token_endpoint(…)", self.authenticator.as_deref(), &mut problems);
        }
        // The linker's order means nothing; messages and the table should not change from build to build.
        linked.sort_by_key(|receiver| (receiver.location.file, receiver.location.line, receiver.location.column));
        let mut consumers = self.consumers;
        if linked.is_empty() && consumers.is_empty() {
            consumers.push(ConsumerSpec::of::<DefaultConsumer>());
        }
        let has_rates = !self.settings.message_rates.is_empty() || linked.iter().any(|one| one.limits.rate.is_some());
        let mut layers = self.layers;
        if let Some(rates) = MessageRates::new(&self.settings, has_rates) {
            layers.insert(0, (None, Arc::new(rates)));
        }
        let (settings, states, unhandled, layers) = (&self.settings, &self.states, self.unhandled, &layers[..]);
        #[cfg_attr(not(feature = "files"), allow(unused_mut))]
        let mut ready_made = if self.login { auth::LOGIN_RECEIVERS.to_vec() } else { Vec::new() };
        #[cfg(feature = "files")]
        if let Some(files) = &self.files {
            ready_made.extend(files.receivers());
        }
        let ready_made = &ready_made;
        let endpoints =
            Table { settings, states, consumers, unhandled, layers, ready_made }.build(linked, &mut problems);
        #[cfg_attr(not(feature = "files"), allow(unused_mut))]
        let mut routers = self.routers;
        if let Some(authenticator) = &self.authenticator {
            for endpoint in self.token_endpoints {
                match endpoint.router(authenticator, settings) {
                    Ok(router) => routers.push(router),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        #[cfg(feature = "files")]
        let files = self.files.and_then(|files| files.open(settings, &routers, &endpoints, &mut problems));
        let router = listener::merge(routers, &endpoints, &mut problems);
        #[cfg(feature = "tls")]
        let tls = match (&self.settings.tls_certificate, &self.settings.tls_key) {
            (Some(certificate), Some(key)) => {
                Tls::load(certificate, key).map_err(|error| problems.push(error.to_string())).ok()
            }
            _ => None,
        };
        let queue =
            Limits { all: self.settings.worker_queue, per_connection: self.settings.worker_queue_per_connection };
        let workers = match Workers::start(self.settings.n_sync_workers, queue) {
            Ok(workers) if problems.is_empty() => workers,
            Ok(_) => return Err(StartError { problems }),
            Err(error) => {
                let threads = self.settings.n_sync_workers;
                problems.push(format!("cannot start {threads} workers: {error}; lower `PSD_N_SYNC_WORKERS`"));
                return Err(StartError { problems });
            }
        };
        let server = Server(Arc::new(Inner {
            deferred: Arc::new(Semaphore::new(self.settings.max_deferred.min(Semaphore::MAX_PERMITS))),
            login_throttle: LoginThrottle::new(&self.settings),
            metrics: Metrics::new(&self.settings),
            places: Places::new(self.settings.max_http_connections),
            outboxes: Arc::new(OutboxLimits::new(&self.settings)),
            settings: self.settings,
            states: self.states,
            authenticator: self.authenticator,
            endpoints,
            hub: Hub::new(),
            admission: Admission::new(),
            workers,
            next_connection: AtomicU64::new(1),
            rights_changes: AtomicU64::new(0),
            unknown_messages: AtomicU64::new(0),
            failed_accepts: AtomicU64::new(0),
            leaving: CancellationToken::new(),
            draining: CancellationToken::new(),
            is_draining: AtomicBool::new(false),
            halting: CancellationToken::new(),
            connections: TaskTracker::new(),
            router,
            #[cfg(feature = "files")]
            files: files.map(Arc::new),
            #[cfg(feature = "tls")]
            tls,
        }));
        for route in server.routes() {
            tracing::debug!("{route}");
        }
        Ok(server)
    }

    /// Builds the server and serves until ctrl-c or SIGTERM; see [`Server::serve`].
    ///
    /// # Errors
    /// As [`build`](Self::build) and [`Server::serve`].
    pub async fn serve(self, address: impl ToSocketAddrs) -> Result<(), ServeError> {
        self.build()?.serve(address).await
    }

    /// Builds the server and opens a Unix socket without serving yet; see [`Server::listen_unix`].
    ///
    /// # Errors
    /// As [`build`](Self::build) and [`Server::listen_unix`].
    #[cfg(unix)]
    pub async fn listen_unix(self, path: impl Into<std::path::PathBuf>) -> Result<Listening, ServeError> {
        self.build()?.listen_unix(path).await
    }

    /// Builds the server and opens its listener without serving yet; see [`Server::listen`].
    ///
    /// # Errors
    /// As [`build`](Self::build) and [`Server::listen`].
    pub async fn listen(self, address: impl ToSocketAddrs) -> Result<Listening, ServeError> {
        self.build()?.listen(address).await
    }
}

impl std::fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Everything that start-up refuses, all at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server cannot start:{}", .problems.iter().map(|problem| format!("\n- {problem}")).collect::<String>())]
pub struct StartError {
    problems: Vec<String>,
}

impl StartError {
    /// The problems, each with its place and the way out.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{Router, routing::get};

    use super::*;

    struct Malformed;

    impl Consumer for Malformed {
        const PATH: &'static str = "/rooms/{room";
        type Session = ();
    }

    #[track_caller]
    fn refused(builder: ServerBuilder, expected: &[&str]) {
        let error = builder.build().expect_err("it does not fit together");
        assert_eq!(error.problems(), expected);
    }

    fn page(path: &str) -> Router {
        Router::new().route(path, get(|| async {}))
    }

    #[test]
    fn limits_that_let_nothing_through_are_refused() {
        let settings = Settings::default().max_concurrent(0).handshake_timeout(Duration::ZERO);
        refused(
            Server::builder().settings(settings),
            &[
                "`PSD_MAX_CONCURRENT` is 0, which lets nothing through: set it above 0",
                "`PSD_HANDSHAKE_TIMEOUT` is 0, which lets nothing through: set it above 0",
            ],
        );
    }

    #[test]
    fn queues_without_places_and_bottomless_json_are_refused() {
        let settings = Settings::default().n_sync_workers(1).worker_queue(0).max_deferred(0).json_depth(u32::MAX);
        refused(
            Server::builder().settings(settings.clone()),
            &[
                "`PSD_JSON_DEPTH` is 4294967295, for which no thread has room: 1000 at most",
                "`PSD_WORKER_QUEUE` is 0, which lets nothing through: set it above 0",
                "`PSD_MAX_DEFERRED` is 0, which lets nothing through: set it above 0",
            ],
        );
        let without = settings.n_sync_workers(0).run_async_worker(false).json_depth(1000);
        assert!(Server::builder().settings(without).build().is_ok(), "nothing of it is used");
    }

    #[test]
    fn paths_that_clash_are_refused() {
        refused(
            Server::builder().consumer::<DefaultConsumer>().consumer::<Malformed>().router(page("/ws")),
            &[
                "consumer `psd_core::builder::tests::Malformed` cannot have the path `/rooms/{room`: Invalid route \
                 \"/rooms/{room\": Parameters must be registered with a valid name; give it another",
                "consumer `psd_core::consumer::DefaultConsumer` cannot have the path `/ws`: Overlapping method route. \
                 Handler for `GET /ws` already exists; give it another",
            ],
        );
    }

    #[test]
    fn routers_that_clash_are_refused() {
        let fallback = || Router::new().fallback(|| async {});
        refused(
            Server::builder().router(page("/").merge(fallback())).router(page("/")).router(fallback()),
            &[
                "the routers given by `.router(…)` do not fit together: Overlapping method route. Handler for `GET /` \
                 already exists",
                "the routers given by `.router(…)` do not fit together: Cannot merge two `Router`s that both have a \
                 fallback",
            ],
        );
    }
}
