//! Says goodbye on all connections, closes this side of them, and waits until the broker has closed
//! the other one.
//!
//! Who closes first keeps the port of the old connection busy for a while. That is this side wherever
//! the broker is not quicker: some brokers wait for their client to close.

use crate::clock::{Moment, nanoseconds};
use crate::crew::{Next, Task};
use crate::task::{LOOK_AROUND, PATIENCE, Place};
use crate::wires::{Closed, Handler, Incoming, Wires};

/// Goodbyes that one thread has outstanding.
const IN_PROGRESS_MAX: usize = 512;

/// Disconnects all.
#[derive(Debug)]
pub(crate) struct Leaving {
    place: Place,
    /// The next wire to say goodbye on.
    next: usize,
    in_progress: usize,
    last_event: Moment,
    left: u64,
}

impl Leaving {
    pub(crate) fn new(place: Place) -> Self {
        Self {
            place,
            next: 0,
            in_progress: 0,
            last_event: 0,
            left: 0,
        }
    }
}

impl Handler for Leaving {
    fn handle_packet(&mut self, _: Incoming<'_>, _: &mut Vec<u8>) {}

    fn handle_closed(&mut self, _: usize, _: &Closed) {
        self.in_progress = self.in_progress.saturating_sub(1);
        self.left += 1;
    }

    fn handle_writable(&mut self, _: usize) {}
}

impl Task for Leaving {
    fn act(&mut self, wires: &mut Wires, now: Moment) -> Next {
        while self.in_progress < IN_PROGRESS_MAX && self.next < wires.count() {
            if wires.is_open(self.next) {
                wires.leave(self.next);
                self.in_progress += 1;
                self.last_event = now;
            }
            self.next += 1;
        }
        self.place.count(self.left);
        let is_late = now.saturating_sub(self.last_event) > nanoseconds(PATIENCE);
        if self.in_progress == 0 || is_late {
            wires.close_all();
            return Next::Done;
        }
        Next::Wait(LOOK_AROUND)
    }
}
