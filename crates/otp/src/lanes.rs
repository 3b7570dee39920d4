//! The processes of one kind on one arbiter, each with its lane.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use castmq_observe::trace::{Arrival, Token};
use castmq_observe::{RecordHandle, Timing};
use smallvec::SmallVec;

use crate::fault::Fault;
use crate::shell::Shell;
use crate::{Address, Entry, Intensity, Process, TimerKey};

/// Every so many entries one is timed on its way through the lane.
const SAMPLE_EVERY: u32 = 64;
/// Buffers of empty lanes that are kept for whoever gets an entry next, and the largest of them.
const IDLE_BUFFERS_MAX: usize = 256;
const IDLE_BUFFER_ENTRIES_MAX: usize = 256;

pub(crate) struct Tenant<P: Process> {
    /// Absent while the process has its turn.
    pub(crate) process: Option<Box<P>>,
    lane: VecDeque<P::Entry>,
    pub(crate) record: RecordHandle,
    /// Its actix address, once somebody has asked for it.
    pub(crate) shell: Option<Box<actix::Addr<Shell<P::World>>>>,
    pub(crate) intensity: Option<Box<Intensity>>,
    pub(crate) turns: u32,
    /// Timers that it has armed; some may have fired.
    pub(crate) timers: SmallVec<[TimerKey; 1]>,
    pub(crate) is_queued: bool,
    /// What only few have: something is traced on its way through the lane, or goes wrong on purpose.
    pub(crate) special: Option<Box<Special>>,
    pushed: u32,
    popped: u32,
    sample: Option<(u32, Duration)>,
}

/// What only few processes have.
#[derive(Debug, Default)]
pub(crate) struct Special {
    /// Entries of flows that are traced, by the number with which they were pushed.
    arrivals: VecDeque<(u32, Arrival)>,
    /// What goes wrong on purpose.
    pub(crate) fault: Option<Fault>,
    /// One that is slow has its next turn then.
    pub(crate) rests_until: Duration,
}

impl Special {
    fn is_over(&self) -> bool {
        self.arrivals.is_empty() && self.fault.is_none()
    }
}

/// An entry at the head of a lane.
pub(crate) struct Popped<E> {
    pub(crate) entry: E,
    /// How it came there, where that is traced.
    pub(crate) arrival: Option<Box<Arrival>>,
}

struct Place<P: Process> {
    generation: u32,
    tenant: Option<Box<Tenant<P>>>,
}

/// Places for processes of one kind. Addresses say which tenant of a place they mean.
pub struct Lanes<P: Process> {
    places: Vec<Place<P>>,
    free: Vec<u32>,
    live: usize,
    /// Buffers of lanes that are empty: who has nothing to do owns none.
    idle: Vec<VecDeque<P::Entry>>,
}

impl<P: Process> Default for Lanes<P> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            live: 0,
            idle: Vec::new(),
        }
    }
}

impl<P: Process> fmt::Debug for Lanes<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lanes")
            .field("kind", &P::KIND.name)
            .field("live", &self.live)
            .finish_non_exhaustive()
    }
}

/// What a process leaves behind.
pub(crate) struct Remains<P: Process> {
    pub(crate) record: RecordHandle,
    pub(crate) lane: VecDeque<P::Entry>,
    pub(crate) process: Option<Box<P>>,
    pub(crate) timers: SmallVec<[TimerKey; 1]>,
}

/// What became of an entry that was pushed.
pub(crate) enum Pushed {
    /// The process has to be put into the run queue.
    Wake,
    /// It is there already. So many entries wait with it.
    Queued(usize),
    /// There is no such process any more.
    Dead,
}

impl<P: Process> Tenant<P> {
    /// The entry that was pushed last belongs to a flow.
    #[cold]
    fn note_arrival(&mut self, token: Token, enqueued: Duration) {
        let arrival = Arrival {
            token,
            enqueued,
            depth: u32::try_from(self.lane.len() - 1).unwrap_or(u32::MAX),
        };
        let special = self.special.get_or_insert_default();
        special.arrivals.push_back((self.pushed, arrival));
    }

