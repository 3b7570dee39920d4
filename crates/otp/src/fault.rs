//! Faults on purpose: one process is slow, stands still, loses entries or handles them twice, so that
//! one can see what becomes of the others.

use std::time::Duration;

use castmq_observe::ProcessId;

use crate::{Address, Process, Shard, World};

/// What goes wrong with a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It has no turn, and its socket is not read.
    Pause,
    /// It handles one entry in this time.
    Slow(Duration),
    /// One of so many of its entries is thrown away.
    Drop(u32),
    /// One of so many of its entries is handled twice, where that can be.
    Duplicate(u32),
    /// Its next turn fails as by a bug.
    Panic,
}

/// What goes wrong with a process, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// Until when, counted from the start of the node.
    pub until: Duration,
}

/// What a fault makes of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes on as ever.
    Usual,
    /// It comes at this moment.
    Later(Duration),
    /// It handles one entry, and the next at this moment.
    OneEntry(Duration),
    /// It fails.
    Fails,
}

/// What a fault makes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handling {
    Once,
    Never,
    Twice,
}

impl Fault {
    pub(crate) fn is_over(&self, now: Duration) -> bool {
        now >= self.until
    }

    pub(crate) fn fate(&self, now: Duration) -> Fate {
        match self.kind {
            FaultKind::Panic => Fate::Fails,
            _ if self.is_over(now) => Fate::Usual,
            FaultKind::Pause => Fate::Later(self.until),
            FaultKind::Slow(time) => Fate::OneEntry(self.until.min(now + time)),
            FaultKind::Drop(_) | FaultKind::Duplicate(_) => Fate::Usual,
        }
    }

    /// What becomes of the entry of that number.
    pub(crate) fn handling(&self, number: u32, now: Duration) -> Handling {
        if self.is_over(now) {
            return Handling::Once;
        }
        match self.kind {
            FaultKind::Drop(one_in) if number.is_multiple_of(one_in) => Handling::Never,
            FaultKind::Duplicate(one_in) if number.is_multiple_of(one_in) => Handling::Twice,
            FaultKind::Pause
            | FaultKind::Slow(_)
            | FaultKind::Drop(_)
            | FaultKind::Duplicate(_)
            | FaultKind::Panic => Handling::Once,
        }
    }
}

/// Something that is to be done later, because a fault says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delayed {
    Turn(u8, u32),
    Read(crate::Token),
}

impl<W: World> Shard<W> {
    /// Has something go wrong with a process until a moment; `None` takes it back. Whether the process
    /// lives.
    pub fn set_fault<P: Process<World = W>>(
        &mut self,
        address: Address<P>,
        fault: Option<Fault>,
    ) -> bool {
        let lanes = P::lanes(&mut self.world);
        let Some(tenant) = lanes.tenant_mut(address.slot, address.generation) else {
            return false;
        };
        tenant.set_fault(fault);
        // It stays so: whoever has tried a fault once can do with a slower broker.
        self.has_faults |= fault.is_some();
        let fails = fault.is_some_and(|fault| fault.kind == FaultKind::Panic);
        if fails && !std::mem::replace(&mut tenant.is_queued, true) {
            self.run_queue.push_back((P::KIND.index, address.slot));
        }
        // What another fault has put off is looked at again.
        self.undelay(Duration::MAX);
        self.wake();
        true
    }

    /// What goes wrong with a process on purpose now.
    #[must_use]
    pub fn fault<P: Process<World = W>>(&mut self, address: Address<P>) -> Option<Fault> {
        let now = self.now;
        let lanes = P::lanes(&mut self.world);
        let special = lanes
            .tenant(address.slot, address.generation)?
            .special
            .as_ref()?;
        special.fault.filter(|fault| !fault.is_over(now))
    }

    /// Until when a process stands still.
    #[must_use]
    #[inline]
    pub fn paused_until<P: Process<World = W>>(&mut self, address: Address<P>) -> Option<Duration> {
        if !self.has_faults {
            return None;
        }
        self.fault(address)
            .filter(|fault| fault.kind == FaultKind::Pause)
            .map(|fault| fault.until)
    }

    /// Has a socket read at a later moment.
    pub fn read_later(&mut self, token: crate::Token, at: Duration) {
        let delayed = Delayed::Read(token);
        if !self.delayed.iter().any(|(_, known)| *known == delayed) {
            self.delayed.push((at, delayed));
        }
    }

    /// What a fault makes of the next turn of the process in that place. One that fails does so once.
    #[cold]
    pub(crate) fn fate<P: Process<World = W>>(&mut self, slot: u32) -> Fate {
        let now = self.now;
        let Some(tenant) = P::lanes(&mut self.world).tenant_at(slot) else {
            return Fate::Usual;
        };
        let fault = tenant.special.as_ref().and_then(|special| special.fault);
        let mut fate = fault.map_or(Fate::Usual, |fault| fault.fate(now));
        if let (Fate::OneEntry(next), Some(special)) = (fate, &mut tenant.special) {
            // One that comes when the last is done waits as well.
            if now < special.rests_until {
                fate = Fate::Later(special.rests_until);
            } else {
                special.rests_until = next;
            }
        }
        if fault.is_some_and(|fault| fate == Fate::Fails || fault.is_over(now)) {
            tenant.set_fault(None);
        }
        fate
    }

    /// What a fault makes of the entry that the process is about to handle.
    pub(crate) fn handling<P: Process<World = W>>(&mut self, id: ProcessId) -> Handling {
        let now = self.now;
        let tenant = P::lanes(&mut self.world).tenant(id.slot, id.generation);
        let handling = tenant.and_then(|tenant| {
            let fault = tenant.special.as_ref()?.fault?;
            Some(fault.handling(tenant.popped(), now))
        });
        handling.unwrap_or(Handling::Once)
    }

    pub(crate) fn delay_turn(&mut self, kind: u8, slot: u32, at: Duration) {
        self.delayed.push((at, Delayed::Turn(kind, slot)));
    }

    /// Does what was put off until now.
    pub(crate) fn undelay(&mut self, now: Duration) {
        let (due, later) = self.delayed.drain(..).partition(|(at, _)| *at <= now);
        let due: Vec<(Duration, Delayed)> = due;
        self.delayed = later;
        for (_, delayed) in due {
            match delayed {
                Delayed::Turn(kind, slot) => self.run_queue.push_back((kind, slot)),
                Delayed::Read(token) => self.queue_readable(token),
            }
        }
    }

    /// When the next thing that was put off is due.
    pub(crate) fn next_delayed(&self) -> Option<Duration> {
        self.delayed.iter().map(|(at, _)| *at).min()
    }
}
