//! Histories made up for tests: one client `c`, one publisher whose messages all have QoS 2.

use super::{Overlap, check};
use crate::history::{Delivery, History, MessageId, Moment, Receiver, Role, Sent};

/// What happens, in order.
pub(super) struct Script {
    history: History,
    client: Receiver,
    now: Moment,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            history: History {
                restart: Moment::MAX,
                ..History::default()
            },
            client: Receiver::new("c"),
            now: 0,
        }
    }
}

impl Script {
    fn moment(&mut self) -> Moment {
        self.now += 1;
        self.now
    }

    pub(super) fn subscribe(&mut self, filter: &str, qos: u8) {
        let now = self.moment();
        self.client.request(filter, qos, now);
        self.grant();
    }

    pub(super) fn request(&mut self, filter: &str) {
        let now = self.moment();
        self.client.request(filter, 1, now);
    }

    pub(super) fn grant(&mut self) {
        let now = self.moment();
        self.client.grant(now);
    }

    pub(super) fn unsubscribe(&mut self, filter: &str) {
        self.unsubscribe_unanswered(filter);
        let now = self.moment();
        self.client.revoked(filter, now);
    }

    pub(super) fn unsubscribe_unanswered(&mut self, filter: &str) {
        let now = self.moment();
        self.client.revoke(filter, now);
    }

    pub(super) fn clean_start(&mut self) {
        let now = self.moment();
        self.client.discard(now);
        let now = self.moment();
        self.client.discarded(now);
    }

    pub(super) fn publish(&mut self, sequence: u32, topic: &str) {
        self.send(Role::Load, sequence, topic, true);
    }

    pub(super) fn publish_unanswered(&mut self, sequence: u32, topic: &str) {
        self.send(Role::Load, sequence, topic, false);
    }

    pub(super) fn probe(&mut self, sequence: u32, topic: &str) {
        self.send(Role::Probe, sequence, topic, true);
    }

    pub(super) fn will(&mut self, sequence: u32, topic: &str) {
        self.send(Role::Will, sequence, topic, true);
    }

    fn send(&mut self, role: Role, sequence: u32, topic: &str, is_answered: bool) {
        let sent = self.moment();
        let answered = self.moment();
        self.history.sent.push(Sent {
            id: id(sequence),
            role,
            topic: topic.to_owned(),
            qos: 2,
            sent,
            accepted: is_answered.then_some(answered),
            completed: is_answered.then_some(answered),
        });
    }

    pub(super) fn receive(&mut self, sequence: u32, topic: &str, qos: u8) {
        self.client.deliveries.push(Delivery {
            id: id(sequence),
            topic: topic.to_owned(),
            qos,
            incarnation: self.client.incarnation,
        });
    }

    pub(super) fn kill(&mut self) {
        self.history.restart = self.moment();
    }

    /// All that is found in what happened so far.
    pub(super) fn found(&self) -> Vec<String> {
        self.found_with(Overlap::Merged)
    }

    pub(super) fn found_with(&self, overlap: Overlap) -> Vec<String> {
        let findings = self.findings(overlap);
        findings.iter().map(ToString::to_string).collect()
    }

    /// In which ways it is wrong.
    pub(super) fn kinds(&self) -> Vec<&'static str> {
        let findings = self.findings(Overlap::Merged);
        findings.iter().map(|finding| finding.kind.name()).collect()
    }

    fn findings(&self, overlap: Overlap) -> Vec<crate::finding::Finding> {
        let mut history = self.history.clone();
        history.receivers.push(self.client.clone());
        check(&history, overlap)
    }
}

fn id(sequence: u32) -> MessageId {
    MessageId {
        publisher: 1,
        sequence,
    }
}
