//! psd, as its users write it.

use psd_core::{
    Connection, Consumer, Error, Identity, Server, Settings,
    auth::{Claims, Jwt, TokenError},
    receive,
};

use crate::{pb, token};

/// The group of every connection.
const EVERYBODY: &str = "everybody";

struct Everybody;

impl Consumer for Everybody {
    const PATH: &'static str = "/ws";
    type Session = ();

    fn default_groups(_: &Connection) -> Vec<String> {
        vec![EVERYBODY.into()]
    }
}

#[receive(consumer = Everybody)]
fn say(message: pb::Say, author: Identity) -> pb::Said {
    pb::Said { room: message.room, author: author.username().into(), text: message.text, number: message.number }
}

#[receive(consumer = Everybody)]
fn shout(message: pb::Shout, author: Identity, connection: Connection) -> Result<(), Error> {
    connection.broadcast(EVERYBODY, &pb::Shouted { author: author.username().into(), text: message.text })
}

fn identity(claims: &Claims) -> Result<Identity, TokenError> {
    let id = claims.text("user_id").ok_or("it has no `user_id`")?;
    Ok(Identity::new(id, claims.text("name").unwrap_or(id)))
}

pub async fn serve() -> anyhow::Result<()> {
    let settings = Settings::from_env()?;
    let server =
        Server::builder().settings(settings).authenticator(Jwt::hs256(token::SECRET)?.claims(identity)).build()?;
    let listening = server.listen("127.0.0.1:0").await?;
    println!("{}", listening.local_addr());
    listening.run_until_signal().await;
    Ok(())
}
