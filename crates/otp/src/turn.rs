//! A turn: entries of one process until its lane is empty or its budget is spent, guarded, timed now and
//! then, and watched where something is traced or goes wrong on purpose.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use castmq_observe::trace::Arrival;
use castmq_observe::{Counter, Event, ProcessId, What};

use crate::fault::{Fate, Handling};
use crate::lanes::Popped;
use crate::{Address, Budget, Entry, Process, Shard, World};

/// Every so many turns of a process one is timed.
const TIMED_EVERY: u32 = 16;

/// An entry that is traced, or of a process with which something goes wrong on purpose.
struct Watched<E> {
    is_traced: bool,
    is_lost: bool,
    /// Another one like it.
    again: Option<Box<E>>,
}

/// What a turn has done so far.
#[derive(Debug, Default)]
struct Done {
    entries: u32,
    /// The kinds of the last eight entries, one a byte, the latest in the lowest.
    kinds: u64,
}

impl<W: World> Shard<W> {
    /// One turn of the process in that place: entries until the lane is empty or the budget is spent.
    pub fn turn<P: Process<World = W>>(&mut self, slot: u32) {
        let lanes = P::lanes(&mut self.world);
        let generation = lanes.generation(slot);
        let Some(tenant) = lanes.tenant_at(slot) else {
            return;
        };
        let Some(mut process) = tenant.process.take() else {
            return;
        };
        tenant.turns = tenant.turns.wrapping_add(1);
        let is_timed = tenant.turns.is_multiple_of(TIMED_EVERY);
        let mut fate = Fate::Usual;
        if tenant.special.is_some() {
            fate = self.fate::<P>(slot);
            if let Fate::Later(at) = fate {
                if let Some(tenant) = P::lanes(&mut self.world).tenant_at(slot) {
                    tenant.process = Some(process);
                }
                return self.delay_turn(P::KIND.index, slot, at);
            }
        }
        let started = is_timed.then(|| self.clock.now());
        let id = Address::<P>::new(self.arbiter, slot, generation).id();
        let mut done = Done::default();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            if fate == Fate::Fails {
                crash(P::KIND.name);
            }
            self.entries(&mut *process, id, fate, &mut done);
            process.settle(self);
        }));
        let now = self.now;
        self.recorder
            .note(What::Turn, now, id, (done.entries, done.kinds));
        if let Err(panic) = outcome {
            self.fail::<P>(slot, process, &panic);
            return;
        }
        if !P::lanes(&mut self.world).is_live(slot, generation) {
            return;
        }
        if let Some(started) = started {
            self.turn_took::<P>(slot, self.clock.now().saturating_sub(started));
        }
        let last = done.kinds.to_be_bytes()[7];
        if P::lanes(&mut self.world).give_back(slot, process, done.entries, last) {
            match fate {
                Fate::OneEntry(at) => self.delay_turn(P::KIND.index, slot, at),
                Fate::Usual | Fate::Later(_) | Fate::Fails => {
                    self.run_queue.push_back((P::KIND.index, slot));
                }
            }
        }
    }

    /// The entries of a turn.
    fn entries<P: Process<World = W>>(
        &mut self,
        process: &mut P,
        id: ProcessId,
        fate: Fate,
        done: &mut Done,
    ) {
        let mut budget = Budget::TURN;
        let now = self.now;
        while let Some(popped) =
            P::lanes(&mut self.world).pop(id.slot, now, &self.records.timings.wait)
        {
            let Popped { entry, arrival } = popped;
            let weight = entry.weight();
            self.lanes_bytes = self.lanes_bytes.saturating_sub(weight);
            done.entries += 1;
            done.kinds = done.kinds << 8 | u64::from(entry.kind());
            // The one place from which entries are handled, so that the compiler makes one of both.
            let watched = match arrival {
                None if !self.has_faults => None,
                arrival => Some(self.before::<P>(id, &entry, arrival)),
            };
            if watched.as_ref().is_some_and(|watched| watched.is_lost) {
                self.lose::<P>(id, entry);
            } else {
                let (mut entry, mut watched) = (entry, watched);
                loop {
                    process.take(entry, self);
                    match watched.take().and_then(|watched| self.after(*watched)) {
                        None => break,
                        Some(again) => entry = *again,
                    }
                }
            }
            let is_over = P::lanes(&mut self.world).generation(id.slot) != id.generation;
            if is_over || !budget.pay(weight) || matches!(fate, Fate::OneEntry(_)) {
                break;
            }
        }
    }

    /// An entry that is traced, or of a process with which something goes wrong on purpose, is about to be
    /// handled.
    #[cold]
    fn before<P: Process<World = W>>(
        &mut self,
        id: ProcessId,
        entry: &P::Entry,
        arrival: Option<Box<Arrival>>,
    ) -> Box<Watched<P::Entry>> {
        let handling = self.handling::<P>(id);
        let is_traced = arrival.is_some();
        if let Some(arrival) = arrival {
            self.begin_hop::<P>(*arrival, id, entry.kind());
        }
        let again = (handling == Handling::Twice).then(|| entry.duplicate());
        Box::new(Watched {
            is_traced,
            is_lost: handling == Handling::Never,
            again: again.flatten().map(Box::new),
        })
    }

    /// It has been handled; another one like it that is to be handled, too.
    #[cold]
    fn after<E>(&mut self, watched: Watched<E>) -> Option<Box<E>> {
        if watched.is_traced {
            self.end_hop();
        }
        watched.again
    }

    /// It is thrown away, because somebody wants to see what becomes of that.
    #[cold]
    fn lose<P: Process<World = W>>(&mut self, id: ProcessId, entry: P::Entry) {
        self.count(Counter::EntriesLost);
        let address = Address::new(id.arbiter, id.slot, id.generation);
        P::discard(entry, address, self);
        self.abandon_hops();
    }

    /// A sampled turn took so long.
    fn turn_took<P: Process<World = W>>(&mut self, slot: u32, took: Duration) {
        self.records.timings.turn.note(took);
        if let Some(tenant) = P::lanes(&mut self.world).tenant_at(slot) {
            tenant.record.record().ran(took, TIMED_EVERY);
        }
        if took > self.long_turn {
            self.tell(
                Event::TurnLong,
                &[
                    ("process", &P::KIND.name),
                    ("slot", &slot),
                    ("millis", &took.as_millis()),
                ],
            );
        }
    }
}

/// What a bug does, on demand.
#[expect(clippy::panic, reason = "that is what it is for")]
fn crash(kind: &str) -> ! {
    panic!("{kind} was told to crash");
}
