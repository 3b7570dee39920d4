//! Readings of all process records: rates and shares are differences between two of them, the last one
//! that somebody made some seconds ago or, if nobody did, one that is made for this purpose.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use castmq_observe::{ProcessId, ProcessRecord};

use super::Inspect;
use super::page::Meter;

/// How old the reading before may be so that rates are those of now.
const AGE_MIN: Duration = Duration::from_millis(400);
const AGE_MAX: Duration = Duration::from_secs(15);
/// How long to wait for a second reading when there is none before.
const WAIT: Duration = Duration::from_millis(500);

/// What those who watch leave behind for one another.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    pub(super) meter: Meter,
    readings: Mutex<Readings>,
}

/// The last two readings, at least [`AGE_MIN`] apart: where the newer one is too new for somebody, the
/// older one is not.
#[derive(Debug, Default)]
struct Readings {
    older: Option<Arc<Reading>>,
    newer: Option<Arc<Reading>>,
}

/// How much all processes had done at a moment, by arbiter and record.
#[derive(Debug, Default)]
struct Reading {
    at: Duration,
    arbiters: Vec<Vec<Done>>,
}

#[derive(Clone, Copy, Debug)]
struct Done {
    id: ProcessId,
    handled: u64,
    busy: Duration,
}

/// What a process did in a while.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lately {
    pub(super) rate_per_second: f64,
    pub(super) busy_share: f64,
}

impl Readings {
    /// The newest reading of use to somebody who makes one now.
    fn before(&self, now: Duration) -> Option<Arc<Reading>> {
        let both = [&self.newer, &self.older].into_iter().flatten();
        let is_of_use =
            |reading: &&Arc<Reading>| (AGE_MIN..=AGE_MAX).contains(&now.saturating_sub(reading.at));
        both.into_iter().find(is_of_use).map(Arc::clone)
    }

    fn put(&mut self, reading: Reading) {
        let newer = self.newer.as_ref();
        if newer.is_none_or(|newer| reading.at.saturating_sub(newer.at) >= AGE_MIN) {
            self.older = self.newer.replace(Arc::new(reading));
        }
    }
}

impl Reading {
    fn find(&self, index: u32, id: ProcessId) -> Option<Done> {
        let arbiter = self.arbiters.get(usize::from(id.arbiter))?;
        let done = arbiter.get(index as usize)?;
        (done.id == id).then_some(*done)
    }

    fn put(&mut self, index: u32, record: &ProcessRecord) {
        let arbiter = usize::from(record.id.arbiter);
        if self.arbiters.len() <= arbiter {
            self.arbiters.resize_with(arbiter + 1, Vec::new);
        }
        let done = Done {
            id: record.id,
            handled: record.handled,
            busy: record.busy,
        };
        // No process is the first tenant of its place by number 0.
        let nobody = ProcessId {
            generation: 0,
            ..record.id
        };
        if let Some(list) = self.arbiters.get_mut(arbiter) {
            let none = Done { id: nobody, ..done };
            list.resize(list.len().max(index as usize + 1), none);
            if let Some(place) = list.get_mut(index as usize) {
                *place = done;
            }
        }
    }

    /// What a process has done since; all of it if it was not there yet.
    fn until(&self, now: Duration, index: u32, record: &ProcessRecord) -> Lately {
        let seconds = now.saturating_sub(self.at).as_secs_f64();
        if seconds <= 0.0 {
            return Lately::default();
        }
        let (handled, busy) = self
            .find(index, record.id)
            .map_or((0, Duration::ZERO), |done| (done.handled, done.busy));
        #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
        let handled = record.handled.saturating_sub(handled) as f64;
        let busy = record.busy.saturating_sub(busy).as_secs_f64();
        Lately {
            rate_per_second: handled / seconds,
            busy_share: (busy / seconds).min(1.0),
        }
    }
}

impl Inspect {
    /// Reads all records, with what each has done since the reading before.
    pub(super) fn read_all(&self, mut visit: impl FnMut(u32, ProcessRecord, Lately)) {
        let before = self.reading_before();
        let now = self.times().uptime();
        let mut reading = Reading {
            at: now,
            arbiters: Vec::new(),
        };
        for records in &self.node().records {
            records.for_each(|index, record| {
                reading.put(index, &record);
                let lately = before.until(now, index, &record);
                visit(index, record, lately);
            });
        }
        self.readings().put(reading);
    }

    /// The last reading if it is of use, else one of a moment ago.
    fn reading_before(&self) -> Arc<Reading> {
        let now = self.times().uptime();
        if let Some(before) = self.readings().before(now) {
            return before;
        }
        let mut reading = Reading {
            at: now,
            arbiters: Vec::new(),
        };
        for records in &self.node().records {
            records.for_each(|index, record| reading.put(index, &record));
        }
        std::thread::sleep(WAIT);
        Arc::new(reading)
    }

    fn readings(&self) -> MutexGuard<'_, Readings> {
        let readings = self.node().watched.readings.lock();
        readings.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Reading {
        Reading {
            at: Duration::from_millis(millis),
            arbiters: Vec::new(),
        }
    }

    #[test]
    fn two_who_look_one_shortly_after_the_other_both_find_a_reading() {
        let mut readings = Readings::default();
        let before = |readings: &Readings, millis| {
            let before = readings.before(Duration::from_millis(millis));
            before.map(|reading| reading.at.as_millis())
        };
        assert_eq!(before(&readings, 0), None);
        readings.put(at(1000));
        readings.put(at(2000));
        assert_eq!(before(&readings, 2100), Some(1000));
        readings.put(at(2100));
        assert_eq!(before(&readings, 3000), Some(2000));
        assert_eq!(before(&readings, 60_000), None);
    }
}
