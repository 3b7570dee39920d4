//! A round, or many, in numbers.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::Duration;

use crate::finding::{Finding, Kind, count};
use crate::history::{History, Role};

/// How much was going on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// SIGKILLs.
    pub kills: usize,
    /// Messages of the load that were written.
    pub published: usize,
    /// Of these acknowledged with PUBACK or PUBREC before the last restart.
    pub acknowledged: usize,
    /// Of these missing at one subscriber or more.
    pub lost: usize,
    /// Messages handed to subscribers.
    pub delivered: usize,
    /// Of these such that had come before.
    pub repeated: usize,
    /// Findings by kind.
    pub findings: BTreeMap<Kind, usize>,
    /// The longest time from a start until clients could connect.
    pub slowest_start: Duration,
    /// From beginning to end.
    pub took: Duration,
}

impl Summary {
    /// Counts what is in a history and was found in it.
    pub fn count(&mut self, history: &History, findings: &[Finding]) {
        let load = history.sent.iter().filter(|sent| sent.role == Role::Load);
        self.published = load.clone().count();
        self.acknowledged = load
            .filter(|sent| sent.accepted.is_some_and(|moment| moment < history.restart))
            .count();
        let lost = findings.iter().filter(|finding| finding.kind == Kind::Lost);
        self.lost = lost
            .filter_map(|finding| finding.message)
            .collect::<HashSet<_>>()
            .len();
        for receiver in &history.receivers {
            let mut seen = HashSet::new();
            self.delivered += receiver.deliveries.len();
            let deliveries = receiver.deliveries.iter();
            self.repeated += deliveries
                .filter(|delivery| !seen.insert((delivery.incarnation, delivery.id)))
                .count();
        }
        self.findings = count(findings);
    }

    /// Adds the numbers of another round.
    pub fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.published += other.published;
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.delivered += other.delivered;
        self.repeated += other.repeated;
        for (kind, count) in &other.findings {
            *self.findings.entry(*kind).or_default() += count;
        }
        self.slowest_start = self.slowest_start.max(other.slowest_start);
        self.took += other.took;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} s, {} kills, {} published, {} of them acknowledged before the last restart, \
             {} of these lost; {} delivered, {} of them repeated; ready within {} ms",
            self.took.as_secs_f64(),
            self.kills,
            self.published,
            self.acknowledged,
            self.lost,
            self.delivered,
            self.repeated,
            self.slowest_start.as_millis(),
        )?;
        for (kind, count) in &self.findings {
            write!(f, "; {}: {count}", kind.name())?;
        }
        Ok(())
    }
}
