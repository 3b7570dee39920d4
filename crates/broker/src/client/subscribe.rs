//! SUBSCRIBE and UNSUBSCRIBE: access and hooks here, the rest in the session.

use castmq_mqtt::{
    AckProperties, Packet, PacketId, ReasonCode, SubAck, Subscribe, SubscribeFilter, UnsubAck,
    Unsubscribe, Version,
};
use castmq_observe::Event;
use castmq_otp::Address;
use castmq_rules::access::{Action, Question};
use castmq_rules::ledger::Detail;

use super::{Client, Stage, mount};
use crate::ledger::{Loss, Reason};
use crate::session::{Session, SessionEntry, Wanted};
use crate::{Shard, hook, ledger, now, store};

impl Client {
    // emqttd: emqttd_protocol:process/2 (SUBSCRIBE)
    pub(super) fn subscribe(&mut self, shard: &mut Shard, subscribe: Subscribe) {
        let Stage::Connected(linked) = &self.stage else {
            return;
        };
        let Subscribe {
            packet_id,
            filters,
            properties,
        } = subscribe;
        let count = filters.len();
        let Some(filters) = mount::filters(&self.profile, filters) else {
            let reasons = vec![ReasonCode::TopicFilterInvalid; count];
            return self.suback(shard, packet_id, reasons);
        };
        let Some(filters) =
            hook::client_subscribe(shard, &linked.client_id, linked.user_name.as_ref(), filters)
        else {
            // A hook stopped it: answered, because a client that hears nothing waits for ever.
            let reasons = vec![ReasonCode::ImplementationSpecificError; count];
            return self.suback(shard, packet_id, reasons);
        };
        let filters = filters
            .into_iter()
            .map(|filter| self.judge(shard, filter))
            .collect();
        let subscription_id = properties.subscription_id;
        self.unanswered = Some(now(shard));
        self.to_session(shard, |epoch| SessionEntry::Subscribe {
            epoch,
            packet_id: Some(packet_id),
            filters,
            subscription_id,
        });
    }

    /// Subscribes the client to what the broker wants it to have.
    pub(super) fn subscribe_for(&mut self, shard: &mut Shard, filters: Vec<SubscribeFilter>) {
        let filters = mount::filters(&self.profile, filters)
            .unwrap_or_default()
            .into_iter()
            .map(|filter| Wanted::Subscribe(filter.subscription, filter.options))
            .collect();
        self.to_session(shard, |epoch| SessionEntry::Subscribe {
            epoch,
            packet_id: None,
            filters,
            subscription_id: None,
        });
    }

    /// Each filter is granted or refused by itself.
    // differs: emqttd refuses the whole packet for one denied filter (P10).
    fn judge(&mut self, shard: &mut Shard, filter: SubscribeFilter) -> Wanted {
        if store::is_failing(shard) && self.has_kept_session(shard) {
            return Wanted::Refused(ReasonCode::QuotaExceeded);
        }
        if let Some(reason) = self.machines.protocol.refusal(&filter) {
            return Wanted::Refused(reason);
        }
        let filter_text = filter.subscription.filter().as_str();
        if shard.world.topic_limits.check(filter_text).is_err() {
            return Wanted::Refused(ReasonCode::TopicFilterInvalid);
        }
        let Stage::Connected(linked) = &mut self.stage else {
            return Wanted::Refused(ReasonCode::UnspecifiedError);
        };
        let topic = filter.subscription.filter().text();
        let question = Question {
            action: Action::Subscribe,
            topic: topic.as_str(),
            qos: filter.options.qos,
            retain: false,
        };
        if linked.may(shard, self.peer.ip(), question, topic) {
            return Wanted::Subscribe(filter.subscription, filter.options);
        }
        shard.tell(
            Event::ClientDenied,
            &[
                ("client", &linked.client_id),
                ("peer", &self.peer),
                ("filter", &filter.subscription),
                ("what", &"subscribe"),
            ],
        );
        linked.note_denied(shard, self.address, ("subscribe to", topic.clone()));
        let loss = Loss::new(Reason::DENIED).detail(Detail::What("subscribe"));
        let loss = loss.client(&linked.client_id).qos(filter.options.qos);
        ledger::enter(shard, loss.topic(filter.subscription.filter().text()));
        Wanted::Refused(ReasonCode::NotAuthorized)
    }

