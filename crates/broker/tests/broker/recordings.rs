//! What happens to a client is recorded, and played again without the broker.

use castmq_broker::Broker;
use castmq_broker::recordings::{RecordingError, RecordingWanted};
use castmq_broker::rules::recording::{Event, Recording, Replay};
use castmq_conformance::client::Client;
use castmq_conformance::{connect, v3, v5};

use crate::scene::{broker, client, eventually, kept};

fn wanted(client: &str) -> RecordingWanted {
    RecordingWanted {
        client: client.to_owned(),
        payloads: false,
        inputs: None,
        seconds: None,
    }
}

fn text_of(broker: &Broker, id: u64) -> String {
    String::from_utf8(broker.recording_file(id).unwrap()).unwrap()
}

/// Everything of a recording that this build finds worth knowing; it is the build that was recorded.
#[track_caller]
fn findings(text: &str) -> Vec<String> {
    let recording = Recording::parse(text).unwrap();
    let mut replay = Replay::new(&recording);
    let mut found = Vec::new();
    while let Some(step) = replay.step() {
        let told = step.findings.iter();
        found.extend(told.map(|finding| format!("step {}: {finding:?}", step.number)));
    }
    found
}

fn names(text: &str) -> Vec<&'static str> {
    let recording = Recording::parse(text).unwrap();
    let inputs = recording.lines.iter().filter_map(|line| {
        if let Event::Session { input, .. } = &line.event {
            Some(input.name())
        } else {
            None
        }
    });
    inputs.collect()
}

#[test]
fn what_happens_to_a_client_is_played_again_as_it_was() {
    let broker = broker(|settings| settings.session.max_inflight = 2);
    let mut writer = client(&broker, "writer");
    let (mut reader, _) = kept(&broker, "reader");
    let recording = broker.record(&wanted("reader")).unwrap();
    reader.subscribe("a/#", 2);
    for name in ["1", "2", "3", "4"] {
        writer.publish(v3::publish("a/b", name).qos(1));
    }
    reader.expect_message(&v3::publish("a/b", "1").qos(1));
    let second = v3::publish("a/b", "2").qos(1);
    reader.expect_publish(&second);
    reader.cut();
    writer.publish(v3::publish("a/c", "5").qos(2));

    let (mut reader, _) = kept(&broker, "reader");
    reader.expect_message(&second.dup());
    reader.expect_message(&v3::publish("a/b", "3").qos(1).dup());
    reader.expect_message(&v3::publish("a/b", "4").qos(1));
    reader.expect_message(&v3::publish("a/c", "5").qos(2));
    reader.publish(v3::publish("x", "own").qos(2));
    reader.disconnect();
    eventually("the client is gone", || {
        text_of(&broker, recording.id).contains("\"disconnected\":{\"disconnect\"")
    });

    let text = text_of(&broker, recording.id);
    assert_eq!(findings(&text), Vec::<String>::new());
    let inputs = names(&text);
    for expected in [
        "connected",
        "delivery",
        "puback",
        "pubrec",
        "pubcomp",
        "publish",
        "pubrel",
    ] {
        assert!(inputs.contains(&expected), "{expected} in {inputs:?}");
    }
}

#[test]
fn a_takeover_and_a_clean_start_are_recorded_under_the_same_client_id() {
    let broker = broker(|_| {});
    let recording = broker.record(&wanted("reader")).unwrap();
    let (mut first, _) = kept(&broker, "reader");
    first.subscribe("a", 1);
    let (_second, is_present) = kept(&broker, "reader");
    assert!(is_present);
    let mut third = client(&broker, "reader");
    third.subscribe("b", 0);

    let text = text_of(&broker, recording.id);
    assert_eq!(findings(&text), Vec::<String>::new());
    let count = |key: &str| text.matches(key).count();
    assert_eq!(count("\"session_is\""), 2);
    assert_eq!(count("\"connection_is\""), 3);
    assert_eq!(count("\"connected\":{\"epoch\""), 3);
}

