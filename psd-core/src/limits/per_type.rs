//! A limit for each of some message types, as the operator gives it.

use std::{collections::BTreeMap, str::FromStr};

/// A limit for each of some message types, which goes before what their handlers say.
///
/// ```
/// use psd_core::{PerType, Rate, Settings};
///
/// let rates = PerType::new().with("send-chat", Rate::per_second(10)).with("fetch-history", Rate::per_minute(60));
/// let settings = Settings::default().message_rates(rates);
/// # drop(settings);
/// ```
/// In a variable it is written `send-chat=10/s, fetch-history=60/m`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerType<T>(BTreeMap<String, T>);

impl<T> PerType<T> {
    /// No limits.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds the limit of one message type.
    #[must_use]
    pub fn with(mut self, message_type: impl Into<String>, limit: T) -> Self {
        self.0.insert(message_type.into(), limit);
        self
    }

    pub(crate) fn get(&self, message_type: &str) -> Option<&T> {
        self.0.get(message_type)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn message_types(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl<T> Default for PerType<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: FromStr> FromStr for PerType<T> {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut limits = Self::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (message_type, limit) = entry.split_once('=').ok_or(())?;
            limits = limits.with(message_type.trim(), limit.trim().parse().map_err(|_| ())?);
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let limits: PerType<u32> = " a = 1, b=2 ,".parse().expect("it is well formed");
        assert_eq!((limits.get("a"), limits.get("b"), limits.get("c")), (Some(&1), Some(&2), None));
        for wrong in ["a", "a=", "a=x", "a=1 b=2"] {
            assert!(wrong.parse::<PerType<u32>>().is_err(), "{wrong}");
        }
    }
}
