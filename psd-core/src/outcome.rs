//! What a handler may return, and how it becomes replies and an ack.

use psd_proto::ServerMessage;

use crate::{Continue, Error, into_message::IntoMessage, request::Request};

/// A value that a handler may return: nothing, a message (the reply), an `Option` or `Vec` of messages, a `Result` of
/// any of these, or a [`Continue`].
///
/// `Kind` is found by the compiler; it only keeps the implementations apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the outcome of a handler",
    label = "a handler returns nothing, a message, an `Option` or `Vec` of messages, a `Result` of these, or `Continue`",
    note = "for your own type derive `IntoMessage`"
)]
pub trait IntoOutcome<Kind> {
    /// Sends what there is to send.
    ///
    /// # Errors
    /// What the request fails with.
    #[doc(hidden)]
    fn respond(self, request: &Request) -> Result<Completion, Error>;
}

/// How far a request is when its handler has returned.
#[doc(hidden)]
#[derive(Debug)]
#[must_use]
pub enum Completion {
    /// It is done; the ack is due.
    Done,
    /// It goes on elsewhere and is acked there.
    Continue(Continue),
}

/// The kinds of outcome.
#[doc(hidden)]
pub mod kind {
    #[derive(Debug)]
    pub struct Nothing;
    #[derive(Debug)]
    pub struct Message;
    #[derive(Debug)]
    pub struct Optional;
    #[derive(Debug)]
    pub struct Many;
    #[derive(Debug)]
    pub struct Deferred;
    #[derive(Debug)]
    pub struct Fallible<Kind>(std::marker::PhantomData<Kind>);
}

impl IntoOutcome<kind::Nothing> for () {
    fn respond(self, _: &Request) -> Result<Completion, Error> {
        Ok(Completion::Done)
    }
}

impl<M: IntoMessage<Message: ServerMessage>> IntoOutcome<kind::Message> for M {
    fn respond(self, request: &Request) -> Result<Completion, Error> {
        request.reply_last(&self.into_message())?;
        Ok(Completion::Done)
    }
}

impl<M: IntoMessage<Message: ServerMessage>> IntoOutcome<kind::Optional> for Option<M> {
    fn respond(self, request: &Request) -> Result<Completion, Error> {
        match self {
            Some(message) => message.respond(request),
            None => Ok(Completion::Done),
        }
    }
}

impl<M: IntoMessage<Message: ServerMessage>> IntoOutcome<kind::Many> for Vec<M> {
    fn respond(self, request: &Request) -> Result<Completion, Error> {
        let mut messages = self.into_iter().peekable();
        while let Some(message) = messages.next() {
            match messages.peek() {
                Some(_) => request.reply(&message)?,
                None => request.reply_last(&message.into_message())?,
            }
        }
        Ok(Completion::Done)
    }
}

impl IntoOutcome<kind::Deferred> for Continue {
    fn respond(self, _: &Request) -> Result<Completion, Error> {
        Ok(Completion::Continue(self))
    }
}

impl<Kind, T, E> IntoOutcome<kind::Fallible<Kind>> for Result<T, E>
where
    T: IntoOutcome<Kind>,
    Error: From<E>,
{
    fn respond(self, request: &Request) -> Result<Completion, Error> {
        self?.respond(request)
    }
}
