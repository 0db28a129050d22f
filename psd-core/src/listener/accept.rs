//! Opening ports, taking connections from them, and closing them when the server shuts down.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{io::AsyncRead, net::ToSocketAddrs, time::timeout};
use tokio_util::sync::CancellationToken;

#[cfg(unix)]
use super::unix::UnixDoor;
use super::{
    admin,
    client::Client,
    door::{Door, Visitor},
    handshake::{Came, HEAD, Met, judge},
    http::{self, Site},
    proxy_protocol,
    signal::{Signal, Signals},
    upgrade::Opened,
    visit::Visit,
};
use crate::{
    Server,
    builder::StartError,
    connection::{Socket, receive_at_once},
    metrics::Dropped,
};

/// How long to wait after the operating system could not accept a connection, at first and at most.
const ACCEPT_BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// A server whose ports are open, before it serves.
#[derive(Debug)]
#[must_use = "nothing is served until `run` is awaited"]
pub struct Listening {
    server: Server,
    doors: Vec<Door>,
    admin: Option<(Door, SocketAddr)>,
}

/// Why a server does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// It was refused to start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Its address cannot be listened on.
    #[error("cannot listen: {0}; is the port free and the address this machine's?")]
    Listen(#[source] io::Error),
    /// Its Unix socket cannot be made.
    #[error("cannot listen at `{}`: {error}; may the server write to that folder?", path.display())]
    ListenAt {
        /// The path of the socket.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        error: io::Error,
    },
    /// The operator's address cannot be listened on.
    #[error("cannot listen on {0} for the operator: {1}; give `PSD_ADMIN_ADDRESS` a free port of this machine")]
    ListenForOperator(SocketAddr, #[source] io::Error),
}

impl Server {
    /// Opens the port, and the operator's if [`admin_address`](crate::Settings::admin_address) is set. Port 0 lets the
    /// system choose one; see [`Listening::local_addr`].
    ///
    /// # Errors
    /// An address cannot be listened on.
    pub async fn listen(&self, address: impl ToSocketAddrs) -> Result<Listening, ServeError> {
        self.listening().await?.and(address).await
    }

    /// Opens a Unix socket for a proxy on the same machine, and the operator's port; see [`Listening::and_unix`].
    ///
    /// # Errors
    /// The socket cannot be made, or the operator's address cannot be listened on.
    #[cfg(unix)]
    pub async fn listen_unix(&self, path: impl Into<PathBuf>) -> Result<Listening, ServeError> {
        self.listening().await?.and_unix(path)
    }

    /// Serves until ctrl-c or SIGTERM, then [shuts down](Self::shut_down): running handlers finish, clients are told that
    /// the server restarts (close code 1012), and after the drain timeout what is left is given up. A second signal gives
    /// it up [at once](Self::shut_down_now).
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn serve(&self, address: impl ToSocketAddrs) -> Result<(), ServeError> {
        self.listen(address).await?.run_until_signal().await;
        Ok(())
    }

    /// Reads the files of [`tls_certificate`](crate::Settings::tls_certificate) and
    /// [`tls_key`](crate::Settings::tls_key) anew, for connections that are still to come. A server that runs looks every
    /// ten seconds whether they have changed, and reads them on SIGHUP.
    ///
    /// # Errors
    /// The files cannot be used; the certificate before stays in use. Nothing happens without TLS.
    #[cfg(feature = "tls")]
    pub fn reload_certificate(&self) -> Result<(), super::TlsError> {
        self.0.tls.as_ref().map_or(Ok(()), super::tls::Tls::reload)
    }

    /// A server that listens nowhere yet.
    async fn listening(&self) -> Result<Listening, ServeError> {
        let admin = match self.settings().admin_address {
            Some(address) => {
                let door = Door::port(address).await.map_err(|error| ServeError::ListenForOperator(address, error))?;
                let address = door.local_addr().unwrap_or(address);
                Some((door, address))
            }
            None => None,
        };
        Ok(Listening { server: self.clone(), doors: Vec::new(), admin })
    }
}

impl Listening {
    /// Opens another port of the same server.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn and(mut self, address: impl ToSocketAddrs) -> Result<Self, ServeError> {
        self.doors.push(Door::port(address).await.map_err(ServeError::Listen)?);
        Ok(self)
    }

    /// Opens a Unix socket of the same server.
    ///
    /// Owner and group may connect. A socket that a server left behind is replaced; it is removed when the server shuts
    /// down. What comes by it has no address, unless a proxy says one and `unix` is among the
    /// [trusted](crate::Settings::trusted_proxies), and is never encrypted.
    ///
    /// # Errors
    /// The socket cannot be made: a server listens there, there is another file, or the folder is missing or closed.
    #[cfg(unix)]
    pub fn and_unix(mut self, path: impl Into<PathBuf>) -> Result<Self, ServeError> {
        let path = path.into();
        let door = UnixDoor::bind(&path).map_err(|error| ServeError::ListenAt { path, error })?;
        self.doors.push(Door::Unix(door));
        Ok(self)
    }

    /// The address of the first port; `0.0.0.0:0` if there are only Unix sockets.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addrs().first().copied().unwrap_or((Ipv4Addr::UNSPECIFIED, 0).into())
    }

    /// The addresses of all ports, in the order in which they were opened.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.doors.iter().filter_map(Door::local_addr).collect()
    }

    /// The address that the operator's HTTP is served on, if [`admin_address`](crate::Settings::admin_address) is set.
    #[must_use]
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|(_, address)| *address)
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Serves until ctrl-c or SIGTERM, then shuts down; see [`Server::serve`].
    pub async fn run_until_signal(self) {
        let server = self.server.clone();
        let signals = async move {
            let mut signals = Signals::new();
            loop {
                match signals.next().await {
                    Signal::Reload => server.reload(),
                    Signal::End if server.is_ready() => {
                        tracing::info!("shutting down");
                        server.shut_down();
                    }
                    Signal::End => {
                        tracing::warn!("shutting down at once");
                        server.shut_down_now();
                    }
                }
            }
        };
        tokio::select! {
            () = self.run() => {}
            () = signals => {}
        }
    }

    /// Serves until [`Server::shut_down`] is called and every connection has gone.
    pub async fn run(self) {
        let Self { server, doors, admin } = self;
        for door in &doors {
            tracing::info!(?door, "listening");
        }
        let over = CancellationToken::new();
        if let Some((door, address)) = admin {
            tracing::info!(%address, "listening for the operator");
            drop(tokio::spawn(admin::serve(server.clone(), door, over.clone())));
        }
        let _over = over.drop_guard();
        let site = Arc::new(Site::public(&server));
        tokio::select! {
            _ = futures_util::future::join_all(doors.iter().map(|door| accept(&site, door))) => {}
            () = server.follow() => {}
        }
        drop(doors);
        server.drain().await;
    }
}

