//! What happened to a client and on a topic lately.

use castmq_mqtt::QoS;
use castmq_rules::WallTime;

use super::gather::Gathered;
use super::{ExplainHistory, time};
use crate::inspect::Inspect;
use crate::ledger::sentence;
use crate::shown::shown;

/// Entries that are told.
const TOLD: usize = 20;

/// The newest first.
pub(super) fn of(inspect: &Inspect, gathered: &Gathered) -> Vec<ExplainHistory> {
    let mut all: Vec<(WallTime, String, Option<u64>)> = Vec::new();
    let times = inspect.times();
    for (place, entry) in &gathered.happened {
        all.push((times.at(place.at), entry.what.text(), None));
    }
    for filed in &gathered.losses {
        let text = sentence(&filed.loss, &inspect.node().settings);
        let topic = filed.loss.topic.as_deref().map(shown).unwrap_or_default();
        let text = format!("{} ('{topic}'): {text}", filed.loss.reason);
        all.push((filed.at, text, filed.loss.message.map(|message| message.0)));
    }
    for (recent, times) in &gathered.recent {
        let text = match (recent.qos, recent.is_refused) {
            (QoS::AtMostOnce, _) => "sent with QoS 0".to_owned(),
            (qos, false) => format!("sent with QoS {} and acknowledged", qos.number()),
            (qos, true) => format!("sent with QoS {} and refused by the client", qos.number()),
        };
        all.push((times.at(recent.done), text, Some(recent.message.0)));
    }
    all.sort_by_key(|(at, _, _)| std::cmp::Reverse(*at));
    all.truncate(TOLD);
    let told = all.into_iter().map(|(at, text, message)| ExplainHistory {
        at: time(at),
        text,
        message,
    });
    told.collect()
}
