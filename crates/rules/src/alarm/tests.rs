use std::time::Duration;

use super::{Alarm, Alarms, Crossing, Severity, Watermark};
use crate::WallTime;

fn at(seconds: u64) -> WallTime {
    WallTime::from_epoch(Duration::from_secs(seconds))
}

fn alarm(id: &str, seconds: u64) -> Alarm {
    Alarm {
        id: id.to_owned(),
        severity: Severity::Warning,
        title: String::from("queue above its high watermark"),
        summary: String::from("61 messages wait"),
        since: at(seconds),
    }
}

#[test]
fn an_alarm_that_is_set_stays_as_it_was_when_its_cause_is_seen_again() {
    let mut alarms = Alarms::new(10);

    assert!(alarms.set(alarm("queue.c1", 1)));
    assert!(!alarms.set(alarm("queue.c1", 2)));
    assert!(alarms.set(alarm("queue.c2", 3)));
    let since: Vec<_> = alarms.active().map(|alarm| alarm.since).collect();
    assert_eq!(since, [at(1), at(3)]);
}

#[test]
fn a_cleared_alarm_is_remembered_with_its_end() {
    let mut alarms = Alarms::new(10);
    alarms.set(alarm("queue.c1", 1));

    assert!(alarms.clear("queue.c1", at(5)).is_some());
    assert!(alarms.clear("queue.c1", at(6)).is_none());
    assert_eq!(alarms.active().count(), 0);
    let past: Vec<_> = alarms
        .past()
        .map(|past| (past.alarm.since, past.cleared))
        .collect();
    assert_eq!(past, [(at(1), at(5))]);
}

#[test]
fn only_the_latest_past_alarms_are_remembered() {
    let mut alarms = Alarms::new(2);
    for about in ["a", "b", "c"] {
        alarms.set(alarm(about, 1));
        alarms.clear(about, at(2));
    }

    let past: Vec<_> = alarms.past().map(|past| past.alarm.id.as_str()).collect();
    assert_eq!(past, ["b", "c"]);
}

#[test]
fn a_wavering_figure_raises_one_alarm_until_it_is_well_below() {
    let mut mark = Watermark::new(20, 60);
    let seen = [60, 61, 70, 60, 61, 20, 19, 30, 61].map(|figure| mark.observe(figure));

    let rose = Some(Crossing::Rose);
    let fell = Some(Crossing::Fell);
    assert_eq!(seen, [None, rose, None, None, None, None, fell, None, rose]);
    assert!(mark.is_above());
}
