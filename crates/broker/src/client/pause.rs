//! Pauses: the only place where anybody waits is the socket of a publisher.
//!
//! While something has too much to do, the sockets of those who publish are not read. Each pause ends
//! when there is credit again, or at its deadline with the connection.

use std::time::Duration;

use castmq_observe::Counter;
use castmq_rules::Moment;

use super::{Client, Stage};
use crate::node::Pressure;
use crate::timeline::{self, Happening};
use crate::{Shard, now, store};

/// How long a connection may be paused.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a connection is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The lanes of this arbiter hold too much.
    Lanes,
    /// Another arbiter is behind.
    Arbiter,
    /// Too much is queued on the whole node.
    Memory,
    /// Too much waits to be stored.
    Store,
    /// Its own messages are not accepted yet.
    Unaccepted,
    /// It sends too many messages a second; until then.
    Rate(Moment),
}

impl Why {
    const fn told(self) -> &'static str {
        match self {
            Self::Lanes => "it was not read because the arbiter has too much to do,",
            Self::Arbiter => "it was not read because another arbiter is behind,",
            Self::Memory => "it was not read because too much is queued on the node,",
            Self::Store => "it was not read because too much waits to be stored,",
            Self::Unaccepted => "it was not read because its own messages were not accepted yet,",
            Self::Rate(_) => "it was not read because it sent too many messages a second,",
        }
    }
}

/// A stall that is shorter is no news.
const STALL_MIN: Duration = Duration::from_secs(1);

/// A pause of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    why: Why,
    since: Moment,
}

impl Pause {
    /// Why, in a few words.
    pub(super) fn why(&self) -> &'static str {
        match self.why {
            Why::Lanes => "the lanes of its arbiter hold too much",
            Why::Arbiter => "another arbiter is behind",
            Why::Memory => "too much is queued on the node",
            Why::Store => "too much waits to be stored",
            Why::Unaccepted => "its own messages are not accepted yet",
            Why::Rate(_) => "it sends too many messages a second",
        }
    }

    /// When the connection is closed, or in the case of a rate goes on.
    pub(super) fn deadline(&self) -> Moment {
        match self.why {
            Why::Rate(until) => until,
            Why::Lanes | Why::Arbiter | Why::Memory | Why::Store | Why::Unaccepted => {
                self.since + PATIENCE
            }
        }
    }
}

impl Client {
    /// After a publish: pauses if somebody is behind.
    pub(super) fn watch_pressure(&mut self, shard: &mut Shard) {
        if self.pause.is_some() || self.is_closing() {
            return;
        }
        let bounds = &shard.world.node.settings.bounds;
        let lanes_high = usize::try_from(bounds.lanes_high).unwrap_or(usize::MAX);
        if shard.lanes_bytes() > lanes_high {
            self.pause(shard, Why::Lanes, Counter::PausesLanes);
        } else if !shard.world.behind.is_empty() {
            self.pause(shard, Why::Arbiter, Counter::PausesArbiter);
        } else if shard.world.node.pressure() >= Pressure::PausePublishers {
            self.pause(shard, Why::Memory, Counter::PausesLanes);
        } else if !store::has_room(shard) && !store::is_in_trouble(shard) {
            self.pause(shard, Why::Store, Counter::PausesStore);
        } else if let Some(wait) = self.is_over_rate(shard) {
            let until = now(shard) + wait;
            self.pause(shard, Why::Rate(until), Counter::PausesUnaccepted);
        } else {
            self.watch_acceptance(shard);
        }
    }

    /// Pauses while too much of the client's own is not accepted; goes on when it is.
    pub(super) fn watch_acceptance(&mut self, shard: &mut Shard) {
        let high =
            usize::try_from(shard.world.node.settings.mqtt.unaccepted_bytes).unwrap_or(usize::MAX);
        let unaccepted = self.machines.acks.unaccepted_bytes();
        match &self.pause {
            None if unaccepted > high && matches!(self.stage, Stage::Connected(_)) => {
                self.pause(shard, Why::Unaccepted, Counter::PausesUnaccepted);
            }
            Some(Pause {
                why: Why::Unaccepted,
                ..
            }) if unaccepted <= high / 2 => self.resume(shard),
            _ => {}
        }
    }

    fn pause(&mut self, shard: &mut Shard, why: Why, counter: Counter) {
        shard.count(counter);
        self.pause = Some(Pause {
            why,
            since: now(shard),
        });
        // The keep alive does not run against a client that we do not read.
        self.machines.paused(now(shard));
        if matches!(why, Why::Lanes | Why::Arbiter | Why::Memory | Why::Store) {
            shard.world.paused.insert(self.address);
        }
        self.arm(shard);
    }

    /// Notes that the connection stood still for long.
    pub(super) fn note_stall(&self, shard: &mut Shard, what: &'static str, since: Moment) {
        let stood = now(shard).saturating_since(since);
        if stood >= STALL_MIN
            && let Stage::Connected(linked) = &self.stage
        {
            let millis = u64::try_from(stood.as_millis()).unwrap_or(u64::MAX);
            let what = Happening::Stalled(what, millis);
            timeline::note(shard, &linked.client_id, Some(self.address.id()), what);
        }
    }

    /// Reads again.
    pub(super) fn resume(&mut self, shard: &mut Shard) {
        if let Some(pause) = self.pause.take() {
            self.note_stall(shard, pause.why.told(), pause.since);
            shard.world.paused.remove(&self.address);
            self.machines.resumed(now(shard));
            self.read_again(shard);
            self.arm(shard);
        }
    }

    /// There is credit again; a client that sends too fast waits on.
    pub(super) fn resume_unless_rated(&mut self, shard: &mut Shard) {
        match self.pause {
            Some(Pause {
                why: Why::Rate(until),
                ..
            }) if now(shard) < until => {}
            _ => self.resume(shard),
        }
    }

    /// The deadline of a pause has come: a rate lets the client go on, anything else is too long.
    pub(super) fn pause_is_over(&mut self, shard: &mut Shard) -> bool {
        let Some(pause) = self.pause else {
            return false;
        };
        if now(shard) < pause.deadline() {
            return false;
        }
        if matches!(pause.why, Why::Rate(_)) {
            self.resume(shard);
            return false;
        }
        true
    }
}

/// Once a round: lets the paused connections go on when there is credit on all sides again.
pub(crate) fn resume_paused(shard: &mut Shard) {
    if shard.world.paused.is_empty() {
        return;
    }
    let low = usize::try_from(shard.world.node.settings.bounds.lanes_low).unwrap_or(usize::MAX);
    let has_credit = shard.lanes_bytes() <= low
        && shard.world.behind.is_empty()
        && (store::has_room(shard) || store::is_in_trouble(shard))
        && shard.world.node.pressure() < Pressure::PausePublishers;
    if !has_credit {
        return;
    }
    for client in std::mem::take(&mut shard.world.paused) {
        // One that ended is not paused any more.
        let _ = shard.send(client, super::ClientEntry::Resume);
    }
}
