//! From the application's own types to messages: what `#[derive(IntoMessage)]` implements and leans on.
//!
//! The derive writes one struct literal of the message; each field goes through one of the functions here, chosen by
//! how the field's type is written: [`into_field`] for plain types, [`optional`] for `Option<T>`, [`repeated`] for
//! `Vec<T>`, [`boxed`] for `Box<T>` and [`map`] for `HashMap<K, V>` and `BTreeMap<K, V>`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use psd_proto::Message;

/// A value that is sent as a message: every generated message, and every type that derives `IntoMessage`.
///
/// Sending asks in addition that [`Message`](IntoMessage::Message) is a
/// [`ServerMessage`](psd_proto::ServerMessage); a type that is only ever part of another one need not be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a message nor turned into one",
    label = "expected a generated message or a type that derives `IntoMessage`",
    note = "derive it: `#[derive(IntoMessage)] #[message(pb::…)]`"
)]
pub trait IntoMessage {
    /// The message that travels.
    type Message: Message;

    /// Turns the value into its message, moving the fields.
    fn into_message(self) -> Self::Message;

    /// The value's message: borrowed where the value is the message, else made from clones of the fields.
    fn to_message(&self) -> Cow<'_, Self::Message>;
}

#[diagnostic::do_not_recommend]
impl<M: Message> IntoMessage for M {
    type Message = M;

    fn into_message(self) -> M {
        self
    }

    fn to_message(&self) -> Cow<'_, M> {
        Cow::Borrowed(self)
    }
}

/// A value that becomes a message's field of type `T`.
///
/// Implemented for whatever converts with [`Into`], and by `#[derive(IntoMessage)]` for a nested struct, as its
/// message and as an `Option` of it (a message in a message is an `Option` in prost).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not become a field of type `{T}`",
    label = "the message has `{T}` here",
    note = "implement `From<{Self}>` for `{T}`, derive `IntoMessage` for a nested struct, or convert with a function: `#[message(with = path::to::function)]`"
)]
pub trait IntoField<T> {
    /// Converts the value.
    fn into_field(self) -> T;
}

// Without the attribute a missing conversion is reported as a missing `From`, which hides the way out above.
#[diagnostic::do_not_recommend]
impl<A: Into<T>, T> IntoField<T> for A {
    fn into_field(self) -> T {
        self.into()
    }
}

/// Converts a field.
pub fn into_field<A: IntoField<B>, B>(value: A) -> B {
    value.into_field()
}

/// Converts what an `Option` holds.
pub fn optional<A: IntoField<B>, B>(value: Option<A>) -> Option<B> {
    value.map(IntoField::into_field)
}

/// Converts every element of a list.
pub fn repeated<A: IntoField<B>, B>(values: impl IntoIterator<Item = A>) -> Vec<B> {
    values.into_iter().map(IntoField::into_field).collect()
}

/// Converts what a `Box` holds; recursive messages are boxed.
// The box is the field's own type, on both sides.
#[expect(clippy::boxed_local)]
pub fn boxed<A: IntoField<B>, B>(value: Box<A>) -> Box<B> {
    Box::new((*value).into_field())
}

/// Converts the keys and values of a map.
pub fn map<K, V, A: IntoField<K>, B: IntoField<V>>(entries: impl IntoIterator<Item = (A, B)>) -> BTreeMap<K, V>
where
    K: Ord,
{
    entries.into_iter().map(|(key, value)| (key.into_field(), value.into_field())).collect()
}

/// Converts a value into a field that may be unset, for `#[message(with = psd_core::into_message::some)]`: a
/// `SystemTime` becomes an `Option<Timestamp>`.
pub fn some<A: IntoField<B>, B>(value: A) -> Option<B> {
    Some(value.into_field())
}
