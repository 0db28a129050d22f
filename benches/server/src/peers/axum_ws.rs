//! axum's WebSocket, written by hand with serde_json.

use std::sync::Arc;

use axum::{
    Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::HeaderMap,
    response::Response,
    routing::any,
};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::TcpListener;

use super::{
    by_hand::{Answers, Caller, Hub},
    plain,
};

pub async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    let app = Router::new().route("/ws", any(upgrade)).with_state(Hub::new());
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await?;
    Ok(())
}

async fn upgrade(upgrade: WebSocketUpgrade, headers: HeaderMap, State(hub): State<Arc<Hub>>) -> Response {
    let mut caller = Caller::new(&hub);
    let token = headers.get("authorization").and_then(|header| header.to_str().ok()?.strip_prefix("Bearer "));
    if let Some(token) = token {
        caller.authenticate(token);
    }
    upgrade.read_buffer_size(4096).on_upgrade(async move |socket| {
        talk(socket, hub, caller).await;
    })
}

async fn talk(mut socket: WebSocket, hub: Arc<Hub>, mut caller: Caller) -> Option<()> {
    let (_membership, mut broadcasts) = hub.join();
    let mut answers = Answers::new(&hub);
    loop {
        tokio::select! {
            message = socket.next() => {
                let mut next = Some(message?.ok()?);
                while let Some(message) = next {
                    match message {
                        Message::Text(text) => plain::handle(&mut caller, &text, &mut answers)?,
                        Message::Close(_) => return None,
                        _ => {}
                    }
                    for answer in answers.take() {
                        socket.feed(text(&answer)).await.ok()?;
                    }
                    next = socket.next().now_or_never().flatten().and_then(Result::ok);
                }
            }
            broadcast = broadcasts.recv() => {
                socket.feed(text(&broadcast?)).await.ok()?;
                while let Ok(broadcast) = broadcasts.try_recv() {
                    socket.feed(text(&broadcast)).await.ok()?;
                }
            }
        }
        socket.flush().await.ok()?;
    }
}

/// axum has a type of its own for the same shared bytes.
fn text(answer: &super::by_hand::Answer) -> Message {
    let bytes: bytes::Bytes = answer.clone().into();
    Message::Text(bytes.try_into().expect("it was text"))
}
