//! What was recorded of a client is played, judged, and made a test of.

use std::sync::Arc;
use std::time::Duration;

use castmq_broker::mqtt::{PacketId, QoS, Text, TopicName, Version};
use castmq_broker::rules::claim::Epoch;
use castmq_broker::rules::recording::{Ended, FORMAT, Header, Limits, Recorder};
use castmq_broker::rules::session::{DownReason, Expiry, Input, Link, Session, SessionSettings};
use castmq_broker::rules::{ClientId, Delivery, Message, MessageId, Moment, SubscriptionIds};

use crate::{Folder, output, stderr};

/// A client that is sent two messages, acknowledges one, goes, and comes back for the other.
fn recorded() -> String {
    let client_id = ClientId::new(Text::try_from("c\u{1b}1").unwrap()).unwrap();
    let at = Moment::from_start(Duration::from_secs(10));
    let settings = Arc::new(SessionSettings::default());
    let mut session = Session::new(&client_id, settings, at);
    let header = Header {
        castmq_recording: FORMAT,
        version: "0.1.0".to_owned(),
        client_id,
        started_at: "2026-11-25T12:00:00.000Z".to_owned(),
        has_payloads: false,
    };
    let limits = Limits {
        inputs: 100,
        bytes: 1_000_000,
        time: Duration::from_hours(1),
    };
    let mut recorder = Recorder::new(header, limits, at);
    recorder.session_is(&session, at);
    let inputs = [
        Input::Connected(Box::new(link(1))),
        Input::Delivery(delivery(1)),
        Input::Delivery(delivery(2)),
        Input::Puback(PacketId::MIN),
        Input::Room(true),
        Input::Disconnected(DownReason::Closed),
        Input::Connected(Box::new(link(2))),
    ];
    for input in inputs {
        recorder.session_input(input.clone(), at);
        let returned = session.apply(input, at);
        recorder.session_answered(returned, session.pending_actions());
        while session.poll_action().is_some() {}
    }
    recorder.end(Ended::Stopped);
    String::from_utf8(recorder.file()).unwrap()
}

fn link(epoch: u64) -> Link {
    Link {
        epoch: Epoch(epoch),
        version: Version::V5,
        receive_maximum: 10,
        expiry: Expiry::Never,
        will: None,
        user_name: None,
        is_privileged: false,
        address: None,
        claims: Vec::new(),
    }
}

fn delivery(id: u64) -> Delivery {
    let message = Message {
        id: MessageId(id),
        topic: TopicName::new(Text::try_from("a/b").unwrap()).unwrap(),
        payload: b"hello".as_slice().into(),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: None,
        from: None,
        received: Moment::default(),
        expires: None,
        version: None,
    };
    Delivery {
        message: Arc::new(message),
        qos: QoS::AtLeastOnce,
        retain: false,
        subscription_ids: SubscriptionIds::default(),
        group: None,
    }
}

/// Exit code, what was written, and what was said.
fn replay(name: &str, text: &str, more: &[&str]) -> (i32, String, String) {
    let folder = Folder::new(name);
    let file = folder.file("recording.jsonl", text);
    let output = output(&[&["replay", &file], more].concat());
    let said = stderr(&output);
    let written = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), written, said)
}

#[test]
fn a_recording_of_this_build_is_played_as_it_was() {
    let (code, written, _) = replay("replay-same", &recorded(), &[]);
    assert_eq!(code, 0, "{written}");
    assert_eq!(
        written,
        "client c\\u{1b}1, recorded 2026-11-25T12:00:00.000Z by castmq 0.1.0: 8 steps\n\
         as on the broker in all steps, and no rule is broken\n"
    );
}

#[test]
fn a_step_shows_what_happened_and_what_it_changed() {
    let (code, written, _) = replay("replay-step", &recorded(), &["--step", "5"]);
    assert_eq!(code, 0);
    assert!(
        written.starts_with("step 5 of 8, line 6, +0.000000 s\n  session: PUBACK 1\n"),
        "{written}"
    );
    assert!(written.contains("    = {\"acked\":1}\n"), "{written}");
    assert!(
        written.contains("    | session.window.used: 2 -> 1\n"),
        "{written}"
    );
}

#[test]
fn every_step_is_a_line_of_json_for_programs() {
    let (code, written, _) = replay("replay-json", &recorded(), &["--json"]);
    assert_eq!(code, 0);
    assert_eq!(written.lines().count(), 8);
    let last = written.lines().last().unwrap();
    assert!(
        last.contains(
            "\"actions\":[\"PUBLISH 2 DUP: message 2 on a/b (5 bytes, QoS 1) as QoS 1\"]"
        ),
        "{last}"
    );
}

#[test]
fn a_broker_that_broke_a_rule_is_found_by_its_recording() {
    let faulty = recorded().replace("\"dup\":true", "\"dup\":false");
    let (code, written, _) = replay("replay-faulty", &faulty, &[]);
    assert_eq!(code, 1);
    assert!(
        written.contains("step 8: the recorded broker broke rule dup: PUBLISH 2,"),
        "{written}"
    );
    assert!(
        written.contains("step 8: differs: action 1: this build has \"PUBLISH 2 DUP:"),
        "{written}"
    );
}

#[test]
fn a_test_of_a_faulty_recording_asserts_what_this_build_does() {
    let faulty = recorded().replace("\"dup\":true", "\"dup\":false");
    let (code, written, said) = replay("replay-test", &faulty, &["--as-test"]);
    assert_eq!(code, 0);
    assert!(
        written.contains("#[test]\nfn recorded_c_1_as_it_should() {\n"),
        "{written}"
    );
    assert!(
        written.contains("    // 6 of 7 inputs.\n"),
        "what did nothing is left out: {written}"
    );
    assert!(
        written
            .contains(", &[\"PUBLISH 2 DUP: message 2 on a/b (5 bytes, QoS 1) as QoS 1\"]);\n}\n"),
        "{written}"
    );
    assert!(
        said.contains("cargo test -p castmq-rules --test recorded_c_1_as_it_should"),
        "{said}"
    );
    assert!(!written.contains('\u{1b}'));
}

#[test]
fn a_test_is_written_also_where_nothing_is_wrong() {
    let (code, written, said) = replay(
        "replay-guard",
        &recorded(),
        &["--as-test", "--name", "guard"],
    );
    assert_eq!(code, 0);
    assert!(written.contains("fn recorded_guard() {"), "{written}");
    assert!(
        said.contains("this build does what the broker did, and breaks no rule"),
        "{said}"
    );
}

#[test]
fn a_file_that_cannot_be_played_is_refused_with_the_place() {
    let whole = recorded();
    let cut = whole.lines().take(4).collect::<Vec<_>>().join("\n");
    let (code, _, said) = replay("replay-cut", &cut, &[]);
    assert_eq!(code, 2);
    assert!(
        said.contains("recording.jsonl: cut off after line 4:"),
        "{said}"
    );
    let (code, _, said) = replay("replay-garbage", "listener = []\n", &[]);
    assert_eq!(code, 2);
    assert!(
        said.contains("recording.jsonl: line 1: this is no recording of castmq"),
        "{said}"
    );
    let (code, _, said) = replay("replay-far", &whole, &["--step", "9"]);
    assert_eq!(code, 2);
    assert!(
        said.contains("has 8 steps; --step takes one from 1 to 8"),
        "{said}"
    );
}
