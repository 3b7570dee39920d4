//! The client's acknowledgements, and its own QoS 2 messages.

use castmq_mqtt::{PacketId, ReasonCode};

use crate::session::{Action, Change, Received, Session, StrayAck};
use crate::window::Finished;
use crate::{Delivery, Moment};

impl Session {
    /// PUBACK, whatever its reason: the message is done with and the next one may go. Returns it.
    ///
    /// # Errors
    ///
    /// [`StrayAck`] when no QoS 1 message has this id; the state is unchanged.
    // [MQTT3-4.3.2-1] [MQTT5-4.3.2-3] [MQTT5-4.4.0-2] [MQTT5-4.8.2-6]
    pub fn handle_puback(&mut self, id: PacketId, now: Moment) -> Result<Delivery, StrayAck> {
        let Finished {
            number,
            delivery,
            sent,
        } = self.window.handle_puback(id)?;
        let message = (&*delivery.message, delivery.qos);
        self.remember_done(message, (sent, now), false);
        self.store_done(number, delivery.message.id);
        self.fill(now);
        self.check();
        Ok(delivery)
    }

    /// PUBREC: with a success the client has the message, so it is released; with a failure the
    /// exchange is over. Returns the message when it is the first PUBREC for it.
    ///
    /// Whatever is not in flight is released nevertheless, so that the client can forget it; a 5.0
    /// client is told that it is unknown here.
    ///
    /// # Errors
    ///
    /// [`StrayAck`] when no QoS 2 message has this id; the state is unchanged.
    // emqttd: emqttd_session:handle_cast/2 (pubrec)
    // [MQTT5-4.3.3-4] [MQTT5-4.4.0-2] [MQTT5-4.8.2-6] [MQTT3-4.6.0-4]
    pub fn handle_pubrec(
        &mut self,
        id: PacketId,
        reason: ReasonCode,
        now: Moment,
    ) -> Result<Option<Delivery>, StrayAck> {
        let received = if reason.is_failure() {
            self.window.handle_refusal(id).map(|finished| {
                let Finished {
                    number,
                    delivery,
                    sent,
                } = finished;
                let message = (&*delivery.message, delivery.qos);
                self.remember_done(message, (sent, now), true);
                self.store_done(number, delivery.message.id);
                Some(delivery)
            })
        } else {
            self.window.handle_pubrec(id, now).map(|received| {
                let received = received?;
                let message = (&*received.delivery.message, received.delivery.qos);
                self.remember_done(message, (received.sent, now), false);
                self.store_released(id, &received);
                Some(received.delivery)
            })
        };
        match received {
            Ok(delivery) => {
                if reason.is_failure() {
                    self.fill(now);
                } else {
                    self.release(id);
                }
                self.check();
                Ok(delivery)
            }
            Err(StrayAck::NotInFlight(packet_id)) if !reason.is_failure() => {
                let reason = ReasonCode::PacketIdentifierNotFound;
                self.actions.push(Action::Release { packet_id, reason });
                Err(StrayAck::NotInFlight(packet_id))
            }
            Err(stray) => Err(stray),
        }
    }

    /// PUBCOMP, whatever its reason: the exchange is over and its id free.
    ///
    /// # Errors
    ///
    /// [`StrayAck`] when no PUBREL with this id is unanswered; the state is unchanged.
    // [MQTT3-2.3.1-4] [MQTT5-4.3.3-5]
    // differs: emqttd gives ids that wait for PUBCOMP out again (P5).
    pub fn handle_pubcomp(&mut self, id: PacketId, now: Moment) -> Result<(), StrayAck> {
        self.window.handle_pubcomp(id)?;
        self.store(Change::Completed(id));
        self.fill(now);
        self.check();
        Ok(())
    }

    /// A QoS 2 PUBLISH of the client. That its id is known has to be stored together with what becomes of
    /// the message, so it is not said here but left to whoever routes it.
    // [MQTT3-4.3.3-2] [MQTT5-4.3.3-8] [MQTT5-4.3.3-10]
    // differs: emqttd routes on PUBREL; here on PUBLISH, so that PUBREC says that it is accepted.
    pub fn handle_publish_exactly_once(&mut self, id: PacketId) -> Received {
        self.awaiting_rel.handle_publish(id)
    }

    /// A new QoS 2 message was refused, so PUBREC carries a failure and its id is free.
    // [MQTT5-4.3.3-9]
    pub fn handle_publish_refused(&mut self, id: PacketId) {
        if self.awaiting_rel.handle_refused(id) {
            // An earlier transmission may have been accepted, and its id stored.
            self.store(Change::Forgotten(id));
        }
    }

    /// PUBREL of the client: what PUBCOMP says. It is sent in any case; a 3.x client sees no reason.
    // [MQTT5-4.3.3-11] [MQTT5-4.3.3-12]
    pub fn handle_pubrel(&mut self, id: PacketId) -> ReasonCode {
        let reason = self.awaiting_rel.handle_pubrel(id);
        if !reason.is_failure() {
            self.store(Change::Forgotten(id));
        }
        reason
    }

    pub(super) fn release(&mut self, packet_id: PacketId) {
        let reason = ReasonCode::Success;
        self.actions.push(Action::Release { packet_id, reason });
    }
}
