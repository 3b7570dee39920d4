//! SUBSCRIBE and UNSUBSCRIBE: the server is asked, then the client is answered, then the retained
//! messages follow.

use castmq_mqtt::{PacketId, QoS, ReasonCode, Subscription};
use castmq_observe::Counter;
use castmq_rules::Subscriber;
use castmq_rules::session::{PullRetained, RetainedChunk};
use smallvec::SmallVec;

use super::{Request, Session, Wanted, to_server};
use crate::client::ClientEntry;
use crate::server::ServerEntry;
use crate::{Shard, hook, now, retainer};

impl Session {
    pub(super) fn subscribe(
        &mut self,
        shard: &mut Shard,
        packet_id: Option<PacketId>,
        filters: Vec<Wanted>,
        subscription_id: Option<u32>,
    ) {
        let mut reasons = Vec::with_capacity(filters.len());
        let mut replays = SmallVec::new();
        let mut subscriptions = Vec::with_capacity(filters.len());
        for wanted in filters {
            let (subscription, options) = match wanted {
                Wanted::Subscribe(subscription, options) => (subscription, options),
                Wanted::Refused(reason) => {
                    reasons.push(reason);
                    continue;
                }
            };
            match self
                .state
                .subscribe(&subscription, options, subscription_id)
            {
                Ok(subscribed) => {
                    reasons.push(granted(options.qos));
                    self.has_groups |= subscription.is_shared();
                    let id = subscription_id.and_then(std::num::NonZeroU32::new);
                    subscriptions.push((subscription.clone(), Subscriber { options, id }));
                    replays.push((subscription, subscribed));
                }
                Err(full) => reasons.push(full.reason_code()),
            }
        }
        self.requests.push(Request::Subscribe {
            packet_id,
            reasons,
            replays,
        });
        let session = self.address;
        to_server(
            shard,
            ServerEntry::Subscribe {
                session,
                subscriptions,
                wants_answer: true,
            },
        );
    }

    pub(super) fn unsubscribe(
        &mut self,
        shard: &mut Shard,
        packet_id: PacketId,
        filters: Vec<Subscription>,
    ) {
        let reasons = filters
            .iter()
            .map(|subscription| match self.state.unsubscribe(subscription) {
                Some(_) => ReasonCode::Success,
                // [MQTT5-3.11.3-2]
                None => ReasonCode::NoSubscriptionExisted,
            })
            .collect();
        self.requests
            .push(Request::Unsubscribe { packet_id, reasons });
        let session = self.address;
        to_server(
            shard,
            ServerEntry::Unsubscribe {
                session,
                subscriptions: filters,
            },
        );
    }

    /// The routes are in place: SUBACK or UNSUBACK, then the retained messages.
    // [MQTT3-3.8.4-1] [MQTT5-3.8.4-1]
    pub(super) fn registered(&mut self, shard: &mut Shard) {
        if self.requests.is_empty() {
            return;
        }
        match self.requests.remove(0) {
            Request::Subscribe {
                packet_id,
                reasons,
                replays,
            } => {
                if let Some(packet_id) = packet_id {
                    self.to_client(shard, ClientEntry::Suback { packet_id, reasons });
                }
                let filters: Vec<Subscription> = replays
                    .iter()
                    .map(|(subscription, _)| subscription.clone())
                    .collect();
                hook::client_subscribe_after(shard, self.client_id(), &filters);
                let now = now(shard);
                // What is published from here on comes live, so the replay does not go beyond it.
                let as_of = retainer::version(&shard.world.node);
                for (subscription, subscribed) in &replays {
                    self.state
                        .start_replay_as_of(subscription, *subscribed, as_of, now);
                }
            }
            Request::Unsubscribe { packet_id, reasons } => {
                self.to_client(shard, ClientEntry::Unsuback { packet_id, reasons });
            }
        }
        if self.requests.is_empty() {
            self.requests = Vec::new();
        }
    }

    pub(super) fn pull(&mut self, shard: &mut Shard, pull: PullRetained) {
        let PullRetained {
            pull,
            mut scan,
            len_max,
        } = pull;
        let messages = retainer::dispatch(shard, &mut scan, len_max);
        let chunk = RetainedChunk {
            pull,
            messages,
            scan,
        };
        let count = self.state.handle_retained_chunk(chunk, now(shard));
        shard.cells.add(Counter::Deliveries, count as u64);
    }
}

fn granted(qos: QoS) -> ReasonCode {
    match qos {
        QoS::AtMostOnce => ReasonCode::Success,
        QoS::AtLeastOnce => ReasonCode::GrantedQoS1,
        QoS::ExactlyOnce => ReasonCode::GrantedQoS2,
    }
}
