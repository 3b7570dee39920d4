//! What a session's client publishes through it: messages of QoS 2, because the session knows their
//! repetitions, and the will.

use std::sync::Arc;

use castmq_mqtt::{PacketId, ReasonCode, Will};
use castmq_observe::{Counter, Event};
use castmq_rules::Message;
use castmq_rules::access::Subject;
use castmq_rules::ack_order::Sequence;
use castmq_rules::ledger::Detail;
use castmq_rules::session::{Change, Received};

use super::Session;
use crate::access_control::Asker;
use crate::broker::{self, DueWill};
use crate::client::ClientEntry;
use crate::ledger::{Loss, Reason};
use crate::parcel::AnswerTo;
use crate::timeline::{self, Happening};
use crate::{Shard, ledger, server};

impl Session {
    /// PUBLISH with QoS 2: routed here, in the session's turn, because the session knows repetitions.
    // emqttd: emqttd_session:handle_call/3 (publish)
    pub(super) fn publish(
        &mut self,
        shard: &mut Shard,
        id: PacketId,
        message: Arc<Message>,
        sequence: Sequence,
    ) {
        let Some(client) = self.client else { return };
        let routed = match self.state.handle_publish_exactly_once(id) {
            Received::New if self.is_kept() => {
                Ok(self.publish_kept(shard, id, message, (client, sequence)))
            }
            Received::New => {
                let answer = Some(AnswerTo::Client { client, sequence });
                let from = Some(self.address);
                let way = self.way.along(&message);
                Ok(server::publish_along(shard, message, way, from, answer))
            }
            Received::Duplicate => self.repeated(shard, id, (client, sequence)),
            Received::QuotaExceeded => {
                let reason = ReasonCode::QuotaExceeded;
                let loss = Loss::of_message(Reason::PUBLISH_REFUSED, &message);
                let loss = loss.client(self.client_id()).detail(Detail::Answer(reason));
                ledger::enter(shard, loss);
                Err(reason)
            }
        };
        self.to_client(shard, ClientEntry::Routed { sequence, routed });
    }

    /// Whether the client still may publish its will. What a token or a rank lets it do was decided when it
    /// connected: neither is there any more.
    fn may_publish_will(&self, shard: &Shard, will: &Will) -> bool {
        let subject = Subject {
            client: self.client_id(),
            user: self.state.user_name(),
            address: self.state.address(),
            claims: self.state.claims(),
        };
        let asker = Asker::new(subject, None);
        self.state.is_privileged() || shard.world.node.access.may_publish_will(asker, will)
    }

    /// The will is published as the client would have published it, if it still may.
    // [MQTT3-3.1.2-8] [MQTT5-3.1.2-8]
    pub(super) fn publish_will(&mut self, shard: &mut Shard, will: Will, after: Option<Change>) {
        if !self.may_publish_will(shard, &will) {
            shard.tell(
                Event::ClientDenied,
                &[
                    ("client", self.client_id()),
                    ("topic", &will.topic),
                    ("what", &"will"),
                ],
            );
            let what = Happening::Denied("publish its will to", will.topic.text().clone(), 1);
            timeline::note(shard, self.client_id(), Some(self.address.id()), what);
            let loss = Loss::new(Reason::DENIED).detail(Detail::What("will"));
            let loss = loss.client(self.client_id()).topic(will.topic.text());
            ledger::enter(shard, loss.qos(will.qos));
            after
                .into_iter()
                .for_each(|change| self.store(shard, change));
            return;
        }
        shard.count(Counter::WillsPublished);
        let what = Happening::WillPublished(will.topic.text().clone());
        timeline::note(shard, self.client_id(), Some(self.address.id()), what);
        let message = crate::message::from_will(shard, will, self.client_id());
        let after = self.after_will(after);
        let from = self.address;
        broker::publish_will(
            shard,
            DueWill {
                message,
                from,
                after,
            },
        );
    }
}
