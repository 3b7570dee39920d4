//! The dispatcher's round: inbox, socket events, run queue, flush, hand-over, timers.
//!
//! Each stage has a budget and goes on where it stopped in the next round.

use castmq_observe::{Counter, Event, ProcessId, What};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::{Parcel, Poller, Readiness, Shard, Token, World};

/// Parcels taken in per round.
const PARCELS_PER_ROUND: usize = 256;
/// Sockets read per round.
const SOCKETS_PER_ROUND: usize = 256;
/// Sockets ready in a round that is soon followed by the next.
const BUSY_SOCKETS: usize = 4;
/// Turns per round.
const TURNS_PER_ROUND: usize = 4096;

/// Whether a round left work behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// Another round has something to do at once.
    Now,
    /// Nothing to do before this moment, unless mail or sockets wake the arbiter.
    At(Duration),
    /// Nothing to do until mail or sockets wake the arbiter.
    Idle,
}

impl<W: World> Shard<W> {
    /// One round. A bug in one stage costs that stage, not the arbiter.
    pub fn round(&mut self, poller: &mut dyn Poller) -> More {
        self.now = self.clock.now();
        if !self.delayed.is_empty() {
            self.undelay(self.now);
        }
        self.guard("round begin", poller, |shard, _| W::round_begins(shard));
        self.guard("inbox", poller, Self::inbox_stage);
        self.guard("sockets", poller, Self::socket_stage);
        self.guard("run queue", poller, Self::run_stage);
        self.guard("round end", poller, W::round_ends);
        self.guard("flush", poller, Self::flush_stage);
        self.hand_over();
        self.guard("timers", poller, Self::timer_stage);
        self.more()
    }

    /// Whether so many sockets were ready in the last round that more of them are likely to be by now.
    pub(crate) fn is_busy(&self) -> bool {
        self.ready_now >= BUSY_SOCKETS
    }

    /// Has the dispatcher's waker at hand for [`Shard::wake`].
    pub(crate) fn wake_with(&mut self, waker: &std::task::Waker) {
        self.mailroom.wake_with(self.arbiter, waker);
        if !self
            .waker
            .as_ref()
            .is_some_and(|held| held.will_wake(waker))
        {
            self.waker = Some(waker.clone());
        }
    }

    /// Tells of a round that kept the others waiting for too long.
    pub(crate) fn check_length(&mut self) {
        let limit = self.long_turn;
        let took = self.clock.now().saturating_sub(self.now);
        if took > limit {
            self.count(Counter::RoundsLong);
            self.tell(
                Event::TurnLong,
                &[("arbiter", &self.arbiter), ("millis", &took.as_millis())],
            );
        }
    }

    fn guard(
        &mut self,
        stage: &'static str,
        poller: &mut dyn Poller,
        work: impl FnOnce(&mut Self, &mut dyn Poller),
    ) {
        if catch_unwind(AssertUnwindSafe(|| work(self, poller))).is_err() {
            self.abandon_hops();
            self.count(Counter::ProcessesPanicked);
            self.tell(
                Event::ProcessPanicked,
                &[("process", &"dispatcher"), ("stage", &stage)],
            );
        }
    }

    fn inbox_stage(&mut self, poller: &mut dyn Poller) {
        self.mailroom.collect(self.arbiter, &mut self.incoming);
        let mut run = (self.arbiter, 0, 0);
        for _ in 0..PARCELS_PER_ROUND {
            if self.lanes_bytes > self.lanes_high || W::is_full(self) {
                break;
            }
            let Some((from, parcel)) = self.incoming.pop_front() else {
                break;
            };
            let weight = parcel.weight();
            let handled = catch_unwind(AssertUnwindSafe(|| W::parcel(self, poller, from, parcel)));
            // Parcels of one sender come in runs, so that its credit goes back once for each run.
            if from != run.0 {
                self.give_back(run);
                run = (from, 0, 0);
            }
            run = (from, run.1 + 1, run.2 + weight);
            if handled.is_err() {
                self.abandon_hops();
                self.count(Counter::ProcessesPanicked);
                self.tell(
                    Event::ProcessPanicked,
                    &[("process", &"dispatcher"), ("stage", &"parcel")],
                );
            }
        }
        self.give_back(run);
    }

    /// So many parcels of an arbiter, of that weight, are handled.
    fn give_back(&self, (from, parcels, weight): (u16, usize, usize)) {
        if from != self.arbiter && parcels > 0 {
            self.mailroom.handled(from, self.arbiter, (parcels, weight));
        }
    }

    fn socket_stage(&mut self, poller: &mut dyn Poller) {
        let mut ready = std::mem::take(&mut self.ready);
        poller.poll(&mut ready);
        self.ready_now = ready.len();
        for readiness in ready.drain(..) {
            match readiness {
                Readiness::Readable(token) => self.queue_readable(token),
                Readiness::Writable(token) => self.touched.push(token),
            }
        }
        self.ready = ready;
        // Neither list keeps the other one waiting for more than a round.
        let unfinished = self.unfinished.len();
        let new = SOCKETS_PER_ROUND - unfinished.min(SOCKETS_PER_ROUND / 2);
        let new = new.min(self.readable.len());
        for number in 0..new + unfinished.min(SOCKETS_PER_ROUND - new) {
            let list = if number < new {
                &mut self.readable
            } else {
                &mut self.unfinished
            };
            let Some(token) = list.pop_front() else {
                break;
            };
            self.queued.remove(&token);
            self.note_socket(token);
            if W::readable(self, poller, token) && self.queued.insert(token) {
                self.unfinished.push_back(token);
            }
        }
    }

    fn note_socket(&mut self, token: Token) {
        let process = ProcessId {
            arbiter: self.arbiter,
            kind: token.kind,
            slot: token.slot,
            generation: token.generation,
        };
        let now = self.now;
        self.recorder.note(What::Read, now, process, (0, 0));
    }

    fn run_stage(&mut self, poller: &mut dyn Poller) {
        for _ in 0..TURNS_PER_ROUND {
            let Some((kind, slot)) = self.run_queue.pop_front() else {
                break;
            };
            W::turn(self, poller, kind, slot);
        }
    }

    fn flush_stage(&mut self, poller: &mut dyn Poller) {
        let mut touched = std::mem::take(&mut self.touched);
        for token in touched.drain(..) {
            W::flush(self, poller, token);
        }
        // Flushing may touch again; the allocation is kept for the next round.
        touched.append(&mut self.touched);
        self.touched = touched;
    }

    fn hand_over(&mut self) {
        for (to, outbox) in (0_u16..).zip(&mut self.outboxes) {
            if !outbox.is_empty() {
                self.mailroom.hand_over(self.arbiter, to, outbox);
            }
        }
    }

    fn timer_stage(&mut self, _poller: &mut dyn Poller) {
        loop {
            let due = self.wheel.expire(self.now);
            if due.is_empty() {
                return;
            }
            for (process, tag) in due {
                let now = self.now;
                self.recorder
                    .note(What::Timer, now, process, (1, u64::from(tag)));
                W::timer(self, process, tag);
            }
        }
    }

    fn more(&self) -> More {
        let has_room = self.lanes_bytes <= self.lanes_high && !W::is_full(self);
        let mail_waits = !self.incoming.is_empty() && has_room;
        if mail_waits
            || !self.run_queue.is_empty()
            || !self.readable.is_empty()
            || !self.unfinished.is_empty()
            || !self.touched.is_empty()
        {
            return More::Now;
        }
        let next = [self.wheel.next(), self.next_delayed()];
        next.into_iter()
            .flatten()
            .min()
            .map_or(More::Idle, More::At)
    }
}