#[test]
fn a_client_of_5_0_with_a_full_queue_is_played_again_as_it_was() {
    let broker = broker(|settings| settings.mqueue.max_messages = 3);
    let mut writer = client(&broker, "writer");
    let mut reader = Client::open(broker.addresses()[0]);
    let hello = v5::connect("reader")
        .property(v5::property::receive_maximum(1))
        .property(v5::property::session_expiry(100))
        .keep_session()
        .will(connect::will("gone", "reader"));
    reader.connect(&hello);
    let recording = broker.record(&wanted("reader")).unwrap();
    reader.subscribe("a", 1);
    for name in ["1", "2", "3", "4", "5", "6"] {
        writer.publish(v3::publish("a", name).qos(1));
    }
    reader.cut();
    let mut again = Client::open(broker.addresses()[0]);
    again.connect(&hello);
    again.expect_message(&v5::publish("a", "1").qos(1).dup());
    again.expect_message(&v5::publish("a", "4").qos(1));

    eventually("two are dropped", || {
        text_of(&broker, recording.id).matches("queue_full").count() >= 2
    });
    assert_eq!(
        findings(&text_of(&broker, recording.id)),
        Vec::<String>::new()
    );
}

#[test]
fn a_recording_holds_no_secret() {
    let broker = broker(|_| {});
    let recording = broker.record(&wanted("reader")).unwrap();
    let mut reader = Client::open(broker.addresses()[0]);
    let hello = v5::connect("reader")
        .user("paula")
        .password("opensesame")
        .will(connect::will("gone", "lastwords"));
    reader.connect(&hello);
    reader.subscribe("a", 1);
    let publish = v3::publish("a", "hidden").qos(1);
    client(&broker, "writer").publish(publish);
    reader.expect_message(&v5::publish("a", "hidden").qos(1));
    reader.publish(v5::publish("b", "mine").qos(2));
    let text = text_of(&broker, recording.id);
    for secret in ["paula", "opensesame", "lastwords", "hidden", "mine"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!(findings(&text), Vec::<String>::new());
}

#[test]
fn payloads_are_written_down_when_they_are_asked_for() {
    let broker = broker(|_| {});
    let mut reader = client(&broker, "reader");
    let with_payloads = RecordingWanted {
        payloads: true,
        ..wanted("reader")
    };
    let recording = broker.record(&with_payloads).unwrap();
    reader.subscribe("a", 0);
    client(&broker, "writer").publish(v3::publish("a", "shown").qos(1));
    reader.expect_message(&v3::publish("a", "shown"));
    assert!(text_of(&broker, recording.id).contains("\"payload\":\"shown\""));
}

#[test]
fn a_recording_ends_after_as_many_inputs_as_were_asked_for() {
    let broker = broker(|_| {});
    let mut reader = client(&broker, "reader");
    let short = RecordingWanted {
        inputs: Some(3),
        ..wanted("reader")
    };
    let id = broker.record(&short).unwrap().id;
    reader.subscribe("a", 0);
    reader.subscribe("b", 0);
    let view = broker.recording(id).unwrap();
    assert_eq!(view.state, "done");
    assert_eq!(view.ended_because.as_deref(), Some("inputs"));
    assert_eq!(view.inputs_count, 3);
    assert!(text_of(&broker, id).ends_with("\"end\":\"inputs\"}\n"));
}

#[test]
fn a_session_that_fails_ends_its_recording_with_what_it_was_told_last() {
    let broker = broker(|_| {});
    let mut reader = client(&broker, "reader");
    let id = broker.record(&wanted("reader")).unwrap().id;
    reader.subscribe("a", 0);
    broker.crash("session", "reader").unwrap();
    eventually("the recording is over", || {
        broker.recording(id).unwrap().ended_because.as_deref() == Some("panicked")
    });
}

#[test]
fn recordings_are_started_once_stopped_and_removed() {
    let broker = broker(|_| {});
    let id = broker.record(&wanted("reader")).unwrap().id;
    assert_eq!(
        broker.record(&wanted("reader")),
        Err(RecordingError::Running(id))
    );
    assert_eq!(
        broker.stop_recording(id).unwrap().ended_because.as_deref(),
        Some("stopped")
    );
    let other = broker.record(&wanted("reader")).unwrap().id;
    assert_eq!(broker.recordings().len(), 2);
    broker.remove_recording(other).unwrap();
    assert_eq!(broker.recording(other), Err(RecordingError::Unknown(other)));
    let none = RecordingWanted {
        inputs: Some(0),
        ..wanted("reader")
    };
    assert!(matches!(
        broker.record(&none),
        Err(RecordingError::Bound { .. })
    ));
}
