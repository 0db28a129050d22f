//! The floor: tokio-tungstenite sends back what comes.

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::TcpListener;

pub async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut socket =
                tokio_tungstenite::accept_async_with_config(stream, Some(super::by_hand::config())).await.ok()?;
            while let Some(Ok(message)) = socket.next().await {
                let mut next = Some(message);
                while let Some(message) = next {
                    if message.is_close() {
                        return None;
                    }
                    socket.feed(message).await.ok()?;
                    next = socket.next().now_or_never().flatten().and_then(Result::ok);
                }
                socket.flush().await.ok()?;
            }
            Some(())
        });
    }
}
