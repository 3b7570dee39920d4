//! What a device is told, and what it answers.

use bytes::BytesMut;
use castmq_mqtt::{Ack, Packet, Publish, ReasonCode};

use super::{Device, Request};
use crate::model::{Copy, Model};
use crate::packets::{answer, describe};
use crate::wire::{Mode, Stage};

impl Device {
    /// Reads at most so many bytes and does what their packets demand. Returns what came.
    pub(crate) fn read(&mut self, model: &mut Model, most: usize) -> Result<Vec<String>, String> {
        let mut came = Vec::new();
        let Some(wire) = &mut self.wire else {
            return Ok(came);
        };
        let read = wire.stream.read(&mut wire.input, most);
        let is_over = matches!(read, Ok(0));
        self.moved += read.unwrap_or(0);
        let mut input = std::mem::take(&mut wire.input).freeze();
        while let Some(wire) = &self.wire {
            let decoded = wire.decoder.clone().decode(&mut input);
            match decoded.map_err(|error| format!("the broker sent nonsense: {error}"))? {
                Some(packet) => {
                    came.push(describe(&packet));
                    self.packet(model, packet)?;
                }
                None => break,
            }
        }
        if let Some(wire) = &mut self.wire {
            wire.input = BytesMut::from(&input[..]);
        }
        if is_over && let Some(wire) = self.wire.take() {
            came.push("end".to_owned());
            wire.stream.close();
            self.lost(model, wire, true);
        }
        self.flush(model);
        Ok(came)
    }

    fn packet(&mut self, model: &mut Model, packet: Packet) -> Result<(), String> {
        let stage = self.wire.as_ref().map(|wire| wire.stage);
        if stage == Some(Stage::Leaving) {
            return Ok(());
        }
        match packet {
            Packet::ConnAck(connack) => {
                return self.connack(model, connack.reason, connack.session_present);
            }
            Packet::Publish(publish) => return self.delivered(model, &publish),
            Packet::PubRel(ack) => {
                self.received.remove(&ack.packet_id);
                self.write(&Packet::PubComp(answer(ack.packet_id)));
            }
            Packet::PubAck(ack) => self.acknowledged(model, &ack, 1),
            Packet::PubRec(ack) => {
                let id = ack.packet_id;
                self.acknowledged(model, &ack, 2);
                if !ack.reason.is_failure() {
                    self.write(&Packet::PubRel(answer(id)));
                }
            }
            Packet::PubComp(ack) => self
                .outbound
                .retain(|outbound| outbound.packet_id != ack.packet_id),
            Packet::SubAck(suback) => {
                if let Some(Request::Subscribe(filter, qos)) =
                    self.requests.remove(&suback.packet_id)
                {
                    if suback.reasons.iter().any(|reason| reason.is_failure()) {
                        return Err(format!(
                            "SUBSCRIBE {filter} was refused: {:?}",
                            suback.reasons
                        ));
                    }
                    // A later request for the same filter may take effect at any moment.
                    let is_pending = self.requests.values().any(
                        |request| matches!(request, Request::Subscribe(other, _) if *other == filter),
                    );
                    if self.held_filters.contains(filter) && !is_pending {
                        model.subscribed(self.holder(), filter, qos);
                    }
                }
            }
            Packet::UnsubAck(unsuback) => drop(self.requests.remove(&unsuback.packet_id)),
            Packet::Connect(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq
            | Packet::PingResp
            | Packet::Disconnect(_)
            | Packet::Auth(_) => {}
        }
        Ok(())
    }

    fn connack(
        &mut self,
        model: &mut Model,
        reason: ReasonCode,
        present: bool,
    ) -> Result<(), String> {
        let Some(wire) = &mut self.wire else {
            return Ok(());
        };
        if reason.is_failure() {
            return Ok(());
        }
        wire.stage = Stage::Up;
        if let Some(will) = wire.will {
            model.wills[will].is_connected = true;
        }
        let mode = wire.mode;
        if mode != Mode::Resume && present {
            return Err("session present on a clean start".to_owned());
        }
        if mode == Mode::Resume && self.present.is_some_and(|must| must != present) {
            return Err(format!(
                "session present {present}, expected {:?}",
                self.present
            ));
        }
        if !present && mode == Mode::Resume {
            self.forget(model);
        }
        self.must_discard = false;
        self.present = Some(mode != Mode::Transient);
        let again: Vec<_> = self
            .outbound
            .iter()
            .map(|outbound| (outbound.packet_id, outbound.message, outbound.is_released))
            .collect();
        for (packet_id, message, is_released) in again {
            if is_released {
                self.write(&Packet::PubRel(answer(packet_id)));
            } else {
                self.send(model, message, Some(packet_id), 0);
            }
        }
        Ok(())
    }

    fn delivered(&mut self, model: &mut Model, publish: &Publish) -> Result<(), String> {
        let text = String::from_utf8_lossy(&publish.payload).into_owned();
        let number = |text: &str| {
            let digits = text
                .get(1..)
                .unwrap_or_default()
                .split(' ')
                .next()
                .unwrap_or_default();
            digits
                .parse::<usize>()
                .map_err(|_| format!("a payload that nobody sent: {text}"))
        };
        let qos = publish.qos.number();
        let is_repeated = match (publish.packet_id, qos) {
            (Some(id), 2) => !self.received.insert(id),
            _ => false,
        };
        if text.starts_with('w') {
            if !is_repeated {
                model.will_received(number(&text)?, publish.dup)?;
            }
        } else if !is_repeated {
            let copy = Copy {
                message: number(&text)?,
                qos,
                dup: publish.dup,
            };
            model.received(self.holder(), copy)?;
        }
        match (publish.packet_id, qos) {
            (Some(id), 1) => self.write(&Packet::PubAck(answer(id))),
            (Some(id), 2) => self.write(&Packet::PubRec(answer(id))),
            _ => {}
        }
        Ok(())
    }

    fn acknowledged(&mut self, model: &mut Model, ack: &Ack, qos: u8) {
        let Some(at) = self
            .outbound
            .iter()
            .position(|outbound| outbound.packet_id == ack.packet_id)
        else {
            return;
        };
        if !ack.reason.is_failure() {
            model.messages[self.outbound[at].message].is_acked = true;
        }
        if qos == 1 || ack.reason.is_failure() {
            self.outbound.remove(at);
        } else {
            self.outbound[at].is_released = true;
        }
    }
}
