//! Router: the only writer of the routes.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_router` |
//! | Started by | [`sup`](crate::sup), one for the node, on arbiter 0 |
//! | Work runs in | its own turn (changes); the publisher's turn ([`lookup`]) |
//! | Waits for | nobody |
//! | Waited for by | `pubsub`, for the confirmation that a SUBACK needs |
//! | If it dies | the tables stand outside of it; changes in its lane are kept and handled after the restart |
//! | Watch | depth of `router`; gauge `routes/count` |
//!
//! The rules are in [`castmq_rules::Destinations`] and [`castmq_rules::WildcardRoutes`]; this file moves
//! messages and puts new versions in place.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use castmq_mqtt::Subscription;
use castmq_observe::Kind;
use castmq_otp::{Entry, Lanes, Process, Restart};
use castmq_rules::{ArbiterId, ArbiterSet, Choice, Route, RouteChange, Targets};
use smallvec::SmallVec;

use crate::node::{Node, Routes};
use crate::parcel::Parcel;
use crate::{Local, Shard, kinds};

/// Stripes of exact filters whose changes are counted apart.
const STRIPES: usize = 64;

/// The router.
#[derive(Debug, Default)]
pub struct Router {
    /// Changes of wildcard filters of this turn; one new version holds them all.
    wildcard: Vec<(ArbiterId, Route)>,
    /// Reports of this turn, to be confirmed when the new version is in place.
    confirm: SmallVec<[(u16, u64); 4]>,
}

/// What the router is told.
#[derive(Debug)]
pub struct RouterEntry {
    /// By which arbiter.
    pub from: u16,
    /// Number of the report.
    pub sequence: u64,
    /// What is the case there now.
    pub routes: Vec<Route>,
}

impl Entry for RouterEntry {
    const NAMES: &'static [&'static str] = &["nothing", "Routes"];

    fn weight(&self) -> usize {
        128 + 64 * self.routes.len()
    }

    fn kind(&self) -> u8 {
        1
    }
}

impl Process for Router {
    type World = Local;
    type Entry = RouterEntry;
    const KIND: Kind = kinds::ROUTER;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 5,
        within: Duration::from_secs(60),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.router
    }

    // emqttd: emqttd_router:add_route/1
    fn take(&mut self, entry: RouterEntry, shard: &mut Shard) {
        let arbiter = ArbiterId(entry.from);
        for route in entry.routes {
            if route.filter.has_wildcard() {
                self.wildcard.push((arbiter, route));
            } else {
                change_exact(&shard.world.node.routes, arbiter, &route);
            }
        }
        self.confirm.push((entry.from, entry.sequence));
    }

    // differs: emqttd writes each route in a transaction of its own; here a turn's changes of wildcard
    // filters are one new version, because a publisher must never wait for the router.
    fn settle(&mut self, shard: &mut Shard) {
        if !self.wildcard.is_empty() {
            let routes = &shard.world.node.routes;
            let mut next = (**routes.wildcard.load()).clone();
            for (arbiter, route) in self.wildcard.drain(..) {
                let was_there = next.get(&route.filter).is_some();
                next.apply(&route.filter, arbiter, &route.change);
                let is_there = next.get(&route.filter).is_some();
                note(routes, &route, was_there, is_there);
            }
            routes.wildcard.store(Arc::new(next));
            routes.changes.wildcard_changed();
        }
        for (arbiter, sequence) in self.confirm.drain(..) {
            shard.post(arbiter, Parcel::RoutesDone { sequence });
        }
    }

    fn restart(&mut self, shard: &mut Shard) -> Option<Box<Self>> {
        // What this turn had taken is put in place, so that no confirmation is lost.
        let mut fresh = Box::new(Self {
            wildcard: std::mem::take(&mut self.wildcard),
            confirm: std::mem::take(&mut self.confirm),
        });
        fresh.settle(shard);
        Some(fresh)
    }
}

fn change_exact(routes: &Routes, arbiter: ArbiterId, route: &Route) {
    let mut row = routes.exact.entry(route.filter.clone()).or_default();
    let was_there = !row.is_empty();
    row.apply(arbiter, &route.change);
    let is_there = !row.is_empty();
    drop(row);
    if !is_there {
        routes
            .exact
            .remove_if(&route.filter, |_, row| row.is_empty());
    }
    note(routes, route, was_there, is_there);
    routes
        .changes
        .exact_changed(routes.exact.hasher().hash_one(route.filter.as_str()));
}

/// Keeps the index of filters. Nobody else writes it, and whoever reads it does so for a few rows.
fn note(routes: &Routes, route: &Route, was_there: bool, is_there: bool) {
    if was_there == is_there {
        return;
    }
    let mut index = routes.index.write().unwrap_or_else(PoisonError::into_inner);
    if is_there {
        index.insert(&route.filter);
    } else {
        index.remove(&route.filter);
    }
}

