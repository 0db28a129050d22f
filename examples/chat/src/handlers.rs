//! What clients may ask for: one function for each message of `proto/chat.proto` that they send.
//!
//! There is no list of them anywhere. `#[receive]` takes the route from the type of the first parameter, and whatever
//! else a function needs it takes as a parameter.

use std::sync::{Mutex, PoisonError};

use psd_core::{
    Connection, Consumer, Error, Identity, IntoMessage, Server, Session, State, auth::SqlUsers,
    proto::common::authentication::LoginToken, receive,
};

use crate::{
    files::attached,
    pb,
    store::{Draft, History, Room, Store},
};

/// The group of everyone who is signed in.
const EVERYONE: &str = "everyone";

/// The endpoint of the chat. Only its hooks and the data it keeps for a connection make it worth a name.
pub(crate) struct Chat;

impl Consumer for Chat {
    const PATH: &'static str = "/ws";
    /// The room that the connection is in.
    type Session = Option<String>;

    /// Whoever signs out, or whose token ends, hears nothing more.
    fn admits(_: &str, identity: Option<&Identity>, _: &Connection) -> bool {
        identity.is_some()
    }

    async fn on_authenticated(connection: Connection, _: Identity) {
        let _ = connection.join(EVERYONE);
    }

    async fn on_disconnect(connection: Connection) {
        if let Some(session) = Session::of(&connection) {
            leave_room(&connection, &session);
        }
    }
}

/// Making an account needs none: in `chat.proto`, `sign-up` says `auth = false`. All other handlers are guarded; `login`,
/// `refresh-token` and the like are psd's own.
#[receive(consumer = Chat)]
async fn sign_up(
    message: pb::SignUp,
    connection: Connection,
    State(users): State<SqlUsers>,
) -> Result<LoginToken, Error> {
    let name = tidy("name", &message.username, 30)?;
    let account = users.create(&name, &message.password).await.map_err(|error| match error.code() {
        Some(409) => Error::new(409, format!("somebody is called {name} already: take another name")),
        _ => error,
    })?;
    connection.log_in(&account.id.to_string()).await
}

#[receive(consumer = Chat)]
fn fetch_profile(_: pb::FetchProfile, identity: Identity) -> pb::Profile {
    pb::Profile { name: identity.username().into() }
}

#[receive(consumer = Chat)]
async fn list_rooms(_: pb::ListRooms, State(store): State<Store>) -> Result<pb::Rooms, Error> {
    Ok(pb::Rooms { rooms: store.rooms().await?.into_iter().map(Room::into_message).collect() })
}

#[receive(consumer = Chat)]
async fn create_room(message: pb::CreateRoom, connection: Connection, State(store): State<Store>) -> Result<(), Error> {
    let name = tidy("room's name", &message.name, 40)?;
    let Some(room) = store.create_room(&name).await? else {
        return Err(Error::new(409, format!("there is a room called {name} already")));
    };
    connection.broadcast(EVERYONE, &pb::RoomChanged { room: Some(room.into_message()) })
}

#[receive(consumer = Chat)]
async fn open_room(
    message: pb::OpenRoom,
    connection: Connection,
    session: Session<Option<String>>,
    State(store): State<Store>,
) -> Result<History, Error> {
    let room = find(&store, &message.room).await?;
    leave_room(&connection, &session);
    // Joining comes before reading: what is said meanwhile comes twice, with one id, rather than never.
    connection.join(&group(&room.name))?;
    session.replace(Some(room.name.clone()));
    tell_who_is_here(connection.server(), &room.name);
    Ok(store.history(room, None).await?)
}

#[receive(consumer = Chat)]
async fn fetch_history(message: pb::FetchHistory, State(store): State<Store>) -> Result<History, Error> {
    let room = find(&store, &message.room).await?;
    Ok(store.history(room, Some(message.before)).await?)
}

#[receive(consumer = Chat)]
async fn send_chat(
    message: pb::SendChat,
    author: Identity,
    connection: Connection,
    State(store): State<Store>,
) -> Result<pb::ChatSent, Error> {
    let files = attached(connection.server(), &author, message.attachments).await?;
    let text = message.text.trim();
    if text.is_empty() && files.is_empty() {
        return Err(Error::new(422, "the message is empty"));
    }
    if text.chars().count() > 4000 {
        return Err(Error::new(422, "the message is longer than 4000 characters"));
    }
    let mut room = find(&store, &message.room).await?;
    let draft = Draft { author: author.username(), text, key: &message.key, files: &files };
    let (saved, is_new) = store.save(&room, draft).await?;
    let sent = saved.clone().into_message();
    if is_new {
        // The sender gets it as the answer below, so that it knows which of its requests this is.
        connection.broadcast_others(&group(&room.name), &sent)?;
        room.last = Some(saved);
        connection.broadcast(EVERYONE, &pb::RoomChanged { room: Some(room.into_message()) })?;
    }
    Ok(sent)
}

/// Only those who are in the room are told, and only by those who are.
#[receive(consumer = Chat)]
fn typing(
    message: pb::Typing,
    author: Identity,
    connection: Connection,
    session: Session<Option<String>>,
) -> Result<(), Error> {
    let room = message.room;
    if session.with(|current| current.as_ref() != Some(&room)) {
        return Err(Error::new(409, "somebody types in the room that they are in"));
    }
    let types = pb::SomebodyTypes { room, author: author.username().into() };
    connection.broadcast_others(&group(&types.room), &types)
}

/// Takes a connection out of its room, and tells those who stay.
fn leave_room(connection: &Connection, session: &Session<Option<String>>) {
    if let Some(room) = session.replace(None) {
        connection.leave(&group(&room));
        tell_who_is_here(connection.server(), &room);
    }
}

/// Tells everyone in a room who is in it now.
fn tell_who_is_here(server: &Server, room: &str) {
    /// Held from looking to telling: whoever tells last must have looked last.
    static TELLING: Mutex<()> = Mutex::new(());
    let _telling = TELLING.lock().unwrap_or_else(PoisonError::into_inner);

    let members = server.members(&group(room)).into_iter().filter_map(|id| server.connection(id)?.identity());
    let mut people: Vec<String> = members.map(|identity| identity.username().to_owned()).collect();
    people.sort_by_key(|name| name.to_lowercase());
    people.dedup(); // Somebody with two windows is here once.
    let _ = server.broadcast(&group(room), &pb::PeopleChanged { room: room.to_owned(), people });
}

async fn find(store: &Store, room: &str) -> Result<Room, Error> {
    store.room(room).await?.ok_or_else(|| Error::new(404, format!("there is no room called {room}")))
}

/// The broadcast group of a room: no room can be called `everyone` by mistake.
fn group(room: &str) -> String {
    format!("room {room}")
}

/// A name without superfluous spaces, if it is one.
fn tidy(what: &str, name: &str, limit: usize) -> Result<String, Error> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if !name.chars().any(char::is_alphanumeric) {
        return Err(Error::new(422, format!("the {what} needs a letter or a digit")));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::new(422, format!("the {what} has a control character in it")));
    }
    if name.chars().count() > limit {
        return Err(Error::new(422, format!("the {what} is longer than {limit} characters")));
    }
    Ok(name)
}
