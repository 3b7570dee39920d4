//! Clients that come and go: connect, subscribe, disconnect; or take each other's client id.

use crate::clock::{Moment, nanoseconds};
use crate::crew::{Next, Stage, Task};
use crate::frame::{self, Session, Version};
use crate::scan::Packet;
use crate::stream::{PORTS_OF_A_SOURCE, SOURCES_MAX};
use crate::task::{Findings, LOOK_AROUND, PATIENCE, Place};
use crate::wires::{Closed, Handler, Incoming, Wires};

/// The packet id of the only request that a client makes.
const REQUEST: u16 = 1;

/// What a client does, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cycle {
    /// It connects, subscribes and disconnects.
    ComeAndGo,
    /// It connects while its client id is in use, which ends the older connection.
    TakeOver,
}

/// Some clients, each in its cycle. A client has two wires, `2 n` and `2 n + 1`; only one who takes
/// over needs both.
#[derive(Debug)]
pub(crate) struct Churn {
    place: Place,
    version: Version,
    cycle: Cycle,
    session: Session,
    prefix: String,
    visitors: Vec<Visitor>,
    /// Clients whose next connection can be made.
    ready: Vec<usize>,
    /// Wires whose client has done its work and leaves.
    leaving: Vec<usize>,
    /// Cycles that are complete. That of a takeover is when the new connection is accepted and the old
    /// one closed.
    cycles: u64,
    last_event: Moment,
    is_stopping: bool,
    pub(crate) findings: Findings,
}

#[derive(Clone, Debug)]
struct Visitor {
    /// Which of its two wires is the newest.
    newest: usize,
    begun: Moment,
    is_accepted: bool,
    /// The connection before the newest is gone, or there was none.
    is_alone: bool,
    said_goodbye: bool,
}

impl Churn {
    /// So many clients on this thread.
    pub(crate) fn new(
        place: Place,
        version: Version,
        clients: usize,
        (cycle, session): (Cycle, Session),
        prefix: String,
    ) -> Self {
        let visitor = Visitor {
            newest: 0,
            begun: 0,
            is_accepted: false,
            is_alone: true,
            said_goodbye: false,
        };
        Self {
            place,
            version,
            cycle,
            session,
            prefix,
            visitors: vec![visitor; clients],
            ready: (0..clients).rev().collect(),
            leaving: Vec::new(),
            cycles: 0,
            last_event: 0,
            is_stopping: false,
            findings: Findings::new(),
        }
    }

    fn connect(&mut self, number: usize, wires: &mut Wires, now: Moment) {
        let client_id = self.name(number);
        let Some(visitor) = self.visitors.get_mut(number) else {
            return;
        };
        let is_first = visitor.begun == 0;
        if self.cycle == Cycle::TakeOver {
            visitor.newest = 1 - visitor.newest;
        }
        visitor.begun = now;
        visitor.is_accepted = false;
        visitor.is_alone = is_first || self.cycle == Cycle::ComeAndGo;
        visitor.said_goodbye = false;
        let bytes = frame::connect(self.version, &client_id, self.session);
        let wire = 2 * number + visitor.newest;
        // Ports rest for a while after their connection; the next one comes from elsewhere.
        let turn = usize::try_from(self.cycles).unwrap_or(0) % SOURCES_MAX;
        let source = turn * PORTS_OF_A_SOURCE;
        if let Err(error) = wires.open(wire, source, &bytes) {
            self.findings.refuse(1, format!("cannot connect: {error}"));
        }
    }

    fn name(&self, number: usize) -> String {
        format!("{}/c{}-{number}", self.prefix, self.place.thread)
    }

    fn accept(&mut self, incoming: &Incoming<'_>, reason: u8, reply: &mut Vec<u8>) {
        if reason != 0 {
            let note = format!("a connection was refused, reason {reason:#04x}");
            return self.findings.refuse(1, note);
        }
        let number = incoming.wire / 2;
        let topic = self.name(number);
        let Some(visitor) = self.visitors.get_mut(number) else {
            return;
        };
        visitor.is_accepted = true;
        if self.cycle == Cycle::TakeOver {
            self.findings.latencies.record(visitor.begun, incoming.now);
            return self.complete_takeover(number);
        }
        reply.extend(frame::subscribe(self.version, REQUEST, &topic, 0));
    }

    fn complete_takeover(&mut self, number: usize) {
        if let Some(visitor) = self.visitors.get(number)
            && visitor.is_accepted
            && visitor.is_alone
        {
            self.cycles += 1;
            self.ready.push(number);
        }
    }

    fn part(&mut self, incoming: &Incoming<'_>, reason: u8) {
        if reason > 2 {
            let note = format!("a subscription was refused, reason {reason:#04x}");
            self.findings.refuse(1, note);
        }
        if let Some(visitor) = self.visitors.get_mut(incoming.wire / 2) {
            visitor.said_goodbye = true;
        }
        self.leaving.push(incoming.wire);
    }
}

impl Handler for Churn {
    fn handle_packet(&mut self, incoming: Incoming<'_>, reply: &mut Vec<u8>) {
        self.last_event = incoming.now;
        match incoming.packet {
            Packet::ConnAck(connack) => self.accept(&incoming, connack.reason, reply),
            Packet::SubAck { reason, .. } => self.part(&incoming, reason),
            Packet::Publish(_)
            | Packet::Step { .. }
            | Packet::PingResp
            | Packet::Disconnect { .. } => {}
        }
    }

    fn handle_closed(&mut self, wire: usize, why: &Closed) {
        let number = wire / 2;
        let Some(visitor) = self.visitors.get_mut(number) else {
            return;
        };
        let is_newest = wire % 2 == visitor.newest;
        if self.cycle == Cycle::TakeOver && !is_newest {
            visitor.is_alone = true;
            return self.complete_takeover(number);
        }
        if visitor.said_goodbye {
            let (begun, now) = (visitor.begun, self.last_event);
            self.findings.latencies.record(begun, now);
            self.cycles += 1;
        } else {
            self.findings.close(format!(
                "a connection ended in the middle of its work: {why}"
            ));
        }
        self.ready.push(number);
    }

    fn handle_writable(&mut self, _: usize) {}
}

impl Task for Churn {
    fn act(&mut self, wires: &mut Wires, now: Moment) -> Next {
        if self.last_event == 0 {
            self.last_event = now;
        }
        self.place.count(self.cycles);
        for wire in self.leaving.drain(..) {
            wires.leave(wire);
        }
        self.is_stopping |= self.place.board.stage() == Stage::Stop;
        if !self.is_stopping {
            while let Some(number) = self.ready.pop() {
                self.connect(number, wires, now);
            }
        }
        if now.saturating_sub(self.last_event) > nanoseconds(PATIENCE) {
            let waiting = self.visitors.len() - self.ready.len();
            self.findings
                .refuse(waiting as u64, "the broker does not answer");
            return Next::Done;
        }
        if self.is_stopping && self.ready.len() == self.visitors.len() {
            Next::Done
        } else {
            Next::Wait(LOOK_AROUND)
        }
    }
}
