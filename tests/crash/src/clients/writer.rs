//! A writer of retained messages: one value after another on topics of its own, and deletions.

use std::time::Duration;

use castmq_load::clock;
use castmq_load::connection::{Connection, Ended};
use castmq_load::exchange::{Advance, Outgoing};
use castmq_load::random::Random;
use castmq_load::wire::{Packet, Publish, Step, Version};

use super::Next;
use super::line::{Identity, Line, Start};
use crate::finding::{Finding, Kind};
use crate::history::{MessageId, Retained, Write};
use crate::payload::{self, Place};
use crate::stage::{Act, Stage};

/// Writes under way at a time.
const WINDOW: usize = 4;
/// The longest pause between two writes.
const PAUSE_MILLIS: usize = 12;
/// How long it waits for an acknowledgement before it looks for something else to do.
const LOOK: Duration = Duration::from_millis(1);
/// Of a hundred writes so many delete.
const DELETED_PERCENT: usize = 20;

/// What a writer is like.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) number: u16,
    pub(crate) version: Version,
    pub(crate) topics: Vec<String>,
}

/// A writer at work. It writes nothing after the last restart: what is there then is judged.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    stage: &'a Stage,
    number: u16,
    random: Random,
    line: Line<'a>,
    /// What is under way: topic and place among its writes.
    outgoing: Outgoing<(usize, usize)>,
    topics: Vec<Retained>,
    next: u32,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(plan: &Plan, stage: &'a Stage, random: Random) -> Self {
        let mut identity = Identity::lasting(&format!("writer-{}", plan.number), plan.version);
        identity.expiry_seconds = 0;
        let topics = plan.topics.iter().map(|topic| Retained {
            topic: topic.clone(),
            writes: Vec::new(),
            found: None,
        });
        Self {
            stage,
            number: plan.number,
            random,
            line: Line::new(stage, identity),
            outgoing: Outgoing::default(),
            topics: topics.collect(),
            next: 0,
        }
    }

    /// Writes until the load ends; returns what it wrote.
    pub(crate) fn go(mut self) -> Vec<Retained> {
        self.stage.wait_for(Act::Load);
        while let Some(mut connection) = self.line.connect(Start::Clean) {
            // What was under way at a kill stays in doubt: later writes replace it.
            self.outgoing.clear();
            match self.live(&mut connection) {
                Ok(_) => break,
                Err(ended) => {
                    while let Some(packet) = self.line.last_words(&mut connection) {
                        // Nothing but acknowledgements, which count.
                        let _ = self.handle(&packet);
                    }
                    self.line.ended(&ended);
                }
            }
        }
        self.topics
    }

    fn live(&mut self, connection: &mut Connection) -> Result<Next, Ended> {
        let mut due = clock::now();
        while self.stage.act() == Act::Load {
            self.line.check()?;
            if self.outgoing.len() < WINDOW && clock::now() >= due {
                self.write(connection)?;
                due = clock::now() + self.random.millis(0, PAUSE_MILLIS);
            }
            self.listen(connection, clock::until(due).max(LOOK))?;
        }
        Ok(Next::Finish)
    }

    fn write(&mut self, connection: &mut Connection) -> Result<(), Ended> {
        let topic_index = self.random.below(self.topics.len());
        let Some(topic) = self.topics.get_mut(topic_index) else {
            return Ok(());
        };
        let value = (!self.random.percent(DELETED_PERCENT)).then_some(MessageId {
            publisher: self.number,
            sequence: self.next,
        });
        self.next += 1;
        let id = self.outgoing.begin((topic_index, topic.writes.len()));
        topic.writes.push(Write {
            value,
            is_accepted: false,
        });
        let payload = value.map(|value| payload::encode(value, Place::Within));
        connection.publish(&Publish {
            dup: false,
            qos: 1,
            retain: true,
            topic: &topic.topic,
            id,
            payload: &payload.unwrap_or_default(),
        })
    }

    fn listen(&mut self, connection: &mut Connection, patience: Duration) -> Result<(), Ended> {
        let mut packet = connection.receive(patience)?;
        while let Some(received) = packet {
            self.handle(&received)?;
            packet = connection.buffered()?;
        }
        Ok(())
    }

    fn handle(&mut self, packet: &Packet) -> Result<(), Ended> {
        let &Packet::Step {
            step: step @ Step::PubAck,
            id,
            reason,
        } = packet
        else {
            return Err(Ended::Garbage(format!("a writer was sent {packet:?}")));
        };
        let Advance::Finished((topic, write)) = self.outgoing.handle(step, id) else {
            return Err(Ended::Garbage(format!(
                "a writer was sent a stray {packet:?}"
            )));
        };
        let topic = self.topics.get_mut(topic);
        let Some(write) = topic.and_then(|topic| topic.writes.get_mut(write)) else {
            return Ok(());
        };
        write.is_accepted = reason < 0x80;
        if !write.is_accepted {
            self.stage.trouble(Finding::of_client(
                Kind::NotAcknowledged,
                &self.line.identity.client_id,
                format!("PUBACK with reason {reason:#x}"),
            ));
        }
        Ok(())
    }
}
