//! socketioxide on axum: events with acks, a room, and the token at the connection. `envelope` is the event by which the same
//! envelopes travel as psd's, with a reply and an ack of their own.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use socketioxide::{
    SocketIo, TransportType,
    extract::{AckSender, Data, Extension, SocketRef},
    handler::ConnectHandler,
};
use tokio::net::TcpListener;

use crate::token::Verifier;

const EVERYBODY: &str = "everybody";

#[derive(Deserialize)]
struct Auth {
    token: String,
}

#[derive(Clone)]
struct User(Arc<str>);

#[derive(Deserialize)]
struct Say {
    room: String,
    text: String,
    number: i64,
}

#[derive(Serialize)]
struct Said<'a> {
    room: &'a str,
    author: &'a str,
    text: &'a str,
    number: i64,
}

#[derive(Deserialize)]
struct Shout {
    text: String,
}

#[derive(Serialize)]
struct Shouted<'a> {
    author: &'a str,
    text: &'a str,
}

/// psd's envelope, of which Socket.IO knows nothing.
#[derive(Deserialize)]
struct Envelope {
    headers: Headers,
    body: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Headers {
    message_type: String,
    uuid: Option<String>,
    #[serde(default)]
    ack: bool,
}

pub async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    let (layer, io) = SocketIo::builder()
        .transports([TransportType::Websocket])
        .ping_interval(Duration::from_secs(600))
        .max_buffer_size(16 * 1024)
        .ws_read_buffer_size(4096)
        .build_layer();
    let verifier = Arc::new(Verifier::new());
    let authenticate = move |socket: SocketRef, Data(auth): Data<Auth>| {
        let user = verifier.verify(&auth.token);
        async move {
            let user = user.ok_or("the token is bad")?;
            socket.extensions.insert(User(user.into()));
            Ok::<(), &str>(())
        }
    };
    io.ns("/", connected.with(authenticate));
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}

async fn connected(socket: SocketRef) {
    socket.join(EVERYBODY);
    socket.on("say", async |Data(say): Data<Say>, Extension(User(author)): Extension<User>, ack: AckSender| {
        let said = Said { room: &say.room, author: &author, text: &say.text, number: say.number };
        let _ = ack.send(&said);
    });
    socket.on(
        "shout",
        async |io: SocketIo, Data(shout): Data<Shout>, Extension(User(author)): Extension<User>, ack: AckSender| {
            let _ = io.within(EVERYBODY).emit("shouted", &Shouted { author: &author, text: &shout.text }).await;
            let _ = ack.send(&());
        },
    );
    socket.on("envelope", envelope);
}

async fn envelope(
    io: SocketIo,
    socket: SocketRef,
    Data(envelope): Data<Envelope>,
    Extension(User(author)): Extension<User>,
) {
    let Headers { message_type, uuid, ack } = envelope.headers;
    match message_type.as_str() {
        "say" => {
            let Ok(say) = serde_json::from_value::<EnvelopeSay>(envelope.body) else { return };
            let body = json!({"room": say.room, "author": &*author, "text": say.text, "number": say.number});
            let _ = socket.emit("envelope", &json!({"headers": {"messageType": "said", "uuid": uuid}, "body": body}));
        }
        "shout" => {
            let Ok(shout) = serde_json::from_value::<Shout>(envelope.body) else { return };
            let body = Shouted { author: &author, text: &shout.text };
            let shouted = json!({"headers": {"messageType": "shouted"}, "body": body});
            let _ = io.within(EVERYBODY).emit("envelope", &shouted).await;
        }
        _ => {}
    }
    if ack {
        let ack = json!({"headers": {"messageType": "ack", "uuid": uuid}, "body": {"uuid": uuid}});
        let _ = socket.emit("envelope", &ack);
    }
}

/// 64-bit integers are texts in psd's JSON.
#[derive(Deserialize)]
struct EnvelopeSay {
    room: String,
    text: String,
    number: String,
}
