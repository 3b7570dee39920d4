//! Takes in what the broker has kept: queued for sessions, or retained.

use crate::arrivals::{Arrival, Followers, Seen};
use crate::clock::{Moment, nanoseconds};
use crate::crew::{Next, Task};
use crate::frame::{Head, Step};
use crate::scan::{Packet, Publish};
use crate::task::{Findings, LOOK_AROUND, PATIENCE, Place};
use crate::wires::{Closed, Handler, Incoming, Wires};

/// What is to come to one thread.
#[derive(Debug)]
pub(crate) enum Expected {
    /// Each session gets so many messages of its own, in order.
    Queued { sessions: usize, each: u32 },
    /// Each subscriber gets so many messages of each publisher, in any order.
    Retained {
        subscribers: usize,
        publishers: Vec<u32>,
    },
}

/// Begins with another task, and receives until all has come.
#[derive(Debug)]
pub(crate) struct Receiving<T> {
    place: Place,
    beginning: T,
    has_begun: bool,
    /// The wire of the first who receives.
    first: usize,
    ledger: Ledger,
    missing: u64,
    received: u64,
    last_event: Moment,
    findings: Findings,
}

#[derive(Debug)]
enum Ledger {
    Queued {
        sessions: Vec<Followers>,
        each: u32,
    },
    /// By subscriber and publisher.
    Retained {
        seen: Vec<Seen>,
        publishers: usize,
    },
}

impl<T> Receiving<T> {
    /// `beginning` makes the broker send; those who receive have the wires from `first` on.
    pub(crate) fn new(place: Place, beginning: T, first: usize, expected: Expected) -> Self {
        let (ledger, missing) = match expected {
            Expected::Queued { sessions, each } => {
                let missing = sessions as u64 * u64::from(each);
                let sessions = vec![Followers::new(1); sessions];
                (Ledger::Queued { sessions, each }, missing)
            }
            Expected::Retained {
                subscribers,
                publishers,
            } => {
                let one = publishers.iter().map(|count| u64::from(*count));
                let missing = one.sum::<u64>() * subscribers as u64;
                let publishers = publishers.len();
                let seen = vec![Seen::default(); publishers * subscribers];
                (Ledger::Retained { seen, publishers }, missing)
            }
        };
        Self {
            place,
            beginning,
            has_begun: false,
            first,
            ledger,
            missing,
            received: 0,
            last_event: 0,
            findings: Findings::new(),
        }
    }

    /// The task it began with, and what it found itself.
    pub(crate) fn found(mut self) -> (T, Findings) {
        self.findings.faults.lost += match self.ledger {
            Ledger::Queued { sessions, each } => {
                sessions.iter().map(|session| session.lost(each)).sum()
            }
            Ledger::Retained { .. } => self.missing,
        };
        (self.beginning, self.findings)
    }

    fn receive(&mut self, incoming: &Incoming<'_>, publish: Publish<'_>, reply: &mut Vec<u8>) {
        match publish.qos {
            0 => {}
            1 => reply.extend(Step::Acknowledged.bytes(publish.id)),
            _ => reply.extend(Step::Received.bytes(publish.id)),
        }
        let position = incoming.wire.checked_sub(self.first);
        let arrival = Head::read(publish.payload)
            .zip(position)
            .and_then(|(head, position)| self.enter(position, head));
        self.last_event = incoming.now;
        self.received += 1;
        match arrival {
            Some(Arrival::Fresh) => self.missing = self.missing.saturating_sub(1),
            Some(Arrival::Late) => {
                self.missing = self.missing.saturating_sub(1);
                self.findings.faults.reordered += 1;
            }
            Some(Arrival::Repeated) if publish.is_repetition && publish.qos == 1 => {}
            Some(Arrival::Repeated) => self.findings.faults.duplicated += 1,
            None => {
                self.findings.faults.duplicated += 1;
                self.findings
                    .say("a message came that was not sent to this subscriber");
            }
        }
    }

    fn enter(&mut self, position: usize, head: Head) -> Option<Arrival> {
        let number = usize::try_from(head.publisher).ok()?;
        match &mut self.ledger {
            Ledger::Queued { sessions, .. } => {
                let is_its_own = position * self.place.threads + self.place.thread == number;
                let session = sessions.get_mut(position).filter(|_| is_its_own)?;
                session.handle_arrival(0, head.sequence)
            }
            Ledger::Retained { seen, publishers } => {
                let is_known = number < *publishers;
                let seen = seen.get_mut(position * *publishers + number);
                let is_new = seen.filter(|_| is_known)?.insert(head.sequence);
                Some(if is_new {
                    Arrival::Fresh
                } else {
                    Arrival::Repeated
                })
            }
        }
    }
}

impl<T: Handler> Handler for Receiving<T> {
    fn handle_packet(&mut self, incoming: Incoming<'_>, reply: &mut Vec<u8>) {
        match incoming.packet {
            Packet::Publish(publish) => self.receive(&incoming, publish, reply),
            Packet::Step {
                step: Step::Release,
                id,
                ..
            } => reply.extend(Step::Complete.bytes(id)),
            Packet::Step { .. }
            | Packet::ConnAck(_)
            | Packet::SubAck { .. }
            | Packet::PingResp
            | Packet::Disconnect { .. } => self.beginning.handle_packet(incoming, reply),
        }
    }

    fn handle_closed(&mut self, wire: usize, why: &Closed) {
        if self.has_begun {
            self.findings
                .close(format!("a connection ended while it received: {why}"));
        } else {
            self.beginning.handle_closed(wire, why);
        }
    }

    fn handle_writable(&mut self, _: usize) {}
}

impl<T: Task> Task for Receiving<T> {
    fn act(&mut self, wires: &mut Wires, now: Moment) -> Next {
        self.last_event = if self.last_event == 0 {
            now
        } else {
            self.last_event
        };
        if !self.has_begun {
            match self.beginning.act(wires, now) {
                Next::Done => self.has_begun = true,
                waiting @ Next::Wait(_) => {
                    self.place.count(self.received);
                    return waiting;
                }
            }
        }
        self.place.count(self.received);
        let is_late = now.saturating_sub(self.last_event) > nanoseconds(PATIENCE);
        if self.missing == 0 || is_late {
            return Next::Done;
        }
        Next::Wait(LOOK_AROUND)
    }
}
