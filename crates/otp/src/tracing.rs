//! Tracing as a shard sees it: which hop is under way, and what is said about it.

use std::sync::Arc;
use std::time::Duration;

use castmq_observe::trace::{Arrival, Meter, NoteKind, Start, Token};
use castmq_observe::{ProcessId, Timings};

use crate::{Process, Shard, World};

impl<W: World> Shard<W> {
    /// Whether anything is traced. Where it is not, this is all that tracing costs.
    #[must_use]
    #[inline]
    pub fn is_tracing(&self) -> bool {
        self.tracer.is_on()
    }

    /// Says something about the hop under way, if it belongs to a flow. The text is made only then.
    #[inline]
    pub fn note(&mut self, kind: NoteKind, text: impl FnOnce() -> String) {
        if self.tracer.token().is_some() {
            self.note_now(kind, text());
        }
    }

    #[cold]
    fn note_now(&mut self, kind: NoteKind, text: String) {
        let now = self.clock.now();
        self.tracer.note(kind, text, now);
        self.time_cost(now);
    }

    /// Says something about a hop that may be over.
    pub fn note_on(&mut self, token: Token, kind: NoteKind, text: String) {
        let now = self.clock.now();
        self.tracer.note_on(token, kind, text, now);
        self.time_cost(now);
    }

    /// Begins a flow, for those of the traces that may have one more; whether one may. Its token is held
    /// until [`Self::end_hop`].
    pub fn begin_flow(&mut self, meters: &[Arc<Meter>], flow: u64, start: Start) -> bool {
        let now = self.clock.now();
        self.tracer.begin_flow(meters, flow, start, now)
    }

    /// Begins a hop of a flow outside of a turn: a packet that belongs to one, for example.
    pub fn begin_hop_of<P: Process<World = W>>(
        &mut self,
        token: Token,
        id: ProcessId,
        entry: &'static str,
    ) {
        let now = self.clock.now();
        let arrival = Arrival {
            token,
            enqueued: now,
            depth: 0,
        };
        let name = self.name_of::<P>(id);
        self.tracer
            .begin_hop(arrival, (Some(id), P::KIND.name, name), entry, now);
    }

    pub(crate) fn begin_hop<P: Process<World = W>>(
        &mut self,
        arrival: Arrival,
        id: ProcessId,
        entry: u8,
    ) {
        let now = self.clock.now();
        let name = self.name_of::<P>(id);
        let entry = P::entry_name(entry);
        self.tracer
            .begin_hop(arrival, (Some(id), P::KIND.name, name), entry, now);
        self.time_cost(now);
    }

    /// Begins a hop that is a parcel from another arbiter, which posted it at that moment.
    pub fn begin_parcel(&mut self, token: Token, posted: Duration, entry: &'static str) {
        let arrival = Arrival {
            token,
            enqueued: posted,
            depth: u32::try_from(self.incoming.len()).unwrap_or(u32::MAX),
        };
        let name = Arc::from(self.arbiter.to_string());
        let now = self.clock.now();
        self.tracer
            .begin_hop(arrival, (None, "dispatcher", name), entry, now);
    }

    /// The hop that was begun last is over.
    pub fn end_hop(&mut self) {
        let now = self.clock.now();
        self.tracer.end_hop(now);
    }

    /// What was under way has failed.
    pub(crate) fn abandon_hops(&mut self) {
        let now = self.now;
        self.tracer.abandon(now);
    }

    /// Has what `code` does belong to another flow, or to none.
    pub fn under<R>(&mut self, token: Option<Token>, code: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.tracer.switch(token);
        let result = code(self);
        self.tracer.switch(before);
        result
    }

    /// What a process is called in its record.
    pub fn name_of<P: Process<World = W>>(&mut self, id: ProcessId) -> Arc<str> {
        let records = Arc::clone(&self.records);
        let tenant = P::lanes(&mut self.world).tenant(id.slot, id.generation);
        tenant.map_or_else(|| Arc::from(""), |tenant| records.name_of(&tenant.record))
    }

    /// How long things take on this arbiter.
    #[must_use]
    pub fn timings(&self) -> &Timings {
        &self.records.timings
    }

    /// The monotonic time now, which is later than [`Self::now`]. Costs a reading of the clock.
    #[must_use]
    pub fn clock_now(&self) -> Duration {
        self.clock.now()
    }

    /// Now and then it is looked how long the writing took.
    fn time_cost(&mut self, began: Duration) {
        if self.tracer.is_timed() {
            let took = self.clock.now().saturating_sub(began);
            self.tracer.timed(took);
        }
    }
}