    /// How the entry that was popped last came, if that was noted.
    #[cold]
    fn arrival(&mut self) -> Option<Box<Arrival>> {
        let popped = self.popped;
        let special = self.special.as_mut()?;
        let arrivals = &mut special.arrivals;
        let (_, arrival) = arrivals.pop_front_if(|(number, _)| *number == popped)?;
        if special.is_over() {
            self.special = None;
        }
        Some(Box::new(arrival))
    }

    /// Entries that were ever taken off the lane.
    pub(crate) fn popped(&self) -> u32 {
        self.popped
    }

    /// What goes wrong on purpose; `None` takes it back.
    pub(crate) fn set_fault(&mut self, fault: Option<Fault>) {
        let special = self.special.get_or_insert_default();
        special.fault = fault;
        special.rests_until = Duration::ZERO;
        if special.is_over() {
            self.special = None;
        }
    }
}

impl<P: Process> Lanes<P> {
    /// Processes that live.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no process of the kind lives.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The state of a process, to look at; `None` when it ended or has its turn right now.
    #[must_use]
    pub fn peek(&self, slot: u32, generation: u32) -> Option<&P> {
        self.tenant(slot, generation)?.process.as_deref()
    }

    /// The address of the process in that place.
    #[must_use]
    pub fn address_of(&self, arbiter: u16, slot: u32) -> Option<Address<P>> {
        let place = self.places.get(slot as usize)?;
        place.tenant.as_ref()?;
        Some(Address::new(arbiter, slot, place.generation))
    }

    /// So many places there are; some may be free.
    #[must_use]
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// The state of the process in that place, to look at; `None` when there is none, or it has its turn
    /// right now.
    #[must_use]
    pub fn at(&self, slot: u32) -> Option<&P> {
        let place = self.places.get(slot as usize)?;
        place.tenant.as_ref()?.process.as_deref()
    }

    /// The states of all processes of the kind that are not in a turn right now, with their addresses.
    pub fn iter(&self, arbiter: u16) -> impl Iterator<Item = (Address<P>, &P)> {
        self.places
            .iter()
            .enumerate()
            .filter_map(move |(slot, place)| {
                let process = place.tenant.as_ref()?.process.as_deref()?;
                let slot = u32::try_from(slot).ok()?;
                Some((Address::new(arbiter, slot, place.generation), process))
            })
    }

