//! A publisher: several numbered messages under way, and after a kill it goes on where it stopped.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use castmq_load::clock;
use castmq_load::connection::{Connection, Ended};
use castmq_load::exchange::{Advance, Outgoing, Progress};
use castmq_load::random::Random;
use castmq_load::wire::{DISCONNECT, Packet, Publish, Step, Version};

use super::Next;
use super::line::{Identity, Line, Start};
use crate::finding::{Finding, Kind};
use crate::history::{Greeting, MessageId, Role, Sent};
use crate::payload::{self, Place};
use crate::stage::{Act, Stage};

/// Messages that a publisher sends after the last restart before the last one of each topic.
const FURTHER: usize = 10;
/// Messages of a publisher before that: all of them together fit into the queue of a client that is
/// away, which by default holds 10 000 and then drops the oldest.
const LOAD_MAX: usize = 600;
/// No matching subscribers; and PUBCOMP for an exchange that the broker had completed already.
const FINE: [u8; 3] = [0, 0x10, 0x92];

/// What a publisher is like.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) number: u16,
    pub(crate) version: Version,
    pub(crate) qos: u8,
    pub(crate) topics: Vec<String>,
    /// Messages under way at a time.
    pub(crate) window: usize,
    /// The longest pause between two messages.
    pub(crate) pause_millis: usize,
    pub(crate) session: SessionKind,
    /// The longest life of a connection; without it only a kill ends it.
    pub(crate) life_millis: Option<usize>,
}

/// Whether a publisher's session outlives its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionKind {
    Lasting,
    Transient,
}

/// A publisher at work.
#[derive(Debug)]
pub(crate) struct Publisher<'a> {
    plan: &'a Plan,
    stage: &'a Stage,
    random: Random,
    line: Line<'a>,
    /// What is under way, by its place in `sent`.
    outgoing: Outgoing<usize>,
    sent: Vec<(Sent, Place)>,
    /// What is still to be sent after the last restart: topics, and whether that is their last.
    closing: Option<VecDeque<(usize, Place)>>,
    /// When the broker last answered.
    answered: Instant,
}

impl<'a> Publisher<'a> {
    pub(crate) fn new(plan: &'a Plan, stage: &'a Stage, random: Random) -> Self {
        let client_id = format!("publisher-{}", plan.number);
        let mut identity = Identity::lasting(&client_id, plan.version);
        if plan.session == SessionKind::Transient {
            identity.expiry_seconds = 0;
        }
        Self {
            plan,
            stage,
            random,
            line: Line::new(stage, identity),
            outgoing: Outgoing::default(),
            sent: Vec::new(),
            closing: None,
            answered: clock::now(),
        }
    }

    /// Publishes until the round ends; returns what it did.
    pub(crate) fn go(mut self) -> (Vec<Sent>, Vec<Greeting>) {
        self.stage.wait_for(Act::Load);
        let start = match self.plan.session {
            SessionKind::Lasting => Start::Keep,
            SessionKind::Transient => Start::Clean,
        };
        while let Some(mut connection) = self.line.connect(start) {
            match self.live(&mut connection) {
                Ok(Next::Finish) => {
                    // It is the end either way.
                    let _ = connection.write(DISCONNECT);
                    break;
                }
                Ok(Next::Reconnect) => self.line.leave(connection, &mut self.random),
                Err(ended) => {
                    while let Some(packet) = self.line.last_words(&mut connection) {
                        // Acknowledgements count; only the answer to PUBREC cannot be written.
                        let _ = self.handle(&mut connection, &packet);
                    }
                    self.line.ended(&ended);
                }
            }
        }
        self.stage.has_published();
        let sent = self.sent.into_iter().map(|(sent, _)| sent).collect();
        (sent, self.line.greetings)
    }

    /// One connection's life.
    fn live(&mut self, connection: &mut Connection) -> Result<Next, Ended> {
        self.repeat(connection)?;
        self.answered = clock::now();
        let life = self.plan.life_millis;
        let end = life.map(|most| clock::now() + self.random.millis(most / 4, most));
        let mut due = clock::now();
        loop {
            self.line.check()?;
            let act = self.stage.act();
            match act {
                Act::Over => return Ok(Next::Finish),
                Act::Drain if self.is_finished() => return Ok(Next::Finish),
                Act::Load if end.is_some_and(|end| clock::now() > end) => {
                    return Ok(Next::Reconnect);
                }
                Act::Drain | Act::Load | Act::Setup => {}
            }
            let is_due = clock::now() >= due && self.sent.len() < LOAD_MAX;
            if self.outgoing.len() < self.plan.window && (act == Act::Drain || is_due) {
                self.publish(connection, act)?;
                due = clock::now() + self.random.millis(0, self.plan.pause_millis);
            }
            self.listen(connection, due)?;
        }
    }

    /// Whether the last messages are acknowledged, or nothing is any more.
    fn is_finished(&mut self) -> bool {
        let is_empty = self.closing.as_ref().is_some_and(VecDeque::is_empty);
        if is_empty && self.outgoing.is_empty() {
            return true;
        }
        let is_stuck = clock::now() > self.answered + self.stage.patience;
        if is_stuck {
            for open in self.outgoing.open() {
                self.note(open.message, format!("stopped as {:?}", open.progress));
            }
        }
        is_stuck
    }

