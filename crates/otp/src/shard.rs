//! A shard: all that one arbiter owns. Nothing in it is locked.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::hash::BuildHasherDefault;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Weak;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use actix::Actor;
use castmq_observe::trace::Tracer;
use castmq_observe::{Cells, Counter, Event, Events, Recorder, Records, What};

use crate::fault::Delayed;
use crate::lanes::{Pushed, Remains, name_of, weight_of};
use crate::shell::Shell;
use crate::{
    Address, Clock, Down, Entry, Fault, FaultKind, Intensity, Lanes, Mailroom, Parcel, Process,
    Readiness, Restart, Token, TokenHasher, Wheel, World,
};

/// The process has ended; what was sent is dropped and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dead;

/// What a shard is made of.
pub struct ShardParts<W: World> {
    /// Its number, from 0.
    pub arbiter: u16,
    /// Its clocks.
    pub clock: Arc<dyn Clock>,
    /// The inboxes of all arbiters.
    pub mailroom: Mailroom<W::Parcel>,
    /// Its counters.
    pub cells: Arc<Cells>,
    /// Its events.
    pub events: Arc<Events>,
    /// Its process records.
    pub records: Arc<Records>,
    /// Everything of it that is the broker's.
    pub world: W,
}

impl<W: World> fmt::Debug for ShardParts<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ShardParts")
            .field("arbiter", &self.arbiter)
            .finish_non_exhaustive()
    }
}

/// All that one arbiter owns: lanes, run queue, mail, timers, records, clocks.
pub struct Shard<W: World> {
    /// Its number, from 0.
    pub arbiter: u16,
    /// Its counters.
    pub cells: Arc<Cells>,
    /// Its events.
    pub events: Arc<Events>,
    /// Everything of it that is the broker's.
    pub world: W,
    /// Where sockets are read into; what is not parsed at once is copied out of it. Who takes it puts it
    /// back.
    pub scratch: Vec<u8>,
    /// What is traced right now.
    pub tracer: Tracer,
    /// What was done last.
    pub recorder: Recorder,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) now: Duration,
    pub(crate) records: Arc<Records>,
    pub(crate) mailroom: Mailroom<W::Parcel>,
    pub(crate) incoming: VecDeque<(u16, W::Parcel)>,
    pub(crate) outboxes: Vec<Vec<W::Parcel>>,
    pub(crate) run_queue: VecDeque<(u8, u32)>,
    /// Room for what the poller tells.
    pub(crate) ready: Vec<Readiness>,
    /// How much it told in this round.
    pub(crate) ready_now: usize,
    /// Sockets that became readable.
    pub(crate) readable: VecDeque<Token>,
    /// Sockets that were read and have more. They come behind those that became readable: who sends little
    /// does not wait for those who send much.
    pub(crate) unfinished: VecDeque<Token>,
    /// Those in either list: each stands there once, however often it is told, so that a socket on which
    /// much arrives has no more than its share of a round.
    pub(crate) queued: HashSet<Token, BuildHasherDefault<TokenHasher>>,
    pub(crate) touched: Vec<Token>,
    pub(crate) wheel: Wheel,
    /// Turns and reads that faults put off.
    pub(crate) delayed: Vec<(Duration, Delayed)>,
    /// Whether something goes wrong with anybody on purpose.
    pub(crate) has_faults: bool,
    pub(crate) lanes_bytes: usize,
    pub(crate) lanes_high: usize,
    pub(crate) deep_lane: usize,
    pub(crate) long_turn: Duration,
    pub(crate) waker: Option<Waker>,
    pub(crate) itself: Option<Weak<RefCell<Self>>>,
}

impl<W: World> fmt::Debug for Shard<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shard")
            .field("arbiter", &self.arbiter)
            .finish_non_exhaustive()
    }
}

