//! How long things take, over all arbiters.

use castmq_observe::{Histogram, Timing, Timings};

use super::Inspect;

/// How long things took since the start of the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTimings {
    /// How long sampled entries waited in their lanes.
    pub wait: Histogram,
    /// How long sampled turns took.
    pub turn: Histogram,
    /// How long arbiters waited for what they had handed to the store.
    pub commit: Histogram,
}

impl Inspect {
    /// How long things took on all arbiters together. Asks nobody.
    #[must_use]
    pub fn timings(&self) -> NodeTimings {
        let sum = |of: fn(&Timings) -> &Timing| {
            let arbiters = self.node().records.iter();
            arbiters
                .map(|records| of(&records.timings).read())
                .fold(Histogram::default(), |sum, one| sum.plus(&one))
        };
        NodeTimings {
            wait: sum(|timings| &timings.wait),
            turn: sum(|timings| &timings.turn),
            commit: sum(|timings| &timings.commit),
        }
    }
}
