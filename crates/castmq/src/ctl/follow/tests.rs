use super::*;
use crate::ctl::draw::testing::published;

#[test]
fn the_broker_is_asked_for_what_was_given_and_nothing_else() {
    let wants = Wants {
        one_in: Some(10),
        ..Wants::client("c1")
    };
    let budget = Budget {
        count: Some(3),
        ..Budget::default()
    };
    let expected = json!({"client": "c1", "one_in": 10, "flows": 3});
    assert_eq!(wants.body(&budget), expected);
}

#[test]
fn the_end_says_why_it_ended_what_was_spent_and_what_it_cost() {
    let trace = json!({
        "id": 4, "state": "done", "ended_because": "flows",
        "budget": {"flows": 10, "events": 10000, "bytes": 1_048_576, "seconds": 60},
        "spent": {"flows": 10, "events": 123, "bytes": 12_288, "seconds": 3.25},
        "cost": {"micros": 523.0, "share": 0.0002},
    });
    assert_eq!(
        ending(&trace),
        "trace 4: its flows are spent; 10 of 10 flows, 123 of 10000 events, 12 KiB of 1 MiB, \
         3.25 s of 1 min; it cost 523 µs, 0.02 % of the time"
    );
}

#[test]
fn the_beginning_says_when_it_will_end() {
    let trace = json!({
        "id": 4,
        "budget": {"flows": 10, "events": 10000, "bytes": 1_048_576, "seconds": 60},
    });
    assert_eq!(
        beginning(&trace),
        "(trace 4 runs: at most 10 flows, 10000 events, 1 MiB, 1 min; Ctrl-C stops it)"
    );
}

#[test]
fn a_flow_is_a_header_its_hops_and_its_drawing() {
    let told = shown(&published(), true, Show::both(), Some(72));
    let expected = "\
flow 3: PUBLISH, client c1, topic a/b, message 77, 94 µs, 2026-11-25T10:00:00.000Z
  actor            entry     depth   wait  service
";
    assert!(told.starts_with(expected), "{told}");
    assert!(told.contains("│────Deliver───▶│"), "{told}");
    assert!(told.ends_with("\n\n"), "{told}");
}

#[test]
fn a_flow_that_is_told_again_says_so() {
    let told = shown(&published(), false, Show::both(), Some(72));
    assert!(
        told.lines()
            .next()
            .unwrap()
            .ends_with("(again: more has come of it)")
    );
}
