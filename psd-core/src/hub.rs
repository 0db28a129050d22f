//! Who is connected, who is in which group, and which connections belong to a user.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, Hasher, RandomState},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    ConnectionId, Error, Identity,
    connection::{Batch, Shared},
    publication::Publication,
};

/// Locks are taken per shard, for the time of one change or one delivery to one group.
const SHARDS: usize = 64;

type Members = HashMap<ConnectionId, Arc<Shared>, ByNumber>;

pub(crate) struct Hub {
    connections: Index<ConnectionId, Arc<Shared>, ByNumber>,
    groups: Index<Arc<str>, Members>,
    users: Index<Arc<str>, Members>,
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self { connections: Index::new(), groups: Index::new(), users: Index::new() }
    }

    pub(crate) fn add(&self, connection: &Arc<Shared>) {
        self.connections.write(&connection.id).insert(connection.id, connection.clone());
    }

    pub(crate) fn remove(&self, id: ConnectionId) {
        self.connections.write(&id).remove(&id);
    }

    pub(crate) fn connection(&self, id: ConnectionId) -> Option<Arc<Shared>> {
        self.connections.read(&id).get(&id).cloned()
    }

    /// Every connection at this moment.
    pub(crate) fn connections(&self) -> Vec<Arc<Shared>> {
        self.connections.shards().flat_map(|shard| shard.values().cloned().collect::<Vec<_>>()).collect()
    }

    /// Puts a connection into a group; returns the group's name, which all of its members share.
    pub(crate) fn join(&self, group: &str, connection: &Arc<Shared>) -> Arc<str> {
        self.groups.add(group, connection)
    }

    pub(crate) fn leave(&self, group: &str, id: ConnectionId) {
        self.groups.take(group, id);
    }

    /// The members of a group at this moment.
    pub(crate) fn members(&self, group: &str) -> Vec<ConnectionId> {
        self.groups.read(group).get(group).map(|members| members.keys().copied().collect()).unwrap_or_default()
    }

    /// How many groups have members.
    pub(crate) fn group_count(&self) -> usize {
        self.groups.shards().map(|shard| shard.len()).sum()
    }

    /// How many users are connected.
    pub(crate) fn user_count(&self) -> usize {
        self.users.shards().map(|shard| shard.len()).sum()
    }

    pub(crate) fn group_size(&self, group: &str) -> usize {
        self.groups.read(group).get(group).map_or(0, HashMap::len)
    }

    /// Every group that has members, with their number.
    pub(crate) fn groups(&self) -> Vec<(Arc<str>, usize)> {
        let list = |shard: RwLockReadGuard<'_, HashMap<Arc<str>, Members>>| {
            shard.iter().map(|(group, members)| (group.clone(), members.len())).collect::<Vec<_>>()
        };
        self.groups.shards().flat_map(list).collect()
    }

    /// Delivers to every member of a group but one.
    pub(crate) fn publish(
        &self,
        group: &str,
        publication: &Publication<'_>,
        except: Option<ConnectionId>,
    ) -> Delivered {
        Batch::fill(|batch| deliver(&self.groups.read(group), group, publication, except, batch))
    }

    /// Delivers to every connection of a user.
    pub(crate) fn publish_to_user(&self, user: &str, publication: &Publication<'_>) -> Delivered {
        Batch::fill(|batch| deliver(&self.users.read(user), user, publication, None, batch))
    }

    /// The connections of a user at this moment.
    pub(crate) fn of_user(&self, user: &str) -> Vec<Arc<Shared>> {
        self.users.read(user).get(user).map(|members| members.values().cloned().collect()).unwrap_or_default()
    }

    /// Follows a connection from one user to another, or to nobody.
    pub(crate) fn move_user(&self, connection: &Arc<Shared>, from: Option<&Identity>, to: Option<&Identity>) {
        let (from, to) = (from.map(Identity::user_id), to.map(Identity::user_id));
        if from == to {
            return;
        }
        if let Some(user) = from {
            self.users.take(user, connection.id);
        }
        if let Some(user) = to {
            self.users.add(user, connection);
        }
    }
}

