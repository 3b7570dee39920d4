//! Messages to the client: at once, or through the queue.

use castmq_mqtt::{PacketId, QoS, Version};

use crate::session::{Action, DropReason, Outgoing, Session, State};
use crate::window::Again;
use crate::{Delivery, Moment};

/// Messages that one turn takes out of the queue.
const BURST_MESSAGES: usize = 128;

/// What they count for, after which a turn takes out no more.
const BURST_BYTES: usize = 64 * 1024;

impl Session {
    /// A message for the client: is sent, waits, or is dropped with a reason.
    // differs: emqttd sends QoS 0 past the queue (P18); here it waits behind what came before it.
    // [MQTT3-3.1.2-5] [MQTT5-3.3.2-5] [MQTT3-4.6.0-6] [MQTT5-4.6.0-5]
    pub fn handle_delivery(&mut self, delivery: Delivery, now: Moment) {
        self.take_delivery(delivery, false, now);
    }

    /// `waits` says that the message must not leave before it is stored.
    pub(super) fn take_delivery(&mut self, delivery: Delivery, waits: bool, now: Moment) {
        // While the client is away, what comes live may not reach it, and nothing is being replayed.
        if let (Some(replays), State::Connected { .. }) = (&mut self.replays, self.state) {
            replays.handle_live(&delivery.message);
        }
        self.deliver(delivery, waits, now);
        self.check();
    }

    /// Whether the connection takes more; it says no while too much of it is unsent.
    pub fn handle_room(&mut self, has_more_room: bool, now: Moment) {
        if let State::Connected { has_room, .. } = &mut self.state {
            *has_room = has_more_room;
            self.fill(now);
        }
    }

    /// The turn has come that [`Action::Continue`] asked for.
    pub fn handle_continue(&mut self, now: Moment) {
        if let State::Connected { is_continuing, .. } = &mut self.state {
            *is_continuing = false;
            self.fill(now);
        }
    }

    /// The connection did not write a PUBLISH because the client takes no packet so large, or may not
    /// have it. It counts as delivered. Without a packet id the connection accounts for it alone.
    // [MQTT5-3.1.2-24] [MQTT5-3.1.2-25]
    pub fn handle_undeliverable(&mut self, packet_id: PacketId, reason: DropReason, now: Moment) {
        if let Ok((number, delivery)) = self.window.give_up(packet_id) {
            self.give_up(reason, number, delivery);
            self.fill(now);
        }
    }

    /// Sends what the client takes: first what it may not have got on an earlier connection, then
    /// what waits, then the next retained messages.
    pub(super) fn fill(&mut self, now: Moment) {
        let mut burst = Burst::default();
        while self.may_send() && !burst.is_over() {
            if let Some(again) = self.window.poll_again(now) {
                burst.count(&again.delivery);
                self.actions.push(Action::Publish(Outgoing {
                    packet_id: Some(again.id),
                    dup: true,
                    is_first: again.is_first,
                    delivery: again.delivery,
                }));
            } else if !self.fill_from_queue(&mut burst, now) {
                break;
            }
        }
        self.watch_level();
        self.watch_for_retry(now);
        if burst.is_over() {
            self.go_on_later();
        } else {
            self.pull_retained();
        }
        self.read_queue(now);
    }

    /// Sends the next message of the queue; `false` when there is none or the client takes none.
    fn fill_from_queue(&mut self, burst: &mut Burst, now: Moment) -> bool {
        let is_sendable = match self.queue.next() {
            None => false,
            Some((_, QoS::AtMostOnce)) => !self.window.has_waiting(),
            Some((number, QoS::AtLeastOnce | QoS::ExactlyOnce)) => {
                self.has_room_for(number) && self.is_stored(number)
            }
        };
        if !is_sendable {
            return false;
        }
        let Some((number, delivery)) = self.queue.pop() else {
            return false;
        };
        burst.count(&delivery);
        self.send(number, delivery, now);
        true
    }