/// How often routes have changed, so that a publisher can go on with what it has looked up.
///
/// A change is counted after it was made, and before the arbiter that reported it hears that it was:
/// who has seen a SUBACK and publishes then finds another count than before.
#[derive(Debug)]
pub(crate) struct Changes {
    exact: [AtomicU64; STRIPES],
    wildcard: AtomicU64,
}

/// Which changes a look-up has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    stripe: usize,
    exact: u64,
    wildcard: u64,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            exact: std::array::from_fn(|_| AtomicU64::new(0)),
            wildcard: AtomicU64::new(0),
        }
    }
}

impl Changes {
    /// To be asked before the look-up.
    fn seen(&self, hash: u64) -> Seen {
        self.now(stripe_of(hash))
    }

    /// Whether what was looked up then is still right.
    pub(crate) fn is_current(&self, seen: Seen) -> bool {
        self.now(seen.stripe) == seen
    }

    fn now(&self, stripe: usize) -> Seen {
        Seen {
            stripe,
            exact: self
                .exact
                .get(stripe)
                .map_or(0, |count| count.load(Acquire)),
            wildcard: self.wildcard.load(Acquire),
        }
    }

    fn exact_changed(&self, hash: u64) {
        if let Some(count) = self.exact.get(stripe_of(hash)) {
            count.fetch_add(1, Release);
        }
    }

    fn wildcard_changed(&self) {
        self.wildcard.fetch_add(1, Release);
    }
}

fn stripe_of(hash: u64) -> usize {
    // The upper bits: the map's own shards go by others.
    usize::try_from(hash >> 58).unwrap_or(0)
}

/// Where a message on a topic goes, and the changes that this takes into account.
#[must_use]
pub(crate) fn lookup_seen(
    node: &Node,
    topic: &castmq_mqtt::TopicName,
    choice: Choice,
) -> (Targets, Seen) {
    let routes = &node.routes;
    let seen = routes
        .changes
        .seen(routes.exact.hasher().hash_one(topic.as_str()));
    (lookup(node, topic, choice), seen)
}

/// Where a message on a topic goes. Runs in the publisher's turn.
// emqttd: emqttd_router:lookup/1
#[must_use]
pub fn lookup(node: &Node, topic: &castmq_mqtt::TopicName, choice: Choice) -> Targets {
    let mut targets = Targets::default();
    if let Some(row) = node.routes.exact.get(topic.as_str()) {
        targets.add(&row, choice);
    }
    let wildcard = node.routes.wildcard.load();
    if !wildcard.is_empty() {
        wildcard.collect(topic, choice, &mut targets);
    }
    targets
}

/// The arbiter that picks the member of a group, among those not tried yet.
#[must_use]
pub fn group_target(
    node: &Node,
    subscription: &Subscription,
    group: &str,
    choice: Choice,
    tried: &ArbiterSet,
) -> Option<ArbiterId> {
    let filter = subscription.filter();
    if filter.has_wildcard() {
        node.routes
            .wildcard
            .load()
            .get(filter)?
            .group(group)?
            .choose(choice, tried)
    } else {
        node.routes
            .exact
            .get(filter.as_str())?
            .group(group)?
            .choose(choice, tried)
    }
}

/// How many filters lead somewhere.
#[must_use]
pub fn routes_now(node: &Node) -> usize {
    node.routes.exact.len() + node.routes.wildcard.load().len()
}

/// Reports changes to the router; it answers with [`Parcel::RoutesDone`].
pub fn report(shard: &mut Shard, sequence: u64, routes: Vec<Route>) {
    debug_assert!(routes.iter().all(|route| match &route.change {
        RouteChange::Own { .. } => true,
        RouteChange::Group { group, .. } => !group.is_empty(),
    }));
    shard.post(0, Parcel::Routes { sequence, routes });
}

/// Puts a report that arrived by mail into the router's lane.
pub fn deliver(shard: &mut Shard, from: u16, sequence: u64, routes: Vec<Route>) {
    if let Some(router) = shard.world.names.router {
        // A router that was given up takes the node down; there is nobody to answer then.
        let _ = shard.send(
            router,
            RouterEntry {
                from,
                sequence,
                routes,
            },
        );
    }
}

impl crate::inspect::State for Router {
    fn state(&self, _times: crate::inspect::Times) -> serde_json::Value {
        serde_json::json!({
            "wildcard_changes_of_this_turn": self.wildcard.len(),
            "reports_to_confirm": self.confirm.len(),
        })
    }
}