impl<W: World> Shard<W> {
    /// A shard without processes. It stops taking mail in while more than `lanes_high` bytes wait in
    /// its lanes.
    #[must_use]
    pub fn new(parts: ShardParts<W>, lanes_high: usize) -> Self {
        let arbiters = usize::from(parts.mailroom.arbiters());
        Self {
            arbiter: parts.arbiter,
            cells: parts.cells,
            events: parts.events,
            world: parts.world,
            scratch: Vec::new(),
            tracer: Tracer::new(parts.arbiter),
            recorder: Recorder::default(),
            now: parts.clock.now(),
            clock: parts.clock,
            records: parts.records,
            mailroom: parts.mailroom,
            incoming: VecDeque::new(),
            outboxes: std::iter::repeat_with(Vec::new).take(arbiters).collect(),
            run_queue: VecDeque::new(),
            ready: Vec::new(),
            ready_now: 0,
            readable: VecDeque::new(),
            unfinished: VecDeque::new(),
            queued: HashSet::default(),
            touched: Vec::new(),
            wheel: Wheel::default(),
            delayed: Vec::new(),
            has_faults: false,
            lanes_bytes: 0,
            lanes_high,
            deep_lane: usize::MAX,
            long_turn: Duration::MAX,
            waker: None,
            itself: None,
        }
    }

    /// Has turns and rounds told that take longer than `long_turn`, and lanes that come to hold
    /// `deep_lane` entries.
    pub fn watch(&mut self, long_turn: Duration, deep_lane: usize) {
        self.long_turn = long_turn;
        self.deep_lane = deep_lane;
    }

    /// Has the next turn of a process fail as by a bug, at once; whether it lives. For those who want
    /// to see that it harms nobody else.
    pub fn doom<P: Process<World = W>>(&mut self, address: Address<P>) -> bool {
        let fault = Fault {
            kind: FaultKind::Panic,
            until: Duration::MAX,
        };
        self.set_fault(address, Some(fault))
    }