    /// Whether the window takes the message with this number.
    fn has_room_for(&self, number: u64) -> bool {
        if self.is_kept() {
            self.window.has_room_for(number)
        } else {
            self.window.has_room()
        }
    }

    /// A message, live or retained: is sent, waits, or is dropped.
    pub(super) fn deliver(&mut self, delivery: Delivery, waits: bool, now: Moment) {
        if delivery.message.is_expired(now) {
            return self.dropped(DropReason::Expired, delivery);
        }
        match self.state {
            State::Ended => self.dropped(DropReason::SessionEnded, delivery),
            State::Away => self.deliver_later(delivery, waits, now),
            State::Connected { .. } if !waits && self.goes_at_once(&delivery) => {
                let number = self.queue.next_number();
                if self.is_kept() && delivery.qos != QoS::AtMostOnce {
                    self.queue.take_number();
                    self.store_queued(number, delivery.clone(), waits);
                }
                self.send(number, delivery, now);
            }
            State::Connected { .. } => self.enqueue(delivery, waits, now),
        }
    }

    /// A message for a client that is away.
    fn deliver_later(&mut self, delivery: Delivery, waits: bool, now: Moment) {
        if delivery.qos == QoS::AtMostOnce && !self.settings.keeps_qos0_offline {
            self.dropped(DropReason::Qos0Offline, delivery);
        } else {
            self.enqueue(delivery, waits, now);
        }
    }

    /// Whether nothing stands before the message and the client takes it.
    fn goes_at_once(&self, delivery: &Delivery) -> bool {
        self.may_send()
            && self.queue.is_empty()
            && match delivery.qos {
                QoS::AtMostOnce => !self.window.has_waiting(),
                // One that is stored first waits in the queue.
                QoS::ExactlyOnce if self.is_kept() => false,
                QoS::AtLeastOnce | QoS::ExactlyOnce => self.has_room_for(self.queue.next_number()),
            }
    }

    /// Sends a message for the first time, unless it is too late for it.
    // [MQTT3-4.3.1-1] [MQTT3-4.3.2-1] [MQTT3-4.3.3-1] [MQTT5-3.3.2-5]
    fn send(&mut self, number: u64, delivery: Delivery, now: Moment) {
        if delivery.message.is_expired(now) {
            return self.give_up(DropReason::Expired, number, delivery);
        }
        match delivery.qos {
            QoS::AtMostOnce => {
                self.remember_sent(&delivery.message, now);
                self.publish(None, false, delivery);
            }
            QoS::AtLeastOnce | QoS::ExactlyOnce => {
                let copy = delivery.clone();
                let packet_id = if self.is_kept() {
                    self.window.send_as(number, copy, now)
                } else {
                    self.window.send(copy, now)
                };
                // More may have been sent than the window holds: acknowledgements that made room were not
                // stored yet when the process ended.
                let dup = self.may_be_repetition(number);
                self.actions.push(Action::Publish(Outgoing {
                    packet_id: Some(packet_id),
                    dup,
                    is_first: true,
                    delivery,
                }));
                self.watch_for_retry(now);
            }
        }
    }

    fn enqueue(&mut self, delivery: Delivery, waits: bool, now: Moment) {
        if self.is_kept() && delivery.qos != QoS::AtMostOnce {
            return self.enqueue_stored(delivery, waits, now);
        }
        for (reason, number, victim) in self.queue.push(delivery, &self.settings.queue, now) {
            self.give_up(reason, number, victim);
        }
        self.watch_level();
    }

    fn enqueue_stored(&mut self, delivery: Delivery, waits: bool, now: Moment) {
        let settings = &self.settings.queue;
        let copy = delivery.clone();
        let (number, victims) = self.queue.push_stored(copy, settings, now);
        if let Some(number) = number {
            self.store_queued(number, delivery, waits);
        }
        for (reason, victim_number, victim) in victims {
            if number.is_none() && victim_number + 1 == self.queue.next_number() {
                // It was never stored.
                self.dropped(reason, victim);
            } else {
                self.give_up(reason, victim_number, victim);
            }
        }
        self.watch_level();
        self.read_queue(now);
    }

