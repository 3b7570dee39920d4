//! How CastMQ stands in a row: against the reference, the goal, and the best of the others.

use super::evidence::Evidence;
use crate::broker::{OURS, OURS_ON_DISK};
use crate::scenario::{Goal, REFERENCE, ROWS, Row};
use crate::statistics::{Spread, differences, ratios};

/// How CastMQ stands in a row.
#[derive(Clone, Debug)]
pub(super) struct Standing<'a> {
    pub(super) row: &'static Row,
    /// Our number.
    pub(super) ours: Option<Spread>,
    /// The reference's.
    pub(super) reference: Option<Spread>,
    /// Ours to the reference's of the same round.
    pub(super) ratio: Option<Spread>,
    /// Ours less that of the one with its store in memory, of the same round.
    pub(super) added: Option<Spread>,
    /// The least of the others that kept their promise.
    pub(super) best: Option<Best<'a>>,
    /// Whether we did what the QoS says.
    pub(super) is_sound: bool,
}

/// The best of the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best<'a> {
    pub(super) name: &'a str,
    pub(super) value: Spread,
    /// Ours to its of the same round.
    pub(super) ours_to_it: Option<Spread>,
}

/// What became of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Met,
    Missed,
    /// We broke the promise: our number does not count.
    Void,
    /// There is nothing to compare with.
    Unknown,
}

impl<'a> Standing<'a> {
    /// In that row; `None` when nobody was measured there.
    pub(super) fn of(row: &'static Row, evidence: &Evidence<'a>) -> Option<Self> {
        let spread = |broker: &str| spread(&evidence.values(row, broker));
        let (ours, reference) = (spread(row.ours()), spread(REFERENCE));
        let best = best(row, evidence);
        if ours.is_none() && reference.is_none() && best.is_none() {
            return None;
        }
        let ratio = ratios(
            &evidence.values(row, row.ours()),
            &evidence.values(row, REFERENCE),
        );
        let added = differences(
            &evidence.values(row, row.ours()),
            &evidence.values(row, OURS),
        );
        Some(Self {
            row,
            ours,
            reference,
            ratio,
            added,
            best,
            is_sound: evidence.keeps(row.scenario, row.ours()),
        })
    }

    /// In all rows in which somebody was measured.
    pub(super) fn all(evidence: &Evidence<'a>) -> Vec<Self> {
        let rows = ROWS.iter();
        rows.filter_map(|row| Self::of(row, evidence)).collect()
    }

    pub(super) fn verdict(&self) -> Verdict {
        let seen = match self.row.goal {
            Goal::Ratio(most) => self.ratio.map(|ratio| ratio.median <= most),
            Goal::Bytes(most) => self.ours.map(|ours| ours.median <= most),
            Goal::Added(most) => self.added.map(|added| added.median <= most),
            Goal::BestPeer => self.to_best().map(|ratio| ratio.median <= 1.0),
        };
        match seen {
            None => Verdict::Unknown,
            Some(_) if !self.is_sound => Verdict::Void,
            Some(true) => Verdict::Met,
            Some(false) => Verdict::Missed,
        }
    }

    /// Ours to the best one's of the same round.
    pub(super) fn to_best(&self) -> Option<Spread> {
        self.best?.ours_to_it
    }

    /// Whether another broker has the least.
    pub(super) fn is_lost(&self) -> bool {
        let is_beaten = self.to_best().is_some_and(|ratio| ratio.median > 1.0);
        is_beaten || !self.is_sound || self.ours.is_none()
    }
}

fn best<'a>(row: &Row, evidence: &Evidence<'a>) -> Option<Best<'a>> {
    let ours = evidence.values(row, row.ours());
    let peers = evidence.brokers.iter().filter(|broker| {
        let is_ours = broker.name == OURS || broker.name == OURS_ON_DISK;
        !is_ours && evidence.keeps(row.scenario, &broker.name)
    });
    let candidates = peers.filter_map(|peer| {
        let values = evidence.values(row, &peer.name);
        Some(Best {
            name: &peer.name,
            value: spread(&values)?,
            ours_to_it: ratios(&ours, &values),
        })
    });
    candidates.min_by(|one, other| one.value.median.total_cmp(&other.value.median))
}

