//! What subscribers are like.

use std::time::Duration;

use castmq_load::random::Random;
use castmq_load::wire::Version;

/// Topics that a churning or discarding client may subscribe to, beside the last one.
const POOL: usize = 8;
/// Longer than a round.
const ALWAYS: Duration = Duration::from_secs(3600);

/// What a subscriber does while the load runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// It stays.
    Online,
    /// It goes before the load and comes back after it.
    Offline,
    /// It goes and comes; sometimes its next connection takes over.
    Flapping,
    /// It holds its acknowledgements back.
    Slow,
    /// It subscribes and unsubscribes.
    Churning,
    /// It begins anew with a clean start.
    Discarding,
}

/// Who a subscriber is.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) client_id: String,
    pub(crate) version: Version,
    pub(crate) habit: Habit,
    /// What it subscribes to at its beginning.
    pub(crate) filters: Vec<(String, u8)>,
}

impl Habit {
    /// How long a connection lasts unless something ends it.
    pub(super) fn life(self, random: &mut Random) -> Duration {
        match self {
            Self::Online | Self::Slow | Self::Churning => ALWAYS,
            Self::Offline => Duration::ZERO,
            Self::Flapping => random.millis(30, 600),
            Self::Discarding => random.millis(5, 200),
        }
    }

    /// How long it waits for a packet before it looks for something else to do.
    pub(super) fn patience(self) -> Duration {
        match self {
            Self::Online | Self::Offline | Self::Flapping | Self::Discarding => {
                Duration::from_millis(20)
            }
            Self::Slow | Self::Churning => Duration::from_millis(2),
        }
    }
}

impl Plan {
    /// What its session of that number subscribes to.
    pub(super) fn filters_of(&self, incarnation: u32) -> Vec<(String, u8)> {
        let mut filters = self.filters.clone();
        if self.has_probes() {
            filters.push((format!("probe/{}/last/+", self.client_id), 1));
        }
        if self.habit == Habit::Discarding {
            // Each session another one, so that one of an earlier session shows.
            let index = usize::try_from(incarnation).unwrap_or(0) % POOL;
            filters.push((self.pool_filter(index), 2));
        }
        filters
    }

    /// A filter to subscribe to or to take back.
    pub(super) fn one_of_the_pool(&self, random: &mut Random) -> (String, u8) {
        let index = random.below(POOL);
        (self.pool_filter(index), 1 + u8::from(random.percent(50)))
    }

    /// Half of them with a wildcard: the broker keeps these elsewhere.
    fn pool_filter(&self, index: usize) -> String {
        let level = if index.is_multiple_of(2) { "x" } else { "+" };
        format!("probe/{}/{index}/{level}", self.client_id)
    }

    fn has_probes(&self) -> bool {
        matches!(self.habit, Habit::Churning | Habit::Discarding)
    }
}

/// The topics by which the subscriptions of these clients are probed, in the order of publishing: when
/// the last one of a client has come, the others have, or will not.
pub(crate) fn probes(plans: &[Plan]) -> Vec<String> {
    let mut topics = Vec::new();
    for plan in plans.iter().filter(|plan| plan.has_probes()) {
        topics.extend((0..POOL).map(|index| format!("probe/{}/{index}/x", plan.client_id)));
        topics.push(format!("probe/{}/last/x", plan.client_id));
    }
    topics
}
