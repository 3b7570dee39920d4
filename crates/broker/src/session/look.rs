//! How a session looks to those who watch.

use std::collections::BTreeSet;
use std::sync::Arc;

use castmq_observe::ProcessId;
use castmq_otp::Address;
use castmq_rules::claim::Epoch;
use castmq_rules::session as rules;
use castmq_rules::{ClientId, Moment};
use serde_json::{Value, json};

use super::{Session, SessionSnapshot};
use crate::client::Client;
use crate::inspect::{State, Times};
use crate::recordings::Recording;
use crate::timeline::Happening;
use crate::{Shard, now};

impl Session {
    /// How it looks now.
    #[must_use]
    pub fn snapshot(&self) -> SessionSnapshot {
        SessionSnapshot {
            client_id: self.state.client_id().clone(),
            is_connected: self.state.is_connected(),
            inflight: self.state.inflight_now(),
            queued: self.state.queued_now(),
            queued_bytes: self.state.queued_bytes_now(),
            awaiting_rel: self.state.awaiting_rel_now(),
            subscriptions: self
                .state
                .subscriptions()
                .map(|(subscription, _)| subscription.to_string())
                .collect(),
            epoch: self.state.epoch().0,
        }
    }

    /// Whose session it is.
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        self.state.client_id()
    }

    /// The last granted claim.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.state.epoch()
    }

    /// The user whose it is.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        self.state.user_name()
    }

    /// Whether it is over, but for what it still has to tell.
    #[must_use]
    pub(crate) fn has_ended(&self) -> bool {
        self.state.is_ended()
    }

    /// Whether no packet id stands for two messages in flight.
    #[must_use]
    pub(crate) fn has_distinct_ids(&self) -> bool {
        let mut seen = BTreeSet::new();
        self.state
            .in_flight()
            .all(|message| seen.insert(message.packet_id))
    }

    /// Whether it holds no more than it may. One that is kept may have been filled when it might hold more.
    #[must_use]
    pub(crate) fn is_within_bounds(&self, shard: &Shard) -> bool {
        let settings = &shard.world.node.session_settings;
        let awaiting_rel_max = usize::from(settings.awaiting_rel_max);
        self.is_kept()
            || (self.state.queued_now() <= settings.queue.len_max
                && self.state.inflight_now() <= usize::from(settings.inflight_max)
                && self.state.awaiting_rel_now() <= awaiting_rel_max)
    }

    /// Whether it has a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state.is_connected()
    }

    /// A client that is recorded goes on being so with another session.
    pub(super) fn record_if_wanted(&mut self, shard: &Shard) {
        if !self.state.observer().is_on()
            && let Some(recording) = shard.world.node.recordings.of(self.client_id())
        {
            self.record(&recording, now(shard));
        }
    }

    /// Is recorded from now on.
    pub(crate) fn record(&mut self, recording: &Arc<Recording>, at: Moment) {
        let tap = recording.follow_session(&self.state, at);
        self.state.set_observer(tap);
    }

    /// Its process.
    pub(crate) fn address(&self) -> Address<Self> {
        self.address
    }

    /// The process of its connection.
    pub(crate) fn client(&self) -> Option<Address<Client>> {
        self.client
    }

    /// What the rules know of it.
    pub(crate) fn rules(&self) -> &rules::Session {
        &self.state
    }

    /// What a client hears of that comes back to it.
    pub(crate) fn resumption(&self) -> Happening {
        let of = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Happening::SessionResumed(of(self.state.queued_now()), of(self.state.inflight_now()))
    }

    /// Messages for its client that were dropped since it was started.
    pub(crate) fn dropped_count(&self) -> u64 {
        u64::from(self.dropped)
    }

    /// Requests to subscribe or unsubscribe that are under way.
    pub(crate) fn asked_now(&self) -> usize {
        self.asked.as_ref().map_or(0, |asked| asked.requests.len())
    }

    /// Whether its client hears something only when it is stored.
    pub(crate) fn waits_for_store(&self) -> bool {
        self.held.as_ref().is_some_and(|held| !held.is_empty())
    }
}

impl State for Session {
    fn state(&self, times: Times) -> Value {
        let at = |moment: Option<Moment>| moment.map(|moment| times.text(moment));
        let rules = &self.state;
        json!({
            "client_id": rules.client_id().as_str(),
            "user": rules.user_name(),
            "is_connected": rules.is_connected(),
            "has_room": rules.has_room(),
            "is_ended": rules.is_ended(),
            "epoch": rules.epoch().0,
            "created_at": times.text(rules.created()),
            "expiry": format!("{:?}", rules.expiry()),
            "ends_at": at(rules.ends()),
            "has_will": rules.has_will(),
            "subscriptions": rules.subscriptions_now(),
            "inflight": rules.inflight_now(),
            "inflight_max": rules.inflight_max(),
            "queued": rules.queued_now(),
            "queued_bytes": rules.queued_bytes_now(),
            "queued_on_disk": rules.queued_on_disk_now(),
            "is_reading": rules.is_reading(),
            "awaiting_rel": rules.awaiting_rel_now(),
            "dropped": self.dropped,
            "is_kept": self.kept.is_some(),
            "has_connack_to_tell": self.claimed.is_some(),
            "told_when_stored": self.held.as_ref().map_or(0, |held| held.len()),
            "safe_at_submission": self.safe_at,
            "requests_to_server": self.asked_now(),
            "has_groups": self.has_groups,
            "timer_at": at(self.armed),
            "next_deadline_at": at(rules.next_deadline()),
        })
    }

    fn links(&self) -> Vec<(ProcessId, &'static str)> {
        let client = self.client;
        client
            .map(|client| (client.id(), "client"))
            .into_iter()
            .collect()
    }
}
