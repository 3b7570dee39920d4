//! Stories that are made shorter, and states that no session can have.

use castmq_mqtt::QoS;

use super::rig::{Rig, found, honest, settings};
use crate::recording::{Event, Finding, Goal, Recording, Replay, Story};
use crate::session::{DownReason, Rule};

/// A state in which a message is in the window twice under one id: whatever brought it about, this build
/// breaks a rule from then on, and few of the inputs are needed for that.
#[test]
fn inputs_that_a_finding_does_not_need_are_left_out() {
    let mut rig = Rig::new(settings(), honest);
    rig.connect(10);
    for _ in 0..20 {
        rig.deliver(QoS::AtLeastOnce);
        rig.room(true);
        rig.answer();
    }
    rig.disconnect(DownReason::Closed);
    rig.connect(10);
    let text = rig.text();
    // A queue that claims to hold nothing although a message waits in it.
    let broken = text.replacen("\"used_max\":2", "\"used_max\":1", 1);
    let recording = Recording::parse(&broken).unwrap();
    let mut replay = Replay::new(&recording);
    let mut first = None;
    while let (None, Some(step)) = (first, replay.step()) {
        first = step.findings.iter().find_map(|finding| {
            if let Finding::Violates(violation) = finding {
                Some((step.number, violation.rule))
            } else {
                None
            }
        });
    }
    assert_eq!(
        first, None,
        "the witness takes what the snapshot says for granted"
    );
    assert!(found(&text).is_empty());

    let story = Story::until(&recording.lines, recording.lines.len() - 1).unwrap();
    let goal = Goal::Breaks {
        rule: Rule::Window,
        routes: false,
    };
    assert_eq!(story.shortened(goal).lines.len(), story.lines.len());
    let fewer = story.shortened(Goal::Same);
    assert!(
        fewer.lines.len() < story.lines.len(),
        "what did nothing is left out"
    );
    let is_room = |line: &&&crate::recording::Line| matches!(&line.event, Event::Session { input, .. } if input.name() == "room");
    assert_eq!(fewer.lines.iter().filter(is_room).count(), 0);
}

/// A build that fails where the recorded one did not says so and goes on with what it can.
#[test]
fn a_state_that_no_session_can_have_is_a_finding_and_no_end() {
    let mut rig = Rig::new(settings(), honest);
    rig.connect(10);
    rig.deliver(QoS::AtLeastOnce);
    rig.answer();
    let text = rig.text().replacen("\"sent\":0", "\"sent\":9", 1);
    assert!(Recording::parse(&text).is_ok());
    // With assertions or without: neither the parser nor the replay ends the program.
    let _ = found(&text);
    let text = rig.text().replacen("\"used\":0", "\"used\":4294967295", 1);
    let _ = found(&text);
}
