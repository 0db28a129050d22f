//! What clients may ask for: one function for each message of `proto/chat.proto` that they send.
//!
//! There is no list of them anywhere. `#[receive]` takes the route from the type of the first parameter, and whatever
//! else a function needs it takes as a parameter.

use std::sync::{Mutex, PoisonError};

use psd_core::{
    Connection, Consumer, Error, Identity, IntoMessage, Server, Session, State,
    auth::{Authenticator, BoxFuture, TokenError},
    receive,
};

use crate::{
    pb,
    store::{History, Person, Room, Store},
};

/// The group of everyone who is signed in.
const EVERYONE: &str = "everyone";

/// The endpoint of the chat. Only its hooks and the data it keeps for a connection make it worth a name.
pub(crate) struct Chat;

impl Consumer for Chat {
    const PATH: &'static str = "/ws";
    /// The room that the connection is in.
    type Session = Option<String>;

    async fn on_authenticated(connection: Connection, _: Identity) {
        let _ = connection.join(EVERYONE);
    }

    async fn on_disconnect(connection: Connection) {
        if let Some(session) = Session::of(&connection) {
            leave_room(&connection, &session);
        }
    }
}

/// Taking a name needs no name: in `chat.proto`, `sign-in` says `auth = false`. All other handlers are guarded.
#[receive(consumer = Chat)]
async fn sign_in(
    message: pb::SignIn,
    connection: Connection,
    State(store): State<Store>,
) -> Result<pb::SignedIn, Error> {
    let name = tidy("name", &message.name, 30)?;
    let token = format!("{:032x}", rand::random::<u128>());
    let Some(person) = store.sign_in(&name, &token).await? else {
        return Err(Error::new(409, format!("somebody is called {name} already: take another name")));
    };
    connection.authenticate(&token, person.identity());
    Ok(pb::SignedIn { token, name })
}

#[receive(consumer = Chat)]
async fn sign_out(
    _: pb::SignOut,
    identity: Identity,
    connection: Connection,
    session: Session<Option<String>>,
    State(store): State<Store>,
) -> Result<(), Error> {
    store.sign_out(identity.username()).await?;
    leave_room(&connection, &session);
    connection.leave(EVERYONE);
    connection.deauthenticate();
    // The name may be somebody else's now: whoever still has it in another window must not keep it.
    connection.server().disconnect_user(identity.user_id(), "signed out in another window");
    Ok(())
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
    let text = message.text.trim();
    if text.is_empty() {
        return Err(Error::new(422, "the message is empty"));
    }
    if text.chars().count() > 4000 {
        return Err(Error::new(422, "the message is longer than 4000 characters"));
    }
    let mut room = find(&store, &message.room).await?;
    let (saved, is_new) = store.save(&room, author.username(), text, &message.key).await?;
    let sent = pb::ChatSent { room: room.name.clone(), message: Some(saved.clone().into_message()) };
    if is_new {
        // The sender gets it as the answer below, so that it knows which of its requests this is.
        connection.broadcast_others(&group(&room.name), &sent)?;
        room.last = Some(saved);
        connection.broadcast(EVERYONE, &pb::RoomChanged { room: Some(room.into_message()) })?;
    }
    Ok(sent)
}

/// A token of `sign-in`, shown by a page that comes back, is verified here.
impl Authenticator for Store {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>> {
        Box::pin(async move {
            match self.person(token).await {
                Ok(Some(person)) => Ok(person.identity()),
                Ok(None) => Err("nobody holds this token".into()),
                Err(error) => Err(TokenError::unavailable(error.to_string())),
            }
        })
    }
}

impl Person {
    fn identity(&self) -> Identity {
        Identity::new(self.id.to_string(), &self.name)
    }
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
