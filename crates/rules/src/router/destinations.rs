//! One row of the routes: where one filter leads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Choice, RouteChange};
use crate::shared::{Members, Strategy};
use crate::{ArbiterId, ArbiterSet};

/// Where a filter leads.
#[derive(Clone, Debug, Default)]
pub struct Destinations {
    /// Arbiters with subscribers of their own.
    pub(super) own: ArbiterSet,
    /// Groups with members anywhere, by name.
    pub(super) groups: Vec<GroupRoute>,
}

/// Where the members of a shared group are.
#[derive(Clone, Debug)]
pub struct GroupRoute {
    pub(super) name: Arc<str>,
    /// Ascending, none without members.
    arbiters: Vec<(ArbiterId, Members)>,
    /// The arbiter that a sticky group stays with as long as it has members to deliver to.
    sticky: Option<ArbiterId>,
    /// Turns taken under [`Strategy::RoundRobin`], by all publishers and in all versions of the row:
    /// a count for each arbiter would let publishers in step with each other skip members.
    turns: Arc<AtomicU64>,
}

impl Destinations {
    /// Whether the filter leads nowhere, so that its row can go.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.groups.is_empty()
    }

    /// Arbiters with subscribers of their own.
    #[must_use]
    pub fn own(&self) -> &ArbiterSet {
        &self.own
    }

    /// The groups in the order of their names.
    #[must_use]
    pub fn groups(&self) -> &[GroupRoute] {
        &self.groups
    }

    /// The group of this full name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&GroupRoute> {
        let position = self.find(name).ok()?;
        self.groups.get(position)
    }

    /// Makes one arbiter's change.
    pub fn apply(&mut self, arbiter: ArbiterId, change: &RouteChange) {
        match change {
            RouteChange::Own { present: true } => self.own.insert(arbiter),
            RouteChange::Own { present: false } => self.own.remove(arbiter),
            RouteChange::Group { group, members } => self.apply_group(arbiter, group, *members),
        }
    }

    fn apply_group(&mut self, arbiter: ArbiterId, name: &Arc<str>, members: Members) {
        match self.find(name) {
            Ok(position) => {
                let Some(group) = self.groups.get_mut(position) else {
                    return;
                };
                group.set(arbiter, members);
                if group.arbiters.is_empty() {
                    self.groups.remove(position);
                }
            }
            Err(position) if members.total > 0 => {
                let mut group = GroupRoute {
                    name: Arc::clone(name),
                    arbiters: Vec::new(),
                    sticky: None,
                    turns: Arc::default(),
                };
                group.set(arbiter, members);
                self.groups.insert(position, group);
            }
            Err(_) => {}
        }
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.groups
            .binary_search_by(|group| (*group.name).cmp(name))
    }
}

impl GroupRoute {
    /// The group's [full name](crate::group_name).
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How many members it has on which arbiter, ascending.
    #[must_use]
    pub fn arbiters(&self) -> &[(ArbiterId, Members)] {
        &self.arbiters
    }

    /// The arbiter that picks the member for one message, among those not tried yet: one with
    /// connected members if there is any, in proportion to their number. `None` when all with
    /// members were tried.
    #[must_use]
    pub fn choose(&self, choice: Choice, tried: &ArbiterSet) -> Option<ArbiterId> {
        let untried = || {
            self.arbiters
                .iter()
                .filter(|(arbiter, _)| !tried.contains(*arbiter))
        };
        let any_online = untried().any(|(_, members)| members.online > 0);
        let weight = |members: &Members| {
            u64::from(if any_online {
                members.online
            } else {
                members.total
            })
        };
        // It has connected members if any arbiter has: see `settle`.
        if choice.strategy == Strategy::Sticky
            && let Some(sticky) = self.sticky
            && !tried.contains(sticky)
        {
            return Some(sticky);
        }
        let total = untried().map(|(_, members)| weight(members)).sum();
        let take_turn = || self.turns.fetch_add(1, Ordering::Relaxed);
        let mut seat = choice.chance.seat(choice.strategy, total, take_turn)?;
        for (arbiter, members) in untried() {
            if seat < weight(members) {
                return Some(*arbiter);
            }
            seat -= weight(members);
        }
        None
    }

    fn set(&mut self, arbiter: ArbiterId, members: Members) {
        match self.arbiters.binary_search_by_key(&arbiter, |(id, _)| *id) {
            Ok(position) if members.total == 0 => {
                self.arbiters.remove(position);
            }
            Ok(position) => {
                if let Some(row) = self.arbiters.get_mut(position) {
                    row.1 = members;
                }
            }
            Err(position) if members.total > 0 => {
                self.arbiters.insert(position, (arbiter, members));
            }
            Err(_) => {}
        }
        self.settle();
    }

    /// Keeps the sticky arbiter as long as it has a connected member, or as long as it has members
    /// when nobody is connected; then takes the one with most.
    fn settle(&mut self) {
        let online = |arbiter: Option<ArbiterId>| {
            self.arbiters
                .iter()
                .any(|(id, members)| Some(*id) == arbiter && members.online > 0)
        };
        let stays = self.arbiters.iter().any(|(id, _)| Some(*id) == self.sticky)
            && (online(self.sticky)
                || self.arbiters.iter().all(|(_, members)| members.online == 0));
        if !stays {
            // The first of the largest, so that the result does not depend on anything else.
            let most = self
                .arbiters
                .iter()
                .rev()
                .max_by_key(|(_, members)| (members.online, members.total));
            self.sticky = most.map(|(arbiter, _)| *arbiter);
        }
    }
}
