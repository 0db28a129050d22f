//! The servers that are compared: each does the same work in its own idiom, on a runtime of one thread.

mod axum_ws;
mod by_hand;
mod echo;
mod plain;
mod psd;
mod socketioxide;

use std::net::SocketAddr;

use anyhow::Context as _;
use clap::ValueEnum;
use tokio::net::TcpListener;

/// A server of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Peer {
    /// psd
    Psd,
    /// socketioxide on axum, in its own idiom
    Socketioxide,
    /// socketioxide on axum, carrying the envelopes that psd does
    SocketioxideEnvelope,
    /// axum's WebSocket, written by hand with serde_json
    Axum,
    /// tokio-tungstenite, written by hand with serde_json
    ByHand,
    /// tokio-tungstenite, written by hand with psd's codec
    ByHandCodec,
    /// tokio-tungstenite, which sends back what comes
    Echo,
    /// Socket.IO on Node.js
    SocketIo,
}

impl Peer {
    /// What tables call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Psd => "psd",
            Self::Socketioxide => "socketioxide",
            Self::SocketioxideEnvelope => "socketioxide, same bytes",
            Self::Axum => "axum by hand",
            Self::ByHand => "tungstenite by hand",
            Self::ByHandCodec => "the same, psd's codec",
            Self::Echo => "echo",
            Self::SocketIo => "Socket.IO on Node.js",
        }
    }
}

/// Serves on a free port, which is printed, until the process is killed.
pub fn serve(peer: Peer) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if peer == Peer::Psd {
            return psd::serve().await;
        }
        // A backlog as large as the one psd asks for.
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let listener = socket.listen(4096)?;
        announce(&listener)?;
        match peer {
            Peer::Psd | Peer::SocketIo => anyhow::bail!("it is served elsewhere"),
            Peer::Socketioxide | Peer::SocketioxideEnvelope => socketioxide::serve(listener).await,
            Peer::Axum => axum_ws::serve(listener).await,
            Peer::ByHand => by_hand::serve(listener, plain::handle).await,
            Peer::ByHandCodec => by_hand::serve(listener, by_hand::with_codec).await,
            Peer::Echo => echo::serve(listener).await,
        }
    })
}

fn announce(listener: &TcpListener) -> anyhow::Result<()> {
    println!("{}", listener.local_addr().context("the listener has an address")?);
    Ok(())
}
