//! A client's messages: access, routing, and the acknowledgements in their order.

use std::sync::Arc;

use castmq_mqtt::{AckKind, PacketId, PacketType, PublishView, QoS, ReasonCode, Version};
use castmq_observe::trace::NoteKind;
use castmq_observe::{Counter, Event};
use castmq_rules::Message;
use castmq_rules::ack_order::{Answer, Outcome, Ready, Sequence};
use castmq_rules::ledger::Detail;
use castmq_rules::protocol::{Checked, Verdict};
use castmq_settings::PublishDenied;

use super::{Client, Close, Stage};
use crate::ledger::{Loss, Reason};
use crate::parcel::AnswerTo;
use crate::server::{self, Published};
use crate::session::SessionEntry;
use crate::{Shard, ledger, message, now, trace};

impl Client {
    /// PUBLISH that has properties or an alias instead of its topic.
    // emqttd: emqttd_protocol:process/2 (PUBLISH)
    pub(super) fn publish(&mut self, shard: &mut Shard, checked: Checked) {
        let Stage::Connected(linked) = &mut self.stage else {
            return;
        };
        let Checked {
            topic,
            publish,
            verdict,
        } = checked;
        count_message_received(shard, publish.qos);
        if let Err(error) = linked.know(shard, &self.profile, topic.as_str().as_bytes()) {
            return self.close(shard, &Close::Malformed(error));
        }
        if shard.is_tracing() && trace::may_begin(shard, self.address) {
            let what = (publish.qos, publish.packet_id, publish.payload.len());
            self.follow(shard, what);
        }
        let Stage::Connected(linked) = &mut self.stage else {
            return;
        };
        let refusal = match verdict {
            Verdict::Route => linked.refusal(shard, self.peer.ip(), (publish.qos, publish.retain)),
            Verdict::Refuse(reason) => Some(reason),
        };
        if let Some(reason) = refusal {
            return self.deny_publish(shard, publish.qos, publish.packet_id, reason);
        }
        let packet_id = publish.packet_id;
        let topic = linked
            .known
            .as_ref()
            .map_or(topic, |known| known.topic().clone());
        let message = message::from_publish(shard, topic, publish, &linked.client_id);
        self.route(shard, Arc::new(message), packet_id);
        self.watch_pressure(shard);
    }

    /// PUBLISH, read where it lies.
    // tour: publish/1
    pub(super) fn publish_in_place(&mut self, shard: &mut Shard, publish: &PublishView<'_>) {
        self.heard(shard, PacketType::Publish);
        let PublishView { qos, packet_id, .. } = *publish;
        if let Err(violation) = self.machines.handle_publish(qos, publish.retain) {
            return self.close(shard, &Close::Violation(violation));
        }
        let Stage::Connected(linked) = &mut self.stage else {
            return;
        };
        count_message_received(shard, qos);
        if let Err(error) = linked.know(shard, &self.profile, publish.topic) {
            return self.close(shard, &Close::Malformed(error));
        }
        if shard.is_tracing() && trace::may_begin(shard, self.address) {
            self.follow(shard, (qos, packet_id, publish.payload.len()));
        }
        let Stage::Connected(linked) = &mut self.stage else {
            return;
        };
        let address = self.peer.ip();
        if let Some(reason) = linked.refusal(shard, address, (qos, publish.retain)) {
            return self.deny_publish(shard, qos, packet_id, reason);
        }
        let Some(known) = &linked.known else { return };
        let topic = known.topic().clone();
        let message = message::from_view(shard, topic, publish, &linked.client_id);
        self.route(shard, Arc::new(message), packet_id);
        self.watch_pressure(shard);
    }

    /// Somebody may want to follow the message on the topic that is known.
    #[cold]
    fn follow(&mut self, shard: &mut Shard, what: (QoS, Option<PacketId>, usize)) {
        if let Stage::Connected(linked) = &self.stage
            && let Some(known) = &linked.known
        {
            trace::publish_read(shard, self, known.topic(), what);
        }
        self.is_followed |= shard.tracer.token().is_some();
    }

