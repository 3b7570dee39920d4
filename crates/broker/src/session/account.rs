//! What went wrong with a message or an acknowledgement, told to those who keep account of it.

use castmq_mqtt::ReasonCode;
use castmq_observe::Counter;
use castmq_observe::trace::NoteKind;
use castmq_rules::Delivery;
use castmq_rules::alarm::Severity;
use castmq_rules::session::{DropReason, StrayAck};

use super::Session;
use crate::alarm::AlarmEntry;
use crate::client::ClientEntry;
use crate::ledger::Loss;
use crate::timeline::{self, Happening, Lost};
use crate::{Shard, alarm, ledger, pubsub, trace};

impl Session {
    /// An acknowledgement of nothing in flight may be late and is counted. One of the wrong kind for what
    /// is in flight breaks the protocol.
    // [MQTT3-4.8.0-1] [MQTT5-4.13.1-1]
    pub(super) fn stray(&self, shard: &mut Shard, stray: StrayAck) {
        shard.count(Counter::AcksStray);
        match stray {
            StrayAck::NotInFlight(_) => {}
            StrayAck::OutOfTurn(_) => {
                self.to_client(shard, ClientEntry::Kick(ReasonCode::ProtocolError));
            }
        }
    }

    /// Another member of the group gets a copy of its own. This one, if it was not sent, is accounted for
    /// like any other that does not arrive.
    pub(super) fn redispatch(&mut self, shard: &mut Shard, delivery: &Delivery, was_sent: bool) {
        let is_given = pubsub::redispatch(shard, self.address, delivery);
        if is_given && !was_sent {
            shard.count(Counter::DeliveriesDropped);
        } else if !is_given && !was_sent {
            self.dropped(shard, DropReason::SessionEnded, delivery);
        }
    }

    pub(super) fn dropped(&mut self, shard: &mut Shard, reason: DropReason, delivery: &Delivery) {
        self.dropped = self.dropped.saturating_add(1);
        // What the connection did not write has been counted as sent when it went there.
        if !matches!(reason, DropReason::TooLarge | DropReason::NotAuthorized) {
            shard.count(Counter::DeliveriesDropped);
        }
        shard.count(Counter::MessagesDropped);
        if self.is_followed && shard.is_tracing() {
            let token = trace::flow_of(shard, self.address.slot, &delivery.message);
            shard.under(token, |shard| {
                shard.note(NoteKind::Drop, || {
                    format!("does not get to the client: {}", reason.name())
                });
            });
        }
        self.tell_dropped(shard, reason, delivery);
        let reason = reason.name();
        ledger::enter(shard, Loss::of_delivery(reason, self.client_id(), delivery));
    }

    /// The client's timeline tells the first loss for each reason since the client came or went, and how
    /// many there are from time to time.
    fn tell_dropped(&mut self, shard: &mut Shard, reason: DropReason, delivery: &Delivery) {
        let bit = 1 << reason as u8;
        let is_first = self.told_drops & bit == 0;
        let count = u64::from(self.dropped);
        if !is_first && !timeline::is_told(count) {
            return;
        }
        self.told_drops |= bit;
        let lost = Lost {
            reason: reason.name(),
            count: if is_first { 1 } else { count },
            topic: delivery.message.topic.text().clone(),
            message: delivery.message.id,
        };
        let what = Happening::Lost(Box::new(lost));
        timeline::note(shard, self.client_id(), Some(self.address.id()), what);
    }

    // emqttd: emqttd_mqueue:maybe_set_alarm/1
    pub(super) fn alarm(&self, shard: &mut Shard, is_raised: bool) {
        let id = format!("queue_high_watermark.{}", self.client_id());
        let entry = if is_raised {
            AlarmEntry::Set {
                id,
                severity: Severity::Warning,
                title: "queue above its high watermark".to_owned(),
                summary: format!("{} messages wait", self.state.queued_now()),
            }
        } else {
            AlarmEntry::Clear(id)
        };
        alarm::tell(shard, entry);
    }

    pub(super) fn tell_level(&self, shard: &mut Shard, is_high: bool) {
        let queued = self.state.queued_now();
        let what = if is_high {
            Happening::QueueHigh(queued)
        } else {
            Happening::QueueLow(queued)
        };
        timeline::note(shard, self.client_id(), Some(self.address.id()), what);
        self.alarm(shard, is_high);
    }
}
