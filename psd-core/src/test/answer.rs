//! What comes of a message that was sent.

use std::{fmt, panic::Location, pin::Pin, sync::Arc};

use psd_proto::ServerMessage;

use super::{
    Received,
    client::{Inner, fail},
};

/// A message on its way. Awaited, it is acked, or the test fails.
///
/// Dropped, its answers are passed over; the server handles it all the same.
#[must_use = "await it, say what else is expected, or `drop` it"]
pub struct Sent {
    client: Arc<Inner>,
    uuid: String,
    message_type: &'static str,
    at: &'static Location<'static>,
}

/// What a refused request is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckError {
    /// The code, such as 403.
    pub code: Option<i32>,
    /// The text.
    pub text: String,
}

impl Sent {
    pub(super) fn new(
        client: Arc<Inner>,
        uuid: String,
        message_type: &'static str,
        at: &'static Location<'static>,
    ) -> Self {
        Self { client, uuid, message_type, at }
    }

    /// The request is refused with this code; returns code and text. Replies before that are passed over.
    ///
    /// # Panics
    /// It ends well or with another code, or does not end within a minute.
    pub async fn expect_ack_error(self, code: i32) -> AckError {
        let (at, message_type) = (self.at, self.message_type);
        match self.outcome().await {
            Err(error) if error.code == Some(code) => error,
            Err(error) => {
                fail(at, format_args!("expected `{message_type}` to be refused with {code}, but it was {error}"))
            }
            Ok(replies) => fail(
                at,
                format_args!(
                    "expected `{message_type}` to be refused with {code}, but it ended well; replies: {replies:?}"
                ),
            ),
        }
    }

    /// The first reply of this type, once the request has ended well.
    ///
    /// # Panics
    /// There is none, or the request is refused or does not end within a minute.
    pub async fn reply<R: ServerMessage>(self) -> R {
        let (at, message_type) = (self.at, self.message_type);
        let replies = self.ended_well().await;
        replies.iter().find_map(Received::read).unwrap_or_else(|| {
            let expected = R::INFO.message_type;
            fail(at, format_args!("expected `{message_type}` to be replied to with `{expected}`; replies: {replies:?}"))
        })
    }

    /// All replies, in order, once the request has ended well.
    ///
    /// # Panics
    /// One is of another type, or the request is refused or does not end within a minute.
    pub async fn replies<R: ServerMessage>(self) -> Vec<R> {
        let (at, message_type) = (self.at, self.message_type);
        let replies = self.ended_well().await;
        let read = |reply: &Received| {
            reply.read().unwrap_or_else(|| {
                let expected = R::INFO.message_type;
                fail(
                    at,
                    format_args!("expected every reply to `{message_type}` to be `{expected}`; replies: {replies:?}"),
                )
            })
        };
        replies.iter().map(read).collect()
    }

    /// The replies, or why the request was refused: for tests of what either may happen.
    ///
    /// # Errors
    /// What the client is told.
    ///
    /// # Panics
    /// The request does not end within a minute, or its connection does first.
    pub async fn outcome(self) -> Result<Vec<Received>, AckError> {
        let ended = self.client.inbox.wait(|state| {
            let answers = state.requests.get_mut(&self.uuid)?;
            let result = answers.result.clone()?;
            Some(result.map(|()| std::mem::take(&mut answers.replies)))
        });
        ended.await.unwrap_or_else(|instead| {
            fail(self.at, format_args!("expected an ack for `{}`, but {instead}", self.message_type))
        })
    }

    /// Whether it has been answered.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.client.inbox.lock().requests.get(&self.uuid).is_some_and(|answers| answers.result.is_some())
    }

    /// Tells the server that no answer is wanted any more (v1); the request then ends with code 499, unless it ends otherwise
    /// before. Does nothing in classic.
    pub fn cancel(&self) {
        self.client.cancel(&self.uuid);
    }

    async fn ended_well(self) -> Vec<Received> {
        let (at, message_type) = (self.at, self.message_type);
        self.outcome()
            .await
            .unwrap_or_else(|error| fail(at, format_args!("expected `{message_type}` to end well, but it was {error}")))
    }
}

impl IntoFuture for Sent {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { drop(self.ended_well().await) })
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sent")
            .field("message_type", &self.message_type)
            .field("uuid", &self.uuid)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for AckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "refused with {code}: {}", self.text),
            None => write!(f, "refused without a code: {}", self.text),
        }
    }
}