    fn deny_publish(
        &mut self,
        shard: &mut Shard,
        qos: QoS,
        packet_id: Option<PacketId>,
        reason: ReasonCode,
    ) {
        let Stage::Connected(linked) = &mut self.stage else {
            return;
        };
        if let Some(known) = &linked.known {
            let topic = known.topic().text().clone();
            linked.note_denied(shard, self.address, ("publish to", topic));
        }
        let topic = linked
            .known
            .as_ref()
            .map_or("", |known| known.topic().as_str());
        shard.tell(
            Event::ClientDenied,
            &[
                ("client", &linked.client_id),
                ("peer", &self.peer),
                ("topic", &topic),
                ("what", &"publish"),
                ("reason", &format_args!("{reason:?}")),
            ],
        );
        shard.note(NoteKind::Drop, || format!("not taken: {reason:?}"));
        let loss = if reason == ReasonCode::NotAuthorized {
            Loss::new(Reason::DENIED).detail(Detail::What("publish"))
        } else {
            Loss::new(Reason::PUBLISH_REFUSED).detail(Detail::Answer(reason))
        };
        let loss = loss.client(&linked.client_id).qos(qos);
        let loss = match &linked.known {
            Some(known) => loss.topic(known.topic().text()),
            None => loss,
        };
        shard.count(Counter::MessagesDropped);
        ledger::enter(shard, loss);
        self.refuse_publish(shard, qos, packet_id, reason);
    }

    /// Sends a message on the topic that is known along its way.
    fn route(&mut self, shard: &mut Shard, message: Arc<Message>, packet_id: Option<PacketId>) {
        let Stage::Connected(linked) = &mut self.stage else {
            return;
        };
        let from = Some(linked.session);
        let at = now(shard);
        let mut none = None;
        let way = linked.known.as_mut().map_or(&mut none, |known| {
            known.last = Some((message.id, at));
            &mut known.way
        });
        let answer = match (message.qos, packet_id) {
            (QoS::AtLeastOnce, Some(id)) => Answer::PubAck(id),
            (QoS::ExactlyOnce, Some(id)) => Answer::PubRec(id),
            _ => {
                server::publish_along(shard, message, way, from, None);
                return;
            }
        };
        let sequence = match self.machines.register(answer, message.weight()) {
            Ok(sequence) => sequence,
            Err(exceeded) => return self.close(shard, &Close::ReceiveMaximum(exceeded)),
        };
        if let Answer::PubRec(packet_id) = answer {
            self.to_session(shard, |epoch| SessionEntry::Publish {
                epoch,
                packet_id,
                message,
                sequence,
            });
            return;
        }
        let client = self.address;
        let answer = Some(AnswerTo::Client { client, sequence });
        let published = server::publish_along(shard, message, way, from, answer);
        self.published(sequence, published);
        self.acknowledge(shard);
    }

    /// Notes what has become of a message so far.
    fn published(&mut self, sequence: Sequence, published: Published) {
        match published {
            Published::To { here, .. } => {
                self.machines.expect(sequence, published.outcomes());
                if let Some(outcome) = here {
                    self.machines.answer(sequence, outcome);
                }
            }
            Published::Stopped => self.machines.answer(sequence, Outcome::Accepted),
            Published::Refused(reason) => self.machines.answer(sequence, Outcome::Refused(reason)),
        }
    }

    /// A message that is not routed is answered all the same, so that the client does not send it for
    /// ever.
    // differs: emqttd neither answers nor disconnects (P9). [MQTT3-3.3.5-2]
    fn refuse_publish(
        &mut self,
        shard: &mut Shard,
        qos: QoS,
        packet_id: Option<PacketId>,
        reason: ReasonCode,
    ) {
        if shard.world.node.settings.access.publish_denied == PublishDenied::Disconnect {
            return self.close(shard, &Close::Denied(reason));
        }
        let answer = match (qos, packet_id) {
            (QoS::AtLeastOnce, Some(id)) => Answer::PubAck(id),
            (QoS::ExactlyOnce, Some(id)) => Answer::PubRec(id),
            _ => return,
        };
        match self.machines.register(answer, 0) {
            Ok(sequence) => {
                self.machines.answer(sequence, Outcome::Refused(reason));
                self.acknowledge(shard);
            }
            Err(exceeded) => self.close(shard, &Close::ReceiveMaximum(exceeded)),
        }
    }

