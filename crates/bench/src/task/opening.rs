//! Connects clients, some at a time.

use std::time::Duration;

use crate::clock::{Moment, nanoseconds};
use crate::crew::{Board, Next, Task};
use crate::frame::{self, Session, Version};
use crate::latency::Latencies;
use crate::pace::Pace;
use crate::report::Faults;
use crate::scan::{ConnAck, Packet};
use crate::task::{IN_PROGRESS_MAX, LOOK_AROUND, PATIENCE};
use crate::wires::{Closed, Handler, Incoming, Wires};

/// One client of the run.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) session: Session,
}

/// Where a thread stands among the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) board: &'a Board,
    pub(crate) thread: usize,
    pub(crate) threads: usize,
}

/// Connects clients; each gets the wire of its position in the list.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    place: Place<'a>,
    version: Version,
    clients: Vec<Client>,
    pace: Option<Pace>,
    start: Option<Moment>,
    begun: Vec<Moment>,
    in_progress: usize,
    last_event: Moment,
    opened: Opened,
}

/// What became of the clients.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) latencies: Latencies,
    pub(crate) faults: Faults,
    /// How many the broker has accepted, and for how many of them it had kept a session.
    pub(crate) accepted: u64,
    pub(crate) resumed: u64,
    /// How many unacknowledged messages the broker takes from each.
    pub(crate) receive_max: Vec<u16>,
    pub(crate) notes: Vec<String>,
}

impl<'a> Opening<'a> {
    pub(crate) fn new(place: Place<'a>, version: Version, clients: Vec<Client>) -> Self {
        Self {
            place,
            version,
            pace: None,
            start: None,
            begun: Vec::with_capacity(clients.len()),
            in_progress: 0,
            last_event: 0,
            opened: Opened {
                latencies: Latencies::new(),
                faults: Faults::default(),
                accepted: 0,
                resumed: 0,
                receive_max: vec![u16::MAX; clients.len()],
                notes: Vec::new(),
            },
            clients,
        }
    }

    /// Not faster than that.
    pub(crate) fn paced(mut self, pace: Option<Pace>) -> Self {
        self.pace = pace;
        self
    }

    /// What became of the clients.
    pub(crate) fn opened(self) -> Opened {
        self.opened
    }

    fn begin(&mut self, wires: &mut Wires, now: Moment) -> Duration {
        let start = *self.start.get_or_insert(now);
        loop {
            let number = self.begun.len();
            let Some(client) = self.clients.get(number) else {
                return LOOK_AROUND;
            };
            if self.in_progress >= IN_PROGRESS_MAX {
                return LOOK_AROUND;
            }
            let due = self
                .pace
                .map_or(now, |pace| pace.moment(start, number as u64));
            if due > now {
                return Duration::from_nanos(due - now);
            }
            let bytes = frame::connect(self.version, &client.id, client.session);
            let source = number * self.place.threads + self.place.thread;
            self.begun.push(due);
            match wires.open(number, source, &bytes) {
                Ok(()) => self.in_progress += 1,
                Err(error) => self.refuse(format!("cannot connect: {error}")),
            }
        }
    }

    fn accept(&mut self, incoming: &Incoming<'_>, connack: ConnAck) {
        self.in_progress = self.in_progress.saturating_sub(1);
        if connack.reason != 0 {
            let note = format!("a connection was refused, reason {:#04x}", connack.reason);
            return self.refuse(note);
        }
        let begun = self.begun.get(incoming.wire);
        let begun = begun.copied().unwrap_or(incoming.now);
        self.opened.latencies.record(begun, incoming.now);
        self.opened.accepted += 1;
        self.opened.resumed += u64::from(connack.has_session);
        if let Some(place) = self.opened.receive_max.get_mut(incoming.wire) {
            *place = connack.receive_max;
        }
    }

    fn refuse(&mut self, note: String) {
        self.opened.faults.refused += 1;
        if self.opened.notes.is_empty() {
            self.opened.notes.push(note);
        }
    }
}

impl Handler for Opening<'_> {
    fn handle_packet(&mut self, incoming: Incoming<'_>, _: &mut Vec<u8>) {
        self.last_event = incoming.now;
        if let Packet::ConnAck(connack) = incoming.packet {
            self.accept(&incoming, connack);
        }
    }

    fn handle_closed(&mut self, _: usize, why: &Closed) {
        self.in_progress = self.in_progress.saturating_sub(1);
        self.opened.faults.closed += 1;
        if self.opened.notes.is_empty() {
            let note = format!("a connection ended while others were made: {why}");
            self.opened.notes.push(note);
        }
    }

    fn handle_writable(&mut self, _: usize) {}
}

impl Task for Opening<'_> {
    fn act(&mut self, wires: &mut Wires, now: Moment) -> Next {
        if self.in_progress == 0 {
            self.last_event = now;
        }
        let wait = self.begin(wires, now);
        self.place
            .board
            .count(self.place.thread, self.opened.accepted);
        if now.saturating_sub(self.last_event) > nanoseconds(PATIENCE) {
            self.refuse("the broker does not answer CONNECT".to_owned());
            return Next::Done;
        }
        let is_done = self.begun.len() == self.clients.len() && self.in_progress == 0;
        if is_done {
            Next::Done
        } else {
            Next::Wait(wait)
        }
    }
}