    /// Whether nothing waits for any of them.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let tenants = self.places.iter().filter_map(|place| place.tenant.as_ref());
        tenants.into_iter().all(|tenant| tenant.lane.is_empty())
    }

    /// Whether the process lives.
    #[must_use]
    pub fn is_live(&self, slot: u32, generation: u32) -> bool {
        self.tenant(slot, generation).is_some()
    }

    /// Entries that wait for the process.
    #[must_use]
    pub fn depth(&self, slot: u32, generation: u32) -> usize {
        self.tenant(slot, generation)
            .map_or(0, |tenant| tenant.lane.len())
    }

    /// What waits for the process, by name, the oldest first, at most so many.
    #[must_use]
    pub fn waiting(&self, slot: u32, generation: u32, most: usize) -> Vec<&'static str> {
        let tenant = self.tenant(slot, generation);
        let entries = tenant.into_iter().flat_map(|tenant| &tenant.lane);
        entries
            .take(most)
            .map(|entry| P::entry_name(entry.kind()))
            .collect()
    }

    /// A place for a process that is about to start: its slot and generation.
    pub(crate) fn reserve(&mut self) -> (u32, u32) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place {
                generation: 0,
                tenant: None,
            });
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        let generation = self.places.get_mut(slot as usize).map_or(0, |place| {
            place.generation = place.generation.wrapping_add(1);
            place.generation
        });
        (slot, generation)
    }

    pub(crate) fn settle(
        &mut self,
        slot: u32,
        process: Box<P>,
        record: RecordHandle,
        intensity: Option<Box<Intensity>>,
    ) {
        if let Some(place) = self.places.get_mut(slot as usize) {
            place.tenant = Some(Box::new(Tenant {
                process: Some(process),
                lane: VecDeque::new(),
                record,
                shell: None,
                intensity,
                turns: 0,
                timers: SmallVec::new(),
                is_queued: false,
                special: None,
                pushed: 0,
                popped: 0,
                sample: None,
            }));
            self.live += 1;
        }
    }

    pub(crate) fn generation(&self, slot: u32) -> u32 {
        self.places
            .get(slot as usize)
            .map_or(0, |place| place.generation)
    }

    pub(crate) fn tenant(&self, slot: u32, generation: u32) -> Option<&Tenant<P>> {
        let place = self.places.get(slot as usize)?;
        if place.generation == generation {
            place.tenant.as_deref()
        } else {
            None
        }
    }

    pub(crate) fn tenant_mut(&mut self, slot: u32, generation: u32) -> Option<&mut Tenant<P>> {
        let place = self.places.get_mut(slot as usize)?;
        if place.generation == generation {
            place.tenant.as_deref_mut()
        } else {
            None
        }
    }

    pub(crate) fn tenant_at(&mut self, slot: u32) -> Option<&mut Tenant<P>> {
        self.places.get_mut(slot as usize)?.tenant.as_deref_mut()
    }

    pub(crate) fn push(
        &mut self,
        (slot, generation): (u32, u32),
        entry: P::Entry,
        now: Duration,
        traced: Option<(Token, Duration)>,
    ) -> Pushed {
        let Some(place) = self.places.get_mut(slot as usize) else {
            return Pushed::Dead;
        };
        if place.generation != generation {
            return Pushed::Dead;
        }
        let Some(tenant) = place.tenant.as_deref_mut() else {
            return Pushed::Dead;
        };
        if tenant.lane.capacity() == 0 {
            tenant.lane = self.idle.pop().unwrap_or_default();
        }
        tenant.lane.push_back(entry);
        tenant.pushed = tenant.pushed.wrapping_add(1);
        if tenant.pushed % SAMPLE_EVERY == 1 && tenant.sample.is_none() {
            tenant.sample = Some((tenant.pushed, now));
        }
        tenant.record.record().pushed(tenant.lane.len());
        if let Some((token, enqueued)) = traced {
            tenant.note_arrival(token, enqueued);
        }
        if tenant.is_queued {
            Pushed::Queued(tenant.lane.len())
        } else {
            tenant.is_queued = true;
            Pushed::Wake
        }
    }

    /// Takes the oldest entry off the lane, and how long it waited if that was looked at.
    pub(crate) fn pop(
        &mut self,
        slot: u32,
        now: Duration,
        wait: &Timing,
    ) -> Option<Popped<P::Entry>> {
        let tenant = self.tenant_at(slot)?;
        let entry = tenant.lane.pop_front()?;
        tenant.popped = tenant.popped.wrapping_add(1);
        if let Some((number, at)) = tenant.sample
            && number == tenant.popped
        {
            let waited = now.saturating_sub(at);
            tenant.record.record().waited(waited);
            wait.note(waited);
            tenant.sample = None;
        }
        let arrival = if tenant.special.is_some() {
            tenant.arrival()
        } else {
            None
        };
        Some(Popped { entry, arrival })
    }

    /// Ends a turn: gives the state back and says whether entries are left.
    pub(crate) fn give_back(&mut self, slot: u32, process: Box<P>, entries: u32, last: u8) -> bool {
        let Some(tenant) = self.tenant_at(slot) else {
            return false;
        };
        tenant.process = Some(process);
        tenant
            .record
            .record()
            .handled(entries, last, tenant.lane.len());
        tenant.is_queued = !tenant.lane.is_empty();
        if tenant.is_queued {
            return true;
        }
        // An idle process owns no buffer.
        let buffer = std::mem::take(&mut tenant.lane);
        if self.idle.len() < IDLE_BUFFERS_MAX && buffer.capacity() <= IDLE_BUFFER_ENTRIES_MAX {
            self.idle.push(buffer);
        }
        false
    }

    /// Frees a place. What was in the lane comes back, so that its weight can be accounted for.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Remains<P>> {
        let tenant = self.places.get_mut(slot as usize)?.tenant.take()?;
        self.free.push(slot);
        self.live -= 1;
        Some(Remains {
            record: tenant.record,
            lane: tenant.lane,
            process: tenant.process,
            timers: tenant.timers,
        })
    }
}

/// The weight of all entries that are thrown away with a lane.
pub(crate) fn weight_of<E: Entry>(lane: &VecDeque<E>) -> usize {
    lane.iter().map(Entry::weight).sum()
}

/// The name of a process in its record.
pub(crate) fn name_of(name: &str) -> Arc<str> {
    Arc::from(name)
}
