//! What becomes of ticks for those who read slowly: a group for each policy.

use psd_core::{Error, Server};

use crate::pb;

/// Keys of ticks of which only the latest is kept. So few that a tick of each finds room in any outbox that is set.
const KEYS: u64 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    Close,
    DropOldest,
    DropNewest,
    Latest,
}

impl Policy {
    pub(crate) const ALL: [Self; 4] = [Self::Close, Self::DropOldest, Self::DropNewest, Self::Latest];

    /// The policy of a client: they take turns.
    pub(crate) fn of(client: usize) -> Self {
        Self::ALL[client % Self::ALL.len()]
    }

    /// The group that is told by this policy.
    pub(crate) fn group(self) -> &'static str {
        match self {
            Self::Close => "ticks, close",
            Self::DropOldest => "ticks, drop oldest",
            Self::DropNewest => "ticks, drop newest",
            Self::Latest => "ticks, latest",
        }
    }

    /// Tells its group.
    pub(crate) fn publish(self, server: &Server, tick: &pb::Tick) -> Result<(), Error> {
        let publication = server.publish(tick);
        let publication = match self {
            Self::Close => publication,
            Self::DropOldest => publication.drop_oldest(),
            Self::DropNewest => publication.drop_newest(),
            Self::Latest => publication.latest(&(tick.number % KEYS).to_string()),
        };
        publication.to_group(self.group())
    }

    /// Whether what a client has been told, in this order, is what the policy lets it have, given the last tick of all.
    pub(crate) fn holds(self, numbers: &[u64], last: u64) -> bool {
        let is_sorted = numbers.is_sorted_by(|before, after| before < after);
        match self {
            Self::Close => is_sorted,
            Self::DropOldest => is_sorted && numbers.last() == Some(&last),
            Self::DropNewest => is_sorted && numbers.first() == Some(&1),
            // Of each key they come in their order, and the last of all.
            Self::Latest => (last.saturating_sub(KEYS) + 1..=last).all(|latest| {
                let of_key = || numbers.iter().filter(|number| *number % KEYS == latest % KEYS);
                of_key().is_sorted_by(|before, after| before < after) && of_key().next_back() == Some(&latest)
            }),
        }
    }
}
