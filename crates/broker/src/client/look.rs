//! How a connection looks to those who watch.

use std::sync::Arc;

use castmq_mqtt::TopicName;
use castmq_observe::ProcessId;
use castmq_otp::{Address, Peer};
use castmq_rules::access::{Action, Question};
use castmq_rules::{ClientId, MessageId, Moment};
use serde_json::{Value, json};

use super::{Client, Stage};
use crate::Shard;
use crate::access_control::AclCache;
use crate::inspect::{State, Times};
use crate::recordings::Recording;
use crate::session::Session;

impl Client {
    /// Who the client says it is, once that is known.
    #[must_use]
    pub fn client_id(&self) -> Option<&ClientId> {
        match &self.stage {
            Stage::Authenticating(claiming) | Stage::Claiming(claiming) => {
                Some(&claiming.plan.client_id)
            }
            Stage::Connected(linked) => Some(&linked.client_id),
            Stage::Opening | Stage::Closing { .. } => None,
        }
    }

    /// Its address.
    #[must_use]
    pub(crate) fn address(&self) -> Address<Self> {
        self.address
    }

    /// Whether a packet of it belongs to a flow that was traced.
    #[must_use]
    pub(crate) fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// The other side.
    #[must_use]
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Is recorded from now on, if it has its session.
    pub(crate) fn record(&mut self, recording: &Arc<Recording>, at: Moment) {
        if matches!(self.stage, Stage::Connected(_)) {
            self.machines.record(recording, at);
        }
    }

    /// Bytes that wait for its socket.
    #[must_use]
    pub fn unsent_bytes(&self) -> usize {
        self.out.len()
    }

    /// Its session, once it has one.
    pub(crate) fn session(&self) -> Option<Address<Session>> {
        match &self.stage {
            Stage::Connected(linked) => Some(linked.session),
            Stage::Opening
            | Stage::Authenticating(_)
            | Stage::Claiming(_)
            | Stage::Closing { .. } => None,
        }
    }

    /// The name of the listener that it came by.
    pub(crate) fn listener(&self) -> &str {
        &self.profile.name
    }

    /// How far it is, in a word.
    pub(crate) fn stage_name(&self) -> &'static str {
        match &self.stage {
            Stage::Opening => "opening",
            Stage::Authenticating(_) => "authenticating",
            Stage::Claiming(_) => "claiming",
            Stage::Connected(_) => "connected",
            Stage::Closing { .. } => "closing",
        }
    }

    /// Publishes of the client that are not answered.
    pub(crate) fn unanswered_publishes(&self) -> usize {
        self.machines.acks.unacknowledged_now()
    }

    /// Since when its socket takes nothing.
    pub(crate) fn blocked(&self) -> Option<Moment> {
        self.blocked
    }

    /// Which message it published last, and when, if that was on this topic.
    pub(crate) fn last_published(&self, topic: &TopicName) -> Option<(MessageId, Moment)> {
        let Stage::Connected(linked) = &self.stage else {
            return None;
        };
        let known = linked.known.as_ref()?;
        (known.topic() == topic).then_some(known.last).flatten()
    }

    /// Whether the access rules are asked about deliveries, and whether they let it have messages on a
    /// topic.
    pub(crate) fn may_have(&self, shard: &Shard, topic: &TopicName) -> (bool, bool) {
        let Stage::Connected(linked) = &self.stage else {
            return (false, true);
        };
        let access = &shard.world.node.access;
        if !access.checks_delivery(linked.grant.as_deref()) {
            return (false, true);
        }
        let question = Question::new(Action::Deliver, topic.as_str());
        let asker = linked.asker(self.peer.ip());
        let may = access.may(&mut AclCache::default(), asker, question, topic.text());
        (true, may)
    }

    /// Why it is not read for now.
    pub(crate) fn paused_because(&self) -> Option<&'static str> {
        self.pause.as_ref().map(super::pause::Pause::why)
    }
}

impl State for Client {
    fn state(&self, times: Times) -> Value {
        let at = |moment: Option<Moment>| moment.map(|moment| times.text(moment));
        let mut state = json!({
            "stage": self.stage_name(),
            "client_id": self.client_id().map(ToString::to_string),
            "peer": self.peer.to_string(),
            "listener": self.listener(),
            "version": crate::inspect::protocol(self.version()),
            "unread_bytes": self.input.len(),
            "unsent_bytes": self.out.len(),
            "is_to_be_flushed": self.is_touched,
            "blocked_since": at(self.blocked),
            "paused_because": self.paused_because(),
            "subscription_unanswered_since": at(self.unanswered),
            "publishes_unanswered": self.machines.acks.unacknowledged_now(),
            "publish_bytes_not_accepted": self.machines.acks.unaccepted_bytes(),
            "has_to_be_heard_of_by": at(self.machines.keep_alive.deadline()),
            "timer_at": at(self.armed),
            "arbiters_moved": self.hops,
            "packet_bytes_max": self.packet_bytes_max,
        });
        if let (Stage::Connected(linked), Value::Object(state)) = (&self.stage, &mut state) {
            state.insert("epoch".to_owned(), json!(linked.epoch.0));
            state.insert("user".to_owned(), json!(linked.user_name.as_deref()));
            let module = linked.grant.as_ref().map(|grant| grant.module);
            state.insert("let_in_by".to_owned(), json!(module));
            let superuser = linked
                .grant
                .as_ref()
                .is_some_and(|grant| grant.is_superuser);
            state.insert("is_superuser".to_owned(), json!(superuser));
            state.insert("has_to_go_at".to_owned(), json!(at(linked.expires)));
            state.insert("is_full".to_owned(), json!(linked.is_full));
            let aliases = linked.aliases.is_some();
            state.insert("takes_topic_aliases".to_owned(), json!(aliases));
        }
        state
    }

    fn links(&self) -> Vec<(ProcessId, &'static str)> {
        let session = self.session();
        session
            .map(|session| (session.id(), "session"))
            .into_iter()
            .collect()
    }
}