    fn publish(&mut self, connection: &mut Connection, act: Act) -> Result<(), Ended> {
        let (topic, place) = if act == Act::Drain {
            match self.closing().pop_front() {
                Some(next) => next,
                None => return Ok(()),
            }
        } else {
            (self.random.below(self.plan.topics.len()), Place::Within)
        };
        let index = self.sent.len();
        let sent = Sent {
            id: MessageId {
                publisher: self.plan.number,
                sequence: u32::try_from(index).unwrap_or(u32::MAX),
            },
            role: Role::Load,
            topic: self.plan.topics.get(topic).cloned().unwrap_or_default(),
            qos: self.plan.qos,
            sent: self.stage.moment(),
            accepted: None,
            completed: None,
        };
        self.sent.push((sent, place));
        let id = self.outgoing.begin(index);
        self.write(connection, id, index, false)
    }

    /// A few more messages, and then the last one of each topic.
    fn closing(&mut self) -> &mut VecDeque<(usize, Place)> {
        let topics = self.plan.topics.len();
        self.closing.get_or_insert_with(|| {
            let further = (0..FURTHER).map(|index| (index % topics, Place::Within));
            let last = (0..topics).map(|index| (index, Place::Last));
            further.chain(last).collect()
        })
    }

    fn write(
        &self,
        connection: &mut Connection,
        id: u16,
        index: usize,
        dup: bool,
    ) -> Result<(), Ended> {
        let Some((sent, place)) = self.sent.get(index) else {
            return Ok(());
        };
        connection.publish(&Publish {
            dup,
            qos: sent.qos,
            retain: false,
            topic: &sent.topic,
            id,
            payload: &payload::encode(sent.id, *place),
        })
    }

    /// What the earlier connection left open, in its order. Without its session the broker knows
    /// nothing of it: what it had taken is its own, the rest is sent as if for the first time.
    fn repeat(&mut self, connection: &mut Connection) -> Result<(), Ended> {
        let is_known = connection.session_present();
        for open in self.outgoing.open() {
            match open.progress {
                Progress::Published => self.write(connection, open.id, open.message, is_known)?,
                Progress::Released if is_known => connection.step(Step::PubRel, open.id)?,
                Progress::Released => {
                    self.outgoing.handle(Step::PubComp, open.id);
                }
            }
        }
        Ok(())
    }

    /// Takes what has come; waits for something while there is nothing else to do.
    fn listen(&mut self, connection: &mut Connection, due: Instant) -> Result<(), Ended> {
        const LOOK: Duration = Duration::from_millis(5);
        let is_waiting = self.outgoing.len() >= self.plan.window
            || self.closing.as_ref().is_some_and(VecDeque::is_empty);
        let patience = if is_waiting {
            LOOK
        } else {
            clock::until(due).min(LOOK)
        };
        let mut packet = connection.receive(patience)?;
        while let Some(received) = packet {
            self.handle(connection, &received)?;
            packet = connection.buffered()?;
        }
        Ok(())
    }

    fn handle(&mut self, connection: &mut Connection, packet: &Packet) -> Result<(), Ended> {
        match *packet {
            Packet::Step { step, id, reason } => self.step(connection, (step, id), reason),
            Packet::Disconnect(reason) => Err(Ended::Closed(format!("DISCONNECT {reason:#x}"))),
            Packet::ConnAck { .. }
            | Packet::Publish { .. }
            | Packet::Subscribed(_)
            | Packet::NotSubscribed(_)
            | Packet::PingResp => Err(Ended::Garbage(format!("a publisher was sent {packet:?}"))),
        }
    }

    fn step(
        &mut self,
        connection: &mut Connection,
        (step, id): (Step, u16),
        reason: u8,
    ) -> Result<(), Ended> {
        self.answered = clock::now();
        let advance = self.outgoing.handle(step, id);
        let now = self.stage.moment();
        if let Advance::Received(index) | Advance::Finished(index) = advance {
            if !FINE.contains(&reason) {
                self.note(index, format!("{step:?} with reason {reason:#x}"));
            } else if let Some((sent, _)) = self.sent.get_mut(index) {
                sent.accepted.get_or_insert(now);
                if matches!(advance, Advance::Finished(_)) {
                    sent.completed = Some(now);
                }
            }
        }
        match step {
            Step::PubAck | Step::PubComp => Ok(()),
            Step::PubRec => connection.step(Step::PubRel, id),
            Step::PubRel => Err(Ended::Garbage("a publisher was sent PUBREL".to_owned())),
        }
    }

    fn note(&self, index: usize, detail: String) {
        let sent = self.sent.get(index);
        self.stage.trouble(Finding {
            kind: Kind::NotAcknowledged,
            client: self.line.identity.client_id.clone(),
            topic: sent.map(|(sent, _)| sent.topic.clone()).unwrap_or_default(),
            message: sent.map(|(sent, _)| sent.id),
            detail,
        });
    }
}
