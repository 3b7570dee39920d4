//! Retained messages: not older than the last acknowledged one, and nothing that was never written.

use crate::finding::{Finding, Kind};
use crate::history::Retained;

/// Topics on which something else was found than what may be there.
pub(super) fn check(topics: &[Retained]) -> Vec<Finding> {
    topics.iter().filter_map(judge).collect()
}

fn judge(topic: &Retained) -> Option<Finding> {
    let accepted = topic.writes.iter().rposition(|write| write.is_accepted);
    // Without an acknowledged write there may be nothing; what was sent behind it may be there.
    let is_untouched = accepted.is_none() && topic.found.is_none();
    let is_current = topic
        .writes
        .iter()
        .skip(accepted.unwrap_or(0))
        .any(|write| write.value == topic.found);
    if is_untouched || is_current {
        return None;
    }
    let is_old = topic.writes.iter().any(|write| write.value == topic.found);
    let last = accepted.and_then(|index| topic.writes.get(index));
    Some(Finding {
        kind: if is_old || topic.found.is_none() {
            Kind::RetainedStale
        } else {
            Kind::NeverSent
        },
        client: "retained".to_owned(),
        topic: topic.topic.clone(),
        message: topic.found,
        detail: match last.map(|write| write.value) {
            Some(Some(value)) => format!("the last acknowledged one is {}", value.sequence),
            Some(None) => "it was deleted".to_owned(),
            None => "none was acknowledged".to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{MessageId, Write};

    fn id(sequence: u32) -> MessageId {
        MessageId {
            publisher: 1,
            sequence,
        }
    }

    fn set(sequence: u32, is_accepted: bool) -> Write {
        Write {
            value: Some(id(sequence)),
            is_accepted,
        }
    }

    fn delete(is_accepted: bool) -> Write {
        Write {
            value: None,
            is_accepted,
        }
    }

    fn found(writes: &[Write], found: Option<u32>) -> Vec<String> {
        let topic = Retained {
            topic: "r".to_owned(),
            writes: writes.to_vec(),
            found: found.map(id),
        };
        check(&[topic]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_last_acknowledged_value_is_right() {
        assert_eq!(found(&[set(1, true), set(2, true)], Some(2)), [""; 0]);
    }

    #[test]
    fn a_value_that_was_replaced_before_the_kill_is_stale() {
        assert_eq!(
            found(&[set(1, true), set(2, true)], Some(1)),
            [
                "retained message stale: client retained, topic r, publisher 1, sequence 1: \
              the last acknowledged one is 2"
            ]
        );
    }

    #[test]
    fn a_value_that_is_gone_is_stale() {
        assert_eq!(
            found(&[set(1, true)], None),
            ["retained message stale: client retained, topic r: \
              the last acknowledged one is 1"]
        );
    }

    #[test]
    fn what_was_sent_behind_the_last_acknowledged_value_may_be_there() {
        let writes = [set(1, true), set(2, false), delete(false)];
        assert_eq!(found(&writes, Some(1)), [""; 0]);
        assert_eq!(found(&writes, Some(2)), [""; 0]);
        assert_eq!(found(&writes, None), [""; 0]);
    }

    #[test]
    fn a_deleted_value_must_not_come_back() {
        assert_eq!(
            found(&[set(1, true), delete(true)], Some(1)),
            [
                "retained message stale: client retained, topic r, publisher 1, sequence 1: \
              it was deleted"
            ]
        );
    }

    #[test]
    fn a_value_that_nobody_wrote_is_found() {
        assert_eq!(
            found(&[set(1, true)], Some(7)),
            [
                "never sent: client retained, topic r, publisher 1, sequence 7: \
              the last acknowledged one is 1"
            ]
        );
    }

    #[test]
    fn without_an_acknowledged_write_nothing_need_be_there() {
        assert_eq!(found(&[set(1, false)], None), [""; 0]);
        assert_eq!(found(&[set(1, false)], Some(1)), [""; 0]);
    }
}
