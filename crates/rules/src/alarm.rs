//! Alarms: what an operator has to know now, and what lately.
//!
//! An alarm is set once and cleared once, however often its cause is seen again. A [`Watermark`]
//! makes one of a figure that wavers.

// emqttd: emqttd_alarm

use std::collections::{BTreeMap, VecDeque};

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
        }
        Some(past)
    }

    /// The alarms that are set, by id.
    pub fn active(&self) -> impl Iterator<Item = &Alarm> {
        self.active.values()
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
