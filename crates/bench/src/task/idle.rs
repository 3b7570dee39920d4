//! Keeps connections open, and sends a ping now and then.

use std::time::Duration;

use crate::clock::{Moment, nanoseconds};
use crate::crew::{Next, Stage, Task};
use crate::frame::PINGREQ;
use crate::pace::Pace;
use crate::scan::Packet;
use crate::task::{Findings, LOOK_AROUND, PATIENCE, Place};
use crate::wires::{Closed, Handler, Incoming, Wires};

/// Pings the connections of one thread in turn.
#[derive(Debug)]
pub(crate) struct Idle {
    place: Place,
    pace: Option<Pace>,
    start: Option<Moment>,
    begun: u64,
    /// When the last ping on each wire was due; 0 if it is answered.
    waiting: Vec<Moment>,
    answered: u64,
    last_event: Moment,
    pub(crate) findings: Findings,
}

impl Idle {
    /// Without a pace nobody pings.
    pub(crate) fn new(place: Place, pace: Option<Pace>, connections: usize) -> Self {
        Self {
            place,
            pace: pace.filter(|_| connections > 0),
            start: None,
            begun: 0,
            waiting: vec![0; connections],
            answered: 0,
            last_event: 0,
            findings: Findings::new(),
        }
    }

    fn ping(&mut self, wires: &mut Wires, now: Moment) -> Duration {
        let start = *self.start.get_or_insert(now);
        let Some(pace) = self.pace else {
            return LOOK_AROUND;
        };
        let count = self.waiting.len() as u64;
        while self.begun < pace.due(Duration::from_nanos(now - start)) {
            let wire = usize::try_from(self.begun % count).unwrap_or(0);
            // A connection that has not answered yet is left alone this time.
            if let Some(due) = self.waiting.get_mut(wire)
                && *due == 0
                && wires.is_open(wire)
            {
                *due = pace.moment(start, self.begun);
                wires.send(wire, PINGREQ);
            }
            self.begun += 1;
        }
        let next = pace.moment(start, self.begun);
        Duration::from_nanos(next.saturating_sub(now)).min(LOOK_AROUND)
    }

    fn is_waiting(&self) -> bool {
        self.waiting.iter().any(|due| *due > 0)
    }
}

impl Handler for Idle {
    fn handle_packet(&mut self, incoming: Incoming<'_>, _: &mut Vec<u8>) {
        self.last_event = incoming.now;
        if let (Packet::PingResp, Some(due)) =
            (incoming.packet, self.waiting.get_mut(incoming.wire))
        {
            self.findings.latencies.record(*due, incoming.now);
            self.answered += 1;
            *due = 0;
        }
    }

    fn handle_closed(&mut self, wire: usize, why: &Closed) {
        if let Some(due) = self.waiting.get_mut(wire) {
            *due = 0;
        }
        self.findings
            .close(format!("a connection ended although it was alive: {why}"));
    }

    fn handle_writable(&mut self, _: usize) {}
}

impl Task for Idle {
    fn act(&mut self, wires: &mut Wires, now: Moment) -> Next {
        self.last_event = self.last_event.max(self.start.unwrap_or(now));
        self.place.count(self.answered);
        if self.place.board.stage() != Stage::Stop {
            return Next::Wait(self.ping(wires, now));
        }
        if now.saturating_sub(self.last_event) > nanoseconds(PATIENCE) && self.is_waiting() {
            let waiting = self.waiting.iter().filter(|due| **due > 0).count();
            self.findings
                .refuse(waiting as u64, "the broker does not answer PINGREQ");
            return Next::Done;
        }
        if self.is_waiting() {
            Next::Wait(LOOK_AROUND)
        } else {
            Next::Done
        }
    }
}
