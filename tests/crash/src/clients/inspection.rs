//! What is looked at from outside right after the last restart.

use std::net::SocketAddr;
use std::time::Duration;

use castmq_load::clock;
use castmq_load::connection::{Connection, Ended, PATIENCE};
use castmq_load::wire::{Connect, DISCONNECT, Packet, Publish, Step, Version};

use crate::history::{MessageId, Retained, Role, Sent};
use crate::payload::{self, Place};
use crate::stage::Stage;

/// The publisher of all probes.
pub(crate) const PROBES: u16 = 1000;
/// How long a retained message may come that must not, once those are here that must.
const LAST_LOOK: Duration = Duration::from_millis(100);

fn connect(address: SocketAddr, client_id: &str) -> Result<Connection, Ended> {
    let connect = Connect {
        version: Version::V50,
        client_id,
        is_clean: true,
        expiry_seconds: 0,
        will: None,
    };
    Connection::connect(address, &connect)
}

/// Publishes once to every topic, the last message there.
pub(crate) fn probe(
    address: SocketAddr,
    stage: &Stage,
    topics: &[String],
) -> Result<Vec<Sent>, Ended> {
    let mut connection = connect(address, "probes")?;
    let mut sent = Vec::new();
    for (sequence, topic) in (0..).zip(topics) {
        let id = MessageId {
            publisher: PROBES,
            sequence,
        };
        let before = stage.moment();
        connection.publish(&Publish {
            dup: false,
            qos: 1,
            retain: false,
            topic,
            id: 1,
            payload: &payload::encode(id, Place::Last),
        })?;
        match connection.receive(PATIENCE)? {
            Some(Packet::Step {
                step: Step::PubAck,
                id: 1,
                reason: 0 | 0x10,
            }) => {}
            Some(other) => return Err(Ended::Garbage(format!("{other:?} instead of PUBACK"))),
            None => return Err(Ended::Silent("PUBACK")),
        }
        let answered = stage.moment();
        sent.push(Sent {
            id,
            role: Role::Probe,
            topic: topic.clone(),
            qos: 1,
            sent: before,
            accepted: Some(answered),
            completed: Some(answered),
        });
    }
    connection.write(DISCONNECT)?;
    Ok(sent)
}

/// Subscribes to all retained messages and notes what comes.
pub(crate) fn retained(
    address: SocketAddr,
    stage: &Stage,
    topics: &mut [Retained],
) -> Result<(), Ended> {
    let mut connection = connect(address, "retained")?;
    connection.subscribe("retained/#", 1, |connection, packet| {
        note(connection, packet, topics)
    })?;
    let deadline = clock::now() + stage.patience;
    while clock::until(deadline) > Duration::ZERO && topics.iter().any(is_missing) {
        if let Some(packet) = connection.receive(clock::until(deadline))? {
            note(&mut connection, packet, topics)?;
        }
    }
    while let Some(packet) = connection.receive(LAST_LOOK)? {
        note(&mut connection, packet, topics)?;
    }
    connection.write(DISCONNECT)
}

/// Whether something must be there that has not come yet.
fn is_missing(topic: &Retained) -> bool {
    let accepted = topic.writes.iter().rposition(|write| write.is_accepted);
    let possible = topic.writes.iter().skip(accepted.unwrap_or(0));
    accepted.is_some()
        && topic.found.is_none()
        && possible.clone().all(|write| write.value.is_some())
}

fn note(connection: &mut Connection, packet: Packet, topics: &mut [Retained]) -> Result<(), Ended> {
    let Packet::Publish {
        qos: 1,
        retain: true,
        topic,
        id,
        payload,
        ..
    } = packet
    else {
        return Err(Ended::Garbage(format!(
            "{packet:?} instead of a retained message"
        )));
    };
    let Some((value, _)) = payload::decode(&payload) else {
        return Err(Ended::Garbage(format!("a damaged message on {topic}")));
    };
    let Some(known) = topics.iter_mut().find(|known| known.topic == topic) else {
        return Err(Ended::Garbage(format!("a retained message on {topic}")));
    };
    known.found = Some(value);
    connection.step(Step::PubAck, id)
}