    /// QoS 0 messages that waited for a connection do not wait for the next one.
    pub(super) fn queue_unsendable(&mut self, now: Moment) {
        if self.settings.keeps_qos0_offline || self.queue.is_empty() {
            return;
        }
        for delivery in self.queue.take_at_most_once() {
            let reason = if delivery.message.is_expired(now) {
                DropReason::Expired
            } else {
                DropReason::Qos0Offline
            };
            self.dropped(reason, delivery);
        }
        self.watch_level();
    }

    /// The session ends: gives its messages to other members of their group or up.
    // [MQTT5-4.8.2-5]
    pub(super) fn give_back(&mut self) {
        for delivery in self.window.end() {
            if is_for_the_group(&delivery) {
                let was_sent = true;
                self.actions.push(Action::Redispatch { delivery, was_sent });
            }
        }
        let unread = self.queue.end_stored();
        if unread > 0 {
            self.actions.push(Action::DroppedUnread(unread));
        }
        for delivery in self.queue.end() {
            if is_for_the_group(&delivery) {
                let was_sent = false;
                self.actions.push(Action::Redispatch { delivery, was_sent });
            } else {
                self.dropped(DropReason::SessionEnded, delivery);
            }
        }
        self.watch_level();
    }

    /// Sends again what a 3.x client has left unacknowledged for too long; not while its connection
    /// takes nothing, which is reason enough for a late answer.
    pub(super) fn retry(&mut self, now: Moment) {
        self.retries = None;
        let Some(interval) = self.settings.retry_interval else {
            return;
        };
        if !self.may_send() {
            self.retries = Some(now + interval);
            return;
        }
        for again in self.window.overdue(interval, now) {
            match again {
                Again::Publish(packet_id, delivery) => {
                    self.publish(Some(packet_id), true, delivery);
                }
                Again::Release(packet_id) => self.release(packet_id),
            }
        }
        self.watch_for_retry(now);
    }

    /// Sees to it that unacknowledged messages are looked after in time.
    // [MQTT5-4.4.0-1]
    pub(super) fn watch_for_retry(&mut self, now: Moment) {
        let State::Connected { version, .. } = self.state else {
            return;
        };
        if version == Version::V5 || self.retries.is_some() {
            return;
        }
        let Some(interval) = self.settings.retry_interval else {
            return;
        };
        self.retries = self.window.oldest().map(|at| (at + interval).max(now));
    }

    /// Whether the connection takes anything at all.
    pub(super) fn may_send(&self) -> bool {
        matches!(
            self.state,
            State::Connected {
                has_room: true,
                is_continuing: false,
                ..
            }
        )
    }

    pub(super) fn dropped(&mut self, reason: DropReason, delivery: Delivery) {
        self.actions.push(Action::Dropped { reason, delivery });
    }

    fn publish(&mut self, packet_id: Option<PacketId>, dup: bool, delivery: Delivery) {
        self.actions.push(Action::Publish(Outgoing {
            packet_id,
            dup,
            is_first: !dup,
            delivery,
        }));
    }

    /// Asks for another turn, once.
    fn go_on_later(&mut self) {
        if let State::Connected { is_continuing, .. } = &mut self.state {
            *is_continuing = true;
            self.actions.push(Action::Continue);
        }
    }
}

/// What one turn has taken out of the queue.
#[derive(Default)]
struct Burst {
    messages: usize,
    bytes: usize,
}

impl Burst {
    fn count(&mut self, delivery: &Delivery) {
        self.messages += 1;
        self.bytes += delivery.message.weight();
    }

    fn is_over(&self) -> bool {
        self.messages >= BURST_MESSAGES || self.bytes >= BURST_BYTES
    }
}

/// Whether another member of the group may get the message.
fn is_for_the_group(delivery: &Delivery) -> bool {
    delivery.group.is_some() && delivery.qos == QoS::AtLeastOnce
}