/// What became of a publication.
#[must_use]
pub(crate) struct Delivered {
    /// How many connections have got it.
    pub(crate) count: usize,
    /// Why others have not.
    pub(crate) result: Result<(), Error>,
}

/// Delivers to everybody who can be told: that it has no form in one dialect is no reason to keep it from the others.
fn deliver(
    index: &HashMap<Arc<str>, Members>,
    key: &str,
    publication: &Publication<'_>,
    except: Option<ConnectionId>,
    batch: &mut Batch,
) -> Delivered {
    let (mut count, mut failed, mut reason) = (0, 0, None);
    // Most members speak what the one before speaks.
    let mut last = None;
    for (id, connection) in index.get(key).into_iter().flatten() {
        if Some(*id) == except {
            continue;
        }
        let message = match last {
            Some((dialect, message)) if dialect == connection.dialect => message,
            _ => match publication.shared(connection.dialect) {
                Ok(message) => message,
                Err(error) => {
                    failed += 1;
                    reason = Some(error);
                    continue;
                }
            },
        };
        last = Some((connection.dialect, message));
        connection.deliver(message, publication.policy(), batch);
        count += 1;
    }
    let error =
        |reason| Error::internal(format!("{reason}: {failed} of {} connections did not get it", count + failed));
    Delivered { count, result: reason.map_or(Ok(()), |reason| Err(error(reason))) }
}

/// Hashes the ids of connections. We count them ourselves, so nobody can choose those that collide.
#[derive(Clone, Copy, Default)]
struct ByNumber;

struct Number(u64);

impl BuildHasher for ByNumber {
    type Hasher = Number;

    fn build_hasher(&self) -> Number {
        Number(0)
    }
}

impl Hasher for Number {
    fn finish(&self) -> u64 {
        // Ids in a row must differ in all the bits that are looked at: Fibonacci hashing, whose best bits are the high ones.
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26)
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }
}

/// A map in shards, each behind its own lock.
struct Index<K, V, S = RandomState> {
    hasher: S,
    shards: Vec<RwLock<HashMap<K, V, S>>>,
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> Index<K, V, S> {
    fn new() -> Self {
        Self { hasher: S::default(), shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    fn read<Q: Hash + ?Sized>(&self, key: &Q) -> RwLockReadGuard<'_, HashMap<K, V, S>> {
        self.shard(key).read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<Q: Hash + ?Sized>(&self, key: &Q) -> RwLockWriteGuard<'_, HashMap<K, V, S>> {
        self.shard(key).write().unwrap_or_else(PoisonError::into_inner)
    }

    fn shards(&self) -> impl Iterator<Item = RwLockReadGuard<'_, HashMap<K, V, S>>> {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> &RwLock<HashMap<K, V, S>> {
        // Not by the lowest bits nor the highest: where the hasher is the same, those choose the place in the map.
        &self.shards[(self.hasher.hash_one(key) >> 32) as usize % SHARDS]
    }
}

impl Index<Arc<str>, Members> {
    /// Adds a member; returns the key that all of them share.
    fn add(&self, key: &str, connection: &Arc<Shared>) -> Arc<str> {
        let mut shard = self.write(key);
        let shared = shard.get_key_value(key).map_or_else(|| key.into(), |(key, _)| key.clone());
        shard.entry(shared.clone()).or_default().insert(connection.id, connection.clone());
        shared
    }

    /// Removes a member, and the entry with its last one.
    fn take(&self, key: &str, id: ConnectionId) {
        let mut shard = self.write(key);
        if let Some(members) = shard.get_mut(key) {
            members.remove(&id);
            if members.is_empty() {
                shard.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_in_a_row_are_spread() {
        let index = Index::<ConnectionId, (), ByNumber>::new();
        let ids = (0..6400).map(ConnectionId);
        for id in ids.clone() {
            index.write(&id).insert(id, ());
        }
        let sizes: Vec<_> = index.shards().map(|shard| shard.len()).collect();
        assert!(sizes.iter().all(|size| (50..=150).contains(size)), "{sizes:?}");
        // By chance it would be some 4400 of 8192.
        let places: HashSet<_> = ids.map(|id| ByNumber.hash_one(id) % 8192).collect();
        assert!(places.len() > 4000, "{}", places.len());
    }
}
