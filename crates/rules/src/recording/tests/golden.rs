//! The form of what is written down: a recording of this format is kept as a file, and each of its lines is
//! read and written again. States follow the structs, so that a field more, less or with another name
//! changes the form; no other test would notice.

use std::sync::Arc;
use std::time::Duration;

use castmq_mqtt::{Ack, Connect, Packet, PacketId, QoS, ReasonCode, SubscriptionOptions};
use castmq_mqtt::{Disconnect, DisconnectProperties, Version};
use serde_json::{Map, Value, json};

use super::rig::{Rig, honest, settings};
use crate::ClientId;
use crate::ack_order::{AckOrder, Answer, Outcome};
use crate::connect::{ConnectSettings, decide};
use crate::keepalive::KeepAlive;
use crate::protocol::{Agreement, Protocol};
use crate::recording::{Connection, ConnectionInput, Event, Line, Recording, told};
use crate::session::{DownReason, Session};
use crate::testing::{subscription, text};

const GOLDEN: &str = include_str!("golden.jsonl");
const PATH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/src/recording/tests/golden.jsonl"
);

const ADVICE: &str = "recordings that were written before are not read as they were: raise `FORMAT` in \
    crates/rules/src/recording.rs (and the version in docs/recording.md), then write the file anew: \
    CASTMQ_WRITE_GOLDEN=1 cargo test -p castmq-rules --lib golden";

#[test]
fn the_form_changes_with_the_number_of_the_format_only() {
    if std::env::var_os("CASTMQ_WRITE_GOLDEN").is_some() {
        std::fs::write(PATH, story()).unwrap();
        return;
    }
    let recording = Recording::parse(GOLDEN);
    let recording = recording.unwrap_or_else(|error| panic!("{error}\n{ADVICE}"));
    for (line, row) in recording.lines.iter().zip(GOLDEN.lines().skip(1)) {
        let read: Value = serde_json::from_str(row).unwrap();
        let number = line.number;
        assert_eq!(written(line), read, "line {number}: {ADVICE}");
    }
}

#[test]
fn the_file_has_states_and_inputs_of_sessions_and_connections() {
    let count = |key: &str| GOLDEN.matches(&format!(",\"{key}\":")).count();
    assert!(count("session_is") >= 4);
    assert!(count("connection_is") >= 2);
    assert!(count("session") >= 10);
    assert!(count("connection") >= 5);
    assert!(count("actions") >= 5);
}

/// A line as this build writes it.
fn written(line: &Line) -> Value {
    let mut row = Map::new();
    row.insert("at".to_owned(), json!(line.at));
    let mut put = |key: &str, value: Value| row.insert(key.to_owned(), value);
    match &line.event {
        Event::SessionIs(session) => drop(put("session_is", json!(session))),
        Event::ConnectionIs(connection) => drop(put("connection_is", json!(connection))),
        Event::Session {
            input,
            returned,
            actions,
        } => {
            put("session", json!(input));
            put("returned", json!(returned));
            if !actions.is_empty() {
                put("actions", json!(actions));
            }
        }
        Event::Connection { input, returned } => {
            put("connection", json!(input));
            if !returned.is_null() {
                put("returned", returned.clone());
            }
        }
        Event::End(why) => drop(put("end", json!(why))),
    }
    Value::Object(row)
}

/// Something of most that there is.
fn story() -> String {
    let mut rig = Rig::new(settings(), honest);
    live(&mut rig);
    let client_id = ClientId::new(text("reader")).unwrap();
    let kept = Session::new_kept(&client_id, Arc::new(settings()), rig.now);
    rig.session.replace(kept);
    live(&mut rig);
    connection(&rig);
    rig.text()
}

/// A session with messages in each stage, with subscriptions and a will, there and away.
fn live(rig: &mut Rig) {
    rig.connect(10);
    let wanted = subscription("a/#");
    let options = SubscriptionOptions::default();
    let subscribed = rig.session.subscribe(&wanted, options, Some(7)).unwrap();
    rig.session.start_replay(&wanted, subscribed, rig.now);
    let shared = subscription("$share/group/b");
    rig.session.subscribe(&shared, options, None).unwrap();
    rig.own(5);
    rig.deliver(QoS::AtLeastOnce);
    rig.answer();
    rig.deliver(QoS::ExactlyOnce);
    rig.answer();
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtMostOnce] {
        rig.deliver(qos);
    }
    state(rig);
    rig.disconnect(DownReason::Closed);
    rig.deliver(QoS::AtLeastOnce);
    rig.wait(1);
    state(rig);
}

fn state(rig: &Rig) {
    rig.recorder.borrow_mut().session_is(&rig.session, rig.now);
}

/// What is agreed for a connection.
fn accepted() -> Protocol {
    let settings = ConnectSettings::default();
    let mut connect = Connect {
        version: Version::V5,
        client_id: text("reader"),
        ..Connect::default()
    };
    connect.properties.session_expiry = Some(60);
    let plan = decide(&connect, &settings, || {
        ClientId::new(text("reader")).unwrap()
    });
    let agreement = Agreement::new(&plan.unwrap(), &settings);
    let mut protocol = Protocol::new();
    let packet = Packet::Connect(Box::new(connect));
    protocol.handle_packet(packet).unwrap();
    protocol.handle_accepted(agreement);
    protocol
}

fn connection(rig: &Rig) {
    let now = rig.now;
    let mut machines = Connection {
        protocol: accepted(),
        acks: AckOrder::new(Some(10)),
        keep_alive: KeepAlive::awaiting_connect(Duration::from_secs(5), now),
    };
    machines.keep_alive.handle_accepted(60, now);
    let mut recorder = rig.recorder.borrow_mut();
    recorder.connection_is(&machines, now);
    let id = |id| PacketId::new(id).unwrap();
    let sequence = machines.acks.register(Answer::PubRec(id(2)), 3).unwrap();
    let ack = Packet::PubAck(Ack {
        packet_id: id(1),
        reason: ReasonCode::Success,
        properties: None,
    });
    let bye = Packet::Disconnect(Box::new(Disconnect {
        reason: ReasonCode::Success,
        properties: DisconnectProperties::default(),
    }));
    for input in [
        ConnectionInput::Heard,
        ConnectionInput::Packet(Box::new(ack)),
        ConnectionInput::Register(Answer::PubAck(id(3)), 4),
        ConnectionInput::Expect(sequence, 2),
        ConnectionInput::Answer(sequence, Outcome::Accepted),
        ConnectionInput::Paused,
    ] {
        let returned = machines.apply(input.clone(), now);
        recorder.connection(input, &returned, now);
    }
    recorder.connection_is(&machines, now);
    let returned = told(&machines.protocol.handle_packet(bye.clone()));
    let input = ConnectionInput::Packet(Box::new(bye));
    recorder.connection(input, &returned, now);
}
