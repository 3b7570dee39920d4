//! Subscribes to filters, some at a time.

use std::collections::HashMap;

use crate::clock::{Moment, nanoseconds};
use crate::crew::{Next, Task};
use crate::frame::{self, Version};
use crate::scan::Packet;
use crate::task::{Findings, LOOK_AROUND, PATIENCE, Place};
use crate::wires::{Closed, Handler, Incoming, Wires};

/// One filter of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) wire: usize,
    pub(crate) filter: String,
}

/// Subscribes to filters, each with a request of its own.
#[derive(Debug)]
pub(crate) struct Subscribing {
    place: Place,
    version: Version,
    qos: u8,
    subscriptions: Vec<Subscription>,
    begun: usize,
    /// When the request with this packet id left on this wire.
    in_progress: HashMap<(usize, u16), Moment>,
    last_event: Moment,
    accepted: u64,
    pub(crate) findings: Findings,
}

impl Subscribing {
    pub(crate) fn new(
        place: Place,
        version: Version,
        qos: u8,
        subscriptions: Vec<Subscription>,
    ) -> Self {
        Self {
            place,
            version,
            qos,
            subscriptions,
            begun: 0,
            in_progress: HashMap::new(),
            last_event: 0,
            accepted: 0,
            findings: Findings::new(),
        }
    }

    fn begin(&mut self, wires: &mut Wires, now: Moment) {
        while self.in_progress.len() < self.place.in_progress_max() {
            let Some(subscription) = self.subscriptions.get(self.begun) else {
                return;
            };
            let id = u16::try_from(self.begun % 65_535).unwrap_or(0) + 1;
            let wire = subscription.wire;
            self.begun += 1;
            if wires.is_open(wire) {
                let bytes = frame::subscribe(self.version, id, &subscription.filter, self.qos);
                self.in_progress.insert((wire, id), now);
                wires.send(wire, &bytes);
            } else {
                let note = "a connection had ended before it subscribed";
                self.findings.refuse(1, note);
            }
        }
    }
}

impl Handler for Subscribing {
    fn handle_packet(&mut self, incoming: Incoming<'_>, _: &mut Vec<u8>) {
        self.last_event = incoming.now;
        let Packet::SubAck { id, reason } = incoming.packet else {
            return;
        };
        let Some(begun) = self.in_progress.remove(&(incoming.wire, id)) else {
            return;
        };
        if reason > 2 {
            let note = format!("a subscription was refused, reason {reason:#04x}");
            self.findings.refuse(1, note);
        } else {
            self.findings.latencies.record(begun, incoming.now);
            self.accepted += 1;
        }
    }

    fn handle_closed(&mut self, wire: usize, why: &Closed) {
        self.in_progress.retain(|(other, _), _| *other != wire);
        self.findings
            .close(format!("a connection ended while others subscribed: {why}"));
    }

    fn handle_writable(&mut self, _: usize) {}
}

impl Task for Subscribing {
    fn act(&mut self, wires: &mut Wires, now: Moment) -> Next {
        if self.in_progress.is_empty() {
            self.last_event = now;
        }
        self.begin(wires, now);
        self.place.count(self.accepted);
        if now.saturating_sub(self.last_event) > nanoseconds(PATIENCE) {
            let waiting = self.in_progress.len() as u64;
            self.findings
                .refuse(waiting, "the broker does not answer SUBSCRIBE");
            return Next::Done;
        }
        if self.in_progress.is_empty() {
            Next::Done
        } else {
            Next::Wait(LOOK_AROUND)
        }
    }
}
