//! Shared subscriptions: the members of a group, and who of them gets a message.
//!
//! One publisher's arbiter chooses among arbiters ([`GroupRoute::choose`]), the chosen one among its
//! own members ([`Table::choose`]); both prefer members that are connected, so that no message waits
//! for a client that is away while another could take it.
//!
//! [`GroupRoute::choose`]: crate::GroupRoute::choose
//! [`Table::choose`]: crate::Table::choose

// emqttd: emqttd_pubsub:dispatch/2
// differs: emqttd picks one subscriber at random on each node, so that n nodes deliver n copies; a
// group here gets one copy, whatever the number of arbiters.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use castmq_mqtt::Subscription;

use crate::pubsub::Subscriber;

#[cfg(test)]
mod tests;

/// Who of a group gets the next message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Any member, all equally often.
    #[default]
    Random,
    /// One after the other.
    RoundRobin,
    /// The same one as long as it is connected.
    Sticky,
    /// The same one for the messages of one publisher, as long as the members stay the same.
    HashClientId,
}

/// What the strategies need to know about one message; chance itself comes from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chance {
    /// Any number, evenly distributed.
    pub random: u64,
    /// A hash of the publisher's client id.
    pub client: u64,
}

/// How many members of a group an arbiter has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Whose client is connected.
    pub online: u32,
    /// All of them.
    pub total: u32,
}

/// An arbiter's members of one group, those that are connected first.
#[derive(Clone, Debug)]
pub(crate) struct Group<S> {
    /// The connected ones, then the others.
    members: Vec<(S, Subscriber)>,
    /// Where in `members` a session is.
    places: BTreeMap<S, usize>,
    /// How many are connected.
    online: usize,
    /// Who gets everything under [`Strategy::Sticky`].
    sticky: Option<S>,
    /// The last turn taken under [`Strategy::RoundRobin`].
    turn: u64,
}

impl Chance {
    /// A number below `seats`, by the strategy's rule; `None` without seats. For a sticky group it
    /// says where to stick next. `turn` is asked for only where turns are taken.
    pub(crate) fn seat(
        self,
        strategy: Strategy,
        seats: u64,
        turn: impl FnOnce() -> u64,
    ) -> Option<u64> {
        let number = match strategy {
            Strategy::Random | Strategy::Sticky => self.random,
            Strategy::RoundRobin => turn(),
            Strategy::HashClientId => self.client,
        };
        number.checked_rem(seats)
    }
}

/// The name by which a shared subscription is known everywhere: `$share/group/filter` or
/// `$queue/filter`; `None` for a subscription that is not shared. Groups of the same name behind
/// different filters are different groups.
#[must_use]
pub fn group_name(subscription: &Subscription) -> Option<Arc<str>> {
    subscription
        .is_shared()
        .then(|| Arc::from(subscription.to_string()))
}

impl<S> Default for Group<S> {
    fn default() -> Self {
        Self {
            members: Vec::new(),
            places: BTreeMap::new(),
            online: 0,
            sticky: None,
            turn: u64::MAX,
        }
    }
}

impl<S: Copy + Ord> Group<S> {
    /// How many members it has here.
    pub(crate) fn count(&self) -> Members {
        Members {
            online: saturate(self.online),
            total: saturate(self.members.len()),
        }
    }

    /// What a member said when it joined.
    pub(crate) fn get(&self, session: S) -> Option<Subscriber> {
        let place = *self.places.get(&session)?;
        self.members.get(place).map(|(_, subscriber)| *subscriber)
    }

    /// The members behind a session, in the order of sessions.
    pub(crate) fn members_after(
        &self,
        after: Option<S>,
    ) -> impl Iterator<Item = (S, Subscriber)> + '_ {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let places = self.places.range((from, Bound::Unbounded));
        places.filter_map(|(_, place)| self.members.get(*place).copied())
    }

    /// Adds a connected member, or replaces its options; whether it was a member already.
    pub(crate) fn insert(&mut self, session: S, subscriber: Subscriber) -> bool {
        if let Some(member) = self
            .places
            .get(&session)
            .and_then(|&place| self.members.get_mut(place))
        {
            member.1 = subscriber;
            return true;
        }
        self.places.insert(session, self.members.len());
        self.members.push((session, subscriber));
        self.set_online(session, true);
        self.check();
        false
    }

    /// Takes a member out; whether it was one. Cost: the logarithm of the number of members.
    pub(crate) fn remove(&mut self, session: S) -> bool {
        self.set_online(session, false);
        let Some(place) = self.places.remove(&session) else {
            return false;
        };
        self.members.swap_remove(place);
        if let Some((moved, _)) = self.members.get(place) {
            self.places.insert(*moved, place);
        }
        self.sticky.take_if(|sticky| *sticky == session);
        self.check();
        true
    }

    /// Notes that a member's client came or went; whether anything changed.
    pub(crate) fn set_online(&mut self, session: S, is_online: bool) -> bool {
        let Some(&place) = self.places.get(&session) else {
            return false;
        };
        match (place < self.online, is_online) {
            (false, true) => {
                self.swap(place, self.online);
                self.online += 1;
            }
            (true, false) => {
                self.online -= 1;
                self.swap(place, self.online);
            }
            (true, true) | (false, false) => return false,
        }
        self.check();
        true
    }

    /// Who but `except` gets a message: a connected member if there is one, otherwise one whose
    /// session keeps it.
    pub(crate) fn choose(
        &mut self,
        strategy: Strategy,
        chance: Chance,
        except: Option<S>,
    ) -> Option<(S, Subscriber)> {
        let skipped = except.and_then(|session| self.places.get(&session).copied());
        let others = |places: usize| places - usize::from(skipped.is_some_and(|it| it < places));
        let places = match others(self.online) {
            0 => self.members.len(),
            _ => self.online,
        };
        if strategy == Strategy::Sticky
            && self.sticky != except
            && let Some(&place) = self.sticky.and_then(|sticky| self.places.get(&sticky))
            && place < places
        {
            return self.members.get(place).copied();
        }
        let seats = u64::try_from(others(places)).unwrap_or(u64::MAX);
        let seat = chance.seat(strategy, seats, || {
            self.turn = self.turn.wrapping_add(1);
            self.turn
        })?;
        let seat = usize::try_from(seat).ok()?;
        let place = seat + usize::from(skipped.is_some_and(|it| it <= seat));
        let chosen = self.members.get(place).copied();
        self.sticky = chosen.map(|(session, _)| session);
        chosen
    }

    fn swap(&mut self, left: usize, right: usize) {
        self.members.swap(left, right);
        for place in [left, right] {
            if let Some((session, _)) = self.members.get(place) {
                self.places.insert(*session, place);
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.members.len(), self.places.len());
        assert!(self.online <= self.members.len());
    }
}

fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
