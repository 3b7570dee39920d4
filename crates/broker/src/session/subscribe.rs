//! SUBSCRIBE and UNSUBSCRIBE: the server is asked, then the client is answered, then the retained
//! messages follow.

use std::collections::VecDeque;

use castmq_mqtt::{PacketId, QoS, ReasonCode, Subscription};
use castmq_observe::Counter;
use castmq_rules::session::{PullRetained, RetainedChunk, Subscribed};
use castmq_rules::{Scan, Subscriber};
use smallvec::SmallVec;

use super::{Request, Session, Wanted, to_server};
use crate::client::ClientEntry;
use crate::parcel::Parcel;
use crate::pubsub::{self, Fence};
use crate::server::ServerEntry;
use crate::timeline::{self, Changed, Happening};
use crate::{Shard, hook, now, retainer};

/// The subscriptions of one SUBSCRIBE whose retained messages are to follow.
pub(super) type Replays = SmallVec<[(Subscription, Subscribed); 1]>;

/// Subscriptions that wait for fences.
#[derive(Debug)]
pub(super) struct Fenced {
    number: u64,
    /// Arbiters whose fence is not back.
    missing: u16,
    as_of: u64,
    replays: Replays,
}

/// What a session waits for on behalf of its client.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Requests to the server that are not answered, in their order.
    pub(super) requests: VecDeque<Request>,
    /// Subscriptions whose retained messages wait for fences.
    fenced: Vec<Fenced>,
}

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
        let mut changed = Box::new(Changed {
            is_by_broker: packet_id.is_none(),
            ..Changed::default()
        });
        for wanted in filters {
            let (subscription, options) = match wanted {
                Wanted::Subscribe(subscription, options) => (subscription, options),
                Wanted::Refused(reason) => {
                    reasons.push(reason);
                    changed.refused += 1;
                    continue;
                }
            };
            match self
                .state
                .subscribe(&subscription, options, subscription_id)
            {
                Ok(subscribed) => {
                    reasons.push(granted(options.qos));
                    changed.add(&subscription, options.qos);
                    self.has_groups |= subscription.is_shared();
                    let id = subscription_id.and_then(std::num::NonZeroU32::new);
                    subscriptions.push((subscription.clone(), Subscriber { options, id }));
                    replays.push((subscription, subscribed));
                }
                Err(full) => {
                    reasons.push(full.reason_code());
                    changed.refused += 1;
                }
            }
        }
        let what = Happening::Subscribed(changed);
        timeline::note(shard, self.client_id(), Some(self.address.id()), what);
        self.ask(Request::Subscribe {
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
        packet_id: Option<PacketId>,
        filters: Vec<Subscription>,
    ) {
        let mut changed = Box::new(Changed::default());
        let reasons = filters
            .iter()
            .map(|subscription| match self.state.unsubscribe(subscription) {
                Some(entry) => {
                    changed.add(subscription, entry.options.qos);
                    ReasonCode::Success
                }
                // [MQTT5-3.11.3-2]
                None => {
                    changed.refused += 1;
                    ReasonCode::NoSubscriptionExisted
                }
            })
            .collect();
        let what = Happening::Unsubscribed(changed);
        timeline::note(shard, self.client_id(), Some(self.address.id()), what);
        self.ask(Request::Unsubscribe { packet_id, reasons });
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
        let request = self
            .asked
            .as_mut()
            .and_then(|asked| asked.requests.pop_front());
        let Some(request) = request else { return };
        match request {
            Request::Subscribe {
                packet_id,
                reasons,
                replays,
            } => {
                if let Some(packet_id) = packet_id {
                    self.tell_when_stored(shard, ClientEntry::Suback { packet_id, reasons });
                }
                let filters: Vec<Subscription> = replays
                    .iter()
                    .map(|(subscription, _)| subscription.clone())
                    .collect();
                hook::client_subscribe_after(shard, self.client_id(), &filters);
                self.fence(shard, replays);
            }
            Request::Unsubscribe { packet_id, reasons } => {
                if let Some(packet_id) = packet_id {
                    self.tell_when_stored(shard, ClientEntry::Unsuback { packet_id, reasons });
                }
            }
        }
        self.forget_asked();
    }

    fn ask(&mut self, request: Request) {
        self.asked
            .get_or_insert_default()
            .requests
            .push_back(request);
    }

    fn forget_asked(&mut self) {
        self.asked
            .take_if(|asked| asked.requests.is_empty() && asked.fenced.is_empty());
    }

    /// The replay of retained messages begins when everything that was published so far has come live:
    /// a copy that is still on its way must not come behind a newer one from the store.
    fn fence(&mut self, shard: &mut Shard, mut replays: Replays) {
        replays.retain(|(subscription, _)| may_replay(shard, subscription));
        if replays.is_empty() {
            return;
        }
        let number = self.next_fence;
        self.next_fence += 1;
        let session = self.address;
        let arbiters = shard.world.node.arbiters;
        self.asked.get_or_insert_default().fenced.push(Fenced {
            number,
            missing: arbiters,
            // What is stored from here on comes live, so the replay does not go beyond it.
            as_of: retainer::version(&shard.world.node),
            replays,
        });
        let fence = Fence { session, number };
        let here = shard.arbiter;
        for arbiter in (0..arbiters).filter(|arbiter| *arbiter != here) {
            shard.post(arbiter, Parcel::Fence(fence));
        }
        pubsub::pass(shard, fence);
    }

    /// One fence is back.
    pub(super) fn fenced(&mut self, shard: &mut Shard, number: u64) {
        let Some(asked) = &mut self.asked else { return };
        let mut numbers = asked.fenced.iter_mut().enumerate();
        let Some((place, fenced)) = numbers.find(|(_, fenced)| fenced.number == number) else {
            return;
        };
        fenced.missing = fenced.missing.saturating_sub(1);
        if fenced.missing > 0 {
            return;
        }
        let fenced = asked.fenced.remove(place);
        self.forget_asked();
        let now = now(shard);
        for (subscription, subscribed) in &fenced.replays {
            let as_of = fenced.as_of;
            self.state
                .start_replay_as_of(subscription, *subscribed, as_of, now);
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

/// Whether there is anything to replay. Most subscriptions find nothing, and what is stored from here on
/// comes live.
fn may_replay(shard: &Shard, subscription: &Subscription) -> bool {
    if subscription.is_shared() {
        return false;
    }
    let mut scan = Scan::new(subscription.filter().clone());
    !retainer::dispatch(shard, &mut scan, 1).is_empty() || !scan.is_done()
}

fn granted(qos: QoS) -> ReasonCode {
    match qos {
        QoS::AtMostOnce => ReasonCode::Success,
        QoS::AtLeastOnce => ReasonCode::GrantedQoS1,
        QoS::ExactlyOnce => ReasonCode::GrantedQoS2,
    }
}
