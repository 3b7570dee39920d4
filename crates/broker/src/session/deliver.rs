//! Messages for a session's client: from the lane to the rules, and from the rules to the connection.

use std::rc::Rc;

use castmq_mqtt::QoS;
use castmq_observe::Counter;
use castmq_rules::Delivery;
use castmq_rules::session::{DropReason, Outgoing};

use super::Session;
use crate::client::ClientEntry;
use crate::node::Pressure;
use crate::store::Receipt;
use crate::{Shard, now};

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
            self.dropped(shard, DropReason::Qos0OverQuota.name(), &delivery);
            return;
        }
        let queued = self.state.queued_now();
        let collects = receipt.as_ref().is_some_and(|receipt| receipt.collects());
        if collects {
            self.state.handle_delivery_once_stored(delivery, now(shard));
        } else {
            self.state.handle_delivery(delivery, now(shard));
        }
        if self.state.queued_now() > queued {
            shard.count(Counter::DeliveriesQueued);
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
        self.tell_in_order(shard, ClientEntry::Publish(outgoing));
    }
}
