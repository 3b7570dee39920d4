//! Connects clients, some at a time.

use std::time::Duration;

use crate::clock::{Moment, nanoseconds};
use crate::crew::{Next, Task};
use crate::frame::{self, Session, Version};
use crate::pace::Pace;
use crate::scan::{ConnAck, Packet};
use crate::task::{Findings, LOOK_AROUND, PATIENCE, Place};
use crate::wires::{Closed, Handler, Incoming, Wires};

/// One client of the run.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) session: Session,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It was due then, and waits for its answer.
    Waiting(Moment),
    Accepted,
    /// It never came to be; that the broker closes it is no news.
    Refused,
}

/// Connects clients; each gets the wire of its position in the list.
#[derive(Debug)]
pub(crate) struct Opening {
    place: Place,
    version: Version,
    clients: Vec<Client>,
    pace: Option<Pace>,
    start: Option<Moment>,
    /// By wire, as far as connections have been begun.
    states: Vec<State>,
    in_progress: usize,
    in_progress_max: usize,
    last_event: Moment,
    accepted: u64,
    /// For how many the broker had kept a session.
    pub(crate) resumed: u64,
    /// How many unacknowledged messages the broker takes from each.
    pub(crate) receive_max: Vec<u16>,
    pub(crate) findings: Findings,
}

impl Opening {
    pub(crate) fn new(place: Place, version: Version, clients: Vec<Client>) -> Self {
        Self {
            in_progress_max: place.in_progress_max(),
            place,
            version,
            pace: None,
            start: None,
            states: Vec::with_capacity(clients.len()),
            in_progress: 0,
            last_event: 0,
            accepted: 0,
            resumed: 0,
            receive_max: vec![u16::MAX; clients.len()],
            findings: Findings::new(),
            clients,
        }
    }

    /// Not faster than that.
    pub(crate) fn paced(mut self, pace: Option<Pace>) -> Self {
        self.pace = pace;
        self
    }

    /// So many that wait to be accepted on all threads together, instead of the usual number.
    pub(crate) fn at_once(mut self, number: Option<u32>) -> Self {
        if let Some(number) = number {
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            self.in_progress_max = self.place.share(number);
        }
        self
    }

    fn begin(&mut self, wires: &mut Wires, now: Moment) -> Duration {
        let start = *self.start.get_or_insert(now);
        loop {
            let number = self.states.len();
            let Some(client) = self.clients.get(number) else {
                return LOOK_AROUND;
            };
            if self.in_progress >= self.in_progress_max {
                return LOOK_AROUND;
            }
            let due = self
                .pace
                .map_or(now, |pace| pace.moment(start, number as u64));
            if due > now {
                return Duration::from_nanos(due - now).min(LOOK_AROUND);
            }
            let bytes = frame::connect(self.version, &client.id, client.session);
            let source = number * self.place.threads + self.place.thread;
            self.states.push(match wires.open(number, source, &bytes) {
                Ok(()) => {
                    self.in_progress += 1;
                    State::Waiting(due)
                }
                Err(error) => {
                    self.findings.refuse(1, format!("cannot connect: {error}"));
                    State::Refused
                }
            });
        }
    }

    fn accept(&mut self, incoming: &Incoming<'_>, connack: ConnAck) {
        let Some(state) = self.states.get_mut(incoming.wire) else {
            return;
        };
        let State::Waiting(due) = *state else {
            return;
        };
        self.in_progress -= 1;
        if connack.reason != 0 {
            *state = State::Refused;
            let note = format!("a connection was refused, reason {:#04x}", connack.reason);
            return self.findings.refuse(1, note);
        }
        *state = State::Accepted;
        self.findings.latencies.record(due, incoming.now);
        self.accepted += 1;
        self.resumed += u64::from(connack.has_session);
        if let Some(place) = self.receive_max.get_mut(incoming.wire) {
            *place = connack.receive_max;
        }
    }
}

impl Handler for Opening {
    fn handle_packet(&mut self, incoming: Incoming<'_>, _: &mut Vec<u8>) {
        self.last_event = incoming.now;
        if let Packet::ConnAck(connack) = incoming.packet {
            self.accept(&incoming, connack);
        }
    }

    fn handle_closed(&mut self, wire: usize, why: &Closed) {
        let state = self.states.get_mut(wire);
        let before = state.map(|state| std::mem::replace(state, State::Refused));
        match before {
            Some(State::Waiting(_)) => self.in_progress -= 1,
            Some(State::Accepted) => {}
            Some(State::Refused) | None => return,
        }
        self.findings
            .close(format!("a connection ended while others were made: {why}"));
    }

    fn handle_writable(&mut self, _: usize) {}
}

impl Task for Opening {
    fn act(&mut self, wires: &mut Wires, now: Moment) -> Next {
        if self.in_progress == 0 {
            self.last_event = now;
        }
        let wait = self.begin(wires, now);
        self.place.count(self.accepted);
        if now.saturating_sub(self.last_event) > nanoseconds(PATIENCE) {
            let waiting = self.in_progress as u64;
            self.findings
                .refuse(waiting, "the broker does not answer CONNECT");
            return Next::Done;
        }
        let is_done = self.states.len() == self.clients.len() && self.in_progress == 0;
        if is_done {
            Next::Done
        } else {
            Next::Wait(wait)
        }
    }
}
