//! That a connection has gone away, for whoever looks and for whoever waits.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio_util::sync::CancellationToken;

/// Most look, and few wait: what these need is made for the first of them.
#[derive(Default)]
pub(crate) struct Gone {
    has_gone: AtomicBool,
    /// Held while it is made or taken out. Whoever makes it looks at `has_gone` afterwards, and whoever goes looks here
    /// after that is set: one of them sees the other.
    token: Mutex<Option<CancellationToken>>,
}

impl Gone {
    /// The connection goes away, once and for all.
    pub(super) fn go(&self) {
        self.has_gone.store(true, Ordering::Release);
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(token) = token {
            token.cancel();
        }
    }

    /// Whether it has.
    pub(crate) fn has_gone(&self) -> bool {
        self.has_gone.load(Ordering::Acquire)
    }

    /// A token that is cancelled when it does.
    pub(crate) fn token(&self) -> CancellationToken {
        let token = {
            let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
            token.get_or_insert_with(CancellationToken::new).clone()
        };
        if self.has_gone() {
            token.cancel();
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_before_or_after_hears_of_it() {
        let gone = Gone::default();
        let (first, second) = (gone.token(), gone.token());
        assert!(!gone.has_gone() && !first.is_cancelled());
        gone.go();
        assert!(gone.has_gone() && first.is_cancelled() && second.is_cancelled());
        assert!(gone.token().is_cancelled());
    }
}