fn spread(values: &[(u32, f64)]) -> Option<Spread> {
    Spread::of(values.iter().map(|(_, value)| *value))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{journal, losing, run};
    use super::*;
    use crate::journal::Line;

    const SCENARIO: &str = "p2p-q1-256";

    fn check(lines: &[Line], test: impl FnOnce(&Standing<'_>)) {
        let row = ROWS.iter().find(|row| row.scenario == SCENARIO).unwrap();
        test(&Standing::of(row, &Evidence::of(lines)).unwrap());
    }

    #[test]
    fn the_ratio_is_taken_round_by_round() {
        let lines = journal([
            run(SCENARIO, "castmq", 1, 1.0),
            run(SCENARIO, "mosquitto", 1, 50.0),
            run(SCENARIO, "castmq", 2, 2.0),
            run(SCENARIO, "mosquitto", 2, 100.0),
        ]);
        check(&lines, |standing| {
            assert!((standing.ratio.unwrap().most - 0.02).abs() < 1e-9);
            assert_eq!(standing.verdict(), Verdict::Met);
        });
    }

    #[test]
    fn a_goal_is_missed_by_being_above_it() {
        let lines = journal([
            run(SCENARIO, "castmq", 1, 1.0),
            run(SCENARIO, "mosquitto", 1, 20.0),
        ]);
        check(&lines, |standing| {
            assert_eq!(standing.verdict(), Verdict::Missed);
            assert!(!standing.is_lost());
        });
    }

    #[test]
    fn the_best_peer_is_the_cheapest_of_the_others() {
        let lines = journal([
            run(SCENARIO, "castmq", 1, 3.0),
            run(SCENARIO, "mosquitto", 1, 20.0),
            run(SCENARIO, "rumqttd", 1, 2.0),
        ]);
        check(&lines, |standing| {
            assert_eq!(standing.best.unwrap().name, "rumqttd");
            assert!((standing.to_best().unwrap().median - 1.5).abs() < 1e-9);
            assert!(standing.is_lost());
        });
    }

    #[test]
    fn a_broker_that_loses_what_it_must_not_is_never_the_best() {
        let lines = journal([
            run(SCENARIO, "castmq", 1, 3.0),
            run(SCENARIO, "mosquitto", 1, 20.0),
            losing(run(SCENARIO, "rumqttd", 1, 2.0), 1),
            run(SCENARIO, "rumqttd", 2, 2.0),
        ]);
        check(&lines, |standing| {
            assert_eq!(standing.best.unwrap().name, "mosquitto");
            assert!(!standing.is_lost());
        });
    }

    #[test]
    fn our_own_number_is_void_when_we_lose_what_we_must_not() {
        let lines = journal([
            losing(run(SCENARIO, "castmq", 1, 0.1), 1),
            run(SCENARIO, "mosquitto", 1, 20.0),
        ]);
        check(&lines, |standing| {
            assert_eq!(standing.verdict(), Verdict::Void);
            assert!(standing.is_lost());
        });
    }

    #[test]
    fn what_files_cost_is_the_difference_to_the_store_in_memory() {
        let row = ROWS.iter().find(|row| row.scenario == "durable-16");
        let lines = journal([
            run("durable-16", "castmq", 1, 2.0),
            run("durable-16", "castmq-disk", 1, 10.0),
            run("durable-16", "mosquitto", 1, 20.0),
        ]);
        let standing = Standing::of(row.unwrap(), &Evidence::of(&lines)).unwrap();
        assert!((standing.added.unwrap().median - 8.0).abs() < 1e-9);
        assert_eq!(standing.verdict(), Verdict::Met);
        assert_eq!(standing.best.unwrap().name, "mosquitto");
    }

    #[test]
    fn without_the_reference_nothing_is_claimed() {
        let lines = journal([run(SCENARIO, "castmq", 1, 1.0)]);
        check(&lines, |standing| {
            assert_eq!(standing.verdict(), Verdict::Unknown);
        });
    }
}
