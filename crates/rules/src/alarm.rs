//! Alarms: what an operator has to know now, and what lately.
//!
//! An alarm is set once and cleared once, however often its cause is seen again. A [`Watermark`]
//! makes one of a figure that wavers.

// emqttd: emqttd_alarm

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use crate::WallTime;

#[cfg(test)]
mod tests;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A limit is near, or was reached as intended.
    Warning,
    /// Something does not work.
    Error,
    /// The node does not work.
    Critical,
}

/// An alarm that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Which one; names its kind and whom it is about.
    pub id: String,
    /// How bad.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: String,
    /// One line with figures.
    pub summary: String,
    /// Since when.
    pub since: WallTime,
}

/// An alarm that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastAlarm {
    /// What it was.
    pub alarm: Alarm,
    /// Since when it is over.
    pub cleared: WallTime,
}

/// The alarms of a node.
#[derive(Clone, Debug)]
pub struct Alarms {
    active: BTreeMap<String, Alarm>,
    past: VecDeque<PastAlarm>,
    past_max: usize,
    /// How many were forgotten.
    forgotten: u64,
}

/// Two marks on one figure: above the high one it is too much, until it is below the low one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    low: u64,
    high: u64,
    is_above: bool,
}

/// What a figure did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Crossing {
    /// It went above the high mark: time to set the alarm.
    Rose,
    /// It went below the low mark: time to clear it.
    Fell,
}

impl Alarms {
    /// No alarms, and at most so many past ones remembered.
    #[must_use]
    pub fn new(past_max: usize) -> Self {
        Self {
            active: BTreeMap::new(),
            past: VecDeque::new(),
            past_max,
            forgotten: 0,
        }
    }

    /// Sets an alarm; whether it was not set before. One that is set stays as it is.
    pub fn set(&mut self, alarm: Alarm) -> bool {
        if self.active.contains_key(&alarm.id) {
            return false;
        }
        self.active.insert(alarm.id.clone(), alarm);
        true
    }

    /// Clears an alarm and returns it; `None` when it is not set. Whoever sets an alarm clears it when
    /// it ends itself.
    // differs: in emqttd the alarm of a session that ends stays for ever.
    pub fn clear(&mut self, id: &str, now: WallTime) -> Option<PastAlarm> {
        let past = PastAlarm {
            alarm: self.active.remove(id)?,
            cleared: now,
        };
        self.past.push_back(past.clone());
        while self.past.len() > self.past_max {
            self.past.pop_front();
            self.forgotten += 1;
        }
        Some(past)
    }

    /// The alarms that are set, by id.
    pub fn active(&self) -> impl Iterator<Item = &Alarm> {
        self.active.values()
    }

    /// The alarms that are set whose ids come behind this one.
    pub fn active_after(&self, id: Option<&str>) -> impl Iterator<Item = &Alarm> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.active.range::<str, _>((from, Bound::Unbounded));
        range.map(|(_, alarm)| alarm)
    }

    /// The alarms that are over, the latest first, each with its number, from the one before this number
    /// on. Numbers are counted since the start.
    pub fn past_before(&self, number: Option<u64>) -> impl Iterator<Item = (u64, &PastAlarm)> {
        let next = self.forgotten + self.past.len() as u64;
        let from = number.map_or(next, |number| number.min(next));
        let len = usize::try_from(from.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        let numbers = (self.forgotten..from).rev();
        let past = self.past.range(..len.min(self.past.len())).rev();
        numbers.zip(past)
    }

    /// The alarms that are over, the latest last.
    pub fn past(&self) -> impl Iterator<Item = &PastAlarm> {
        self.past.iter()
    }
}

impl Watermark {
    /// A figure that is not too much yet. The low mark is taken as the high one when it lies above.
    #[must_use]
    pub fn new(low: u64, high: u64) -> Self {
        Self {
            low: low.min(high),
            high,
            is_above: false,
        }
    }

    /// Notes the figure; what it did, if it crossed a mark that counts.
    pub fn observe(&mut self, figure: u64) -> Option<Crossing> {
        if !self.is_above && figure > self.high {
            self.is_above = true;
            return Some(Crossing::Rose);
        }
        if self.is_above && figure < self.low {
            self.is_above = false;
            return Some(Crossing::Fell);
        }
        None
    }

    /// Whether it is too much.
    #[must_use]
    pub fn is_above(&self) -> bool {
        self.is_above
    }
}