    /// PUBREL: the session forgets the id and says what PUBCOMP says.
    pub(super) fn pubrel(&mut self, shard: &mut Shard, packet_id: PacketId) {
        // PUBCOMP opens no exchange, so it cannot exceed anything.
        if let Ok(sequence) = self.machines.register(Answer::PubComp(packet_id), 0) {
            self.to_session(shard, |epoch| {
                SessionEntry::Pubrel(epoch, packet_id, sequence)
            });
        }
    }

    /// The session has routed a message, or says with what it is answered.
    pub(super) fn routed(
        &mut self,
        shard: &mut Shard,
        sequence: Sequence,
        routed: Result<Published, ReasonCode>,
    ) {
        match routed {
            Ok(published) => self.published(sequence, published),
            Err(reason) if reason.is_failure() => {
                self.machines.answer(sequence, Outcome::Refused(reason));
            }
            Err(_) => self.machines.answer(sequence, Outcome::Accepted),
        }
        self.acknowledge(shard);
    }

    /// Writes the acknowledgements that are due, in the order in which their packets came.
    // [MQTT3-4.6.0-2] [MQTT3-4.6.0-3] [MQTT5-4.6.0-2] [MQTT5-4.6.0-3]
    pub(super) fn acknowledge(&mut self, shard: &mut Shard) {
        while let Some(Ready { answer, reason }) = self.machines.poll_ready() {
            if self.is_closing() {
                continue;
            }
            // Not accepted, so its repetition is a new message; also that of a 3.x client, which is
            // not answered but closed. [MQTT5-4.3.3-9]
            if let Answer::PubRec(packet_id) = answer
                && reason.is_failure()
            {
                self.to_session(shard, |epoch| {
                    SessionEntry::PublishRefused(epoch, packet_id)
                });
            }
            let Some(reason) = self.told(reason) else {
                self.close(shard, &Close::NotAccepted(reason));
                continue;
            };
            match answer {
                Answer::Nothing => {}
                Answer::PubAck(id) => self.write_ack(shard, AckKind::PubAck, id, reason),
                Answer::PubRec(id) => self.write_ack(shard, AckKind::PubRec, id, reason),
                Answer::PubComp(id) => self.write_ack(shard, AckKind::PubComp, id, reason),
            }
        }
        self.watch_acceptance(shard);
    }

    /// The reason as this version can tell it; `None` when a 3.x client must not get an answer, because
    /// it would take it for a promise.
    fn told(&self, reason: ReasonCode) -> Option<ReasonCode> {
        if self.version() == Version::V5 {
            return Some(reason);
        }
        // Never to be accepted: sending it again is of no use. [MQTT3-3.3.5-2]
        let is_final = matches!(
            reason,
            ReasonCode::NotAuthorized
                | ReasonCode::TopicNameInvalid
                | ReasonCode::PayloadFormatInvalid
                | ReasonCode::PacketIdentifierNotFound
        );
        (is_final || !reason.is_failure()).then_some(ReasonCode::Success)
    }

    /// Whether the client sends faster than it may.
    pub(super) fn is_over_rate(&mut self, shard: &Shard) -> Option<std::time::Duration> {
        self.rate.as_mut()?.take(1, now(shard))
    }
}

fn count_message_received(shard: &Shard, qos: QoS) {
    shard.count(match qos {
        QoS::AtMostOnce => Counter::MessagesQos0Received,
        QoS::AtLeastOnce => Counter::MessagesQos1Received,
        QoS::ExactlyOnce => Counter::MessagesQos2Received,
    });
}