    /// The monotonic time at which this round began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The wall-clock time, since the Unix epoch.
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.clock.wall()
    }

    /// Adds one to a counter.
    pub fn count(&self, counter: Counter) {
        self.cells.add(counter, 1);
    }

    /// Tells that something happened. Not for the path of messages.
    pub fn tell(&self, event: Event, fields: &[(&'static str, &dyn fmt::Display)]) {
        self.events.tell(self.now, event, fields);
    }

    /// Bytes that wait in the lanes of this arbiter.
    #[must_use]
    pub fn lanes_bytes(&self) -> usize {
        self.lanes_bytes
    }

    /// Starts a process; `make` gets its address.
    pub fn spawn<P: Process<World = W>>(
        &mut self,
        name: &str,
        make: impl FnOnce(Address<P>) -> P,
    ) -> Address<P> {
        let (slot, generation) = P::lanes(&mut self.world).reserve();
        let address = Address::new(self.arbiter, slot, generation);
        let process = make(address);
        let record = self.records.open(address.id(), name_of(name));
        let intensity = match P::RESTART {
            Restart::Temporary => None,
            Restart::Permanent {
                restarts_max,
                within,
            } => Some(Box::new(Intensity::new(restarts_max, within))),
        };
        P::lanes(&mut self.world).settle(slot, Box::new(process), record, intensity);
        address
    }

    /// Calls a process something else in its record, now that more is known of it.
    pub fn rename<P: Process<World = W>>(&mut self, address: Address<P>, name: &str) {
        let records = Arc::clone(&self.records);
        let lanes = P::lanes(&mut self.world);
        if let Some(tenant) = lanes.tenant(address.slot, address.generation) {
            records.rename(&tenant.record, name_of(name));
        }
    }

    /// The actix address of a process; `None` when it ended or no actix runtime drives the shard. Its
    /// context is there from the first time that somebody asks until the process ends, because it takes
    /// more memory than all else that an idle connection has.
    pub fn addr<P: Process<World = W>>(
        &mut self,
        address: Address<P>,
    ) -> Option<actix::Addr<Shell<W>>> {
        let itself = Weak::clone(self.itself.as_ref()?);
        let tenant = P::lanes(&mut self.world).tenant_mut(address.slot, address.generation)?;
        let shell = tenant
            .shell
            .get_or_insert_with(|| Box::new(Shell::new(address.id(), itself).start()));
        Some(actix::Addr::clone(shell))
    }

    /// Appends to the lane of a process of this arbiter. Never runs the receiver.
    ///
    /// # Errors
    ///
    /// [`Dead`] when the process has ended; the entry is dropped and counted.
    pub fn send<P: Process<World = W>>(
        &mut self,
        to: Address<P>,
        entry: P::Entry,
    ) -> Result<(), Dead> {
        debug_assert_eq!(
            to.arbiter, self.arbiter,
            "entries for other arbiters travel as parcels"
        );
        let weight = entry.weight();
        let now = self.now;
        // One branch for who is not traced.
        let traced = self.tracer.token().map(|token| (token, self.clock.now()));
        let lanes = P::lanes(&mut self.world);
        match lanes.push((to.slot, to.generation), entry, now, traced) {
            Pushed::Dead => {
                self.count(Counter::EntriesDead);
                return Err(Dead);
            }
            Pushed::Wake => self.run_queue.push_back((P::KIND.index, to.slot)),
            Pushed::Queued(depth) => {
                if depth == self.deep_lane {
                    self.count(Counter::LanesDeep);
                    self.tell(
                        Event::LaneDeep,
                        &[
                            ("process", &P::KIND.name),
                            ("id", &to.id()),
                            ("depth", &depth),
                        ],
                    );
                }
            }
        }
        self.lanes_bytes += weight;
        Ok(())
    }

    /// Puts a parcel into the outbox to another arbiter; it is handed over at the end of the round.
    /// One for this arbiter itself is taken in at the next round.
    pub fn post(&mut self, to: u16, parcel: W::Parcel) {
        let parcel = match self.tracer.token() {
            None => parcel,
            Some(token) => parcel.traced(token, self.clock.now()),
        };
        if to == self.arbiter {
            self.incoming.push_back((self.arbiter, parcel));
            self.wake();
        } else if let Some(outbox) = self.outboxes.get_mut(usize::from(to)) {
            outbox.push(parcel);
        }
    }

    /// Whether those who send bulk to that arbiter have to pause until [`Self::may_post`].
    #[must_use]
    pub fn is_congested(&self, to: u16) -> bool {
        to != self.arbiter
            && self
                .mailroom
                .credit(self.arbiter, to)
                .is_some_and(crate::Credit::must_pause)
    }

    /// Whether those who paused for that arbiter may go on.
    #[must_use]
    pub fn may_post(&self, to: u16) -> bool {
        to == self.arbiter
            || self
                .mailroom
                .credit(self.arbiter, to)
                .is_none_or(crate::Credit::may_go_on)
    }

    /// Has a process hear of `tag` at `at`, up to 20 ms late. It cannot be called off but by the end of
    /// the process.
    pub fn arm<P: Process<World = W>>(&mut self, process: Address<P>, at: Duration, tag: u8) {
        let lanes = P::lanes(&mut self.world);
        if !lanes.is_live(process.slot, process.generation) {
            return;
        }
        let key = self.wheel.arm(at, process.id(), tag);
        let wheel = &self.wheel;
        if let Some(tenant) = P::lanes(&mut self.world).tenant_at(process.slot) {
            tenant.timers.retain(|armed| wheel.is_armed(*armed));
            tenant.timers.push(key);
        }
    }

    /// The way for other threads to send to the arbiters.
    #[must_use]
    pub fn outside(&self) -> Mailroom<W::Parcel> {
        self.mailroom.clone()
    }

    /// Has a socket flushed at the end of the round.
    pub fn touch(&mut self, token: Token) {
        self.touched.push(token);
    }

    /// Takes back the last [`Self::touch`], if it was for this socket: it has been flushed already.
    pub fn untouch(&mut self, token: Token) {
        self.touched.pop_if(|last| *last == token);
    }

    /// Has a socket read (again) in the next socket stage, although no readiness is told.
    pub fn read_again(&mut self, token: Token) {
        self.queue_readable(token);
        self.wake();
    }

    pub(crate) fn queue_readable(&mut self, token: Token) {
        if self.queued.insert(token) {
            self.readable.push_back(token);
        }
    }

    /// Has the dispatcher run another round.
    pub fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Ends a process in the ordinary way; those who watch it hear of it. What is left in its lane is
    /// dropped and counted. Ending the process whose turn it is takes effect at the end of the turn.
    pub fn end<P: Process<World = W>>(&mut self, address: Address<P>) {
        if P::lanes(&mut self.world).is_live(address.slot, address.generation) {
            self.bury::<P>(address.slot, &Down::Normal);
        }
    }

    /// Lets code run on the state of a process outside of its lane (its socket is readable, say), with
    /// the same isolation as a turn. `None` when the process ended, or failed while the code ran.
    pub fn with<P: Process<World = W>, R>(
        &mut self,
        address: Address<P>,
        code: impl FnOnce(&mut P, &mut Self) -> R,
    ) -> Option<R> {
        let lanes = P::lanes(&mut self.world);
        lanes.tenant(address.slot, address.generation)?;
        let mut process = lanes.tenant_at(address.slot)?.process.take()?;
        match catch_unwind(AssertUnwindSafe(|| code(&mut process, self))) {
            Ok(result) => {
                match P::lanes(&mut self.world).tenant_at(address.slot) {
                    Some(tenant) if tenant.process.is_none() => tenant.process = Some(process),
                    _ => {}
                }
                Some(result)
            }
            Err(panic) => {
                self.fail::<P>(address.slot, process, &panic);
                None
            }
        }
    }

    /// Starts a permanent process again although it has not failed, because another one has; whether it
    /// lives. It keeps its address and its lane.
    pub fn renew<P: Process<World = W>>(&mut self, address: Address<P>) -> bool {
        let fresh = self.with(address, |process, shard| process.restart(shard));
        let Some(Some(fresh)) = fresh else {
            return false;
        };
        let lanes = P::lanes(&mut self.world);
        if let Some(tenant) = lanes.tenant_at(address.slot) {
            tenant.record.record().restarted();
            tenant.process = Some(fresh);
        }
        self.count(Counter::ProcessesRestarted);
        true
    }

    /// A turn panicked: the process is started again or ends, outside of unwinding.
    pub(crate) fn fail<P: Process<World = W>>(
        &mut self,
        slot: u32,
        mut process: Box<P>,
        panic: &Panic,
    ) {
        let message = message_of(panic);
        self.abandon_hops();
        self.count(Counter::ProcessesPanicked);
        let id = Address::<P>::new(
            self.arbiter,
            slot,
            P::lanes(&mut self.world).generation(slot),
        )
        .id();
        self.tell(
            Event::ProcessPanicked,
            &[("process", &P::KIND.name), ("id", &id), ("cause", &message)],
        );
        let now = self.now;
        self.recorder.note(What::Failed, now, id, (0, 0));
        W::failed(self, id, &message);
        let permits = P::lanes(&mut self.world)
            .tenant_at(slot)
            .and_then(|tenant| tenant.intensity.as_mut())
            .map(|intensity| intensity.permits(now));
        let fresh = match permits {
            Some(true) | None => {
                catch_unwind(AssertUnwindSafe(|| process.restart(self))).unwrap_or_default()
            }
            Some(false) => None,
        };
        if let Some(fresh) = fresh {
            self.count(Counter::ProcessesRestarted);
            // A half-changed state may panic again when it is dropped.
            drop_quietly(process);
            let lanes = P::lanes(&mut self.world);
            if let Some(tenant) = lanes.tenant_at(slot) {
                tenant.record.record().restarted();
            }
            if lanes.give_back(slot, fresh, 1, 0) {
                self.run_queue.push_back((P::KIND.index, slot));
            }
            W::restarted(self, id);
            return;
        }
        let down = Down::Panic(message.into());
        if catch_unwind(AssertUnwindSafe(|| process.terminate(&down, self))).is_err() {
            self.count(Counter::ProcessesPanicked);
        }
        drop_quietly(process);
        if permits.is_some() {
            self.tell(
                Event::SupervisorGaveUp,
                &[("process", &P::KIND.name), ("id", &id)],
            );
            W::gave_up(self, id);
        }
        self.bury::<P>(slot, &down);
    }

    fn bury<P: Process<World = W>>(&mut self, slot: u32, down: &Down) {
        let lanes: &mut Lanes<P> = P::lanes(&mut self.world);
        let id = Address::<P>::new(self.arbiter, slot, lanes.generation(slot)).id();
        let Some(remains) = lanes.remove(slot) else {
            return;
        };
        let Remains {
            record,
            lane,
            process,
            timers,
        } = remains;
        for timer in timers {
            self.wheel.disarm(timer);
        }
        self.lanes_bytes = self.lanes_bytes.saturating_sub(weight_of(&lane));
        self.cells.add(Counter::EntriesDead, lane.len() as u64);
        self.records.close(&record);
        let now = self.now;
        self.recorder.note(What::Ended, now, id, (0, 0));
        drop_quietly(process);
        let address = Address::new(id.arbiter, id.slot, id.generation);
        for entry in lane {
            if catch_unwind(AssertUnwindSafe(|| P::discard(entry, address, self))).is_err() {
                self.count(Counter::ProcessesPanicked);
            }
        }
        W::down(self, id, down);
    }
}

pub(crate) type Panic = Box<dyn std::any::Any + Send>;

fn message_of(panic: &Panic) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// Drops what a panic left behind; a second panic stays here.
fn drop_quietly<T>(value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}