    /// Whether its session outlives the process.
    fn has_kept_session(&self, shard: &Shard) -> bool {
        let Stage::Connected(linked) = &self.stage else {
            return false;
        };
        let Address {
            slot, generation, ..
        } = linked.session;
        let session = shard.world.lanes.session.peek(slot, generation);
        session.is_none_or(Session::is_kept)
    }

    // emqttd: emqttd_protocol:process/2 (UNSUBSCRIBE)
    pub(super) fn unsubscribe(&mut self, shard: &mut Shard, unsubscribe: Unsubscribe) {
        let Stage::Connected(linked) = &self.stage else {
            return;
        };
        let Unsubscribe {
            packet_id,
            subscriptions,
            ..
        } = unsubscribe;
        let count = subscriptions.len();
        // A 3.x client cannot be told that it is not done; it waits for the answer.
        let can_be_told = self.version() == Version::V5;
        if can_be_told && store::is_failing(shard) && self.has_kept_session(shard) {
            let reasons = vec![ReasonCode::ImplementationSpecificError; count];
            return self.unsuback(shard, packet_id, reasons);
        }
        let mounted = match &self.profile.mount_point {
            None => Some(subscriptions),
            Some(mount_point) => subscriptions
                .iter()
                .map(|wanted| mount::subscription(mount_point, wanted))
                .collect(),
        };
        let Some(subscriptions) = mounted else {
            let reasons = vec![ReasonCode::TopicFilterInvalid; count];
            return self.unsuback(shard, packet_id, reasons);
        };
        let Some(filters) = hook::client_unsubscribe(shard, &linked.client_id, subscriptions)
        else {
            let reasons = vec![ReasonCode::ImplementationSpecificError; count];
            return self.unsuback(shard, packet_id, reasons);
        };
        self.unanswered = Some(now(shard));
        self.to_session(shard, |epoch| SessionEntry::Unsubscribe {
            epoch,
            packet_id,
            filters,
        });
    }

    // [MQTT3-3.8.4-2] [MQTT5-3.8.4-2]
    pub(super) fn suback(
        &mut self,
        shard: &mut Shard,
        packet_id: PacketId,
        reasons: Vec<ReasonCode>,
    ) {
        let properties = self.explain(shard, &reasons);
        self.write(
            shard,
            &Packet::SubAck(SubAck {
                packet_id,
                reasons,
                properties,
            }),
        );
        self.answered(shard);
    }

    // [MQTT3-3.10.4-4] [MQTT5-3.10.4-4]
    pub(super) fn unsuback(
        &mut self,
        shard: &mut Shard,
        packet_id: PacketId,
        reasons: Vec<ReasonCode>,
    ) {
        let properties = self.explain(shard, &reasons);
        self.write(
            shard,
            &Packet::UnsubAck(UnsubAck {
                packet_id,
                reasons,
                properties,
            }),
        );
        self.answered(shard);
    }

    /// What stood behind the packet may be parsed now.
    fn answered(&mut self, shard: &mut Shard) {
        self.unanswered = None;
        self.machines.answered();
        self.read_again(shard);
    }

    /// A text for those who want to know why, if anything was refused. [MQTT5-3.1.2-29]
    fn explain(&self, shard: &Shard, reasons: &[ReasonCode]) -> Option<Box<AckProperties>> {
        let Stage::Connected(linked) = &self.stage else {
            return None;
        };
        let refused = reasons.iter().find(|reason| reason.is_failure())?;
        if !linked.wants_problem_information {
            return None;
        }
        let text = if *refused == ReasonCode::NotAuthorized {
            "not authorized"
        } else if *refused == ReasonCode::TopicFilterInvalid {
            "topic filter has too many levels"
        } else if *refused == ReasonCode::QuotaExceeded && store::is_failing(shard) {
            "nothing can be stored at the moment"
        } else if *refused == ReasonCode::QuotaExceeded {
            "too many subscriptions"
        } else {
            return None;
        };
        let reason_string = castmq_mqtt::Text::try_from(text).ok();
        Some(Box::new(AckProperties {
            reason_string,
            ..AckProperties::default()
        }))
    }
}
