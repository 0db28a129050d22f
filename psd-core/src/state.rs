//! What an application shares with its handlers.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
};

use crate::{Call, Error, Extract, extract::Requirement};

/// A value given to [`ServerBuilder::state`](crate::ServerBuilder::state), cloned for a handler.
///
/// Start-up refuses a handler that takes a `State<T>` that nobody provided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State<T>(pub T);

impl<T: Clone + Send + Sync + 'static> Extract for State<T> {
    fn extract(call: &Call<'_>) -> Result<Self, Error> {
        match call.connection().server().state::<T>() {
            Some(value) => Ok(Self(value.clone())),
            None => Err(Error::internal(format!("no state of type `{}`", type_name::<T>()))),
        }
    }

    fn requirement() -> Requirement {
        Requirement::State { id: TypeId::of::<T>(), name: type_name::<T>() }
    }
}

/// One value of each type.
#[derive(Default)]
pub(crate) struct States(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl States {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Box::new(value));
    }

    pub(crate) fn get<T: 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }

    pub(crate) fn contains(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }
}
