//! Messages for a session's client: from the lane to the rules, and from the rules to the connection.

use std::rc::Rc;

use castmq_mqtt::QoS;
use castmq_observe::Counter;
use castmq_observe::trace::NoteKind;
use castmq_rules::Delivery;
use castmq_rules::session::{DropReason, Outgoing};

use super::Session;
use crate::client::ClientEntry;
use crate::node::Pressure;
use crate::store::Receipt;
use crate::{Shard, now, trace};

/// What a session was like before a message came.
struct Before {
    queued: usize,
}

impl Session {
    pub(super) fn deliver(
        &mut self,
        shard: &mut Shard,
        delivery: Delivery,
        receipt: Option<Rc<Receipt>>,
    ) {
        let is_slow = self.client.is_none() || self.state.queued_now() > 0;
        if is_slow
            && delivery.qos == QoS::AtMostOnce
            && shard.world.node.pressure() >= Pressure::DropQos0
        {
            self.dropped(shard, DropReason::Qos0OverQuota, &delivery);
            return;
        }
        let queued = self.state.queued_now();
        let is_traced = shard.tracer.token().is_some();
        let before = is_traced.then(|| self.arrives(shard, &delivery));
        let collects = receipt.as_ref().is_some_and(|receipt| receipt.collects());
        if collects {
            self.state.handle_delivery_once_stored(delivery, now(shard));
        } else {
            self.state.handle_delivery(delivery, now(shard));
        }
        if self.state.queued_now() > queued {
            shard.count(Counter::DeliveriesQueued);
        }
        if let Some(before) = before {
            self.explain(shard, &before);
        }
        if let Some(receipt) = receipt {
            self.perform_for(shard, &receipt);
            receipt.taken();
        }
    }

    // tour: publish/4
    pub(super) fn send(&mut self, shard: &mut Shard, outgoing: Outgoing) {
        if outgoing.is_first {
            shard.count(Counter::DeliveriesSent);
        }
        let is_traced = self.is_followed || shard.tracer.token().is_some();
        if is_traced && shard.is_tracing() {
            return self.send_traced(shard, outgoing);
        }
        self.tell_in_order(shard, ClientEntry::Publish(outgoing));
    }

    /// The same while something is traced: a message that has waited belongs to its own flow.
    #[cold]
    fn send_traced(&mut self, shard: &mut Shard, outgoing: Outgoing) {
        let message = &outgoing.delivery.message;
        let token = trace::leaves_session(shard, self.address.slot, message);
        let id = outgoing
            .packet_id
            .map_or_else(String::new, |id| format!(" as packet {id}"));
        let inflight = self.state.inflight_now();
        let again = if outgoing.dup { ", again" } else { "" };
        shard.under(token, |shard| {
            shard.note(NoteKind::Decision, || {
                format!("goes to the client{id}{again}: {inflight} in flight")
            });
            self.tell_in_order(shard, ClientEntry::Publish(outgoing));
        });
    }

    /// A message of a flow is about to be taken in.
    #[cold]
    fn arrives(&mut self, shard: &mut Shard, delivery: &Delivery) -> Before {
        self.is_followed = true;
        trace::taken_in(shard, self.address.slot, delivery.message.id);
        if delivery.qos < delivery.message.qos {
            let (published, granted) = (delivery.message.qos as u8, delivery.qos as u8);
            shard.note(NoteKind::Decision, || {
                format!("QoS {published} becomes {granted}: no more was subscribed to")
            });
        }
        Before {
            queued: self.state.queued_now(),
        }
    }

    /// Says why a message waits.
    #[cold]
    fn explain(&self, shard: &mut Shard, before: &Before) {
        let queued = self.state.queued_now();
        if queued <= before.queued {
            return;
        }
        let inflight = self.state.inflight_now();
        let is_connected = self.state.is_connected();
        shard.note(NoteKind::Decision, || {
            if is_connected {
                format!("waits as number {queued} in the queue: {inflight} are in flight")
            } else {
                format!("waits as number {queued} in the queue: the client is away")
            }
        });
    }
}
