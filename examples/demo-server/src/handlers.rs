//! One handler for each message, as wire/README.md describes them.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use psd_core::{Connection, Continue, Error, Identity, RequestHeaders, Session, State, receive};

use crate::{consumer::Demo, pb, types};

/// How far each room has counted its events.
#[derive(Clone, Default)]
pub(crate) struct Sequence(Arc<Mutex<HashMap<String, i64>>>);

impl Sequence {
    fn next(&self, room: &str) -> i64 {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = rooms.entry(room.to_owned()).or_default();
        *sequence += 1;
        *sequence
    }
}

/// What the recorded application raised where it expected no error.
#[derive(Debug)]
struct ValueError(String);

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ValueError {}

/// The recorded application's exception formatter: `formatted:<Type>:<text>`.
pub(crate) fn format_exception(error: &anyhow::Error) -> String {
    let name = if error.is::<ValueError>() { "ValueError" } else { "Exception" };
    format!("formatted:{name}:{error:#}")
}

fn text(text: impl Into<String>) -> pb::EchoReply {
    pb::EchoReply { text: text.into(), n: 0 }
}

#[receive(consumer = Demo)]
fn echo(message: pb::Echo) -> pb::EchoReply {
    pb::EchoReply { text: message.text, n: message.n }
}

#[receive(auth = false, consumer = Demo)]
fn open_echo(message: pb::OpenEcho) -> pb::EchoReply {
    pb::EchoReply { text: message.text, n: message.n }
}

#[receive(auth = false, consumer = Demo)]
fn types(message: pb::Types) -> pb::TypesReply {
    let python_repr = format!("{message:?}");
    pb::TypesReply { value: Some(message), python_repr }
}

#[receive(auth = false, consumer = Demo)]
fn types_build(message: pb::TypesBuild) -> Result<pb::TypesReply, Error> {
    match types::build(&message.variant) {
        Some(value) => Ok(pb::TypesReply { value, python_repr: message.variant }),
        None => Err(Error::new(1, "unknown variant")),
    }
}

#[receive(auth = false, consumer = Demo)]
fn fail(message: pb::Fail, connection: Connection) -> Result<(), Error> {
    if message.after_reply {
        connection.send(&text("before error"))?;
    }
    Err(if message.no_code { Error::text(message.text) } else { Error::new(message.code, message.text) })
}

#[receive(auth = false, consumer = Demo)]
fn boom(message: pb::Boom) -> Result<(), Error> {
    Err(ValueError(format!("boom: {}", message.text)).into())
}

#[receive(permissions = ["auth.view_user"], consumer = Demo)]
fn perm_guarded(_: pb::PermGuarded) -> pb::EchoReply {
    text("perm ok")
}

#[receive(whitelist_groups = ["staffers"], consumer = Demo)]
fn white_guarded(_: pb::WhiteGuarded) -> pb::EchoReply {
    text("white ok")
}

#[receive(blacklist_groups = ["banned"], consumer = Demo)]
fn black_guarded(_: pb::BlackGuarded) -> pb::EchoReply {
    text("black ok")
}

/// The original said `auth = false` as well, and its whitelist demanded a user all the same.
#[receive(whitelist_groups = ["staffers"], consumer = Demo)]
fn white_noauth(_: pb::WhiteNoauth) -> pb::EchoReply {
    text("white-noauth ok")
}

#[receive(consumer = Demo)]
fn proto_auth_false(_: pb::ProtoAuthFalse) -> pb::EchoReply {
    text("proto-auth-false ok")
}

#[receive(auth = false, consumer = Demo)]
fn async_thread(message: pb::AsyncThread) -> Continue {
    let detached = message.detached;
    let work = Continue::blocking(move || -> Result<pb::EchoReply, Error> {
        std::thread::sleep(milliseconds(message.ms));
        if message.raise_exc {
            return Err(ValueError("thread exploded".into()).into());
        }
        if message.fail {
            return Err(Error::new(17, "thread failed"));
        }
        Ok(text(format!("thread done {}", std::thread::current().name().unwrap_or("unnamed"))))
    });
    if detached { work.detached() } else { work }
}

#[receive(auth = false, consumer = Demo)]
fn async_coro(message: pb::AsyncCoro, connection: Connection) -> Continue {
    let detached = message.detached;
    let work = Continue::future(async move {
        tokio::time::sleep(milliseconds(message.ms)).await;
        if message.raise_exc {
            return Err(Error::from(ValueError("coroutine exploded".into())));
        }
        if message.fail {
            return Err(Error::new(18, "coroutine failed"));
        }
        if message.twice {
            connection.send(&text("coro says"))?;
        }
        Ok(text("coro says"))
    });
    if detached { work.detached() } else { work }
}

#[receive(auth = false, blocking, consumer = Demo)]
fn slow_sync(message: pb::SlowSync) -> pb::EchoReply {
    std::thread::sleep(milliseconds(message.ms));
    text(format!("slow done {}", message.ms))
}

#[receive(auth = false, consumer = Demo)]
fn join_room(message: pb::JoinRoom, connection: Connection) -> Result<(), Error> {
    connection.join(&group(&message.room))
}

#[receive(auth = false, consumer = Demo)]
fn leave_room(message: pb::LeaveRoom, connection: Connection) {
    connection.leave(&group(&message.room));
}

#[receive(auth = false, consumer = Demo)]
fn room_say(message: pb::RoomSay, connection: Connection, State(sequence): State<Sequence>) -> Result<(), Error> {
    let seq = sequence.next(&message.room);
    let group = group(&message.room);
    connection.broadcast(&group, &pb::RoomEvent { room: message.room, text: message.text, seq })
}

#[receive(auth = false, consumer = Demo)]
fn many(message: pb::Many) -> Vec<pb::Item> {
    (0..message.count).map(|index| pb::Item { index, text: format!("item {index}") }).collect()
}

#[receive(auth = false, consumer = Demo)]
fn who_am_i(_: pb::WhoAmI, identity: Option<Identity>, headers: RequestHeaders) -> pb::WhoAmIReply {
    let headers = serde_json::json!({
        "messageType": headers.message_type,
        "uuid": headers.uuid,
        "ack": headers.ack,
        "retryCount": headers.retry_count,
        "apiVersion": headers.api_version,
    });
    pb::WhoAmIReply {
        user: identity.as_ref().map(|identity| identity.username().to_owned()).unwrap_or_default(),
        authenticated: identity.is_some(),
        headers_json: headers.to_string(),
    }
}

#[receive(auth = false, consumer = Demo)]
fn state_probe(message: pb::StateProbe, session: Session<String>) -> pb::EchoReply {
    text(session.replace(message.set_value))
}

#[receive(auth = false, consumer = Demo)]
fn void(_: pb::Void) {}

#[receive(auth = false, consumer = Demo, any_name)]
fn loop_message(_: pb::Loop) {}

/// The original had two handlers here; one message has one handler with us.
#[receive(auth = false, consumer = Demo)]
fn double_handled(_: pb::DoubleHandled) -> pb::EchoReply {
    text("handler a")
}

fn group(room: &str) -> String {
    format!("room-{room}")
}

fn milliseconds(count: i32) -> Duration {
    Duration::from_millis(u64::try_from(count).unwrap_or(0))
}
