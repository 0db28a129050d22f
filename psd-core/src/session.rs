//! Data that a consumer keeps for each connection.

use std::{
    any::{TypeId, type_name},
    fmt,
    marker::PhantomData,
    sync::{Arc, PoisonError},
};

use crate::{Call, Connection, Error, Extract, connection::Shared, extract::Requirement};

/// The data that the handler's consumer keeps for the connection: its [`Consumer::Session`](crate::Consumer::Session).
///
/// Starts as `T::default()` and goes with the connection. Handlers of one connection run one after another, so data
/// that only they touch changes under nobody's hands; concurrent and deferred work takes turns by the lock inside.
pub struct Session<T> {
    shared: Arc<Shared>,
    data: PhantomData<fn() -> T>,
}

impl<T: Send + 'static> Session<T> {
    /// The session of a connection, for a consumer's hooks; `None` if its consumer keeps data of another type.
    #[must_use]
    pub fn of(connection: &Connection) -> Option<Self> {
        Self::of_shared(&connection.shared)
    }

    fn of_shared(shared: &Arc<Shared>) -> Option<Self> {
        let matches = shared.session.lock().unwrap_or_else(PoisonError::into_inner).is::<T>();
        matches.then(|| Self { shared: shared.clone(), data: PhantomData })
    }

    /// Reads or changes the data. Do not block inside.
    pub fn with<R>(&self, use_data: impl FnOnce(&mut T) -> R) -> R {
        let mut data = self.shared.session.lock().unwrap_or_else(PoisonError::into_inner);
        let data = (**data).downcast_mut().expect("extraction has checked the type");
        use_data(data)
    }

    /// A copy of the data.
    #[must_use]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(|data| data.clone())
    }

    /// Replaces the data; returns what was there.
    pub fn replace(&self, value: T) -> T {
        self.with(|data| std::mem::replace(data, value))
    }
}

impl<T: Send + 'static> Extract for Session<T> {
    fn extract(call: &Call<'_>) -> Result<Self, Error> {
        Self::of_shared(call.shared())
            .ok_or_else(|| Error::internal(format!("the consumer's session is no `{}`", type_name::<T>())))
    }

    fn requirement() -> Requirement {
        Requirement::Session { id: TypeId::of::<T>(), name: type_name::<T>() }
    }
}

impl<T> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("type", &type_name::<T>()).finish_non_exhaustive()
    }
}
