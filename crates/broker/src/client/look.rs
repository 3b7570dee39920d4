//! How a connection looks to those who watch.

use castmq_observe::ProcessId;
use castmq_otp::Address;
use castmq_rules::Moment;
use serde_json::{Value, json};

use super::{Client, Stage};
use crate::inspect::{State, Times};
use crate::session::Session;

impl Client {
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