impl Server {
    /// What SIGHUP does.
    fn reload(&self) {
        #[cfg(feature = "tls")]
        if let Err(error) = self.reload_certificate() {
            tracing::error!(%error, "the certificate before stays in use");
        }
    }

    /// Follows what changes outside; does not return.
    async fn follow(&self) {
        #[cfg(feature = "files")]
        let files = async {
            if let Ok(files) = self.files() {
                files.follow().await;
            }
            std::future::pending::<()>().await;
        };
        #[cfg(not(feature = "files"))]
        let files = std::future::pending::<()>();
        #[cfg(feature = "tls")]
        let tls = async {
            if let Some(tls) = &self.0.tls {
                tls.follow().await;
            }
            std::future::pending::<()>().await;
        };
        #[cfg(not(feature = "tls"))]
        let tls = std::future::pending::<()>();
        tokio::join!(files, tls);
    }
}

/// Takes whoever comes by a public door.
async fn accept(site: &Arc<Site>, door: &Door) {
    take_from(site, door, |visitor| {
        let (client, inner) = (visitor.client(), site.clone());
        site.take_in(client, move |entered| async move {
            let (visitor, came) = match at_once(&inner, visitor, client) {
                Ok(opened) => return Some(opened),
                Err(waiting) => waiting,
            };
            inner.receive(entered, |visit| receive(&inner, visit, visitor, client, came)).await
        });
    })
    .await;
}

/// Opens the WebSocket of a client that has asked for it by the time it is looked at, as most have: nothing is set up that
/// waits for it.
///
/// # Errors
/// The visitor is still to be received, with what was read of the socket if that was anything.
#[expect(clippy::result_large_err, reason = "what waits goes on at once")]
fn at_once(site: &Site, visitor: Visitor, client: Client) -> Result<Opened, (Visitor, Option<Came>)> {
    #[cfg(feature = "tls")]
    if site.server.0.tls.is_some() {
        return Err((visitor, None));
    }
    match visitor {
        Visitor::Tcp(stream, peer) if !is_introduced(site, client) => match receive_at_once(&stream, HEAD) {
            Some(bytes) => match judge(site, None, bytes, client) {
                Met::Handshake(accepted, prefix) => Ok(accepted.open(Socket::Tcp(stream), prefix)),
                Met::Http(came) => Err((Visitor::Tcp(stream, peer), Some(came))),
            },
            None => Err((Visitor::Tcp(stream, peer), None)),
        },
        visitor => Err((visitor, None)),
    }
}

