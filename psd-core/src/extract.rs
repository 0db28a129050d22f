//! What a handler may take besides its message.

use std::any::TypeId;

use crate::{Call, Connection, Error, Identity, request::RequestHeaders};

/// A parameter of a handler after the first: [`Connection`], [`Identity`] or `Option<Identity>`, [`State`],
/// [`Session`], [`RequestHeaders`], or a type of your own.
///
/// [`State`]: crate::State
/// [`Session`]: crate::Session
///
/// ```
/// use psd_core::{Call, Error, Extract, Identity};
///
/// struct Tenant(String);
///
/// impl Extract for Tenant {
///     fn extract(call: &Call<'_>) -> Result<Self, Error> {
///         let identity: Identity = call.extract()?;
///         match identity.username().split_once('@') {
///             Some((_, tenant)) => Ok(Self(tenant.to_owned())),
///             None => Err(Error::new(403, "the user belongs to no tenant")),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something a handler can take",
    label = "expected an extractor",
    note = "take `Connection`, `Identity`, `Option<Identity>`, `State<T>` (with `T: Clone + Send + Sync`), `Session<T>` or `RequestHeaders`, or implement `psd_core::Extract`"
)]
pub trait Extract: Sized {
    /// Takes the value out of a request. Runs after the guard and before the body is decoded.
    ///
    /// # Errors
    /// What the request is answered with; the handler then does not run.
    fn extract(call: &Call<'_>) -> Result<Self, Error>;

    /// What must be there for this to succeed; start-up checks it. Default: nothing.
    ///
    /// An extractor that takes another one passes that one's on, such as `State::<Db>::requirement()`.
    #[must_use]
    fn requirement() -> Requirement {
        Requirement::Nothing
    }
}

/// What start-up checks for a handler's parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requirement {
    /// Nothing.
    Nothing,
    /// A value of this type given to the server.
    State {
        /// The type.
        id: TypeId,
        /// Its name.
        name: &'static str,
    },
    /// A consumer with this type of session.
    Session {
        /// The type.
        id: TypeId,
        /// Its name.
        name: &'static str,
    },
}

impl Extract for Connection {
    fn extract(call: &Call<'_>) -> Result<Self, Error> {
        Ok(call.connection())
    }
}

impl Extract for Identity {
    fn extract(call: &Call<'_>) -> Result<Self, Error> {
        call.identity().ok_or_else(Error::unauthenticated)
    }
}

impl Extract for Option<Identity> {
    fn extract(call: &Call<'_>) -> Result<Self, Error> {
        Ok(call.identity())
    }
}

impl Extract for RequestHeaders {
    fn extract(call: &Call<'_>) -> Result<Self, Error> {
        Ok(call.headers().clone())
    }
}
