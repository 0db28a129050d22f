//! A message on its way to many connections: encoded once for each dialect that somebody speaks.

use std::{cell::OnceCell, fmt, sync::Arc};

use psd_proto::ServerMessage;

use crate::{
    ConnectionId, Error, Server,
    codec::{Dialect, SharedMessage},
    into_message::IntoMessage,
};

/// What becomes of a publication for a client that reads too slowly.
///
/// A client is slow for a publication when more waits for it than its outbox holds
/// ([`outbox_bytes`](crate::Settings::outbox_bytes), [`outbox_messages`](crate::Settings::outbox_messages)), or more
/// publications that may be dropped than [`droppable_messages`](crate::Settings::droppable_messages). Replies and acks are
/// never dropped. Whatever the policy, a client that takes nothing at all for
/// [`write_timeout`](crate::Settings::write_timeout) is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SlowConsumer {
    /// Its connection is closed with 4413: it comes back and asks anew.
    #[default]
    Close,
    /// The oldest that waits is dropped: for what is of interest now.
    DropOldest,
    /// The new one is dropped: for what is of interest from its beginning.
    DropNewest,
}

/// A [`SlowConsumer`], or that a later publication of the same key replaces one that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Policy {
    Close,
    DropOldest,
    DropNewest,
    Latest(Arc<str>),
}

impl Policy {
    pub(crate) fn key(&self) -> Option<&Arc<str>> {
        match self {
            Self::Latest(key) => Some(key),
            _ => None,
        }
    }

    pub(crate) fn keeps_oldest(&self) -> bool {
        *self == Self::DropNewest
    }

    /// The policy of a consumer, for as long as the program runs.
    pub(crate) fn of(slow_consumer: SlowConsumer) -> &'static Self {
        match slow_consumer {
            SlowConsumer::Close => &Self::Close,
            SlowConsumer::DropOldest => &Self::DropOldest,
            SlowConsumer::DropNewest => &Self::DropNewest,
        }
    }
}

/// A publication on its way out: what becomes of it for slow clients, and whom it is for.
///
/// ```
/// # use psd_core::{Error, Server, proto::common::sfiles::UploadDone};
/// # fn publish(server: &Server, price: &UploadDone, symbol: &str) -> Result<(), Error> {
/// // Of each symbol a slow client gets the latest price only.
/// server.publish(price).latest(symbol).to_group("prices")?;
/// server.publish(price).drop_oldest().to_group("ticker")?;
/// # Ok(())
/// # }
/// ```
/// What may be dropped waits behind replies and other publications once 16 KiB wait for a client, and gets its number of
/// v1 when it is sent: what is dropped leaves no gap, and the client is not told.
#[must_use = "nothing is published before it is said to whom"]
pub struct Publish<'a, M> {
    server: &'a Server,
    message: &'a M,
    policy: Option<Policy>,
    except: Option<ConnectionId>,
}

impl<'a, M: IntoMessage<Message: ServerMessage>> Publish<'a, M> {
    pub(crate) fn new(server: &'a Server, message: &'a M) -> Self {
        Self { server, message, policy: None, except: None }
    }

    /// Follows this policy. Default: that of the consumer of each connection,
    /// [`Consumer::SLOW_CONSUMER`](crate::Consumer::SLOW_CONSUMER).
    pub fn slow_consumer(self, slow_consumer: SlowConsumer) -> Self {
        Self { policy: Some(Policy::of(slow_consumer).clone()), ..self }
    }

    /// Drops the oldest that waits; see [`SlowConsumer::DropOldest`].
    pub fn drop_oldest(self) -> Self {
        self.slow_consumer(SlowConsumer::DropOldest)
    }

    /// Drops the new one; see [`SlowConsumer::DropNewest`].
    pub fn drop_newest(self) -> Self {
        self.slow_consumer(SlowConsumer::DropNewest)
    }

    /// Replaces the one with the same key that waits, in its place; where there is none, the oldest is dropped. Keys are
    /// the application's, and common to all groups and message types.
    pub fn latest(self, key: &str) -> Self {
        Self { policy: Some(Policy::Latest(key.into())), ..self }
    }

    /// Leaves one connection of the group out.
    pub fn except(self, connection: ConnectionId) -> Self {
        Self { except: Some(connection), ..self }
    }

    /// Sends it to every member of a group; encoded once.
    ///
    /// # Errors
    /// The message has no JSON form: members that read the binary form have got it, and the error says how many others have
    /// not. Members that are gone or too slow are no error.
    pub fn to_group(self, group: &str) -> Result<(), Error> {
        let message = self.message.to_message();
        self.server.publish_to_group(group, &Publication::new(&*message).with_policy(self.policy), self.except)
    }

    /// Sends it to every connection of a user; returns how many there are.
    ///
    /// # Errors
    /// As [`to_group`](Self::to_group).
    pub fn to_user(self, user_id: &str) -> Result<usize, Error> {
        let message = self.message.to_message();
        self.server.publish_to_user(user_id, &Publication::new(&*message).with_policy(self.policy))
    }
}

impl<M> fmt::Debug for Publish<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish").field("policy", &self.policy).finish_non_exhaustive()
    }
}

type Encoded = Result<SharedMessage, Error>;

pub(crate) struct Publication<'a> {
    encode: Box<dyn Fn(Dialect) -> Encoded + 'a>,
    classic: OnceCell<Encoded>,
    v1_json: OnceCell<Encoded>,
    v1_proto: OnceCell<Encoded>,
    v1_proto_compressed: OnceCell<Encoded>,
    policy: Option<Policy>,
}

impl<'a> Publication<'a> {
    pub(crate) fn new<M: ServerMessage>(message: &'a M) -> Self {
        Self {
            encode: Box::new(move |dialect| dialect.share(message)),
            classic: OnceCell::new(),
            v1_json: OnceCell::new(),
            v1_proto: OnceCell::new(),
            v1_proto_compressed: OnceCell::new(),
            policy: None,
        }
    }

    pub(crate) fn with_policy(self, policy: Option<Policy>) -> Self {
        Self { policy, ..self }
    }

    /// What becomes of it where a client reads too slowly, if it says so.
    #[inline]
    pub(crate) fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// What connections of a dialect share of it, or why it cannot be said in that; encoded once. Compressed, it is
    /// compressed once: the threshold is the server's.
    #[inline]
    pub(crate) fn shared(&self, dialect: Dialect) -> Result<&SharedMessage, &Error> {
        let encoded = match dialect {
            Dialect::Classic => &self.classic,
            Dialect::V1Json => &self.v1_json,
            Dialect::V1Proto { compress_from: None } => &self.v1_proto,
            Dialect::V1Proto { compress_from: Some(_) } => &self.v1_proto_compressed,
        };
        encoded.get_or_init(|| (self.encode)(dialect)).as_ref()
    }
}