/// Takes sockets from a door until nothing more is served behind it.
pub(super) async fn take_from(site: &Site, door: &Door, take: impl Fn(Visitor)) {
    let mut backoff = ACCEPT_BACKOFF.0;
    // One for all who come: for each it would have to be noted and forgotten.
    let mut closing = pin!(site.closing.cancelled());
    loop {
        let accepted = tokio::select! {
            biased;
            () = closing.as_mut() => return,
            accepted = door.accept() => accepted,
        };
        match accepted {
            Ok(visitor) => {
                backoff = ACCEPT_BACKOFF.0;
                take(visitor);
            }
            Err(error) if is_of_one_client(&error) => tracing::debug!(%error, "a client left at once"),
            Err(error) => {
                site.server.0.failed_accepts.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, "cannot accept a connection");
                // Most likely for want of file descriptors: those that nobody uses are on the public side.
                site.server.0.places.make_room();
                tokio::select! {
                    () = tokio::time::sleep(backoff) => {}
                    () = closing.as_mut() => return,
                }
                backoff = (backoff * 2).min(ACCEPT_BACKOFF.1);
            }
        }
    }
}

/// Whether an error is one client's, and says nothing of the next.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkDown};
    let kinds = [ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkDown];
    kinds.contains(&error.kind())
}

/// Finds out who has come, and serves it, but for a WebSocket, which is returned.
/// `came` was read of the socket already.
async fn receive(
    site: &Site,
    visit: Arc<Visit>,
    visitor: Visitor,
    mut client: Client,
    came: Option<Came>,
) -> Option<Opened> {
    match visitor {
        Visitor::Tcp(mut stream, _) => {
            if !introduce(site, &visit, &mut stream, &mut client).await {
                return None;
            }
            #[cfg(feature = "tls")]
            if let Some(tls) = &site.server.0.tls {
                let own = client.own_address(site.server.settings());
                // It costs more than all else that comes before the upgrade.
                match site.server.0.admission.handshake(site.server.settings(), own) {
                    Ok(paid) => visit.fare.pay(paid),
                    Err(refused) => {
                        site.refuse(refused.into());
                        return None;
                    }
                }
                client.is_secure = true;
                return match in_time(site, tls.acceptor.accept(stream)).await {
                    Ok(stream) => http::receive(site, visit, stream, client, None, Socket::other).await,
                    Err(error) => {
                        site.refuse(Dropped::of(&error, Dropped::Tls));
                        tracing::debug!(?client, %error, "a TLS handshake failed");
                        None
                    }
                };
            }
            http::receive(site, visit, stream, client, came, Socket::Tcp).await
        }
        #[cfg(unix)]
        Visitor::Unix(mut stream) => {
            if !introduce(site, &visit, &mut stream, &mut client).await {
                return None;
            }
            http::receive(site, visit, stream, client, None, Socket::other).await
        }
    }
}

/// Whether a trusted proxy says first for whom it speaks.
fn is_introduced(site: &Site, client: Client) -> bool {
    let settings = site.server.settings();
    settings.proxy_protocol && client.peer.is_trusted(&settings.trusted_proxies)
}

/// Reads for whom a trusted proxy speaks, if proxies are to say it before all else. False if that ends the visit.
async fn introduce<S: AsyncRead + Unpin>(site: &Site, visit: &Visit, stream: &mut S, client: &mut Client) -> bool {
    if !is_introduced(site, *client) {
        return true;
    }
    match in_time(site, proxy_protocol::read(stream)).await {
        Ok(Some(address)) => *client = Client::at(address),
        Ok(None) => {}
        Err(error) => {
            site.refuse(Dropped::of(&error, Dropped::ProxyHeader));
            match error.kind() {
                // As proxies do that only look whether the port is open.
                io::ErrorKind::UnexpectedEof => tracing::debug!(?client, "a trusted proxy left without a word"),
                _ => tracing::warn!(?client, %error, "a trusted proxy does not say who its client is"),
            }
            return false;
        }
    }
    let settings = site.server.settings();
    let Some(own) = client.own_address(settings) else { return true };
    match site.server.0.admission.visit(settings, own) {
        Ok(address) => visit.count(address),
        Err(refused) => {
            site.refuse(refused.into());
            return false;
        }
    }
    true
}

/// What comes before HTTP has as long as a request, and is given up when nothing more is served.
async fn in_time<T>(site: &Site, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::select! {
        result = timeout(site.server.settings().handshake_timeout, step) => {
            result.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        }
        () = site.closing.cancelled() => Err(io::Error::other("the server is shutting down")),
    }
}
