//! Subscribes to filters, some at a time.

use std::collections::HashMap;

use crate::clock::{Moment, nanoseconds};
use crate::crew::{Next, Task};
use crate::frame::{self, Version};
use crate::latency::Latencies;
use crate::report::Faults;
use crate::scan::Packet;
use crate::task::opening::Place;
use crate::task::{IN_PROGRESS_MAX, LOOK_AROUND, PATIENCE};
use crate::wires::{Closed, Handler, Incoming, Wires};

/// One filter of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) wire: usize,
    pub(crate) filter: String,
}

/// Subscribes to filters, each with a request of its own.
#[derive(Debug)]
pub(crate) struct Subscribing<'a> {
    place: Place<'a>,
    version: Version,
    qos: u8,
    subscriptions: Vec<Subscription>,
    begun: usize,
    /// When the request with this packet id left on this wire.
    in_progress: HashMap<(usize, u16), Moment>,
    last_event: Moment,
    subscribed: Subscribed,
}

/// What became of the filters.
#[derive(Debug)]
pub(crate) struct Subscribed {
    pub(crate) latencies: Latencies,
    pub(crate) faults: Faults,
    pub(crate) accepted: u64,
    pub(crate) notes: Vec<String>,
}

impl<'a> Subscribing<'a> {
    pub(crate) fn new(
        place: Place<'a>,
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
            subscribed: Subscribed {
                latencies: Latencies::new(),
                faults: Faults::default(),
                accepted: 0,
                notes: Vec::new(),
            },
        }
    }

    /// What became of the filters.
    pub(crate) fn subscribed(self) -> Subscribed {
        self.subscribed
    }

    fn begin(&mut self, wires: &mut Wires, now: Moment) {
        while self.in_progress.len() < IN_PROGRESS_MAX {
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
                self.refuse(1, "a connection had ended before it subscribed".to_owned());
            }
        }
    }

    fn refuse(&mut self, count: usize, note: String) {
        self.subscribed.faults.refused += count as u64;
        if self.subscribed.notes.is_empty() {
            self.subscribed.notes.push(note);
        }
    }
}

impl Handler for Subscribing<'_> {
    fn handle_packet(&mut self, incoming: Incoming<'_>, _: &mut Vec<u8>) {
        self.last_event = incoming.now;
        let Packet::SubAck { id, reason } = incoming.packet else {
            return;
        };
        let Some(begun) = self.in_progress.remove(&(incoming.wire, id)) else {
            return;
        };
        if reason > 2 {
            self.refuse(
                1,
                format!("a subscription was refused, reason {reason:#04x}"),
            );
        } else {
            self.subscribed.latencies.record(begun, incoming.now);
            self.subscribed.accepted += 1;
        }
    }

    fn handle_closed(&mut self, wire: usize, why: &Closed) {
        self.in_progress.retain(|(other, _), _| *other != wire);
        self.subscribed.faults.closed += 1;
        if self.subscribed.notes.is_empty() {
            let note = format!("a connection ended while others subscribed: {why}");
            self.subscribed.notes.push(note);
        }
    }

    fn handle_writable(&mut self, _: usize) {}
}

impl Task for Subscribing<'_> {
    fn act(&mut self, wires: &mut Wires, now: Moment) -> Next {
        if self.in_progress.is_empty() {
            self.last_event = now;
        }
        self.begin(wires, now);
        self.place
            .board
            .count(self.place.thread, self.subscribed.accepted);
        if now.saturating_sub(self.last_event) > nanoseconds(PATIENCE) {
            let waiting = self.in_progress.len();
            self.refuse(waiting, "the broker does not answer SUBSCRIBE".to_owned());
            return Next::Done;
        }
        if self.in_progress.is_empty() {
            Next::Done
        } else {
            Next::Wait(LOOK_AROUND)
        }
    }
}
