//! Something for each user or address, for as long as it is needed.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

const SHARDS: usize = 16;
/// Entries of one shard that nobody holds and that are still needed; beyond them all of these are forgotten.
const MOST: usize = 8 * 1024;

/// A map whose entries go when nobody holds them and they say that they are not needed.
///
/// It is cleared of those whenever it has doubled, so that a look-up costs the same however many have come and gone.
pub(crate) struct Keyed<K, V> {
    hasher: RandomState,
    shards: Vec<Mutex<Shard<K, V>>>,
}

struct Shard<K, V> {
    entries: HashMap<K, Arc<V>>,
    clear_at: usize,
}

impl<K: Eq + Hash, V: Default> Keyed<K, V> {
    pub(crate) fn new() -> Self {
        let shard = || Mutex::new(Shard { entries: HashMap::new(), clear_at: 64 });
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| shard()).collect() }
    }

    /// The entry of a key, made if there is none.
    pub(crate) fn get(&self, key: K, is_needed: impl Fn(&V) -> bool) -> Arc<V> {
        let index = usize::try_from(self.hasher.hash_one(&key)).unwrap_or_default() % SHARDS;
        let mut shard = self.shards[index].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = shard.entries.get(&key) {
            return entry.clone();
        }
        if shard.entries.len() >= shard.clear_at {
            let is_held = |entry: &Arc<V>| Arc::strong_count(entry) > 1;
            shard.entries.retain(|_, entry| is_held(entry) || is_needed(entry));
            if shard.entries.values().filter(|entry| !is_held(entry)).count() >= MOST {
                shard.entries.retain(|_, entry| is_held(entry));
            }
            shard.clear_at = (shard.entries.len() * 2).max(64);
        }
        let entry = Arc::new(V::default());
        shard.entries.insert(key, entry.clone());
        entry
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().expect("nobody panics with it").entries.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn the_same_key_gets_the_same_entry() {
        let map = Keyed::<u32, AtomicBool>::new();
        map.get(1, |_| true).store(true, Ordering::Relaxed);
        assert!(map.get(1, |_| true).load(Ordering::Relaxed));
        assert!(!map.get(2, |_| true).load(Ordering::Relaxed));
    }

    #[test]
    fn what_nobody_needs_goes_and_what_somebody_holds_stays() {
        let map = Keyed::<u32, AtomicBool>::new();
        let held: Vec<_> = (0..1000).map(|key| map.get(key, |_| false)).collect();
        for entry in &held {
            entry.store(true, Ordering::Relaxed);
        }
        for key in 1000..100_000 {
            map.get(key, |_| false);
        }
        assert!(map.len() < 6000, "{}", map.len());
        assert!((0..1000).all(|key| map.get(key, |_| false).load(Ordering::Relaxed)));
    }

    #[test]
    fn there_is_an_end_even_to_what_is_needed() {
        let map = Keyed::<u32, AtomicBool>::new();
        for key in 0..300_000 {
            map.get(key, |_| true);
        }
        assert!(map.len() <= SHARDS * MOST * 2, "{}", map.len());
    }
}
