//! Processes, added up by kind and arbiter: what each of them is called is for the lists.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use castmq_broker::Handle;

use super::out::Out;

/// The processes of one kind on one arbiter.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    count: u32,
    entries: u64,
    entries_deepest: u32,
    longest_turn: Duration,
}

pub(super) fn write(out: &mut Out<'_, '_>, handle: &Handle) -> fmt::Result {
    let mut sums: BTreeMap<(&'static str, u16), Sum> = BTreeMap::new();
    for records in &handle.node().records {
        records.for_each(|_, record| {
            let sum = sums.entry((record.kind, record.id.arbiter)).or_default();
            sum.count += 1;
            sum.entries += u64::from(record.depth);
            sum.entries_deepest = sum.entries_deepest.max(record.depth);
            sum.longest_turn = sum.longest_turn.max(record.longest_turn);
        });
    }
    let sums: Vec<(&str, String, Sum)> = sums
        .into_iter()
        .map(|((kind, arbiter), sum)| (kind, arbiter.to_string(), sum))
        .collect();
    let rows = |value: fn(&Sum) -> f64| {
        sums.iter().map(move |(kind, arbiter, sum)| {
            ([("kind", *kind), ("arbiter", arbiter.as_str())], value(sum))
        })
    };
    let count = rows(|sum| f64::from(sum.count));
    out.gauges("processes", "Processes that live", count)?;
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    let entries = rows(|sum| sum.entries as f64);
    out.gauges("process_lane_entries", "Entries in their lanes", entries)?;
    let deepest = rows(|sum| f64::from(sum.entries_deepest));
    let help = "Entries in the deepest of their lanes";
    out.gauges("process_lane_entries_deepest", help, deepest)?;
    let longest = rows(|sum| sum.longest_turn.as_secs_f64());
    let help = "The longest sampled turn of those that live";
    out.gauges("process_longest_turn_seconds", help, longest)
}
