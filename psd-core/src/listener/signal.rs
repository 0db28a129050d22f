//! The signals that a server hears.

#[cfg(unix)]
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal asks for.
pub(super) enum Signal {
    /// Ctrl-c or SIGTERM.
    End,
    /// SIGHUP.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no such signal"))]
    Reload,
}

/// The signals of the process; none is lost between two calls of [`next`](Self::next).
pub(super) struct Signals {
    #[cfg(unix)]
    terminate: Option<Stream>,
    #[cfg(unix)]
    interrupt: Option<Stream>,
    #[cfg(unix)]
    hang_up: Option<Stream>,
}

impl Signals {
    #[cfg(unix)]
    pub(super) fn new() -> Self {
        let listen = |kind| {
            let listening = signal(kind);
            listening.inspect_err(|error| tracing::warn!(%error, ?kind, "cannot listen for a signal")).ok()
        };
        Self {
            terminate: listen(SignalKind::terminate()),
            interrupt: listen(SignalKind::interrupt()),
            hang_up: listen(SignalKind::hangup()),
        }
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            () = received(self.terminate.as_mut()) => Signal::End,
            () = received(self.interrupt.as_mut()) => Signal::End,
            () = received(self.hang_up.as_mut()) => Signal::Reload,
        }
    }

    #[cfg(not(unix))]
    pub(super) fn new() -> Self {
        Self {}
    }

    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> Signal {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "cannot listen for ctrl-c");
            std::future::pending::<()>().await;
        }
        Signal::End
    }
}

#[cfg(unix)]
async fn received(signal: Option<&mut Stream>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
